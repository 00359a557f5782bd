"""Access tokens, the validity of their sessions, and the officers that agencies revoked."""
