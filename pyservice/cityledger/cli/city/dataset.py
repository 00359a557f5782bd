"""``cityledger dataset``: the catalogue of who holds what, and on which terms."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cityledger.cli.arguments import bytes32, duration, purpose, shown_moment
from cityledger.cli.chain_options import (
    MANIFEST,
    AccountOption,
    ChainAccess,
    DevnetAccountOption,
    ManifestOption,
    PasswordFileOption,
    RpcOption,
    open_chain,
    print_sent,
    send,
    signer,
)
from cityledger.cli.city.agency import AgencyArgument
from cityledger.cli.output import JsonOption, note, print_fields, print_rows
from cityledger.errors import NotFoundError
from cityledger.types import NO_END, DatasetId, Openness, RecordId, SharingClass, Terms, purpose_name

if TYPE_CHECKING:
    from cityledger.chain.contracts.data_catalog import Dataset
    from cityledger.profiles.profile import Profile

app = typer.Typer(help="Publish, revise, retire and list datasets. Signed by a steward of the provider.")

DatasetArgument = Annotated[
    str, typer.Argument(help="CODE/duty/entry/dataset of the provider, or the 0x-hex id.", metavar="DATASET")
]


ProfileArgument = Annotated[str, typer.Argument(help="medical, property or parking.", metavar="PROFILE")]


class Sharing(StrEnum):
    UNCONDITIONAL = "unconditional"
    CONDITIONAL = "conditional"
    NOT_SHARED = "not-shared"


ClassOption = Annotated[
    Sharing,
    typer.Option("--class", help="Any active agency; agencies with a grant; or the provider alone."),
]
PurposesOption = Annotated[
    list[str] | None, typer.Option("--purpose", help="A purpose of the city's list; repeat for more.")
]
RetentionOption = Annotated[str, typer.Option(help="How long a record is kept, such as 10y or forever.")]
DisputeOption = Annotated[str, typer.Option(help="Time to answer a dispute, such as 30d; 0 for none.")]


@app.command()
def publish(
    provider: AgencyArgument,
    path: Annotated[str, typer.Argument(help="duty/entry/dataset; permanent.")],
    title: Annotated[str, typer.Option(help="What the catalogue shows.")],
    profile: Annotated[str, typer.Option(help="Form of its records: medical, property or parking.")],
    sharing: ClassOption,
    purposes: PurposesOption = None,
    local_title: Annotated[str, typer.Option(help="The title in the city's language.")] = "",
    part: Annotated[
        list[str] | None,
        typer.Option(help="A part's name; repeat in the order of the bits.  [default: the profile's]"),
    ] = None,
    schema_digest: Annotated[
        str | None, typer.Option(help="32 bytes in hex.  [default: that of the profile's schema]")
    ] = None,
    retention: RetentionOption = "forever",
    dispute_period: DisputeOption = "0",
    rpc: RpcOption = None,
    manifest: ManifestOption = MANIFEST,
    account: AccountOption = None,
    password_file: PasswordFileOption = None,
    devnet_account: DevnetAccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish a dataset. Its terms take effect at once; path, profile and parts are permanent.

    Example: `cityledger dataset publish HEALTH treatment/visits/records --title "Visits" --profile medical
    --class conditional --purpose TREATMENT --retention 10y --devnet-account 4`
    """
    from cityledger.chain.contracts.data_catalog import DatasetPublished, Publication
    from cityledger.chain.contracts.decoding import decode_receipt

    access = open_chain(rpc, manifest)
    publication = Publication(
        provider=access.agency(provider),
        path=path,
        title=title,
        local_title=local_title,
        profile=profile,
        parts=tuple(part) if part else _profile_parts(profile),
        schema_digest=bytes32(schema_digest) if schema_digest else _profile_digest(profile),
        retention_seconds=duration(retention),
        dispute_period_seconds=duration(dispute_period),
        terms=_terms(sharing, purposes),
    )
    signing = signer(access.manifest.chain_id, account, password_file, devnet_account)
    receipt = send(access, signing, access.contracts.catalog.publish(publication))
    events = [logged.event for logged in decode_receipt(receipt, access.contracts)]
    (published,) = [event for event in events if isinstance(event, DatasetPublished)]
    print_sent(receipt, {"dataset": published.dataset, "path": path}, as_json=as_json)
    if not purposes:
        note("no purpose was named, so only the provider can use it; `cityledger dataset revise` adds some")
    elif sharing is Sharing.CONDITIONAL:
        note(f"next: cityledger grant give {provider}/{path} CONSUMER {purposes[0]}")
    note(f"a record to begin with: cityledger dataset sample {profile}")


