"""What a mapping does not take, kept in the document beside what it takes (``extensions``).

Every object that stands for a loop or segment may have a list ``extensions``. Its entries are::

    {"address": "TD1[2]", "elements": ["TD1", "CTN25", "3"]}   a segment that no rule takes
    {"address": "PO1/PO115", "value": "x"}      an element no rule takes, or the exact text of one
    {"address": "REF[1]", "field": "deal_code"} a segment that stood elsewhere than it is written
    {"address": "CTT", "absent": true}          a segment that would be written, but was not sent

Addresses are relative to the loop of the object. ``[n]`` counts the segments of one place, or the loops of
one kind, from 1; it is left out where there can be only one.
"""

from __future__ import annotations

import re
from typing import Any

COMPONENT = "\x1f"
"""Stands for the component separator while a set is read; it cannot occur in data."""

REPETITION = "\x1e"
"""Stands for the repetition separator while a set is read."""

_STEP = re.compile(r"([A-Z][A-Z0-9]{1,2})(?:\[([1-9][0-9]{0,8})\])?")


def keep_segment(container: dict[str, Any], address: str, parts: list[str]) -> None:
    """Keeps a whole segment."""
    while parts and not parts[-1]:
        parts.pop()
    elements = [_part(part) for part in parts]
    container.setdefault("extensions", []).append({"address": address, "elements": elements})


def keep_value(container: dict[str, Any], address: str, ref: str, value: str) -> None:
    """Keeps one element (or component) of a segment that a rule has taken.

    A composite is kept as a list, an element that repeats as a list of lists.
    """
    container.setdefault("extensions", []).append({"address": f"{address}/{ref}", "value": _part(value)})


def _part(text: str) -> Any:
    """An element as the extensions keep it; empty components at its end carry nothing."""
    if REPETITION in text:
        return [one.rstrip(COMPONENT).split(COMPONENT) for one in text.split(REPETITION)]
    if COMPONENT not in text:
        return text
    components = text.rstrip(COMPONENT).split(COMPONENT)
    return components if len(components) > 1 else components[0]


def keep_place(container: dict[str, Any], address: str, field: str) -> None:
    """Remembers that the segment of a field stood at another place than the mapping writes it."""
    container.setdefault("extensions", []).append({"address": address, "field": field})


def component_of(text: str, component: int) -> str:
    """A component of an element, 0 for all of it; of an element that repeats the first stands for it."""
    first = text.partition(REPETITION)[0]
    if not component:
        return first
    parts = first.split(COMPONENT)
    return parts[component - 1] if component <= len(parts) else ""


def absent_addresses(document: dict[str, Any]) -> set[str]:
    """The addresses of what would be written, but was not sent."""
    kept = document.get("extensions")
    entries = (one for one in (kept if isinstance(kept, list) else ()) if isinstance(one, dict))
    return {str(one.get("address")) for one in entries if one.get("absent") is True}


def ref(segment: str, element: int, component: int) -> str:
    """The reference of an element as extensions write it: ``CTP05.1``."""
    return f"{segment}{element:02d}" + (f".{component}" if component else "")


def steps(address: str) -> list[tuple[str, int]] | None:
    """An address as (segment id, occurrence) steps; None if it is not of that form."""
    found = []
    for part in address.split("/"):
        match = _STEP.fullmatch(part)
        if match is None:
            return None
        found.append((match[1], int(match[2] or 1)))
    return found


def get(container: dict[str, Any], path: tuple[str, ...]) -> Any:
    """The value at a path, None where there is none."""
    found: Any = container
    for key in path:
        if not isinstance(found, dict):
            return None
        found = found.get(key)
    return found


def put(container: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Sets the value at a path, making the objects on the way."""
    for key in path[:-1]:
        container = container.setdefault(key, {})
    container[path[-1]] = value


def append(container: dict[str, Any], path: tuple[str, ...], item: Any) -> None:
    """Adds an item to the list at a path, making the list and the objects on the way."""
    for key in path[:-1]:
        container = container.setdefault(key, {})
    container.setdefault(path[-1], []).append(item)
