"""What the REST interface promises, on either database: pages, keys, tags, waiting and streams."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from tests.homes import play
from tests.web.conftest import Served, populate, serve
from tests.web.test_events import STREAM, told
from tests.web.test_submissions import head, invoice

API = "/api/v1"


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs_system)])
def served(
    request: pytest.FixtureRequest, story: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """The story, on a database of each kind."""
    home = tmp_path_factory.mktemp("databases") / "home"
    shutil.copytree(story, home)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("EDIGW_WEB_LISTEN", raising=False)
        if request.param == "postgresql":
            url = request.getfixturevalue("_postgres").database()
            patch.setenv("EDIGW_DATABASE_URL", url)
            (home / "data/gateway.db").unlink()
            for one in (home / "folders").rglob("*"):
                if one.is_file():
                    one.unlink()
            play(home)
        with serve(home) as found:
            populate(found)
            with found.gateway.engine.connect() as connection:
                assert connection.dialect.name == request.param
            yield found


@pytest.fixture
def operator(served: Served) -> Iterator[httpx.Client]:
    with served.client("operator") as client:
        yield client


@pytest.mark.parametrize("noun", ["messages", "documents", "events"])
def test_pages_hold_everything_once(operator: httpx.Client, noun: str) -> None:
    asked: dict[str, str | int] = {"since": 0} if noun == "events" else {"limit": 1000, "since": "2020-01-01"}

    def whole() -> list[int]:
        return [one["seq"] for one in operator.get(f"{API}/{noun}", params=asked).json()[noun]]

    def paged() -> list[int]:
        found, url = list[int](), f"{API}/events?since=0" if noun == "events" else f"{API}/{noun}?limit=2"
        for _ in range(100):
            answer = operator.get(url)
            found += [one["seq"] for one in answer.json()[noun]]
            if "next" not in answer.links or not answer.json()[noun]:
                break
            url = answer.links["next"]["url"]
        return found

    before, found = whole(), paged()
    while before != (now := whole()):  # what other tests did still goes on
        before, found = now, paged()
    assert found == before
    assert len(found) == len(set(found)) > 5


def test_a_key_that_many_send_at_once_is_done_once(served: Served, operator: httpx.Client) -> None:
    body = invoice("ONCE-1")

    def send(_: int) -> httpx.Response:
        return operator.post(f"{API}/documents?wait=10", json=body, headers=head("once"))

    with ThreadPoolExecutor(8) as pool:
        answers = [*pool.map(send, range(8))]
    assert {one.status_code for one in answers} <= {202, 409}
    assert {one.json()["id"] for one in answers if one.status_code == 202} != set()
    again = operator.post(f"{API}/documents?wait=10", json=body, headers=head("once"))
    assert (again.status_code, again.headers["idempotency-replayed"]) == (202, "true")
    with served.gateway.engine.connect() as connection:
        named = text("SELECT count(*) FROM messages WHERE name = 'invoice_ONCE-1.json' AND direction = 'in'")
        assert connection.execute(named).scalar() == 1
    other = operator.post(f"{API}/documents?wait=10", json=invoice("ONCE-2"), headers=head("once"))
    assert (other.status_code, other.json()["code"]) == (422, "HTTP-IDEMPOTENCY")


def test_a_document_is_translated_while_one_waits_and_its_tag_says_what_it_is(operator: httpx.Client) -> None:
    answer = operator.post(f"{API}/documents?wait=20", json=invoice("WAIT-1"), headers=head("wait"))
    assert (answer.status_code, answer.json()["translation"]) == (202, "translated")
    (document,) = operator.get(f"{API}/documents?text=WAIT-1").json()["documents"]
    url = f"{API}/documents/{document['id']}"
    tag = operator.get(url).headers["etag"]
    assert operator.get(url, headers={"If-None-Match": tag}).status_code == 304
    row = {"erp_sku": "TAG-1", "asin": "B0TAG00001"}
    made = operator.post(f"{API}/items", json=row, headers=head("row"))
    where, old = made.headers["location"], operator.get(made.headers["location"]).headers["etag"]
    new = row | {"description": "other"}
    assert operator.put(where, json=new).status_code == 428
    assert operator.put(where, json=new, headers={"If-Match": old}).status_code == 200
    assert operator.put(where, json=row, headers={"If-Match": old}).status_code == 412


def test_a_stream_is_resumed_where_it_broke(operator: httpx.Client) -> None:
    url, since = f"{API}/events", operator.get(f"{API}/events").json()["cursor"]
    operator.post(f"{API}/documents?wait=20", json=invoice("STREAM-9"), headers=head("stream"))
    with operator.stream("GET", url, params={"since": since}, headers=STREAM) as stream:
        first = told(stream.iter_lines(), 1)[0]
    with operator.stream("GET", url, headers=STREAM | {"Last-Event-ID": first["id"]}) as stream:
        second = told(stream.iter_lines(), 1)[0]
    rows = operator.get(url, params={"since": since}).json()["events"]
    assert [int(first["id"]), int(second["id"])] == [one["seq"] for one in rows[:2]]
    assert json.loads(second["data"]) == rows[1]
