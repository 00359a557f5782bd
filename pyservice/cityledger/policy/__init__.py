"""The rules of SPEC.md §2, as in ``AccessPolicy.sol``: gathers facts, then decides on them alone.

Pure: no clock, no network, no disk. Tests compare both over every word of facts and over
random histories.
"""

from cityledger.policy.decision import decide

__all__ = ["decide"]
