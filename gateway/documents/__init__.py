"""The internal JSON documents, one model a document type.

Importing this package is cheap: a model, and pydantic with it, is loaded when it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

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
    """

    set_id: str
    module: str
    number: str
    unique: bool = False


KINDS = {
    "purchase_order": Kind("850", "orders", "po_number", unique=True),
    "purchase_order_acknowledgment": Kind("855", "orders", "po_number"),
    "purchase_order_change": Kind("860", "orders", "po_number"),
    "purchase_order_change_acknowledgment": Kind("865", "orders", "po_number"),
    "ship_notice": Kind("856", "logistics", "shipment_id", unique=True),
    "invoice": Kind("810", "payments", "invoice_number", unique=True),
    "remittance_advice": Kind("820", "payments", "remittance_id"),
    "inventory_advice": Kind("846", "logistics", "advice_number"),
    "application_advice": Kind("824", "answers", "advice_number"),
    "text_message": Kind("864", "answers", ""),
    "functional_acknowledgment": Kind("997", "answers", ""),
}
"""All types."""


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
