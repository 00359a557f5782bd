"""The parts of a record: sealed as they arrive, stored in the row or the object store, read by the owner."""
