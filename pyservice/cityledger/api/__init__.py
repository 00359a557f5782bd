"""The HTTP API: identifies the caller, checks the form of the request, and calls one exchange function.

One folder for each subject: ``routes`` parses, calls one function and answers; ``wire`` has the strict models
of its JSON.
"""
