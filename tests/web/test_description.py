"""The description of the REST interface: every answer has a form, names a meaning, and examples are true."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any
from uuid import uuid4

import httpx
import jsonschema  # type: ignore[import-untyped]
import pytest

from gateway import resources
from gateway.api.models import JSON
from tests.web import openapi
from tests.web.conftest import Served

FREE = {
    "AnnotatedFile.parts": "of three kinds, as the description says",
    "Origin.value": "any value of a document",
    "facts": "each event has its own",
    "body": "a document, or what an event told",
    "document": "a document",
    "documents": "documents",
    "settings": "a partner's file, see docs/reference/home.md",
    "parameters": "each rule has its own",
    "obsolete": "a row of documents, or nothing",
    "newest": "a signed place of the chain, as exports have it",
    "errors": "problems of many kinds",
}
"""Fields whose form is open, each with the reason."""

INTEGRATORS = {
    "POST /api/v1/documents", "POST /api/v1/files", "POST /api/v1/translate", "POST /api/v1/validate",
    "POST /api/v1/inspect", "GET /api/v1/messages", "GET /api/v1/messages/{message_id}",
    "GET /api/v1/documents", "GET /api/v1/documents/{document_id}", "GET /api/v1/partners",
    "GET /api/v1/partners/{partner_id}", "POST /api/v1/partners", "GET /api/v1/items", "POST /api/v1/items",
    "POST /api/v1/messages/{message_id}/resend", "POST /api/v1/messages/{message_id}/reprocess",
}  # fmt: skip
"""What integrators begin with: each has examples."""


@cache
def described() -> dict[str, Any]:
    return openapi.description()


SCHEMAS: dict[str, Any] = described()["components"]["schemas"]
OPERATIONS: dict[str, Any] = {
    f"{method.upper()} {path}": one
    for path, methods in described()["paths"].items()
    for method, one in methods.items()
}


def answers(one: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The schemas of what is answered when all goes well, by content type."""
    for status, answer in one["responses"].items():
        if status.startswith("2"):
            for kind, content in answer.get("content", {}).items():
                yield kind, content["schema"]


def free(schema: dict[str, Any], name: str) -> Iterator[str]:
    """Names of what may hold anything."""
    for part in schema.get("anyOf", ()):
        yield from free(part, name)
    if "items" in schema:
        yield from free(schema["items"], name)
    kind = schema.get("type")
    more = schema.get("additionalProperties", True)
    if kind == "object" and "properties" not in schema:
        if more is True or more == {}:
            yield name
        elif isinstance(more, dict):
            yield from free(more, name)
    elif not schema.keys() - {"title", "description", "default", "example"}:
        yield name


def test_every_answer_has_a_form() -> None:
    found = set()
    for name, one in OPERATIONS.items():
        for kind, schema in answers(one):
            if kind == JSON and name.startswith(("GET /api/", "POST /api/", "P", "D")):
                found |= {name for _ in free(schema, name)}
    assert found == set()
    used, wrong = set(), set()
    for name, schema in SCHEMAS.items():
        for field, part in schema.get("properties", {}).items():
            for _ in free(part, field):
                known = {field, f"{name}.{field}"} & FREE.keys()
                used |= known
                wrong |= set() if known else {f"{name}.{field}"}
    assert wrong == set()
    assert FREE.keys() - used == set(), "what is open no more"


def test_schemas_have_names_of_their_own() -> None:
    assert [one for one in SCHEMAS if "__" in one or "-" in one] == []


def test_every_name_has_a_meaning() -> None:
    fields = {
        f"{name}.{key}": one for name, of in SCHEMAS.items() for key, one in of.get("properties", {}).items()
    }
    named = [
        (f"{name} {one['name']}", one) for name, of in OPERATIONS.items() for one in of.get("parameters", ())
    ]
    assert [name for name, one in (*fields.items(), *named) if not one.get("description", "").strip()] == []
    assert [name for name, one in OPERATIONS.items() if not one.get("description")] == []
    terms = json.loads(resources.find("schemas/api/terms.json").read_bytes())
    said = {one["description"] for one in (*fields.values(), *dict(named).values())}
    assert [name for name, words in terms.items() if words not in said] == [], "nothing has this name"


@pytest.mark.parametrize("name", sorted(INTEGRATORS))
def test_examples_are_as_described(name: str) -> None:
    one, shown = OPERATIONS[name], 0
    (status,) = [one for one in one["responses"] if one.startswith("2")]
    bodies = [one["responses"][status], *([one["requestBody"]] if "requestBody" in one else [])]
    for body in bodies:
        content = next(iter(body["content"].values()))
        schema = {**content["schema"], "components": described()["components"]}
        jsonschema.Draft202012Validator(schema).validate(content["example"])
        shown += 1
    assert shown == 1 + ("requestBody" in one)


@pytest.mark.parametrize("verb", ["translate", "validate", "inspect"])
def test_examples_are_what_is_answered(served: Served, verb: str) -> None:
    one = OPERATIONS[f"POST /api/v1/{verb}"]
    given = next(iter(one["requestBody"]["content"].values()))["example"]
    with served.client("viewer") as client:
        answer = client.post(f"/api/v1/{verb}", content=given.encode())
    assert answer.json() == one["responses"]["200"]["content"][JSON]["example"]


