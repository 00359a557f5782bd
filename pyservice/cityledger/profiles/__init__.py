"""What a record of a dataset must look like: three profiles, each named parts, a schema and a check."""
