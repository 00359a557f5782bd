# Made by scripts/make_sync_client.py from client/_async: change that, and run it again.
"""Made from ``client/_async``, where both clients are written."""
