"""Whole documents of every type, drawn from the models alone: every optional part comes up.

They are right by their model, not by a mapping: a guide may have shorter fields and other codes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from random import Random
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from hypothesis import strategies as st
from pydantic import BaseModel, StringConstraints
from pydantic.fields import FieldInfo

from gateway.documents import model_for
from gateway.documents.common import Extension, OpenKeys
from gateway.documents.values import DATE, DATETIME, DECIMAL

_parser: Any = import_module("re._parser")

PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 .,-/&#'()+"
"""Characters that every shape of a document can hold."""
WILD = PLAIN + "<>\"';|*~^=@\t\n\r\u00a0\u00e9\u20ac\u2028\U0001f4e6%:\\{}[]"

DEEPEST = 12
"""Levels of objects inside each other, in a model that holds itself."""


def documents(
    document_type: str, *, alphabet: str = PLAIN, share: float | None = None
) -> st.SearchStrategy[dict[str, Any]]:
    """Documents of a type as JSON values, right by their model.

    Args:
        alphabet: characters of plain texts; a text neither begins nor ends with a blank.
        share: how many of the optional fields are filled, from 0 to 1; by default different from one document
            to the next. With 1 every field is there, and every list has an entry.
    """
    shares = st.sampled_from((0.0, 0.05, 0.15, 0.3, 1.0)) if share is None else st.just(share)

    def drawn(seed: int, some: float) -> dict[str, Any]:
        return Draft(Random(seed), alphabet, some).model(model_for(document_type), ())

    return st.builds(drawn, st.integers(0, 2**32), shares)


@dataclass
class Draft:
    """Draws values of annotations by a plain generator: whole documents need thousands of choices."""

    choices: Random
    alphabet: str
    share: float

    def model(self, model: type[BaseModel], around: tuple[type[BaseModel], ...]) -> dict[str, Any]:
        if issubclass(model, Extension):
            return self.extension()
        inside = (*around, model)
        found: dict[str, Any] = {}
        # A model inside itself, or inside its kin, ends sooner, so that trees stay small.
        kin = sum(issubclass(one, model) or issubclass(model, one) for one in around)
        share = self.share / 8**kin if len(inside) < DEEPEST else 0
        for name, field in model.model_fields.items():
            if field.is_required() or self.choices.random() < share:
                found[name] = self.value(_whole(field), inside)
        if issubclass(model, OpenKeys):
            if self.choices.random() < self.share:
                found[self.choices.choice(("PR", "2F", "ZZ", "A1", "0B"))] = self.text()
            found = found or {next(iter(model.model_fields)): self.text()}
        elif not found:
            name, field = next(iter(model.model_fields.items()))
            found[name] = self.value(_whole(field), inside)
        return found

    def value(self, annotation: Any, inside: tuple[type[BaseModel], ...]) -> Any:
        annotation, constraints = _stripped(annotation)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return self.model(annotation, inside)
        arguments = [one for one in get_args(annotation) if one not in (NoneType, ...)]
        origin = get_origin(annotation)
        if origin in (Union, UnionType):
            return self.value(self.choices.choice(arguments), inside)
        if origin is Literal:
            return self.choices.choice(arguments)
        if origin is tuple:
            sizes = (1, 1, 2, 3) if len(inside) < 3 else (1, 1, 1, 1, 2)  # whole trees must stay small
            return [self.value(arguments[0], inside) for _ in range(self.choices.choice(sizes))]
        if annotation is bool:
            return self.choices.random() < 0.5
        if annotation is int:
            return self.choices.choice((0, 1, 7, 30, 999_999))
        assert annotation is str, annotation
        patterns = (one.pattern for one in constraints if isinstance(one, StringConstraints))
        pattern = next(filter(None, patterns), None)
        if pattern is None:
            return self.text()
        known = PATTERNS.get(str(pattern))
        return known(self.choices) if known else matching(str(pattern), self.choices)

    def text(self) -> str:
        letters = "".join(self.choices.choices(self.alphabet, k=self.choices.choice((1, 2, 3, 8, 20))))
        return letters.strip() or "x"

    def extension(self) -> dict[str, Any]:
        def element() -> Any:
            return self.choices.choice((self.text(), "", [self.text(), ""], ["", self.text()]))

        kinds: tuple[dict[str, Any], ...] = (
            {"elements": ["TD1", *(element() for _ in range(3))]},
            {"value": element()},
            {"field": "customer_ref"},
            {"absent": True},
        )
        return {"address": f"TD1[{self.choices.randint(1, 9)}]"} | self.choices.choice(kinds)


@dataclass(frozen=True)
class _Marked:
    """An annotation with a constraint that pydantic took off its outside."""

    inner: Any
    constraint: Any


def _whole(field: FieldInfo) -> Any:
    annotation: Any = field.annotation
    for one in field.metadata:
        annotation = _Marked(annotation, one)
    return annotation


def _stripped(annotation: Any) -> tuple[Any, list[Any]]:
    """An annotation without ``Annotated``, and the constraints that stood around it."""
    constraints: list[Any] = []
    while True:
        if isinstance(annotation, _Marked):
            constraints.append(annotation.constraint)
            annotation = annotation.inner
        elif hasattr(annotation, "__metadata__"):
            constraints += annotation.__metadata__
            annotation = annotation.__origin__
        else:
            return annotation, constraints


def _date(choices: Random) -> str:
    return f"{choices.randint(1990, 2060)}-{choices.randint(1, 12):02d}-{choices.randint(1, 28):02d}"


def _datetime(choices: Random) -> str:
    clock = f"T{choices.randint(0, 23):02d}:{choices.randint(0, 59):02d}:{choices.randint(0, 59):02d}.25"
    return _date(choices) + clock[: choices.choice((0, 6, 9, 11, 12))]


def matching(pattern: str, choices: Random) -> str:
    """A text of the form of a pattern."""
    return _matching(_parser.parse(pattern), choices)


def _matching(parsed: Any, choices: Random) -> str:
    """A text that matches a parsed pattern; it knows the operations that models use."""
    text = ""
    for operation, given in parsed:
        match str(operation):
            case "LITERAL":
                text += chr(given)
            case "IN":
                kind, what = choices.choice(given)
                text += chr(choices.randint(*what) if str(kind) == "RANGE" else what)
            case "MAX_REPEAT":
                least, most, inner = given
                text += "".join(
                    _matching(inner, choices) for _ in range(choices.randint(least, min(most, least + 3)))
                )
            case "SUBPATTERN":
                text += _matching(given[-1], choices)
            case "BRANCH":
                text += _matching(choices.choice(given[1]), choices)
            case other:
                assert other == "AT", other
    return text


# What a pattern alone does not say: real days, and numbers that people write.
PATTERNS: dict[str, Callable[[Random], str]] = {
    DATE: _date,
    DATETIME: _datetime,
    DECIMAL: lambda choices: choices.choice(("0", "5", "12.50", "-3.7", ".5", "7.", "1000000", "0.001")),
}
