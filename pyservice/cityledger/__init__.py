"""Shared, rule-bound and provable records between the agencies of a city."""

__version__ = "0.2.0"
