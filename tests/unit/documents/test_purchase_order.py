"""The model of the purchase order against hand-written examples."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from gateway.documents import document_types, model_for
from gateway.documents.common import OURS, Document
from gateway.documents.values import DATETIME, DECIMAL
from gateway.errors import NotFoundError

DATA = Path(__file__).resolve().parents[2] / "data" / "documents"


def example(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    return found


def model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(model_in, get_args(annotation))), None)


def fields(model: type[BaseModel], seen: set[str]) -> set[str]:
    """All fields of a model and of the models inside it, as ``Party.role``."""
    found = set()
    for name, field in model.model_fields.items():
        found.add(f"{model.__name__}.{name}")
        inner = model_in(field.annotation)
        if inner is not None and inner.__name__ not in seen:
            seen.add(inner.__name__)
            found |= fields(inner, seen)
    return found


def used(value: object) -> set[str]:
    """The fields that a document has set."""
    if isinstance(value, tuple):
        return set().union(*map(used, value))
    if not isinstance(value, BaseModel):
        return set()
    here = {
        f"{type(value).__name__}.{name}" for name in value.model_fields_set & set(type(value).model_fields)
    }
    return here.union(*(used(getattr(value, name)) for name in value.model_fields_set))


@pytest.mark.parametrize("name", ["purchase_order_minimal", "purchase_order_full"])
def test_an_example_is_accepted_and_dumped_unchanged(name: str) -> None:
    document = example(name)
    model = model_for("purchase_order")
    for read in (
        model.model_validate(document),
        model.model_validate_json(json.dumps(document)),
    ):
        assert read.model_dump(mode="json", exclude_none=True) == document


def test_the_full_example_uses_every_field() -> None:
    model = model_for("purchase_order")
    unused = fields(model, set()) - used(model.model_validate(example("purchase_order_full")))
    others = {  # of parts that only other documents have
        "AllowanceCharge.taxes", "Amount.quantity", "Amount.quantity_type", "Component.contacts",
        "Component.measurements", "Component.references", "Component.responses", "Component.taxes",
        "Party.dates", "Party.delivery",
        "Party.freight", "Party.messages", "Reference.dates", "Schedule.measurements", "Stores.place",
        "Totals.level_count",
    }  # fmt: skip
    # Fields of orders that do not come as X12.
    others |= {
        f"PurchaseOrder.{one}" for one in ("changed_at", "payment_method", "state", "state_changed_at")
    }
    # Fields take every element of DTM; an order with totals does not say that it has none; and release 004010
    # has no place for the others.
    never = {"DateReference.extensions", "Extension.absent", "Address.subdivision", "Control.implementation"}
    elsewhere = ("Response.", "Delivery.")
    left = {one for one in unused if not one.startswith(elsewhere) and f".{OURS}" not in one}
    assert left == others | never


def test_a_document_cannot_be_changed() -> None:
    document = model_for("purchase_order").model_validate(example("purchase_order_minimal"))
    assert isinstance(document, Document)
    with pytest.raises(ValidationError, match="frozen"):
        document.test = True


@pytest.mark.parametrize("text", ["5", "5.00", ".5", "0010", "-1.25", "5.", "0", "-.5"])
def test_a_decimal_keeps_its_text(text: str) -> None:
    document = example("purchase_order_minimal")
    document["lines"][0]["quantity"]["value"] = text
    read = model_for("purchase_order").model_validate(document)
    assert read.model_dump(mode="json", exclude_none=True) == document


@pytest.mark.parametrize("text", ["", ".", "-", "1,5", "+5", "1e3", " 5", "5 ", "5\n", "٥", "1.2.3", "NaN"])
def test_what_is_no_decimal_is_refused(text: str) -> None:
    document = example("purchase_order_minimal")
    document["lines"][0]["quantity"]["value"] = text
    with pytest.raises(ValidationError, match=r"lines\.0\.quantity\.value"):
        model_for("purchase_order").model_validate(document)


@pytest.mark.parametrize(
    "text", ["2026-02-30", "2026-2-03", "20260203", "2026-02-03T25:00", "2026-02-03 10:00"]
)
def test_what_is_no_date_or_time_is_refused(text: str) -> None:
    document = example("purchase_order_minimal") | {"cancel_after": text}
    with pytest.raises(ValidationError, match="cancel_after"):
        model_for("purchase_order").model_validate(document)


@pytest.mark.parametrize("key", ["bad", "vendor", "P", "PRRR", "p1", "P-"])
@pytest.mark.parametrize("form", ["python", "json"])
def test_an_open_object_takes_qualifiers_only(key: str, form: str) -> None:
    document = example("purchase_order_minimal")
    document["lines"][0]["ids"][key] = "x"
    model = model_for("purchase_order")
    checks: dict[str, Callable[[], object]] = {
        "python": lambda: model.model_validate(document),
        "json": lambda: model.model_validate_json(json.dumps(document)),
    }
    with pytest.raises(ValidationError, match=rf"lines\.0\.ids\.{key}"):
        checks[form]()


def test_every_field_is_described() -> None:
    bare = set()

    def walk(model: type[BaseModel], seen: set[type[BaseModel]]) -> None:
        if model in seen:
            return
        seen.add(model)
        assert model.__doc__, model
        for name, field in model.model_fields.items():
            if not field.description:
                bare.add(f"{model.__name__}.{name}")
            if inner := model_in(field.annotation):
                walk(inner, seen)

    walk(model_for("purchase_order"), set())
    assert bare == set()


def test_an_unknown_type_is_named() -> None:
    assert "order" not in document_types()
    with pytest.raises(NotFoundError, match=r"'order'.*purchase_order"):
        model_for("order")


def test_importing_the_package_does_not_load_pydantic() -> None:
    code = "import gateway.documents, sys; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_patterns_hold_in_python_too() -> None:
    assert re.fullmatch(DECIMAL, "0010")
    assert re.fullmatch(DATETIME, "2026-02-03T10:00:30.25")
