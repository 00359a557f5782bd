"""The source of both clients. To add a call: write one ``async def`` here, in the group of its subject, with
``await`` before everything that waits; run ``python scripts/make_sync_client.py``; check in both folders.

What differs between the two clients is in pairs in ``concurrency.py``; what does not wait (answers, JSON
forms, checks) is next to this folder and shared. A POST that changes nothing has ``is_question=True``; a
write has an Idempotency-Key, otherwise it is never repeated.
"""
