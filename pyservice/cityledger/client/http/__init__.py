"""Requests to a node over HTTP: messages, addresses, files, retries, and problems as errors."""
