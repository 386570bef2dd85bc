"""Amazon's worked payloads and models, no part of the project; without them tests are skipped."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.samples import directory

SHARED = os.environ.get("EDIGW_SHARED") or ((samples := directory()) and samples.parent)
FOLDER = Path(SHARED or "absent") / "domain" / "sp-api"
EXAMPLES, MODELS, MERGED = (
    FOLDER / "examples",
    FOLDER / "models",
    FOLDER / "derived" / "vendor-merged.oas3.json",
)
ABSENT = "the payloads are absent: set EDIGW_SHARED"

needed = pytest.mark.skipif(not EXAMPLES.is_dir(), reason=ABSENT)

KINDS = {
    "order": (1, 4, 6, 9),
    "acknowledgement": (2, 5, 7, 10, 11, 12),
    "order_status": (3, 8, 13),
    "shipment_confirmation": (14, 15, 16),
    "invoice": (17, 18, 19, 20, 21),
    "transaction": (22, 23, 24),
}
"""The numbers of the payloads, by what they are."""

EACH = [(kind, number) for kind, numbers in KINDS.items() for number in numbers]


def payload(number: int) -> bytes:
    (path,) = EXAMPLES.glob(f"{number:02}-*.json")
    return path.read_bytes()


@cache
def model(name: str) -> dict[str, Any]:
    """A file of models, such as ``vendorOrders``."""
    found: dict[str, Any] = json.loads((MODELS / f"{name}.json").read_text(encoding="utf-8"))
    return found


REQUESTS = {
    "submitAcknowledgement": ("vendorOrders", "SubmitAcknowledgementRequest"),
    "SubmitShipmentConfirmations": ("vendorShipments", "SubmitShipmentConfirmationsRequest"),
    "SubmitShipments": ("vendorShipments", "SubmitShipments"),
    "submitInvoices": ("vendorInvoices", "SubmitInvoicesRequest"),
}
"""By operation the model of its request."""


def faults(operation: str, body: Any) -> list[str]:
    """What is wrong with a request by Amazon's own model."""
    from jsonschema import Draft4Validator  # type: ignore[import-untyped]

    file, name = REQUESTS[operation]
    schema = {"$ref": f"#/definitions/{name}", "definitions": model(file)["definitions"]}
    return [error.message for error in Draft4Validator(schema).iter_errors(body)]
