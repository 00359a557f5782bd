"""Imports of files: accepted, followed, cancelled."""
