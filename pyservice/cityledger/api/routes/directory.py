"""The directory: who is a member, and who holds what. It mirrors the chain and needs no sign-in."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from cityledger.api.caller import Node
from cityledger.api.directory import find_datasets, get_agency, get_schema
from cityledger.api.places import DatasetInPath, dataset_of, get_dataset
from cityledger.api.strict_requests import StrictRoute
from cityledger.api.wire.directory import (
    Agencies,
    AgencyView,
    Catalog,
    DatasetView,
    agency_view,
    dataset_view,
)
from cityledger.store import index

router = APIRouter(route_class=StrictRoute, tags=["directory"])

AgencyInPath = Annotated[
    str, Path(alias="agency", max_length=32, description="Number or code", examples=["HEALTH"])
]
Words = Annotated[
    str | None, Query(alias="q", min_length=1, max_length=100, description="Words of path or title")
]
ProfileName = Annotated[str | None, Query(max_length=32)]
Provider = Annotated[int | None, Query(ge=1, lt=2**32)]


@router.get("/v1/agencies")
def agencies(node: Node) -> Agencies:
    """Every agency, in order of admission."""
    with node.services.database.reading() as connection:
        return Agencies(agencies=[agency_view(one) for one in index.list_agencies(connection)])


@router.get("/v1/agencies/{agency}")
def agency(node: Node, name: AgencyInPath) -> AgencyView:
    """One agency by number or code."""
    return agency_view(get_agency(node, name))


@router.get("/v1/catalog")
def catalog(node: Node, q: Words = None, profile: ProfileName = None, provider: Provider = None) -> Catalog:
    """Datasets by path; retired ones too."""
    return Catalog(datasets=[dataset_view(one) for one in find_datasets(node, q, profile, provider)])


@router.get("/v1/datasets/{dataset}")
def dataset(node: Node, dataset_text: DatasetInPath) -> DatasetView:
    """One dataset with its terms."""
    return dataset_view(get_dataset(node, dataset_of(dataset_text)))


@router.get("/v1/datasets/{dataset}/schema")
def schema(node: Node, dataset_text: DatasetInPath) -> dict[str, Any]:
    """The JSON Schema of the dataset's parts."""
    return get_schema(get_dataset(node, dataset_of(dataset_text)))
