"""Handing documents and files over: once, by whoever may, and with what became of them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway import resources
from gateway.app import Gateway
from gateway.services import access
from gateway.services.access import Grant
from gateway.settings import load
from tests.homes import LINE, change, rows
from tests.orders import interchange, order
from tests.receivers import wait_for
from tests.web.conftest import Served, serve

URL = "/api/v1/documents"


@pytest.fixture(scope="module")
def operator(served: Served) -> Iterator[httpx.Client]:
    with served.client("operator") as client:
        yield client


def invoice(number: str, **changes: Any) -> dict[str, Any]:
    """An invoice of the demo with another number."""
    found = json.loads(resources.find("config/demo/invoice-7KX2M41Q.json").read_bytes())
    return {**found, "invoice_number": number, "po_number": f"PO-{number}", **changes}


def head(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


def test_a_document_is_sent_as_if_the_erp_had_written_it(operator: httpx.Client) -> None:
    answer = operator.post(f"{URL}?wait=20", json=invoice("API-1"), headers=head("a"))
    assert answer.status_code == 202, answer.text
    said = answer.json()
    assert (said["translation"], said["problems"], said["partner"]) == ("translated", [], "acme-retail")
    message = operator.get(answer.headers["location"]).json()
    assert [(one["document_type"], one["number"]) for one in message["documents"]] == [("invoice", "API-1")]
    assert message["history"][0]["actor"].startswith("key:")
    (made,) = message["documents"]
    document = operator.get(f"{URL}/{made['id']}")
    assert document.json()["body"]["invoice_number"] == "API-1"
    assert {"kind": "invoice", "value": "API-1"} in document.json()["keys"]
    again = {"If-None-Match": document.headers["etag"]}
    assert operator.get(f"{URL}/{made['id']}", headers=again).status_code == 304


def test_the_same_key_is_the_same_document(served: Served, operator: httpx.Client) -> None:
    first = operator.post(URL, json=invoice("API-2"), headers=head("b"))
    assert first.status_code == 202
    again = operator.post(URL, json=invoice("API-2"), headers=head("b"))
    assert (again.json(), again.headers["location"]) == (first.json(), first.headers["location"])
    assert again.headers["idempotency-replayed"] == "true"
    other = operator.post(URL, json=invoice("API-3"), headers=head("b"))
    assert (other.status_code, other.json()["code"]) == (422, "HTTP-IDEMPOTENCY")
    assert operator.post(URL, json=invoice("API-3")).status_code == 400
    # The answer is forgotten after a day; what was done stays known.
    change(served.home, "DELETE FROM answers WHERE key = 'b'")
    late = operator.post(URL, json=invoice("API-2"), headers=head("b"))
    assert late.headers["location"] == first.headers["location"]
    other = operator.post(f"{URL}?wait=1", json=invoice("API-3"), headers=head("b"))
    assert (other.status_code, other.json()["code"]) == (422, "HTTP-IDEMPOTENCY")
    named = (
        served.home,
        "SELECT count(*) FROM messages WHERE name = 'invoice_API-2.json' AND direction = 'in'",
    )
    assert rows(*named) == [(1,)]


_DIES = """
import os, signal, sys
from pathlib import Path
from gateway.api import idempotency
from gateway.services import submit
from tests.web.conftest import serve

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

