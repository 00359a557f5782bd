"""Imports of files: accepted, kept sealed, run a chunk of rows at a time, reported row by row."""
