"""``python -m cityledger`` is ``cityledger``."""

from cityledger.cli.main import main

main()
