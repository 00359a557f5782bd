"""What a contract's refusal means, and what to do about it. One row for each custom error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cityledger.errors import RevertedError
from cityledger.types import AgencyStatus, DatasetStatus


@dataclass(frozen=True, slots=True)
class Meaning:
    """``message`` and ``next_step`` may name the error's arguments in braces."""

    message: str
    next_step: str = ""


_STEWARD = "with the agency's account: cityledger officer appoint {provider} {caller} --role steward"
_AGENCY = "sign with that account; cityledger agency list names it"
_STANDING = "cityledger agency list shows each agency's status; only the council reinstates"
_SHOW = "cityledger dataset list shows datasets and their terms"

MEANINGS: Mapping[str, Meaning] = {
    # --- who may ----------------------------------------------------------------------------------------
    "AccessManagedUnauthorized": Meaning(
        "account {caller} is neither council nor guard",
        "sign with the council's account, or the guard's to suspend; cityledger contracts verify names both",
    ),
    "AccessManagerUnauthorizedCall": Meaning(
        "account {caller} is neither council nor guard, or has not scheduled this call",
        "sign with the council's account; cityledger contracts verify names it",
    ),
    "AccessManagerUnauthorizedAccount": Meaning(
        "account {msgsender} lacks the role {roleId} of the access manager",
        "sign with the council's account",
    ),
    "AgencyRegistryNotAccount": Meaning("account {caller} is not that of agency {agency}", _AGENCY),
    "RecordLedgerNotAccount": Meaning("account {caller} is not that of agency {agency}", _AGENCY),
    "RecordLedgerNotOperator": Meaning(
        "account {caller} does not operate log {log}",
        "cityledger node link opens a log for the node's operator",
    ),
    "DataCatalogNotSteward": Meaning("account {caller} is not a steward of agency {provider}", _STEWARD),
    # --- agencies -----------------------------------------------------------------------------------------
    "AgencyRegistryCodeTaken": Meaning("the code is agency {holder}'s already", "choose another code"),
    "AgencyRegistryInvalidMove": Meaning("agency {agency} cannot go from {from} to {to}", _STANDING),
    "AgencyRegistryNotActive": Meaning("agency {agency} is not active: {status}", _STANDING),
    "AgencyRegistryNotAppointed": Meaning(
        "account {account} is not an officer of agency {agency}", "cityledger officer list {agency}"
    ),
    "AgencyRegistryRoleNotAppointable": Meaning(
        "the role {role} is not given on chain", "appoint steward, auditor or registrar"
    ),
    "AgencyRegistryUntilPassed": Meaning(
        "the end {until} has passed: the chain's time is {blockTime}", "give a later --until"
    ),
    "AgencyRegistryZeroAccount": Meaning("the account is zero", "give an account's address"),
    "AgencyRegistryInvalidCode": Meaning(
        "a code is a letter, then up to 31 letters, digits, underscores and hyphens",
        "give a code, such as HEALTH",
    ),
    # --- datasets and grants ------------------------------------------------------------------------------
    "DataCatalogBuiltInPurpose": Meaning("the purpose {purpose} is built in and stays"),
    "DataCatalogConsumerNotActive": Meaning("consumer {consumer} is not active: {status}", _STANDING),
    "DataCatalogDatasetNotActive": Meaning("the dataset is not active: {status}", _SHOW),
    "DataCatalogEmergencyContradicted": Meaning(
        "emergencies need the purpose EMERGENCY, and a class that is shared", "name both, or neither"
    ),
    "DataCatalogInvalidInterval": Meaning(
        "the interval {since} to {until} is empty or over: the chain's time is {blockTime}",
        "give a later --until",
    ),
    "DataCatalogInvalidPart": Meaning("part {index} has a name that is empty, too long or given twice"),
    "DataCatalogInvalidPartCount": Meaning("a dataset has 1 to 8 parts, not {count}"),
    "DataCatalogInvalidPath": Meaning(
        "the path is not duty/entry/dataset", "write it like treatment/outpatient/visits"
    ),
    "DataCatalogInvalidPurpose": Meaning("a purpose's name is capitals, digits and underscores"),
    "DataCatalogNoGrant": Meaning(
        "agency {consumer} has no grant there for {purpose}", "cityledger grant show shows a grant"
    ),
    "DataCatalogNotSealed": Meaning("the record is not sealed by law"),
    "DataCatalogOwnDuty": Meaning("OWN_DUTY is the provider's always, and cannot be granted or listed"),
    "DataCatalogPathTaken": Meaning("agency {provider} has a dataset of that path", "choose another path"),
    "DataCatalogProviderNotActive": Meaning("provider {provider} is not active: {status}", _STANDING),
    "DataCatalogPublicContradicted": Meaning("public data is unconditional and needs no consent"),
    "DataCatalogPurposeUnchanged": Meaning("the city's list has the purpose {purpose} in that state already"),
    "DataCatalogPurposesNotAscending": Meaning("purposes must be sorted, each once"),
    "DataCatalogTooManyPurposes": Meaning("{count} purposes are too many for one dataset"),
    "DataCatalogUnknownConsumer": Meaning(
        "there is no agency {consumer}", "cityledger agency list names all agencies"
    ),
    "DataCatalogUnknownParts": Meaning("the dataset has no such parts", _SHOW),
    "DataCatalogUnknownPurpose": Meaning(
        "the purpose {purpose} is not on the city's list",
        "the council adds it: cityledger purpose add NAME",
    ),
    "DataCatalogUnsupportedFeature": Meaning("the contracts in use do not support {feature}"),
    "DataCatalogZeroClass": Meaning("the sharing class is missing", "give --class"),
    "DataCatalogZeroProfile": Meaning("the profile is missing", "give --profile"),
    "DataCatalogZeroRecord": Meaning("the record is zero", "give the record's id"),
    "AccessPolicyUnsupportedFeature": Meaning("the contracts in use do not support {feature}"),
    "CityDirectoryZeroArgument": Meaning("a name or an address is zero"),
    # --- logs and heads -----------------------------------------------------------------------------------
    "RecordLedgerAgencyNotActive": Meaning("agency {agency} is not active: {status}", _STANDING),
    "RecordLedgerDatasetNotActive": Meaning("the dataset is not active: {status}", _SHOW),
    "RecordLedgerHeadMoved": Meaning(
        "another version is the record's current head",
        "read the newest version, and write one that follows it",
    ),
    "RecordLedgerHeadNotForward": Meaning(
        "version {version} is not after the head, which is version {headVersion}",
        "read the newest version, and write one that follows it",
    ),
    "RecordLedgerNoHead": Meaning("the record has no head to remove"),
    "RecordLedgerNotSteward": Meaning("account {caller} is not a steward of agency {provider}", _STEWARD),
    "RecordLedgerLogNotOpen": Meaning("log {log} is not open", "cityledger node link opens logs"),
    "RecordLedgerNoBatches": Meaning("there is nothing to anchor"),
    "RecordLedgerNotAnchored": Meaning(
        "that version is not anchored yet", "wait until its batch is mined: cityledger record history"
    ),
    "RecordLedgerPredecessorMismatch": Meaning("log {predecessor} is of another agency or kind"),
    "RecordLedgerZeroKind": Meaning("the log's kind is missing"),
    "RecordLedgerZeroOperator": Meaning("the operator is zero", "give an account's address"),
}  # fmt: skip


def meaning_of(error: RevertedError) -> Meaning | None:
    """The refusal in words, with its arguments; None for an error of contracts that are not ours."""
    known = MEANINGS.get(error.name)
    if known is None:
        return None
    facts = _Facts({name: _worded(error.name, name, value) for name, value in error.facts.items()})
    return Meaning(known.message.format_map(facts), known.next_step.format_map(facts))


def _worded(error: str, fact: str, value: object) -> str:
    """An argument for display: the status and the purpose by name."""
    text = "0x" + value.hex() if isinstance(value, bytes) else str(value)
    if fact in ("status", "from", "to") and text.isdecimal():
        status = DatasetStatus if error.endswith("DatasetNotActive") else AgencyStatus
        return next((one.name.lower() for one in status if one == int(text)), text)
    if fact == "purpose" and text.startswith("0x"):
        return bytes.fromhex(text[2:]).rstrip(b"\x00").decode(errors="replace")
    return text


class _Facts(dict[str, str]):
    """A missing argument is shown by its name."""

    def __missing__(self, name: str) -> str:
        return name.upper()
