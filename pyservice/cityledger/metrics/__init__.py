"""Figures of a node that an operator is alerted to, taken when they are scraped, and served by themselves."""
