"""The REST interface does what its description says, whatever it is asked: by schemathesis.

``EXAMPLES=500 pytest tests/web/test_schemathesis.py`` asks more than the few times of every run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.web import openapi
from tests.web.conftest import Served

EXAMPLES = int(os.environ.get("EXAMPLES", "4"))
CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]

schemathesis.serializer.alias(
    ["application/edi-x12", "text/csv", "application/xml"], "application/octet-stream"
)
SCHEMA = schemathesis.openapi.from_dict(openapi.description())


@pytest.fixture(scope="module")
def administrator(served: Served) -> Iterator[httpx.Client]:
    with served.client("administrator") as client:
        yield client


@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_answers_are_as_described(case: schemathesis.Case[Any], served: Served) -> None:
    key = {"Authorization": f"Bearer {served.keys['administrator']}"}
    response = case.call(base_url=served.url, headers=key, timeout=30)
    case.validate_response(response, checks=CHECKS)
    if response.status_code >= 400:
        assert response.headers["content-type"] == ["application/problem+json"]
        assert response.json()["status"] == response.status_code


def test_other_methods_are_refused_in_the_same_form(administrator: httpx.Client) -> None:
    for path, known in openapi.description()["paths"].items():
        method = next(one for one in ("PUT", "PATCH", "DELETE", "GET") if one.lower() not in known)
        answer = administrator.request(method, path)
        if answer.status_code not in (404, 422):  # the word is an id of another route
            assert answer.status_code == 405, (method, path)
            assert answer.headers["allow"]
        assert answer.headers["content-type"] == "application/problem+json"


def test_nothing_at_an_address_is_a_problem_too(administrator: httpx.Client) -> None:
    for path in ("/api/v1/nothing", "/api/v2", "/api/", "/api/v1/messages/", "/api/v1/messages/a/b/c"):
        answer = administrator.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "HTTP-NOT-FOUND"), path
    wrong = administrator.get("/api/v1/messages?limit=x&since=y")
    assert (wrong.status_code, len(wrong.json()["errors"])) == (422, 2)
    assert wrong.headers["content-type"] == "application/problem+json"
