"""The fields of documents as paths, with the kind of value each holds."""

from __future__ import annotations

import pytest

from gateway.documents.fields import field_paths

KINDS = {
    "po_number": "string",
    "purpose": "string",
    "ordered_at": "date",
    "cancel_after": "datetime",
    "backorder_default": "boolean",
    "totals.line_count": "integer",
    "lines[]": "object",
    "lines[].quantity.value": "decimal",
    "lines[].quantity.pack_size": "integer",
    "lines[].messages[]": "string",
    "lines[].ids.asin": "string",
    "parties[].address.lines[]": "string",
}


@pytest.mark.parametrize(("path", "kind"), KINDS.items())
def test_a_field_has_a_kind(path: str, kind: str) -> None:
    assert field_paths("purchase_order")[path] == kind


def test_the_envelope_and_extensions_are_no_fields_of_a_mapping() -> None:
    paths = field_paths("purchase_order")
    assert not [path for path in paths if path.endswith("extensions[]") or path.startswith("control")]
