"""Credentials of the SDK: files, keystores, the statements that they sign, and sign-in with them."""
