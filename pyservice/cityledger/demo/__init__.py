"""A city to try things on: its agencies, what they share, and records that were made up."""
