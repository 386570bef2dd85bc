"""Addresses of every page and list there is: made from the list of routes, and from the links of pages."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import httpx
from sqlalchemy import event
from starlette.routing import Route

from tests.web.conftest import Served

ASIDE = ("/static/", "/logout", "/api/v1/events")
"""What is no page, and a stream."""

MANY = 12
"""Addresses of one route that are tried until one of them is there."""

NAMED = {
    "/api/v1/documents": {"document_id": "id", "number": "number"},
    "/api/v1/messages": {"message_id": "id"},
    "/api/v1/channels": {"channel": "channel"},
    "/api/v1/items": {"row_id": "id"},
    "/api/v1/locations": {"row_id": "id"},
    "/api/v1/audit/exports": {"export_id": "id"},
}
"""Parameters whose values stand in a list."""


class Links(HTMLParser):
    """Where a page leads to, and what it is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def hrefs(self) -> Iterator[str]:
        for tag, known in self.tags:
            if tag in ("a", "link") and (href := known.get("href")):
                yield href


class Watched(httpx.Client):
    """A client that knows which queries each answer took."""

    def __init__(self, served: Served, **options: Any) -> None:
        super().__init__(base_url=served.url, **options)
        self.queries: dict[str, list[str]] = {}
        self._now: list[str] = []
        event.listen(served.gateway.engine, "before_cursor_execute", self._note)

    def get(self, url: Any, **options: Any) -> httpx.Response:
        self._now = self.queries[str(url)] = []
        return super().get(url, **options)

    def _note(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        # Requests run in threads of anyio; the work beside does not count.
        if threading.current_thread().name.startswith("AnyIO") and not statement.startswith(("BEGIN", "SET")):
            self._now.append(statement)


def links(page: str) -> Links:
    found = Links()
    found.feed(page)
    return found


def crawl(
    client: httpx.Client, routes: dict[str, Route], *begin: str, most: int = 3
) -> dict[str, dict[str, httpx.Response]]:
    """What is answered, by route and address: pages without parameters, what they link to, and so on.

    Args:
        begin: what is looked at first.
        most: addresses of one route.
    """
    known = {name.partition(" ")[2]: route for name, route in routes.items() if name.startswith("GET ")}
    known = {path: one for path, one in known.items() if not path.startswith(ASIDE)}
    found: dict[str, dict[str, httpx.Response]] = {path: {} for path in known}
    values: dict[str, Counter[str]] = defaultdict(Counter)
    waiting = [*begin, *(path for path in known if "{" not in path)]
    tried: set[str] = set()
    while True:
        while waiting:
            address = waiting.pop(0)
            parts = urlsplit(address)
            matches = ((path, one.path_regex.match(parts.path)) for path, one in known.items())
            which, match = next(((path, made) for path, made in matches if made), ("", None))
            if not match or address in tried or len(found[which]) >= MANY:
                continue
            if sum(one.status_code < 400 for one in found[which].values()) >= most:
                continue
            tried.add(address)
            answer = client.get(address, follow_redirects=False)
            found[which][address] = answer
            if answer.status_code == 200:
                for name, value in match.groupdict().items():
                    values[name][value] += 1
                for name, key in NAMED.get(which, {}).items():
                    rows = next((one for one in answer.json().values() if isinstance(one, list)), [])
                    values[name].update(row[key] for row in rows)
            if "html" in answer.headers.get("content-type", ""):
                hrefs = [urljoin(address, one).partition("#")[0] for one in links(answer.text).hrefs()]
                waiting += [one for one in hrefs if one.startswith("/") and one not in tried]
        for path, route in known.items():  # what nobody links to has the values of what somebody does
            names = list(route.param_convertors)
            if names and not any(one.status_code < 400 for one in found[path].values()):
                sets = zip(*([quote(one, safe="") for one in values[name]] for name in names), strict=False)
                made = [route.path_format.format(**dict(zip(names, row, strict=True))) for row in sets]
                waiting += [one for one in made[-MANY:] if one not in tried]
        if not waiting:
            return found
