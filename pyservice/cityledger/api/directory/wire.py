"""JSON of agencies and datasets in the directory."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from cityledger.api.http.shapes import (
    EXAMPLE_DATASET,
    EXAMPLE_DIGEST,
    AgencyNumber,
    Hex32,
    ResponseModel,
    hex_of,
    with_example,
)
from cityledger.store.index import queries as index
from cityledger.store.index.directory import SHOWN_CHARACTERS
from cityledger.types import Agency, Terms, purpose_name

_AGENCY: dict[str, Any] = {
    "agency": 7,
    "code": "HEALTH",
    "name": "Health Commission",
    "localName": "卫生健康委员会",
    "endpoint": "https://health.example/",
    "account": "0x9D85ca56217D2bb651b00f15e694EB7E713637D4",
    "status": "active",
    "epoch": 1,
    "sealingKeyDigest": EXAMPLE_DIGEST,
    "credentialKeyDigest": EXAMPLE_DIGEST,
}
_TERMS: dict[str, Any] = {
    "sharingClass": "conditional",
    "openness": "closed",
    "consentRequired": False,
    "emergencyAllowed": False,
    "purposes": ["TREATMENT"],
}
_DATASET: dict[str, Any] = {
    "dataset": EXAMPLE_DATASET,
    "provider": 7,
    "path": "treatment/outpatient/visits",
    "title": "Outpatient visits",
    "localTitle": "门诊就诊",
    "profile": "medical",
    "parts": ["summary", "medication", "observations", "imaging_report"],
    "schema": EXAMPLE_DIGEST,
    "retentionSeconds": 315360000,
    "disputePeriodSeconds": 2592000,
    "status": "active",
    "terms": _TERMS,
    "pendingTerms": None,
    "pendingSince": None,
}


class AgencyView(ResponseModel):
    model_config = with_example(ResponseModel, _AGENCY)

    agency: AgencyNumber
    code: str
    name: str
    local_name: str
    endpoint: str
    account: str
    status: str
    epoch: int
    sealing_key_digest: Hex32
    credential_key_digest: Hex32


class Agencies(ResponseModel):
    """``next`` continues the list, null at its end."""

    model_config = with_example(ResponseModel, {"agencies": [_AGENCY], "next": None})

    agencies: list[AgencyView]
    next: str | None


class TermsView(ResponseModel):
    model_config = with_example(ResponseModel, _TERMS)

    sharing_class: str
    openness: str
    consent_required: bool
    emergency_allowed: bool
    purposes: list[str]


class DatasetView(ResponseModel):
    """``parts`` are in order of their part bits. ``pendingTerms`` apply from ``pendingSince`` (Unix
    seconds)."""

    model_config = with_example(ResponseModel, _DATASET)

    dataset: Hex32
    provider: AgencyNumber
    path: str
    title: str
    local_title: str
    profile: str
    parts: list[str]
    schema_digest: Hex32 = Field(alias="schema")
    retention_seconds: int
    dispute_period_seconds: int
    status: str
    terms: TermsView
    pending_terms: TermsView | None
    pending_since: int | None


class Catalog(ResponseModel):
    """``next`` continues the list, null at its end."""

    model_config = with_example(ResponseModel, {"datasets": [_DATASET], "next": None})

    datasets: list[DatasetView]
    next: str | None


def shown(text: str) -> str:
    """The text, shortened so that a page of many entries stays small."""
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"


def agency_view(agency: Agency) -> AgencyView:
    return AgencyView(
        agency=agency.agency,
        code=agency.code,
        name=shown(agency.name),
        local_name=shown(agency.local_name),
        endpoint=agency.endpoint,
        account=agency.account,
        status=agency.status.name.lower(),
        epoch=agency.epoch,
        sealing_key_digest=hex_of(agency.sealing_key_digest),
        credential_key_digest=hex_of(agency.credential_key_digest),
    )


def dataset_view(dataset: index.Dataset) -> DatasetView:
    return DatasetView(
        dataset=hex_of(dataset.dataset),
        provider=dataset.provider,
        path=dataset.path,
        title=shown(dataset.title),
        local_title=shown(dataset.local_title),
        profile=dataset.profile,
        parts=list(dataset.part_names),
        schema=hex_of(dataset.schema_digest),
        retention_seconds=dataset.retention_seconds,
        dispute_period_seconds=dataset.dispute_period_seconds,
        status=dataset.status.name.lower(),
        terms=_terms_view(dataset.current_terms),
        pending_terms=None if dataset.pending_terms is None else _terms_view(dataset.pending_terms),
        pending_since=dataset.pending_since or None,
    )


def _terms_view(terms: Terms) -> TermsView:
    return TermsView(
        sharing_class=terms.sharing_class.name.lower(),
        openness=terms.openness.name.lower(),
        consent_required=terms.consent_required,
        emergency_allowed=terms.emergency_allowed,
        purposes=[purpose_name(purpose) for purpose in terms.purposes],
    )
