"""Metrics of a node for alerts, computed when they are scraped, and served separately from the API."""
