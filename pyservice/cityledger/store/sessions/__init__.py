"""Access tokens, the standing of their holders, and the officers that agencies revoked."""
