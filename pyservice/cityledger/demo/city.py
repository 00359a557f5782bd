"""Builds the demo city on a devnet: contracts, 53 agencies with keys, officers and logs, datasets, grants.

Everything is signed with accounts of the devnet's public mnemonic: devnet only.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from eth_account.signers.local import LocalAccount

from cityledger.chain.contracts import Contracts, contracts_of
from cityledger.chain.contracts.agency_registry import Admission
from cityledger.chain.contracts.data_catalog import DatasetPublished, Publication
from cityledger.chain.contracts.decoding import decode_receipt
from cityledger.chain.deploy.deployment import Plan, deploy
from cityledger.chain.manifest import Manifest
from cityledger.chain.sender import Sender
from cityledger.chain.transactions import Call, SignedTransaction, TransactionReceipt
from cityledger.demo.agencies import AGENCIES, DemoAgency
from cityledger.demo.datasets import DATASETS, PURPOSES, DemoDataset
from cityledger.devnet import Devnet, devnet_account
from cityledger.profiles import registry
from cityledger.sealing.keyring import Keyring
from cityledger.sealing.keyring_lock import DEVNET_KDF_COST, UnlockSecret
from cityledger.sealing.thumbprint import key_thumbprint
from cityledger.types import NO_END, Address, AgencyId, DatasetId, LogKind, Role, purpose_from_name

PASSPHRASE = "devnet-only"  # noqa: S105 - public by design, and documented so
DEPLOYER, COUNCIL, GUARD, OPERATOR = (devnet_account(index) for index in range(4))
_FIRST_AGENCY_ACCOUNT = 10

Progress = Callable[[str, int, int], None]
"""Called as ``progress(what, done, total)``."""


@dataclass(frozen=True, slots=True)
class DemoGrant:
    """``parts`` are the names of the parts that the consumer may read for this purpose."""

    path: str
    consumer: str
    purpose: str
    parts: tuple[str, ...]


GRANTS = (
    DemoGrant(
        "health-services/treatment/outpatient-encounters",
        "medical-insurance",
        "INSURANCE_CLAIM",
        ("summary", "medication"),
    ),
    DemoGrant(
        "health-services/treatment/outpatient-encounters", "civil-affairs", "SOCIAL_ASSISTANCE", ("summary",)
    ),
    DemoGrant("real-estate/registration/titles", "taxation", "TAX_ASSESSMENT", ("title", "rights")),
    DemoGrant("real-estate/registration/titles", "justice", "JUDICIAL_ENFORCEMENT", ("title", "charges")),
    DemoGrant("transport/parking/garages", "urban-law-enforcement", "LAW_ENFORCEMENT", ("state",)),
)


@dataclass(frozen=True, slots=True)
class City:
    """The built city, and the keys to act in it."""

    folder: Path
    manifest: Manifest
    contracts: Contracts
    sender: Sender
    keyring: Path
    operator: Address
    agencies: dict[str, AgencyId]
    datasets: dict[str, DatasetId]

    def account_of(self, code: str) -> LocalAccount:
        """The account of an agency, which is also its steward."""
        return agency_account(self.agencies[code])


def agency_account(agency: AgencyId) -> LocalAccount:
    return devnet_account(_FIRST_AGENCY_ACCOUNT + agency - 1)


def build_city(folder: Path, devnet: Devnet, progress: Progress) -> City:
    """Builds the whole city in about ten blocks; all of it is lost when the devnet ends."""
    endpoint = devnet.connect()
    progress("contracts", 0, 1)
    plan = Plan(Address(COUNCIL.address), Address(GUARD.address), 0, 0, commit="demo")
    manifest = deploy(endpoint, DEPLOYER, plan, folder / "manifest.json")
    progress("contracts", 1, 1)
    secret = UnlockSecret.from_passphrase(PASSPHRASE)
    keyring = Keyring.create(folder / "keyring", secret, random=os.urandom, kdf_cost=DEVNET_KDF_COST)
    sender, contracts = Sender(endpoint), contracts_of(endpoint, manifest)
    city = City(
        folder=folder,
        manifest=manifest,
        contracts=contracts,
        sender=sender,
        keyring=folder / "keyring",
        operator=keyring.add_account(bytes(OPERATOR.key)),
        agencies={agency.code: AgencyId(number) for number, agency in enumerate(AGENCIES, 1)},
        datasets={},
    )
    _admit(city, keyring, progress)
    _open_offices(city, keyring, progress)
    city = replace(city, datasets=_publish(city, progress))
    _send_each(sender, _grants(city))
    progress("grants", len(GRANTS), len(GRANTS))
    return city


def _admit(city: City, keyring: Keyring, progress: Progress) -> None:
    credentials = city.folder / "credentials"
    credentials.mkdir(mode=0o700)
    admissions = []
    for done, agency in enumerate(AGENCIES, 1):
        admissions.append(_admission(agency, city.agencies[agency.code], keyring, credentials))
        progress("agency keys", done, len(AGENCIES))
    calls = [city.contracts.agencies.admit(admission) for admission in admissions]
    purposes = [city.contracts.catalog.add_purpose(purpose_from_name(name)) for name in PURPOSES]
    city.sender.transact_many(COUNCIL, calls + purposes)
    progress("agencies admitted", len(AGENCIES), len(AGENCIES))


def _admission(agency: DemoAgency, number: AgencyId, keyring: Keyring, credentials: Path) -> Admission:
    credential_key = ec.generate_private_key(ec.SECP256R1())
    keys = keyring.add_agency(number, random=os.urandom, credential_key=credential_key)
    pem = credential_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key_file = credentials / f"{agency.code}.pem"
    key_file.touch(mode=0o600)
    key_file.write_bytes(pem)
    return Admission(
        code=agency.code,
        name=agency.name,
        local_name=agency.local_name,
        endpoint="",
        account=Address(agency_account(number).address),
        sealing_key_digest=keys.sealing_key.digest,
        credential_key_digest=key_thumbprint(credential_key),
    )


def _open_offices(city: City, keyring: Keyring, progress: Progress) -> None:
    """Lets each agency appoint its account as steward, and open its two logs on the demo's node."""
    jobs = []
    for code, agency in city.agencies.items():
        account, ledger = city.account_of(code), city.contracts.ledger
        appoint = city.contracts.agencies.appoint(agency, Address(account.address), Role.STEWARD, NO_END)
        logs = [ledger.open_log(agency, kind, city.operator) for kind in LogKind]
        jobs.append((account, [appoint, *logs]))
        if code in _stewards_at_the_node():
            keyring.add_account(bytes(account.key))
    _send_each(city.sender, jobs)
    progress("logs opened", len(city.agencies) * 2, len(city.agencies) * 2)


