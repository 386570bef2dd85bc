"""Previews: what they answer is what the commands print, and nothing is kept of it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import engine, resources
from gateway.cli.main import main
from tests.homes import LINE, rows
from tests.orders import interchange, order
from tests.web.conftest import Served

X12 = interchange(7, [order(1, "P-1", [LINE]), order(2, "P-2", [LINE.replace("|EA|", "|QQ|")])])
VERBS = ("translate", "validate", "inspect", "acknowledge")


@pytest.fixture(scope="module")
def viewer(served: Served) -> Iterator[httpx.Client]:
    with served.client("viewer") as client:
        yield client


def test_x12_becomes_documents_and_x12_again(viewer: httpx.Client) -> None:
    said = viewer.post("/api/v1/translate", content=interchange(7, [order(1, "P-1", [LINE])])).json()
    assert (said["given"], said["to"], said["left_out"]) == ("x12", "json", 0)
    assert [one["po_number"] for one in said["documents"]] == ["P-1"]
    again = viewer.post("/api/v1/translate", json=said["documents"]).json()
    assert (again["given"], again["to"], again["documents"]) == ("json", "x12", [])
    assert "BEG*00*" in again["content"]
    xml = viewer.post("/api/v1/translate?to=xml", json=said["documents"]).json()
    assert xml["content"].startswith("<?xml")
    assert viewer.post("/api/v1/translate", content=xml["content"].encode()).json()["content"]


def test_what_is_left_out_is_told(viewer: httpx.Client) -> None:
    said = viewer.post("/api/v1/translate", content=X12).json()
    assert said["left_out"] == 1
    assert [one["po_number"] for one in said["documents"]] == ["P-1"]
    assert said["problems"][0]["location"]["transaction_set"] == "0002"
    wrong = viewer.post("/api/v1/translate", json={"document_type": "invoice"})
    assert wrong.status_code == 422
    assert wrong.json()["errors"]


@pytest.mark.parametrize("verb", ["validate", "inspect"])
def test_the_answer_is_that_of_the_command(
    viewer: httpx.Client,
    verb: str,
    tmp_path_factory: pytest.TempPathFactory,
    capfd: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path_factory.mktemp("x") / "x.edi"
    file.write_bytes(X12)
    main(["x12", verb, "--json", str(file)])
    (printed,) = json.loads(capfd.readouterr().out)["files"]
    (said,) = viewer.post(f"/api/v1/{verb}", content=X12).json()["files"]
    assert said == {**printed, "path": "-"}
    assert said["verdict"] == "accepted_with_errors"


def test_an_acknowledgment_is_x12_that_passes(viewer: httpx.Client) -> None:
    answer = viewer.post("/api/v1/acknowledge?control_number=12", content=X12)
    assert answer.headers["content-type"].startswith("application/edi-x12")
    assert b"AK5*R" in answer.content
    assert engine.validate(answer.content)["verdict"] == "accepted"
    kind = viewer.post("/api/v1/acknowledge?type=ta1", content=X12)
    assert b"TA1*000000007*" in kind.content
    assert viewer.post("/api/v1/acknowledge", content=b"nothing").status_code == 422


def test_a_profile_and_a_shape_are_names_and_never_paths(viewer: httpx.Client) -> None:
    assert viewer.post("/api/v1/validate?partner=amazon-us", content=X12).status_code == 200
    for name in ("../../etc", "nobody", "/etc/passwd", "x.yaml"):
        assert viewer.post("/api/v1/validate", params={"partner": name}, content=X12).status_code == 404
        assert viewer.post("/api/v1/translate", params={"shape": name}, content=X12).status_code == 404


def test_too_much_is_cut_and_said(viewer: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.services import preview

    for name in ("MAX_ROWS", "MAX_PROBLEMS"):
        monkeypatch.setattr(preview, name, 3)
    monkeypatch.setattr(preview, "MAX_DOCUMENTS", 0)
    for verb in ("validate", "inspect"):
        bad = X12.replace(b"PO1*", b"PX1*")
        (said,) = viewer.post(f"/api/v1/{verb}", content=bad).json()["files"]
        assert said["truncated"] is True
    assert viewer.post("/api/v1/translate", content=X12).json()["truncated"] is True
    monkeypatch.setattr(preview, "MAX_SECONDS", -1.0)
    for verb in VERBS:
        answer = viewer.post(f"/api/v1/{verb}", content=X12)
        assert (answer.status_code, answer.json()["code"]) == (422, "TOO-LONG"), verb


@given(
    data=st.one_of(
        st.binary(min_size=1, max_size=200),
        st.tuples(st.integers(0, len(X12)), st.integers(0, 40), st.binary(max_size=10)).map(
            lambda cut: X12[: cut[0]] + cut[2] + X12[cut[0] + cut[1] :]
        ),
    ),
    to=st.sampled_from(["", "json", "x12", "xml", "csv", "sp_api"]),
    kind=st.sampled_from(["application/octet-stream", "application/json", "text/plain", "nonsense"]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_are_too_bad(viewer: httpx.Client, data: bytes, to: str, kind: str) -> None:
    for verb in VERBS:
        url = f"/api/v1/{verb}" + f"?to={to}" * (verb == "translate")
        answer = viewer.post(url, content=data or b" ", headers={"Content-Type": kind})
        assert answer.status_code < 500, (url, data, answer.text)


def test_nothing_is_kept(served: Served, viewer: httpx.Client) -> None:
    def counted() -> list[tuple[int, ...]]:
        return [
            rows(served.home, f"SELECT count(*) FROM {one}")[0]
            for one in ("messages", "documents", "audit", "control_numbers")
        ]

    before = counted()
    document = json.loads(resources.find("config/demo/invoice-7KX2M41Q.json").read_bytes())
    for verb in VERBS:
        viewer.post(f"/api/v1/{verb}?partner=acme-retail", content=X12)
        viewer.post(f"/api/v1/{verb}?partner=acme-retail", json=document)
    assert counted() == before
