"""Where the public data sets stand that some tests read; they are too large to be checked in."""

import os
from pathlib import Path

import pytest


def public_data(relative: str) -> Path:
    """A path below CITYLEDGER_TEST_DATA; without that variable the calling test is skipped and says so."""
    root = os.environ.get("CITYLEDGER_TEST_DATA")
    if not root:
        pytest.skip("CITYLEDGER_TEST_DATA is not set: it names the folder with the public data sets")
    return Path(root, relative)
