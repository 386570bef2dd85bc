"""What makes the reference of settings and endpoints says all of them, rightly."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from gateway.partners.setting import setting
from tests.reference import FILES, api_table, endpoints, kinds_within, rows, setting_table, written_fields


def test_a_setting_without_meaning_is_an_error() -> None:
    @setting
    class Mute:
        """Nothing is said of it. loud: how much."""

        loud: int = 1
        silent: int = 2

    with pytest.raises(AssertionError, match=r"Mute\.silent"):
        list(rows(Mute))


def test_every_setting_is_there_with_its_default() -> None:
    text = setting_table()
    for file, kind in FILES.items():
        part = text.partition(f"## `{file}`\n")[2].partition("\n## ")[0]
        for field, hint in written_fields(kind):
            row = re.search(rf"^\| `{field.name}` \| (.*?) \| (.*?) \| (.+) \|$", part, re.MULTILINE)
            assert row, f"{file}: {field.name}"
            if (
                not list(kinds_within(hint))
                and field.default not in ("", ())
                and isinstance(field.default, str)
            ):
                assert row[2] == f"`{field.default}`"
    assert "| `as2.receipt.within_minutes` | number | `60` |" in text
    assert "| `erp.channels[].poll` | [times](#times) |" in text
    assert "### Times" in text


SMALL: dict[str, Any] = yaml.safe_load("""
openapi: 3.1.0
paths:
  /api/v1/messages:
    get:
      tags: [messages]
      summary: Messages, newest first
      parameters:
        - {name: limit, in: query, schema: {type: integer, minimum: 1, maximum: 500}, description: how many}
        - {$ref: "#/components/parameters/cursor"}
      responses:
        "200":
          description: a page
          content: {application/json: {schema: {$ref: "#/components/schemas/Page"}}}
  /api/v1/messages/{id}/resend:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    post:
      tags: [messages]
      summary: Send it again
      requestBody: {content: {application/json: {schema: {$ref: "#/components/schemas/Reason"}}}}
      responses: {"409": {description: it cannot be}}
components:
  parameters:
    cursor: {name: cursor, in: query, schema: {type: [string, "null"]}, description: where to go on}
  schemas:
    Page: {type: object, required: [items], properties: {items: {type: array, items: {type: object}}}}
    Reason: {type: object, properties: {reason: {type: string, maxLength: 500, description: for the audit}}}
""")


def test_endpoints_of_a_description() -> None:
    text = api_table(SMALL)
    assert list(dict(endpoints(SMALL))) == ["GET /api/v1/messages", "POST /api/v1/messages/{id}/resend"]
    for said in (
        "## Messages",
        "### `GET /api/v1/messages`",
        "| `limit` | query | whole number, from 1, to 500 | how many |",
        "| `cursor` | query | text or null | where to go on |",
        "| 200 | `application/json`: [Page](#page) | a page |",
        "### `POST /api/v1/messages/{id}/resend`",
        "| `id` (needed) | path | text |  |",
        "| body | `application/json`: [Reason](#reason) |  |",
        "| `items` (needed) | list of object |  |",
        "| `reason` | text, length at most 500 | for the audit |",
    ):
        assert said in text.splitlines(), said
    assert api_table({}).strip() == ""
