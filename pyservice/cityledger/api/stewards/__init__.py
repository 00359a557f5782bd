"""The calls of stewards: grants, restrictions, seals, and a decision requested in advance."""
