"""The fields of a document type as paths, for the check of a mapping."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args, get_origin

from pydantic import BaseModel

from gateway.documents import model_for
from gateway.documents.common import Document


def field_paths(document_type: str) -> frozenset[str]:
    """The fields a mapping may fill, such as ``lines[].quantity.value``; without envelope and extensions.

    Raises:
        NotFoundError: there is no such document type.
    """
    return frozenset(_paths(model_for(document_type), ""))


def _paths(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if name == "extensions" or (not prefix and name in Document.model_fields):
            continue
        path = prefix + name + ("[]" if _is_list(field.annotation) else "")
        inner = inner_model(field.annotation)
        if inner is None or path.endswith("[]"):
            yield path
        if inner is not None:
            yield from _paths(inner, f"{path}.")


def inner_model(annotation: object) -> type[BaseModel] | None:
    """The model inside an annotation such as ``tuple[Line, ...] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(inner_model, get_args(annotation))), None)


def _is_list(annotation: object) -> bool:
    return get_origin(annotation) is tuple or any(map(_is_list, get_args(annotation)))