def _stewards_at_the_node() -> set[str]:
    return {dataset.provider for dataset in DATASETS}


def _publish(city: City, progress: Progress) -> dict[str, DatasetId]:
    jobs = [
        (
            city.account_of(provider),
            [
                city.contracts.catalog.publish(_publication(city, one))
                for one in DATASETS
                if one.provider == provider
            ],
        )
        for provider in sorted(_stewards_at_the_node())
    ]
    receipts = _send_each(city.sender, jobs)
    events = [logged.event for receipt in receipts for logged in decode_receipt(receipt, city.contracts)]
    progress("datasets published", len(DATASETS), len(DATASETS))
    return {event.publication.path: event.dataset for event in events if isinstance(event, DatasetPublished)}


def _publication(city: City, dataset: DemoDataset) -> Publication:
    return Publication(
        provider=city.agencies[dataset.provider],
        path=dataset.path,
        title=dataset.title,
        local_title=dataset.local_title,
        profile=dataset.profile,
        parts=dataset.parts,
        schema_digest=registry.get(dataset.profile).schema_digest,
        retention_seconds=dataset.retention_seconds,
        dispute_period_seconds=dataset.dispute_period_seconds,
        terms=dataset.terms,
    )


def _grants(city: City) -> list[tuple[LocalAccount, list[Call]]]:
    datasets = {dataset.path: dataset for dataset in DATASETS}
    calls: dict[str, list[Call]] = {}
    for one in GRANTS:
        dataset = datasets[one.path]
        calls.setdefault(dataset.provider, []).append(_grant(city, dataset, one))
    return _by_account(city, calls)


def _by_account(city: City, calls: dict[str, list[Call]]) -> list[tuple[LocalAccount, list[Call]]]:
    return [(city.account_of(code), of_one) for code, of_one in calls.items()]


def _grant(city: City, dataset: DemoDataset, grant: DemoGrant) -> Call:
    mask = sum(1 << dataset.parts.index(part) for part in grant.parts)
    consumer, purpose = city.agencies[grant.consumer], purpose_from_name(grant.purpose)
    return city.contracts.catalog.grant(city.datasets[grant.path], consumer, purpose, mask, 0, NO_END)


def _send_each(
    sender: Sender, jobs: Iterable[tuple[LocalAccount, Sequence[Call]]]
) -> list[TransactionReceipt]:
    """Sends the calls of many accounts before waiting for any, so that they share blocks."""
    sent: list[tuple[LocalAccount, Call, SignedTransaction]] = []
    fees = sender.fees()
    for account, calls in jobs:
        address = Address(account.address)
        first = sender.nonce(address)
        limits = sender.gas(address, calls)
        for offset, (call, gas) in enumerate(zip(calls, limits, strict=True)):
            limited = replace(call, gas=gas)
            sent.append((account, limited, sender.sign(account, first + offset, limited, fees)))
    for _, _, signed in sent:
        sender.broadcast(signed.raw)
    receipts = sender.wait([signed for _, _, signed in sent])
    for (account, call, _), receipt in zip(sent, receipts, strict=True):
        sender.verify_succeeded(Address(account.address), call, receipt)
    return receipts
