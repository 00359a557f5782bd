"""JSON-RPC to one or more endpoints: what they answer, checked; which answer to act on."""
