"""AgencyRegistry: members, their keys, and the officers that act for them on chain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cityledger.chain.abi.codec import Named
from cityledger.chain.abi.words import word_from_text
from cityledger.chain.contracts.bound import BoundContract
from cityledger.chain.rpc.endpoint import At, Endpoint
from cityledger.chain.transactions import Call
from cityledger.types import MAX_AGENCY, Address, Agency, AgencyId, AgencyStatus, Role, word_text


@dataclass(frozen=True, slots=True)
class Admission:
    """A new agency as the council admits it. A digest of zeros: no such key yet."""

    code: str
    """1 to 32 ASCII characters, permanently unique, such as ``HEALTH``."""
    name: str
    local_name: str
    endpoint: str
    account: Address
    sealing_key_digest: bytes
    credential_key_digest: bytes

    @classmethod
    def from_abi(cls, value: Mapping[str, Any]) -> Admission:
        return cls(
            word_text(value["code"]),
            value["name"],
            value["localName"],
            value["endpoint"],
            Address(value["account"]),
            value["sealingKeyDigest"],
            value["credentialKeyDigest"],
        )

    def to_abi(self) -> dict[str, Any]:
        return {
            "code": word_from_text("code", self.code),
            "name": self.name,
            "localName": self.local_name,
            "endpoint": self.endpoint,
            "account": self.account,
            "sealingKeyDigest": self.sealing_key_digest,
            "credentialKeyDigest": self.credential_key_digest,
        }


@dataclass(frozen=True, slots=True)
class Appointment:
    """An officer's office at one agency; holds until ``until`` (Unix seconds) while the agency's epoch is
    still ``epoch``.
    """

    role: Role
    until: int
    epoch: int

    @classmethod
    def from_abi(cls, value: Mapping[str, Any]) -> Appointment:
        return cls(Role(value["role"]), value["until"], value["epoch"])


class AgencyRegistry:
    def __init__(self, endpoint: Endpoint, address: Address) -> None:
        self._contract = BoundContract(endpoint, "AgencyRegistry", address)
        self.address = address

    # --- council and guard ----------------------------------------------------------------------------------

    def admit(self, admission: Admission) -> Call:
        """Makes an agency a member. Council only."""
        return self._contract.prepare("admit", admission.to_abi())

    def suspend(self, agency: AgencyId) -> Call:
        """Active to Suspended. Guard only."""
        return self._contract.prepare("suspend", agency)

    def report_compromise(self, agency: AgencyId) -> Call:
        """To Suspended, and ends every grant and appointment of the agency. Guard only."""
        return self._contract.prepare("reportCompromise", agency)

    def reinstate(self, agency: AgencyId) -> Call:
        """Suspended to Active. Council only."""
        return self._contract.prepare("reinstate", agency)

    def offboard(self, agency: AgencyId) -> Call:
        """Ends the membership permanently. Council only."""
        return self._contract.prepare("offboard", agency)

    def rotate_account(self, agency: AgencyId, account: Address) -> Call:
        """Gives the agency another account. Council only."""
        return self._contract.prepare("rotateAccount", agency, account)

    # --- the agency's account -------------------------------------------------------------------------------

    def appoint(self, agency: AgencyId, account: Address, role: Role, until: int) -> Call:
        """Appoints a steward, auditor or registrar until a time (Unix seconds; ``NO_END`` for no end)."""
        return self._contract.prepare("appoint", agency, account, int(role), until)

    def dismiss(self, agency: AgencyId, account: Address) -> Call:
        return self._contract.prepare("dismiss", agency, account)

    def rotate_keys(self, agency: AgencyId, sealing_key_digest: bytes, credential_key_digest: bytes) -> Call:
        """Replaces both key digests."""
        return self._contract.prepare("rotateKeys", agency, sealing_key_digest, credential_key_digest)

    # --- reads ----------------------------------------------------------------------------------------------

    def role_of(self, agency: AgencyId, account: Address, at: int, block: At) -> Role:
        """The account's role at the time ``at``; ``Role.NONE`` if it has lapsed, ended or never was."""
        return Role(self._contract.read(block, "roleOf", agency, account, at))

    def find_appointment(self, agency: AgencyId, account: Address, block: At) -> Appointment | None:
        """The appointment as stored, whether or not it still holds."""
        stored = Appointment.from_abi(self._contract.read(block, "appointmentOf", agency, account))
        return stored if stored.role else None

    def standing(self, agency: AgencyId, block: At) -> tuple[AgencyStatus, int]:
        """Status and epoch; None and 0 for a missing agency."""
        values = self._contract.read(block, "standing", agency)
        return AgencyStatus(values["status"]), values["epoch"]

    def find_agency(self, agency: AgencyId, block: At) -> Agency | None:
        """None also for a number that no agency can have: the ABI has no such argument."""
        if not 0 < agency <= MAX_AGENCY:
            return None
        stored = agency_from_abi(agency, self._contract.read(block, "agencyOf", agency))
        return stored if stored.status else None

    def find_by_code(self, code: str, block: At) -> AgencyId | None:
        """The agency with this code."""
        agency = self._contract.read(block, "agencyByCode", word_from_text("code", code))
        return AgencyId(agency) if agency else None

    def agency_count(self, block: At) -> int:
        """The number of agencies ever admitted; also the highest id."""
        return int(self._contract.read(block, "agencyCount"))


def agency_from_abi(agency: AgencyId, value: Mapping[str, Any]) -> Agency:
    return Agency(
        agency,
        word_text(value["code"]),
        value["name"],
        value["localName"],
        value["endpoint"],
        Address(value["account"]),
        AgencyStatus(value["status"]),
        value["epoch"],
        value["sealingKeyDigest"],
        value["credentialKeyDigest"],
    )


@dataclass(frozen=True, slots=True)
class AgencyAdmitted:
    agency: AgencyId
    admission: Admission


@dataclass(frozen=True, slots=True)
class AgencyStatusChanged:
    agency: AgencyId
    status: AgencyStatus
    epoch: int


@dataclass(frozen=True, slots=True)
class AccountRotated:
    agency: AgencyId
    account: Address


@dataclass(frozen=True, slots=True)
class KeysRotated:
    agency: AgencyId
    sealing_key_digest: bytes
    credential_key_digest: bytes


@dataclass(frozen=True, slots=True)
class OfficerAppointed:
    agency: AgencyId
    account: Address
    appointment: Appointment


@dataclass(frozen=True, slots=True)
class OfficerDismissed:
    agency: AgencyId
    account: Address


AgencyRegistryEvent = (
    AgencyAdmitted | AgencyStatusChanged | AccountRotated | KeysRotated | OfficerAppointed | OfficerDismissed
)

READERS: Mapping[str, Callable[[Named], AgencyRegistryEvent]] = {
    "AgencyAdmitted": lambda v: AgencyAdmitted(AgencyId(v["agency"]), Admission.from_abi(v["admission"])),
    "AgencyStatusChanged": lambda v: AgencyStatusChanged(
        AgencyId(v["agency"]), AgencyStatus(v["status"]), v["epoch"]
    ),
    "AccountRotated": lambda v: AccountRotated(AgencyId(v["agency"]), Address(v["account"])),
    "KeysRotated": lambda v: KeysRotated(
        AgencyId(v["agency"]), v["sealingKeyDigest"], v["credentialKeyDigest"]
    ),
    "OfficerAppointed": lambda v: OfficerAppointed(
        AgencyId(v["agency"]), Address(v["account"]), Appointment.from_abi(v["appointment"])
    ),
    "OfficerDismissed": lambda v: OfficerDismissed(AgencyId(v["agency"]), Address(v["account"])),
}
