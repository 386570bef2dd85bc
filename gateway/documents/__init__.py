"""The internal JSON documents, one model a document type.

Importing this package is cheap: a model, and pydantic with it, is loaded when it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from gateway.errors import NotFoundError

if TYPE_CHECKING:
    from gateway.documents.common import Document

_MODELS = {
    "functional_acknowledgment": (
        "gateway.documents.functional_acknowledgment",
        "FunctionalAcknowledgment",
    ),
    "purchase_order": ("gateway.documents.purchase_order", "PurchaseOrder"),
    "purchase_order_acknowledgment": (
        "gateway.documents.purchase_order_acknowledgment",
        "PurchaseOrderAcknowledgment",
    ),
    "purchase_order_change": ("gateway.documents.purchase_order_change", "PurchaseOrderChange"),
    "purchase_order_change_acknowledgment": (
        "gateway.documents.purchase_order_change_acknowledgment",
        "PurchaseOrderChangeAcknowledgment",
    ),
    "invoice": ("gateway.documents.invoice", "Invoice"),
    "inventory_advice": ("gateway.documents.inventory_advice", "InventoryAdvice"),
    "application_advice": ("gateway.documents.application_advice", "ApplicationAdvice"),
    "text_message": ("gateway.documents.text_message", "TextMessage"),
}


def document_types() -> tuple[str, ...]:
    """The values of ``document_type`` that have a model."""
    return tuple(_MODELS)


def model_for(document_type: str) -> type[Document]:
    """The model of a document type.

    Raises:
        NotFoundError: there is no such document type.
    """
    if document_type not in _MODELS:
        known = ", ".join(_MODELS)
        raise NotFoundError(f"There is no document type {document_type!r}; known: {known}", code="DOC-KIND")
    module, name = _MODELS[document_type]
    model: type[Document] = getattr(import_module(module), name)
    return model
