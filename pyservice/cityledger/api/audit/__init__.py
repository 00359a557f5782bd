"""Who read what: the receipts of an agency, and proof that they were numbered."""
