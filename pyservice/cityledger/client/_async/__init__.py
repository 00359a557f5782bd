"""The source of both clients. To add a call: write one ``async def`` here, in the group that it belongs to,
with ``await`` before everything that asks; run ``python scripts/make_sync_client.py``; check in both folders.

What differs between the two worlds stands in pairs in ``concurrency.py``; what does not wait (answers, wire
form, checks) stands beside this folder and is shared. A POST that only asks says ``is_question=True``; a
write carries an Idempotency-Key, else it is never repeated.
"""
