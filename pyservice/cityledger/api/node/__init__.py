"""What the node reports about itself, to any client."""
