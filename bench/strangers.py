"""The time of a normal client's reads next to 200 slow connections and 24 half-sent bodies, and alone.

Both are measured in turn in one run on one node in this process, so the ratio of their medians is reported
rather than times. Fails above ``--most``.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from support.node.served_node import served_node
from support.node.slow_clients import BODIES, BODY_BYTES, CONNECTIONS, Samples, compare


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=20, help="rounds of both, in turn")
    arguments.add_argument("--requests", type=int, default=100, help="requests of each in a round")
    arguments.add_argument("--most", type=float, default=2.0, help="highest ratio that passes")
    options = arguments.parse_args()
    with (
        tempfile.TemporaryDirectory() as name,
        served_node(Path(name), record_limit_bytes=BODY_BYTES) as made,
    ):
        node, client = made
        samples = compare(node, client, rounds=options.rounds, requests=options.requests)
    _print(samples)
    return 0 if samples.ratio <= options.most else 1


def _print(samples: Samples) -> None:
    slow = f"beside {CONNECTIONS} slow connections and {BODIES} half-sent bodies"
    for name, seconds in (("alone", samples.alone), (slow, samples.beside)):
        ordered = sorted(seconds)
        median, high = statistics.median(ordered), ordered[int(0.95 * len(ordered))]
        print(f"{name}: median {median * 1000:.1f} ms, 95th percentile {high * 1000:.1f} ms")
    print(f"ratio of the medians: {samples.ratio:.2f}")


if __name__ == "__main__":
    sys.exit(main())
