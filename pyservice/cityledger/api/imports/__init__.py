"""Imports of files: sent, followed, and reported row by row."""