@app.command()
def revise(
    dataset: DatasetArgument,
    sharing: ClassOption,
    purposes: PurposesOption = None,
    schema_digest: Annotated[str | None, typer.Option(help="32 bytes in hex.  [default: unchanged]")] = None,
    retention: Annotated[
        str | None, typer.Option(help="Such as 10y or forever.  [default: unchanged]")
    ] = None,
    dispute_period: Annotated[str | None, typer.Option(help="Such as 30d.  [default: unchanged]")] = None,
    rpc: RpcOption = None,
    manifest: ManifestOption = MANIFEST,
    account: AccountOption = None,
    password_file: PasswordFileOption = None,
    devnet_account: DevnetAccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replace a dataset's terms. Tighter terms take effect at once; looser ones after the loosening
    delay.

    Example: `cityledger dataset revise HEALTH/treatment/visits/records --class not-shared --devnet-account 4`
    """
    access = open_chain(rpc, manifest)
    number = access.dataset(dataset)
    found = _dataset(access, number)
    call = access.contracts.catalog.revise(
        number,
        _terms(sharing, purposes),
        bytes32(schema_digest) if schema_digest else found.schema_digest,
        duration(retention) if retention else found.retention_seconds,
        duration(dispute_period) if dispute_period else found.dispute_period_seconds,
    )
    receipt = send(access, signer(access.manifest.chain_id, account, password_file, devnet_account), call)
    print_sent(receipt, {"dataset": number, **_shown_terms(access, number)}, as_json=as_json)


@app.command()
def retire(
    dataset: DatasetArgument,
    rpc: RpcOption = None,
    manifest: ManifestOption = MANIFEST,
    account: AccountOption = None,
    password_file: PasswordFileOption = None,
    devnet_account: DevnetAccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a dataset permanently: from then on only its provider reads it.

    Example: `cityledger dataset retire HEALTH/treatment/visits/records --devnet-account 4`
    """
    access = open_chain(rpc, manifest)
    number = access.dataset(dataset)
    signing = signer(access.manifest.chain_id, account, password_file, devnet_account)
    receipt = send(access, signing, access.contracts.catalog.retire(number))
    print_sent(receipt, {"dataset": number, "status": "retired"}, as_json=as_json)


@app.command(name="reset-head")
def reset_head(
    dataset: DatasetArgument,
    record: Annotated[str, typer.Argument(help="The record's id on the chain: 0x and 64 hex digits.")],
    rpc: RpcOption = None,
    manifest: ManifestOption = MANIFEST,
    account: AccountOption = None,
    password_file: PasswordFileOption = None,
    devnet_account: DevnetAccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove the head of a record, so that any version can become its first head. Signed by a steward of the
    provider, after an operator moved the head wrongly; take the log from that operator first.

    Example: `cityledger dataset reset-head LAND/titles/city/register 0x… --devnet-account 4`
    """
    access = open_chain(rpc, manifest)
    number, name = access.dataset(dataset), RecordId(bytes32(record))
    head = access.contracts.ledger.find_head(number, name, "latest")
    if head is None:
        raise NotFoundError(f"record {record} has no head")
    signing = signer(access.manifest.chain_id, account, password_file, devnet_account)
    receipt = send(access, signing, access.contracts.ledger.reset_head(number, name, head[0]))
    facts = {"dataset": number, "record": name, "previous_head": head[0], "previous_version": head[1]}
    print_sent(receipt, facts, as_json=as_json)


@app.command(name="list")
def list_(
    provider: Annotated[str | None, typer.Option(help="Only those of this agency (code or number).")] = None,
    rpc: RpcOption = None,
    manifest: ManifestOption = MANIFEST,
    as_json: JsonOption = False,
) -> None:
    """List the datasets of the city.

    Example: `cityledger dataset list --provider HEALTH`
    """
    from cityledger.chain.contracts.data_catalog import DatasetPublished
    from cityledger.chain.follower import Follower

    access = open_chain(rpc, manifest)
    only = access.agency(provider) if provider else None
    follower = Follower(access.endpoint, access.manifest)
    rows: list[dict[str, object]] = []
    for logged in follower.all_events(access.manifest.first_block, follower.head().number):
        if isinstance(logged.event, DatasetPublished) and only in (None, logged.event.provider):
            rows.append(_row(access, logged.event.dataset))
    print_rows(rows, ["path", "title", "status", "class", "purposes", "dataset"], as_json=as_json)


@app.command()
def show(
    dataset: DatasetArgument,
    rpc: RpcOption = None,
    manifest: ManifestOption = MANIFEST,
    as_json: JsonOption = False,
) -> None:
    """Show a dataset: parts, terms in effect and pending terms.

    Example: `cityledger dataset show HEALTH/treatment/visits/records`
    """
    access = open_chain(rpc, manifest)
    number = access.dataset(dataset)
    found = _dataset(access, number)
    print_fields(
        {
            **_row(access, number),
            "profile": found.profile,
            "parts": found.parts,
            "schema_digest": found.schema_digest,
            "retention": "forever" if found.retention_seconds == NO_END else f"{found.retention_seconds} s",
            "dispute_period": f"{found.dispute_period_seconds} s",
            **_pending(access, number),
        },
        as_json=as_json,
    )


@app.command()
def schema(
    profile: ProfileArgument,
    part: Annotated[str | None, typer.Option(help="Only this part.  [default: all parts]")] = None,
) -> None:
    """Print the JSON Schema of a profile's parts, whose digest datasets name on chain.

    Example: `cityledger dataset schema parking --part state`
    """
    import json

    printed = _profile(profile).schema
    if part is not None:
        parts = printed["properties"]
        if not isinstance(parts, dict) or part not in parts:
            raise typer.BadParameter(f"{profile} has no JSON part {part}")
        printed = {**{name: printed[name] for name in ("$schema", "$defs") if name in printed}, **parts[part]}
    print(json.dumps(printed, indent=2, ensure_ascii=False))


@app.command()
def sample(profile: ProfileArgument) -> None:
    """Print a record that the profile accepts, to change and put.

    Example: `cityledger dataset sample property`
    """
    import json

    from cityledger.profiles.samples import sample_of

    print(json.dumps(sample_of(_profile(profile).name), indent=2, ensure_ascii=False))
    note(
        "next: cityledger record put DATASET ID FILE; what else it may hold:"
        f" cityledger dataset schema {profile}"
    )


def _dataset(access: ChainAccess, dataset: DatasetId) -> Dataset:
    found = access.contracts.catalog.find_dataset(dataset, "latest")
    if found is None:
        raise typer.BadParameter("no such dataset")
    return found


def _row(access: ChainAccess, dataset: DatasetId) -> dict[str, object]:
    found = _dataset(access, dataset)
    provider = access.contracts.agencies.find_agency(found.provider, "latest")
    return {
        "dataset": dataset,
        "path": f"{provider.code if provider else found.provider}/{found.path}",
        "title": found.title,
        "status": found.status,
        **_shown_terms(access, dataset),
    }


def _shown_terms(access: ChainAccess, dataset: DatasetId) -> dict[str, object]:
    """The terms in effect at the head: pending ones that are due are, also before they are settled."""
    return _terms_fields(access.contracts.catalog.find_terms_at(dataset, access.head_time(), "latest"))


def _pending(access: ChainAccess, dataset: DatasetId) -> dict[str, object]:
    stored = access.contracts.catalog.terms_of(dataset, "latest")
    if stored.pending is None or stored.pending_since <= access.head_time():
        return {}
    waiting = {f"pending_{name}": value for name, value in _terms_fields(stored.pending).items()}
    return {**waiting, "pending_since": shown_moment(stored.pending_since)}


def _terms_fields(terms: Terms | None) -> dict[str, object]:
    if terms is None:
        return {}
    return {"class": terms.sharing_class, "purposes": [purpose_name(one) for one in terms.purposes]}


def _terms(sharing: Sharing, purposes: list[str] | None) -> Terms:
    """This version of the catalog supports neither Public nor consent nor emergency (SPEC.md §2.4)."""
    allowed = tuple(sorted({purpose(name) for name in purposes or []}))
    return Terms(SharingClass[sharing.name], Openness.CLOSED, False, False, allowed)


def _profile_parts(name: str) -> tuple[str, ...]:
    return _profile(name).part_names


def _profile_digest(name: str) -> bytes:
    return _profile(name).schema_digest


def _profile(name: str) -> Profile:
    from cityledger.profiles import registry

    found = registry.find(name)
    if found is None:
        raise typer.BadParameter(f"no such profile: {name}; there are {', '.join(registry.names())}")
    return found
