"""Routes of the directory of agencies and datasets. It mirrors the chain and needs no sign-in."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from cityledger.api.caller import Node
from cityledger.api.directory.queries import get_agency, get_schema, page_of_agencies, page_of_datasets
from cityledger.api.directory.wire import (
    Agencies,
    AgencyView,
    Catalog,
    DatasetView,
    agency_view,
    dataset_view,
)
from cityledger.api.http.paging import MAX_CHARACTERS
from cityledger.api.paths import DatasetInPath, dataset_of, get_dataset
from cityledger.api.strict_requests import StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["directory"])

AgencyInPath = Annotated[
    str, Path(alias="agency", max_length=32, description="Number or code", examples=["HEALTH"])
]
Words = Annotated[
    str | None,
    Query(alias="q", min_length=1, max_length=100, description="Words that path or titles must contain"),
]
ProfileName = Annotated[str | None, Query(max_length=32)]
After = Annotated[str | None, Query(max_length=MAX_CHARACTERS, description="`next` of the previous page")]
PageLimit = Annotated[int, Query(ge=1, le=200)]
Provider = Annotated[int | None, Query(ge=1, lt=2**32)]


@router.get("/v1/agencies")
def agencies(node: Node, after: After = None, limit: PageLimit = 100) -> Agencies:
    """Agencies in order of admission. `next` continues the list, null at its end."""
    found, following = page_of_agencies(node, after, limit)
    return Agencies(agencies=[agency_view(one) for one in found], next=following)


@router.get("/v1/agencies/{agency}")
def agency(node: Node, name: AgencyInPath) -> AgencyView:
    """One agency by number or code."""
    return agency_view(get_agency(node, name))


@router.get("/v1/catalog")
def catalog(
    node: Node,
    q: Words = None,
    profile: ProfileName = None,
    provider: Provider = None,
    after: After = None,
    limit: PageLimit = 100,
) -> Catalog:
    """Datasets in order of their paths, also retired ones. `next` continues the list, null at its end; a page
    of a search may have fewer than `limit`, or none."""
    found, following = page_of_datasets(node, q, profile, provider, after, limit)
    return Catalog(datasets=[dataset_view(one) for one in found], next=following)


@router.get("/v1/datasets/{dataset}")
def dataset(node: Node, dataset_text: DatasetInPath) -> DatasetView:
    """One dataset with its terms."""
    return dataset_view(get_dataset(node, dataset_of(dataset_text)))


@router.get("/v1/datasets/{dataset}/schema")
def schema(node: Node, dataset_text: DatasetInPath) -> dict[str, Any]:
    """The JSON Schema of the dataset's parts."""
    return get_schema(get_dataset(node, dataset_of(dataset_text)))
