"""The HTTP edge: who asks, is the request well formed, which exchange function answers it.

One folder a subject: ``routes`` parses, calls one function and answers; ``wire`` has the strict models of
its JSON.
"""
