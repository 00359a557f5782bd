"""Imports public files of records into a city on a devnet, reads all back, and prints the outcome of each.

    python scripts/import_everything.py FOLDER

FOLDER holds medical/, realestate/ and parking/ as ``cityledger.demo.public_files`` names them; the files are
not part of the project. Exit code 1 if anything is missing, differs, or is not anchored.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from cityledger.demo.file_import import import_everything
from cityledger.demo.file_table import print_table
from cityledger.demo.narrator import Narrator

WIDTH = 170


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder of the public files")
    data: Path = parser.parse_args().data
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: everything started is stopped
    errors = Console(stderr=True)
    with tempfile.TemporaryDirectory() as folder, Narrator(errors, errors) as narrator:
        results = import_everything(data, Path(folder), narrator.progress)
    console = Console()
    print_table(results, console if console.is_terminal else Console(width=WIDTH))
    return 0 if all(result.is_as_expected for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
