"""The edge of a node as an ASGI application."""

from __future__ import annotations

from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from cityledger import __version__
from cityledger.api import problems
from cityledger.api.context import NodeContext
from cityledger.api.description import describe
from cityledger.api.limits.admission import Admission, Limits
from cityledger.api.observing import Observer
from cityledger.api.routes import (
    decisions,
    directory,
    imports,
    landing,
    lookups,
    node,
    parts,
    reads,
    records,
    revocations,
    signin,
    stewards,
)
from cityledger.errors import CityledgerError

_DESCRIPTION = (
    "Shared, rule-bound and provable records between the agencies of a city. Every error is a problem"
    " document (RFC 9457). An Idempotency-Key is remembered for a day."
)


def create_app(context: NodeContext) -> FastAPI:
    """The application of one node. Several may live in one process: nothing is global."""
    app = FastAPI(
        title="cityledger",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        openapi_url=None,  # served by routes/node.py: FastAPI's route would encode it for each request
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.node = context
    app.state.limits = limits = Limits.of(context.settings, context.services.instruments)
    for module in (
        signin,
        revocations,
        directory,
        lookups,
        records,
        parts,
        landing,
        imports,
        stewards,
        decisions,
        reads,
        node,
    ):
        app.include_router(module.router)
    app.include_router(imports.uploads)
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
