"""The JSON of requests and answers as strict models, one module a subject."""
