"""With CITYLEDGER_LOG=DEBUG the libraries logged the RPC URL with the key in it."""

from __future__ import annotations

import subprocess
import sys

import pytest

KEY = "s3cr3t"
TALKS = f"""
from cityledger.chain.rpc.endpoint import connect
from cityledger.cli.node.log import level_from, log_to_stderr
from cityledger.errors import ChainUnavailableError
import logging

log_to_stderr(level_from({{"CITYLEDGER_LOG": "LEVEL"}}))
logging.getLogger("cityledger.tests").debug("of our own")
try:
    connect("http://127.0.0.1:9/v2/{KEY}", 31337)
except ChainUnavailableError as error:
    logging.getLogger("cityledger.tests").error("reported %s", error)
"""


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_no_level_of_the_log_shows_the_key_in_a_url(level: str) -> None:
    code = TALKS.replace("LEVEL", level)
    logged = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr

    assert "no endpoint answers" in logged
    assert ("of our own" in logged) == (level == "DEBUG")
    assert KEY not in logged
