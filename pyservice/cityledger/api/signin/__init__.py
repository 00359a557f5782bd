"""Sign-in: an assertion with a DPoP proof, or a SIWE message, for a short-lived token (SPEC.md §6)."""
