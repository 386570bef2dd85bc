"""The page and the REST interface as one application, and the server that shows it."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from pathlib import Path
from threading import Event
from urllib.parse import quote

import anyio.to_thread
from fastapi import FastAPI, Request
from starlette.responses import FileResponse, Response
from starlette.types import Scope

from gateway.api.access import identify
from gateway.api.app import make_api
from gateway.api.guard import Guard, Rate
from gateway.api.problems import ApiError, request_id
from gateway.api.server import Kept, Server
from gateway.api.site import Site
from gateway.errors import EdiError
from gateway.web.pages import (
    account,
    alerts,
    audit,
    certificates,
    channels,
    documents,
    items,
    keys,
    labels,
    mapping,
    message,
    messages,
    partners,
    problems,
    reconciliation,
    routes,
    rules,
    schedule,
    theme,
    today,
    users,
)
from gateway.web.render import page, see_other

PAGES = (
    today,
    messages,
    message,
    problems,
    documents,
    users,
    keys,
    audit,
    alerts,
    reconciliation,
    partners,
    channels,
    certificates,
    schedule,
    items,
    mapping,
    routes,
    rules,
    labels,
    account,
    theme,
)
_STATIC = Path(__file__).parent / "static"
_THREADS = 8
_BURST_SECONDS = 4


def make_app(site: Site) -> FastAPI:
    """The application: every page and every route of the REST interface."""
    app = make_api(site)
    app.state.error_page = _error_page
    for one in PAGES:
        app.include_router(one.router, include_in_schema=False)
    app.add_api_route("/static/{name}", _static, include_in_schema=False)
    return app


def _static(name: str) -> Response:
    # Only names that are there: nothing of a path is ever joined.
    known = {one.name: one for one in _STATIC.iterdir() if one.is_file()}
    if name not in known:
        raise ApiError(404)
    return FileResponse(known[name], headers={"Cache-Control": "public, max-age=31536000, immutable"})


async def _error_page(request: Request, error: ApiError) -> Response:
    """An error for a person; who is not logged in is asked to."""
    if error.status == 401:
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return see_other(f"/login?next={quote(here if request.method == 'GET' else '/')}")
    if error.code == "HTTP-PASSWORD":
        return see_other("/account", error.detail, "warn")
    try:
        await identify(request)
    except Exception:  # noqa: BLE001 -- the error at hand is the one to tell
        request.state.identity = None
    return page(
        request,
        "error.html",
        title=HTTPStatus(error.status).phrase,
        status=error.status,
        error=error,
        request_id=request_id(request),
    )


class Web:
    """The server of a gateway's page; ``port`` is known when ``ready`` is set.

    Args:
        address: host and port in place of those of the settings, which may be none.

    Raises:
        ConfigurationError: on `run`, it cannot listen there.
    """

    def __init__(self, site: Site, kept: Kept | None = None, address: tuple[str, int] | None = None) -> None:
        rules = site.settings.gateway.web
        place = address or rules.address
        assert place is not None
        names = (rules.tls_certificate, rules.tls_key)
        tls = (str(site.home / names[0]), str(site.home / names[1])) if all(names) else None
        self._server = Server(*place, "web", tls, kept=kept)
        self._public, self._tls = rules.public_url.rstrip("/"), tls
        self._connections = rules.connections
        self.is_secure = bool(tls) or rules.public_url.startswith("https:")
        rate = Rate(rules.requests_per_second, rules.requests_per_second * _BURST_SECONDS)
        self._pages = make_app(site)
        self._app = Guard(
            self._pages,
            max_body=rules.max_body_mb * 1_000_000,
            rate=rate,
            knows=self._knows,
            proxies=rules.proxies,
            secure=self.is_secure,
        )

    @property
    def port(self) -> int:
        """Where it listens, once it is ready."""
        return self._server.port

    @property
    def url(self) -> str:
        """Where people find it: as the settings say, or where it listens."""
        # Compared, not listened at: who listens everywhere is found here.
        everywhere = ("", "0.0.0.0", "::")  # noqa: S104  # nosec B104
        host = "127.0.0.1" if self._server.host in everywhere else self._server.host
        shown = f"[{host}]" if ":" in host else host
        return self._public or f"http{'s' if self._tls else ''}://{shown}:{self.port}"

    @property
    def ready(self) -> Event:
        """Set when it listens."""
        return self._server.ready

    async def _knows(self, scope: Scope) -> bool:
        try:
            return await identify(Request({**scope, "app": self._pages})) is not None
        except (ApiError, EdiError):
            return False  # the route will say so

    def run(self, stop: Event) -> None:
        """Serves until ``stop`` is set."""
        self._pages.state.stop = stop

        async def main() -> None:
            anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
            await self._server.serve(self._app, stop, sockets=self._connections)

        asyncio.run(main())
