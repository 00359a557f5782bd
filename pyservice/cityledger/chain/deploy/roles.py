"""The functions of council and guard (SPEC.md §2.2), and the names in the directory. Data, used to deploy and
to verify.
"""

from __future__ import annotations

from cityledger.chain.contracts.access_manager import COUNCIL, GUARD

FUNCTION_ROLES: dict[tuple[str, int], tuple[str, ...]] = {
    ("CityDirectory", COUNCIL): ("set",),
    ("AgencyRegistry", COUNCIL): ("admit", "reinstate", "offboard", "rotateAccount"),
    ("AgencyRegistry", GUARD): ("suspend", "reportCompromise"),
    ("DataCatalog", COUNCIL): ("addPurpose", "removePurpose", "liftSeal"),
}
"""(contract, role) → functions. Every other function of theirs requires an agency's own account or officer.
"""

DIRECTORY_NAMES = {
    "AgencyRegistry": "AGENCY_REGISTRY",
    "DataCatalog": "DATA_CATALOG",
    "RecordLedger": "RECORD_LEDGER",
    "AccessPolicy": "ACCESS_POLICY",
}
"""contract → its name in the directory."""


FIRST_COUNCIL_CALLS = ("DataCatalog.addPurpose", "AgencyRegistry.admit")
"""The first calls after a deployment: a purpose for each reason to read, and the agencies."""
