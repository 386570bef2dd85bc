"""Measures every page and every list of the REST interface when the store holds a million messages.

The store is that of ``benchmarks/million.py``, and the story of the demo happens on top of it, so that
messages with content are looked at too. Each address is found as tests find it: from the list of routes and
the links of pages. It is asked for some times over HTTP; queries are counted where they reach the database.

Usage: ``python benchmarks/pages.py [--messages N] [--runs N] [--store FILE] [--postgres] [--write]``; FILE is
an SQLite store that ``million.py --keep`` made.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import million  # noqa: E402
from benchmarks.run import machine  # noqa: E402
from gateway.app import Gateway  # noqa: E402
from gateway.cli.commands.home import make_home  # noqa: E402
from gateway.observability.logging import configure  # noqa: E402
from gateway.store.database import open_engine, sqlite_url  # noqa: E402
from tests.databases import postgres_server  # noqa: E402
from tests.homes import play, set_in  # noqa: E402
from tests.web.addresses import Watched, crawl  # noqa: E402
from tests.web.conftest import PASSWORD, populate, serve  # noqa: E402
from tests.web.test_matrix import ROUTES  # noqa: E402

PAGE = ROOT / "docs" / "benchmarks-gateway.md"
HEADINGS = {False: "## What pages take", True: "## What pages take on PostgreSQL"}
LIMIT_MS, LIMIT_QUERIES, LIMIT_BYTES = 1000.0, 20, 150_000
_BEGIN = (
    "/messages?text=7KX2M41Q", "/messages?partner=kroger", "/messages?open=1", "/messages?text=not-there",
    "/documents?partner=kroger&document_type=invoice", "/unprocessed?done=1",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measured:
    """One address: milliseconds, queries, bytes."""

    address: str
    route: str
    median: float
    most: float
    queries: int
    size: int


def measure(home: Path, runs: int, now: datetime) -> Iterator[Measured]:
    """Every page and list of a home, as an administrator sees it at a time after a busy day."""
    Gateway.now = lambda self: now  # type: ignore[method-assign]  # noqa: ARG005
    with serve(home, works=False) as served, ExitStack() as ends:
        populate(served)
        client = ends.enter_context(Watched(served, headers={"Accept": "text/html"}, timeout=120))
        client.post("/login", data={"name": "administrator", "password": PASSWORD})
        for route, found in crawl(client, ROUTES, *_BEGIN, most=4).items():
            for address, answer in found.items():
                if answer.status_code < 400 and "attachment" not in answer.headers.get(
                    "content-disposition", ""
                ):
                    yield _measured(client, route, address, runs)


def _measured(client: Watched, route: str, address: str, runs: int) -> Measured:
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        answer = client.get(address, follow_redirects=False)
        times.append((time.perf_counter() - began) * 1000)
    queries = len(client.queries[address])
    return Measured(address, route, statistics.median(times), max(times), queries, len(answer.content))


def run(messages: int, runs: int, store: Path | None, postgres: bool) -> list[Measured]:
    """Makes a home whose store is large, and measures it."""
    with tempfile.TemporaryDirectory(prefix="edigw-pages-") as folder, ExitStack() as ends:
        home = Path(folder) / "home"
        os.environ["EDIGW_WEB_LISTEN"] = "127.0.0.1:0"
        if postgres:
            url = ends.enter_context(postgres_server(durable=False)).database()
            os.environ["EDIGW_DATABASE_URL"] = url
        make_home(home)
        set_in(home, "gateway.yaml", "stable_seconds: 1 ", "stable_seconds: 0 ")
        with (home / "gateway.yaml").open("a") as file:
            file.write("\nweb: {requests_per_second: 100000}\n")
        known = (home / "partners/acme-retail.yaml").read_text("utf-8")
        for name in [*million._PARTNERS[1:], "other-retail"]:
            changed = known.replace("ACMERETAIL", name.upper()).replace("Acme Retail", name)
            (home / f"partners/{name}.yaml").write_text(
                changed.replace("channel: acme-retail", f"channel: {name}")
            )
        database = home / "data/gateway.db"
        if store and not postgres:
            database.parent.mkdir(exist_ok=True)
            shutil.copyfile(store, database)
        else:
            engine = open_engine(url if postgres else sqlite_url(database))
            million.fill(engine, messages)
            engine.dispose()
        play(home)
        return list(measure(home, runs, million._START + messages * million._STEP))


def table(found: list[Measured]) -> Iterator[str]:
    """The slowest address of each page and list."""
    yield "| page or list | ms | most | queries | KB |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    slowest: dict[str, Measured] = {}
    for one in sorted(found, key=lambda one: one.median):
        slowest[one.route] = one
    for route, one in sorted(slowest.items()):
        name = re.sub(r":path", "", route)
        yield f"| `{name}` | {one.median:.0f} | {one.most:.0f} | {one.queries} | {one.size / 1000:.1f} |"


def beyond(found: list[Measured]) -> list[str]:
    """What is slower, larger or asks more than is promised."""
    pages = [one for one in found if "openapi" not in one.route]
    return [
        f"{one.address}: {one.median:.0f} ms, {one.queries} queries, {one.size} bytes"
        for one in pages
        if one.median > LIMIT_MS or one.queries > LIMIT_QUERIES or one.size > LIMIT_BYTES
    ]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Every page among a million messages.")
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks-gateway.md")
    options: Any = parser.parse_args()
    configure(io.StringIO())
    found = run(options.messages, options.runs, options.store, options.postgres)
    rows = list(table(found))
    print("\n".join(rows))
    for one in beyond(found):
        print(f"beyond the limits: {one}", file=sys.stderr)
    if options.write:
        lines = [HEADINGS[options.postgres], "", *_words(options), *rows, ""]
        PAGE.write_text(_replaced(PAGE.read_text("utf-8"), lines), "utf-8")
    raise SystemExit(1 if beyond(found) else 0)


def _replaced(page: str, lines: list[str]) -> str:
    """A page with another text of the section that the first line heads; a new one is the last."""
    before, _, rest = page.rstrip("\n").partition(f"\n{lines[0]}\n")
    _, mark, after = rest.partition("\n## ")
    return "\n".join([before.rstrip("\n"), "", *lines]) + (f"{mark}{after}\n" if mark else "")


def _words(options: Any) -> list[str]:
    database = "PostgreSQL" if options.postgres else "SQLite"
    limits = f"{LIMIT_MS / 1000:.0f} s, {LIMIT_QUERIES} queries and {LIMIT_BYTES // 1000} KB"
    return [
        "`make bench-pages`: every page and list of the REST interface, over HTTP, among",
        f"{options.messages:,} messages on {database}; of each the slowest address that was found,",
        "the median and the most.",
        f"Promised are {limits}. {machine()}.",
        "",
    ]


if __name__ == "__main__":
    main()
