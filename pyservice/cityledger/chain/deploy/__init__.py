"""Deploying the contracts, and checking a deployment from the outside."""
