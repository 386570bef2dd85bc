"""The fields of a document type as paths, for the check of a mapping."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gateway.documents import model_for
from gateway.documents.common import DATE, DATETIME, DECIMAL, Document

_KINDS = {DECIMAL: "decimal", DATE: "date", DATETIME: "datetime"}


def field_paths(document_type: str) -> dict[str, str]:
    """The fields a mapping may fill, such as ``lines[].quantity.value``; without envelope and extensions.

    Returns:
        The kind of each: ``string``, ``decimal``, ``integer``, ``boolean``, ``date``, ``datetime``; of a list
        that of its values, or ``object``.

    Raises:
        NotFoundError: there is no such document type.
    """
    return dict(_paths(model_for(document_type), ""))


def _paths(
    model: type[BaseModel], prefix: str, around: tuple[type[BaseModel], ...] = ()
) -> Iterator[tuple[str, str]]:
    for name, field in model.model_fields.items():
        if name == "extensions" or (not prefix and name in Document.model_fields):
            continue
        path = prefix + name + ("[]" if _is_list(field.annotation) else "")
        inner = inner_model(field.annotation)
        if inner in around:
            continue  # a tree: a mapping states its lists once, at the root
        if inner is None or path.endswith("[]"):
            yield path, "object" if inner else _kind(field)
        if inner is not None:
            yield from _paths(inner, f"{path}.", (*around, inner))


def _kind(field: FieldInfo) -> str:
    parts = [*_parts(field.annotation), *field.metadata]
    if bool in parts or int in parts:
        return "boolean" if bool in parts else "integer"
    return next(
        (_KINDS[one] for part in parts if (one := getattr(part, "pattern", None)) in _KINDS), "string"
    )


def _parts(annotation: object) -> Iterator[object]:
    yield annotation
    for inner in get_args(annotation):
        yield from _parts(inner)


def inner_model(annotation: object) -> type[BaseModel] | None:
    """The model inside an annotation such as ``tuple[Line, ...] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(inner_model, get_args(annotation))), None)


def _is_list(annotation: object) -> bool:
    return get_origin(annotation) is tuple or any(map(_is_list, get_args(annotation)))
