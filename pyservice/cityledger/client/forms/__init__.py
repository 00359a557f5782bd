"""JSON forms of calls by subject: request bodies and parameters, and answers."""
