"""What ``/metrics`` tells of a node: figures that an operator is woken for, taken when they are scraped."""