module, name = {"done": (idempotency, "_end"), "not": (submit, "take")}[sys.argv[2]]
setattr(module, name, die)
with serve(Path(sys.argv[1])) as served:
    print(served.url, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("when", ["done", "not"])
def test_who_is_killed_before_the_answer_is_told_honestly(
    story: Path, tmp_path_factory: pytest.TempPathFactory, when: str
) -> None:
    """The process dies after the document is taken in and before that is answered, or before it is."""
    home = tmp_path_factory.mktemp("killed") / "home"
    shutil.copytree(story, home)
    with Gateway(home, load(home)) as gateway, gateway.acting("user:test") as services:
        key, _ = access.make_key(services, "k", (Grant("operator"),), reason="a test")
    ask = {"Authorization": f"Bearer {key}", **head("killed")}
    environment = {**os.environ, "EDIGW_WEB_LISTEN": "127.0.0.1:0"}
    with subprocess.Popen(
        [sys.executable, "-c", _DIES, str(home), when], stdin=-1, stdout=-1, env=environment, text=True
    ) as child:
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        with pytest.raises(httpx.TransportError):
            httpx.post(f"{url}{URL}", json=invoice("KILLED-1"), headers=ask, timeout=30)
        assert child.wait(30) == -signal.SIGKILL
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("EDIGW_WEB_LISTEN", raising=False)
        with serve(home) as found, found.client() as client:
            again = client.post(URL, json=invoice("KILLED-1"), headers=ask)
            assert (again.status_code, again.json()["code"]) == (409, "HTTP-IDEMPOTENCY")
            named = "SELECT id FROM messages WHERE name = 'invoice_KILLED-1.json'"
            kept = [f"/api/v1/messages/{one}" for (one,) in rows(home, named)]
            assert len(kept) == (when == "done")
            assert again.headers.get("location") == (kept[0] if kept else None)
            if not kept:  # so it is safe to do it with another key
                assert client.post(URL, json=invoice("KILLED-1"), headers=ask | head("b")).status_code == 202


def test_who_asks_while_it_runs_is_told_so(served: Served, operator: httpx.Client) -> None:
    operator.post(URL, json=invoice("RUN-1"), headers=head("run"))
    change(served.home, "UPDATE answers SET state = 'running', body = x'' WHERE key = 'run'")
    again = operator.post(URL, json=invoice("RUN-1"), headers=head("run"))
    assert again.status_code == 409
    other = operator.post(URL, json=invoice("RUN-2"), headers=head("run"))
    assert other.status_code == 422


def test_what_is_wrong_with_it_is_said(operator: httpx.Client) -> None:
    wrong = invoice("API-4", lines=[])
    said = operator.post(f"{URL}?wait=20", json=wrong, headers=head("c")).json()
    assert said["translation"] == "rejected"
    assert {one["location"]["pointer"] for one in said["problems"]} >= {"/lines"}
    for body, code in ((b"{", "HOME-NOT-JSON"), (b"[1]", "HOME-NOT-A-DOCUMENT"), (b'{"a":1}', None)):
        answer = operator.post(URL, content=body, headers=head(f"d{len(body)}"))
        assert answer.status_code == 422
        assert code is None or answer.json()["errors"][0]["code"] == code
    assert operator.post(URL, content=b"", headers=head("e")).status_code == 400
    assert operator.post(f"{URL}?form=none", content=b"x", headers=head("f")).status_code == 404


def test_only_who_may_act_for_the_partner_hands_over(served: Served) -> None:
    body = invoice("API-5")
    for role, status in (("viewer", 403), ("auditor", 403), ("other-viewer", 403), ("acme-operator", 202)):
        with served.client(role) as client:
            assert client.post(URL, json=body, headers=head("g")).status_code == status, role
    with served.client("acme-operator") as client:
        for partner, status in (("other-retail", 403), ("nobody", 422)):
            body = invoice("API-6", partner_id=partner)
            assert client.post(URL, json=body, headers=head(partner)).status_code == status
        file = "/api/v1/files?channel={}&name=po.edi"
        for channel, status in (("acme-retail", 202), ("other-retail", 403), ("erp2", 404)):
            answer = client.post(file.format(channel), content=b"ISA*", headers=head(f"h{channel}"))
            assert answer.status_code == status, answer.text


def test_a_file_of_a_partner_is_taken_in(operator: httpx.Client) -> None:
    content = interchange(4711, [order(1, "API-PO", [LINE])])
    url = "/api/v1/files?channel=acme-retail&name=../../po%00.edi&wait=20"
    answer = operator.post(url, content=content, headers=head("i"))
    said = answer.json()
    assert (answer.status_code, said["translation"], said["partner"]) == (202, "translated", "acme-retail")
    assert "/" not in said["name"]
    wait_for(lambda: operator.get(answer.headers["location"]).json()["delivery"] == "delivered")
    (chain,) = operator.get("/api/v1/chains/API-PO").json()["chains"]
    assert [one["document_type"] for one in chain["documents"]] == ["purchase_order"]
    assert {one["kind"] for one in chain["gaps"]} == {"document"}


def test_a_file_in_a_form_of_the_erp(operator: httpx.Client) -> None:
    body = json.dumps(invoice("API-7"))
    file = "/api/v1/files?channel=erp&wait=20&name="
    answer = operator.post(f"{file}x.json", content=body, headers=head("j"))
    assert (answer.status_code, answer.json()["translation"]) == (202, "translated")
    answer = operator.post(f"{URL}?form=json&wait=20", json=invoice("API-8"), headers=head("l"))
    assert (answer.status_code, answer.json()["translation"]) == (202, "translated")
