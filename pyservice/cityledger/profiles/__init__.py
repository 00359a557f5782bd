"""The forms of records: three profiles, each with named parts, a schema and a check."""
