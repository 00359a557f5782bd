"""The demo city: its agencies, their datasets, and synthetic records."""
