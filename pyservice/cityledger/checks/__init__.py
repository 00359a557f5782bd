"""What a node needs, looked at one thing at a time: by ``cityledger node check`` and by ``/readyz``."""
