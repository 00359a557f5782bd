"""The rules of SPEC.md §2, the Python twin of ``AccessPolicy.sol``: gather facts, then decide on them alone.

Pure: no clock, no network, no disk. Tests hold both twins together over every word of facts and over
random histories.
"""

from cityledger.policy.decision import decide

__all__ = ["decide"]