@pytest.fixture(scope="module")
def closed() -> dict[str, Any]:
    """The schemas, with no field that they do not name."""

    def shut(value: Any) -> Any:
        if isinstance(value, list):
            return [shut(one) for one in value]
        if not isinstance(value, dict):
            return value
        more = {"additionalProperties": False} if "properties" in value else {}
        return {key: shut(one) for key, one in value.items()} | more

    return {"schemas": shut(SCHEMAS)}


@pytest.mark.parametrize(
    "name", sorted(one for one in OPERATIONS if one.startswith("GET /api/") and "{" not in one)
)
def test_answers_have_no_field_that_is_not_named(served: Served, closed: dict[str, Any], name: str) -> None:
    schemas = [schema for kind, schema in answers(OPERATIONS[name]) if kind == JSON]
    with served.client("administrator") as client:
        answer = client.get(name[4:], params={"since": "0"} if name.endswith("/events") else {})
    assert answer.status_code == 200
    for schema in schemas:
        found = jsonschema.Draft202012Validator({**schema, "components": closed}).iter_errors(answer.json())
        assert [f"{one.json_path}: {one.message[:200]}" for one in found] == []


# --- what is sent ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def administrator(served: Served) -> Iterator[httpx.Client]:
    with served.client("administrator") as client:
        yield client


@pytest.mark.parametrize("time", ["0.5", "1764151200", "20261126", "-1", "2026", "NaN", "now"])
def test_a_number_is_no_time(administrator: httpx.Client, time: str) -> None:
    for path in ("messages", "documents", "acknowledgments", "audit/entries"):
        for end in ("since", "until"):
            answer = administrator.get(f"/api/v1/{path}", params={end: time})
            assert (answer.status_code, len(answer.json()["errors"])) == (422, 1), path
            assert "ISO 8601" in answer.text
    for value in (time, float(time) if re.fullmatch(r"[-\d.]+", time) else None, True):
        answer = administrator.post("/api/v1/routes/simulate", json={"since": value})
        assert answer.status_code == (422 if value is not None else 200)


@pytest.mark.parametrize(
    "time", ["2026-11-26", "2026-11-26T10:00", "2026-11-26T10:00:00.5Z", "2026-11-26T10:00:00+02:00"]
)
def test_a_time_in_iso_8601_is_one(administrator: httpx.Client, time: str) -> None:
    assert administrator.get("/api/v1/messages", params={"since": time}).status_code == 200
    assert administrator.post("/api/v1/routes/simulate", json={"since": time}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "users", {"name": 5, "password": "correct horse battery", "reason": "x"}),
        ("POST", "users", {"name": "n", "password": "x", "must_change": "no", "reason": "x"}),
        ("POST", "users", {"name": "n", "password": "correct horse battery", "raeson": "x", "reason": "x"}),
        ("POST", "keys", {"name": "n", "grants": [{"role": "viewer"}], "days": "5", "reason": "x"}),
        ("POST", "keys", {"name": "n", "grants": [{"role": "viewer"}], "days": 5.0, "reason": "x"}),
        ("POST", "keys", {"name": "n", "grants": [{"role": "viewer", "partners": "x"}], "reason": "x"}),
        ("POST", "messages/nothing/reprocess", {"reason": "x", "acknowledge": 1}),
        ("POST", "messages/nothing/resend", {"reason": "x", "acknowledge": True}),
        ("POST", "channels/erp/pause", {"reason": ["x"]}),
        ("POST", "audit/check", {"payloads": 1}),
        ("POST", "routes/explain", {"partner": "acme-retail", "document_type": "invoice", "lines": True}),
    ],
)  # fmt: skip
def test_no_value_is_taken_for_another(
    administrator: httpx.Client, method: str, path: str, body: Any
) -> None:
    answer = administrator.request(
        method, f"/api/v1/{path}", json=body, headers={"Idempotency-Key": uuid4().hex}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "HTTP-INVALID"), answer.text


@pytest.mark.parametrize("limit", ["5.0", "1_0", "+5", "%205", "5e0", "true"])
def test_a_number_of_an_address_is_digits(administrator: httpx.Client, limit: str) -> None:
    assert administrator.get(f"/api/v1/messages?limit={limit}").status_code == 422


def test_an_unknown_filter_is_refused(administrator: httpx.Client) -> None:
    """It would show more than was asked for; programs that watch may add what they like."""
    for name in OPERATIONS:
        method, path = name.split(" ")
        answer = administrator.request(
            method,
            re.sub(r"\{[^}]*\}", "1", path),
            params={"statuss": "failed"},
            headers={"Idempotency-Key": path},
        )
        if path.startswith("/api/"):
            (found,) = [one for one in answer.json()["errors"] if one["location"]["pointer"] == "/statuss"]
            assert (answer.status_code, found["value"]) == (422, "failed"), name
        else:
            assert answer.status_code == 200, name
    told = administrator.get("/api/v1/channels", params={"a": 1, "b": ""}).json()["errors"]
    assert [one["message"] for one in told] == [
        "a is unknown; there are: none",
        "b is unknown; there are: none",
    ]
