"""Routes that describe the node, open to any client."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from cityledger import __version__
from cityledger.api.caller import Node
from cityledger.api.http.openapi import encoded_description
from cityledger.api.node.wire import Alive, Readiness, Root, WellKnown, view_of, well_known
from cityledger.api.signin.routes import TOKEN_PATH
from cityledger.api.strict_requests import StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["node"])


@router.get("/")
async def root() -> Root:
    """The paths of the node's descriptions, for people who only know its address."""
    return Root(
        service="cityledger",
        version=__version__,
        openapi="/openapi.json",
        about="/.well-known/cityledger",
        ready="/readyz",
    )


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request) -> Response:
    """The description of this API; with `If-None-Match` it is sent only if it has changed."""
    described = encoded_description(request.app)
    headers = {"ETag": described.etag, "Cache-Control": "no-cache"}
    if request.headers.get("If-None-Match") == described.etag:
        return Response(status_code=304, headers=headers)
    return Response(described.body, headers=headers, media_type="application/json")


@router.get("/healthz")
async def healthz() -> Alive:
    """Whether the process answers."""
    return Alive(alive=True)


@router.get("/readyz", responses={503: {"model": Readiness, "description": "Not ready; the checks say why"}})
def readyz(node: Node, response: Response) -> Readiness:
    """Whether the node can answer reads and accept writes now."""
    checks = node.readiness()
    is_ready = all(check.ok or not check.vital for check in checks)
    response.status_code = 200 if is_ready else 503
    return Readiness(ready=is_ready, checks=[view_of(check) for check in checks])


@router.get("/.well-known/cityledger")
def about(node: Node) -> WellKnown:
    """The deployment to which this node belongs, and the rules of sign-in."""
    return well_known(node, TOKEN_PATH)
