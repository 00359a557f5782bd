"""The API of a node as an ASGI application."""

from __future__ import annotations

from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from cityledger import __version__
from cityledger.api.audit.routes import router as audit
from cityledger.api.context import NodeContext
from cityledger.api.directory.routes import router as directory
from cityledger.api.heads.routes import router as heads
from cityledger.api.http import problems
from cityledger.api.http.access_log import Observer
from cityledger.api.http.openapi import describe
from cityledger.api.imports.routes import router as imports
from cityledger.api.imports.routes import uploads
from cityledger.api.limits.admission import Admission, Limits
from cityledger.api.lookups.routes import router as lookups
from cityledger.api.node.routes import router as node
from cityledger.api.records.parts import router as parts
from cityledger.api.records.routes import router as records
from cityledger.api.revocations.routes import router as revocations
from cityledger.api.signin.routes import router as signin
from cityledger.api.stewards.decision_routes import router as decisions
from cityledger.api.stewards.routes import router as stewards
from cityledger.errors import CityledgerError

_DESCRIPTION = (
    "Shared, rule-bound and provable records between the agencies of a city. Every error is a problem"
    " document (RFC 9457). An Idempotency-Key is remembered for a day."
)


ROUTERS = (
    signin,
    revocations,
    directory,
    lookups,
    records,
    parts,
    heads,
    imports,
    stewards,
    decisions,
    audit,
    node,
    uploads,
)
"""One for each subject; a new subject adds its own. The first that matches answers."""


def create_app(context: NodeContext) -> FastAPI:
    """The application of one node. A process may have several: nothing is global."""
    app = FastAPI(
        title="cityledger",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,  # these pages load scripts from other hosts
        redoc_url=None,
        openapi_url=None,  # served by node/routes.py: FastAPI's route would encode it for each request
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.node = context
    app.state.limits = limits = Limits.of(context.settings, context.services.instruments)
    for router in ROUTERS:
        app.include_router(router)
    _answer_errors(app)
    app.add_middleware(Observer, registry=context.metrics)
    app.add_middleware(Admission, limits=limits)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]
    return app


def _answer_errors(app: FastAPI) -> None:
    async def ours(_request: Request, error: Exception) -> Response:
        return problems.answer(cast(CityledgerError, error))

    async def frameworks(_request: Request, error: Exception) -> Response:
        return problems.answer_http_exception(cast(HTTPException, error))

    async def validation(_request: Request, error: Exception) -> Response:
        return problems.answer_validation_error(cast(RequestValidationError, error))

    app.add_exception_handler(CityledgerError, ours)
    app.add_exception_handler(HTTPException, frameworks)
    app.add_exception_handler(RequestValidationError, validation)


def _described(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        app.openapi_schema = describe(app)
    return app.openapi_schema
