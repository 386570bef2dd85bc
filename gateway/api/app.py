"""The REST interface: an application on FastAPI, described by OpenAPI 3.1."""

from __future__ import annotations

from threading import Event
from typing import Any

import orjson
from fastapi import Depends, FastAPI

from gateway import __version__, resources
from gateway.api import problems
from gateway.api.routes import (
    alerts,
    audit,
    certificates,
    chains,
    channels,
    documents,
    events,
    items,
    keys,
    labels,
    mappings,
    messages,
    partners,
    previews,
    reconciliation,
    routes,
    rules,
    schedules,
    today,
    users,
    watching,
)
from gateway.api.routes import problems as codes
from gateway.api.site import Site

NOUNS = (
    today,
    messages,
    documents,
    chains,
    previews,
    events,
    users,
    keys,
    audit,
    alerts,
    reconciliation,
    partners,
    channels,
    certificates,
    schedules,
    items,
    mappings,
    routes,
    rules,
    labels,
    codes,
)
_FAILURES: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "what is wrong, whose move it is and what to do",
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
    }
}
_DESCRIPTION = """\
Everything that `edigw` shows and does, with the same names. Send an API key (`edigw key make`) as
`Authorization: Bearer edigw_...`. Lists come in pages: `cursor` of one is in the query of the next. What is
to be done once carries an `Idempotency-Key`. Errors are `application/problem+json`.
"""


def make_api(site: Site) -> FastAPI:
    """The application with every route of the REST interface."""
    app = FastAPI(
        title="EDI gateway",
        version=__version__,
        description=_DESCRIPTION,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        responses=_FAILURES,
        redirect_slashes=False,
    )
    app.state.site = site
    app.state.stop = Event()  # set when it ends, so that streams do
    problems.install(app)
    strict = [Depends(problems.only_known)]
    for router in (*(one.router for one in NOUNS), documents.files):
        app.include_router(router, dependencies=strict)
    app.include_router(watching.router)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]
    return app


def _described(app: FastAPI) -> dict[str, Any]:
    """The description, with what FastAPI cannot know: keys, one form of all errors, terms and examples."""
    if app.openapi_schema is None:
        found = FastAPI.openapi(app)
        parts = found.setdefault("components", {}).setdefault("schemas", {})
        parts.pop("HTTPValidationError", None)
        parts.pop("ValidationError", None)
        parts["ProblemDetails"] = problems.ProblemDetails.model_json_schema()
        found["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        found["security"] = [{"key": []}]
        terms, examples = (
            orjson.loads(resources.find(f"schemas/api/{one}.json").read_bytes())
            for one in ("terms", "examples")
        )
        for name, schema in parts.items():
            for key, field in schema.get("properties", {}).items():
                field.setdefault("description", terms.get(f"{name}.{key}", terms.get(key, "")))
        for path, methods in found["paths"].items():
            for method, one in methods.items():
                one["responses"].pop("422", None)
                for each in one.get("parameters", ()):
                    each.setdefault("description", terms.get(each["name"], ""))
                shown = examples.get(f"{method.upper()} {path}", {})
                for place, value in shown.items():
                    part = one["requestBody"] if place == "request" else one["responses"][str(place)]
                    next(iter(part["content"].values()))["example"] = value
        app.openapi_schema = found
    return app.openapi_schema
