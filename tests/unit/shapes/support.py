"""Shapes and their files in tests."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import pytest

from gateway.errors import ConfigurationError, DocumentError, Problem
from gateway.shapes import columns
from gateway.shapes.model import Shape, parse_shape


def shape(text: str) -> Shape:
    return parse_shape(text, "test.yaml")


def faults(text: str) -> list[str]:
    """What is said of a shape file that is wrong."""
    with pytest.raises(ConfigurationError) as caught:
        shape(text)
    assert all(one.hint for one in caught.value.problems)
    return [one.message.removeprefix("test.yaml: ") for one in caught.value.problems]


def read(used: Shape, data: bytes | str) -> list[dict[str, Any]]:
    return list(
        columns.read(used, io.BytesIO(data if isinstance(data, bytes) else data.encode(used.encoding)))
    )


def read_problems(used: Shape, data: bytes | str) -> list[Problem]:
    with pytest.raises(DocumentError) as caught:
        read(used, data)
    assert all(one.message and one.hint for one in caught.value.problems)
    return list(caught.value.problems)


def written(used: Shape, documents: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(columns.write(used, documents))


def write_problems(used: Shape, document: dict[str, Any]) -> list[Problem]:
    with pytest.raises(DocumentError) as caught:
        written(used, [document])
    assert all(one.message and one.hint for one in caught.value.problems)
    return list(caught.value.problems)
