"""The health checks of a node, for ``cityledger node check`` and ``/readyz``."""
