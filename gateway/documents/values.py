"""The types of single values in documents.

Decimals are strings that keep the text as received (``"5"``, ``"5.00"``, ``".5"``); dates are ISO strings. An
absent value is left out: no ``null``, no empty text, list or object.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, StringConstraints
from pydantic_core import PydanticCustomError

DECIMAL = r"^-?([0-9]+\.?[0-9]*|\.[0-9]+)$"
DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
DATETIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,2})?)?)?$"
QUALIFIER = r"^[0-9A-Z]{2,3}$"
"""Keys of open objects that have no name of their own: X12 qualifiers such as ``PR``."""

_T = TypeVar("_T")


def refused(what: str, hint: str) -> PydanticCustomError:
    """An error in the words of :mod:`gateway.documents.validation`."""
    return PydanticCustomError("refused", "{what}", {"what": what, "hint": hint})


def _not_null(value: Any) -> Any:
    if value is None:
        raise refused("is null", "Leave the field out when there is no value.")
    return value


def _not_empty(value: tuple[_T, ...]) -> tuple[_T, ...]:
    if not value:
        raise refused("is an empty list", "Leave the field out when there is nothing to list.")
    return value


def _real(value: str) -> str:
    try:
        datetime.fromisoformat(value.partition(".")[0])
    except ValueError:
        raise refused("is not a real date or time", "Check day, month and time.") from None
    return value


Maybe = Annotated[_T | None, BeforeValidator(_not_null)]
"""An optional field: may be left out, but never ``null``."""

Text = Annotated[str, StringConstraints(min_length=1)]
Code = Annotated[str, StringConstraints(min_length=1)]
"""A name of ours where the code has one, otherwise the X12 code as received."""
Decimal = Annotated[str, StringConstraints(pattern=DECIMAL)]
"""A decimal number as text, exactly as received."""
Date = Annotated[
    str, StringConstraints(pattern=DATE), Field(json_schema_extra={"format": "date"}), AfterValidator(_real)
]
DateTime = Annotated[str, StringConstraints(pattern=DATETIME), AfterValidator(_real)]
"""A date, or a date and a time without zone."""
Count = Annotated[StrictInt, Field(ge=0)]
Many = Annotated[tuple[_T, ...], Field(json_schema_extra={"minItems": 1}), AfterValidator(_not_empty)]
"""A list that is left out when it is empty."""
