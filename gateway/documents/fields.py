"""The fields of a document type as paths, for the check of a mapping."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.documents.common import OURS, Document
from gateway.documents.schema import Node, form, kind, resolved


def field_paths(document_type: str) -> dict[str, str]:
    """The fields a mapping may fill, such as ``lines[].quantity.value``; without envelope, extensions and
    what belongs to our own system.

    Returns:
        The kind of each: ``string``, ``decimal``, ``integer``, ``boolean``, ``date``, ``datetime``; of a list
        that of its values, or ``object``.

    Raises:
        NotFoundError: there is no such document type.
    """
    schema = form(document_type)

    def paths(node: Node, prefix: str, around: tuple[Node, ...]) -> Iterator[tuple[str, str]]:
        for name, stated in node["properties"].items():
            is_foreign = name == "extensions" or name.startswith(OURS)
            if is_foreign or (not prefix and name in Document.model_fields):
                continue
            path, inner = prefix + name, resolved(schema, stated)
            if kind(inner) == "array":
                path, inner = f"{path}[]", resolved(schema, inner["items"])
            if any(inner is one for one in around):
                continue  # a tree: a mapping states its lists once, at the root
            if kind(inner) != "object" or path.endswith("[]"):
                yield path, kind(inner)
            if kind(inner) == "object":
                yield from paths(inner, f"{path}.", (*around, inner))

    return dict(paths(schema, "", ()))
