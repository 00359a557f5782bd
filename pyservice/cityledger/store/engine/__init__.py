"""The databases under the store: opening, durable writes in groups, leadership, schema versions, purging."""
