"""The internal JSON documents, one model a document type.

Importing this package is cheap: a model, and pydantic with it, is loaded when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from gateway.errors import NotFoundError

if TYPE_CHECKING:
    from gateway.documents.common import Document


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of document.

    Attributes:
        set_id: the transaction set that carries it.
        module: where its model is; the model's name is that of the type.
        number: the field people know one by; empty if there is none.
        unique: whether a number is given once, so that a second first document of it is a mistake.
        nested: whether keys (:data:`KEYS`) stand in parts of the document too.
    """

    set_id: str
    module: str
    number: str
    unique: bool = False
    nested: bool = False


KINDS = {
    "purchase_order": Kind("850", "orders", "po_number", unique=True),
    "purchase_order_acknowledgment": Kind("855", "orders", "po_number"),
    "purchase_order_change": Kind("860", "orders", "po_number"),
    "purchase_order_change_acknowledgment": Kind("865", "orders", "po_number"),
    "ship_notice": Kind("856", "logistics", "shipment_id", unique=True, nested=True),
    "invoice": Kind("810", "payments", "invoice_number", unique=True, nested=True),
    "remittance_advice": Kind("820", "payments", "remittance_id", nested=True),
    "inventory_advice": Kind("846", "logistics", "advice_number"),
    "application_advice": Kind("824", "answers", "advice_number", nested=True),
    "text_message": Kind("864", "answers", ""),
    "functional_acknowledgment": Kind("997", "answers", ""),
}
"""All types."""

KEYS = {
    "po_number": "po",
    "po_numbers": "po",
    "shipment_id": "shipment",
    "sscc": "sscc",
    "bill_of_lading": "bol",
    "invoice_number": "invoice",
    "document_ref": "invoice",
    "remittance_id": "remittance",
    "advice_number": "advice",
}
"""Fields with numbers by which people look for documents, and which tie those of one order together."""

_REFERENCES = {"invoice": "invoice", "shipment": "shipment"}
"""The same of ``reference_type`` in an application advice."""


def keys_of(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Pairs of kind and number by which a document is found, as ``("po", "4711")``; some come twice."""
    nested = KINDS[str(document["document_type"])].nested
    parts: list[Any] = [document]
    for part in parts:
        if isinstance(part, list):
            parts += part
        elif isinstance(part, dict):
            for name, value in part.items():
                if name in KEYS:
                    numbers = value if isinstance(value, list) else [value]
                    yield from ((KEYS[name], str(one)) for one in numbers if one)
                elif nested and isinstance(value, dict | list):
                    parts.append(value)
            if part.get("reference_type") in _REFERENCES and part.get("reference"):
                yield _REFERENCES[part["reference_type"]], str(part["reference"])


def document_types() -> tuple[str, ...]:
    """The values of ``document_type`` that have a model."""
    return tuple(KINDS)


def model_for(document_type: str) -> type[Document]:
    """The model of a document type.

    Raises:
        NotFoundError: there is no such document type.
    """
    if document_type not in KINDS:
        known = ", ".join(KINDS)
        raise NotFoundError(f"There is no document type {document_type!r}; known: {known}", code="DOC-KIND")
    name = "".join(word.capitalize() for word in document_type.split("_"))
    model: type[Document] = getattr(import_module(f"gateway.documents.{KINDS[document_type].module}"), name)
    return model
