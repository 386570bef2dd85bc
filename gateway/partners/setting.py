"""What makes a class one that is read from a file of settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_T = TypeVar("_T")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def setting(cls: type[_T]) -> type[_T]:
    """A frozen dataclass that is read from a file of settings, where keys nobody knows are errors."""
    made = dataclass(frozen=True, slots=True, kw_only=True)(cls)
    setattr(made, "__pydantic_config__", {"extra": "forbid"})  # noqa: B010 - no attribute of every class
    return made


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    """What reads values of such a class, or of another type; to make one takes some milliseconds."""
    from pydantic import TypeAdapter  # many commands read no settings

    return TypeAdapter(kind)
