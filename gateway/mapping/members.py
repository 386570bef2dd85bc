"""The forms of JSON bodies: which members an object has, and what each may hold.

They are to a body what a guide is to a transaction set, and stand in ``schemas/<api>/<file>.yaml``: the name
of an object, and below it a line for each member. ``name!`` is mandatory. A form is ``text``, ``text 1..30``,
``text /[A-Z]{2}/``, ``enum A B``, ``int``, ``int 1..``, ``number``, ``bool``, ``decimal`` (a text), ``decimal
positive``, ``time``, ``window`` (two times as ``start--end``), the name of an object, or one of these in
brackets for a list. Pydantic models that refuse everything else are made of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

from gateway.errors import GuideError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Path = tuple[str | int, ...]
"""Members and places in lists, from a body down."""

SCALARS = ("text", "enum", "int", "number", "bool", "decimal", "time", "window")

_DAY = r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME = rf"{_DAY}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?(Z|[+-][0-9]{{2}}:[0-9]{{2}})"
_DECIMAL = r"(0|[1-9][0-9]*)(\.[0-9]+)?"
_FORMS = {
    "decimal": (rf"-?{_DECIMAL}([eE][+-]?[0-9]+)?", 'a decimal number as text, such as "12.50"'),
    "decimal positive": (rf"(?!0(\.0+)?$){_DECIMAL}", 'a decimal number above zero as text, such as "12.50"'),
    "time": (_TIME, "a time with its zone, such as 2026-03-02T16:30:00Z"),
    "window": (f"{_TIME}--{_TIME}", "two times joined by --"),
}
_SPEC = re.compile(r"(text|int)(?: +/(.+)/| +([0-9]*)\.\.([0-9]*))?")
_MAX_TEXT = 2000


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an object, or what stands in a list.

    Attributes:
        kind: one of :data:`SCALARS`, or ``object``.
        spec: the form as stated, without brackets.
        of: the object's name; empty for scalars.
    """

    spec: str
    required: bool = False
    is_list: bool = False
    kind: str = field(init=False)
    of: str = field(init=False)

    def __post_init__(self) -> None:
        word = self.spec.partition(" ")[0]
        object.__setattr__(self, "kind", word if word in SCALARS else "object")
        object.__setattr__(self, "of", self.spec if self.kind == "object" else "")

    @property
    def words(self) -> str:
        """What it holds, for people."""
        if self.kind == "enum":
            return f"one of {', '.join(self.spec.split()[1:])}"
        if self.spec in _FORMS:
            return _FORMS[self.spec][1]
        kind, _, limit = self.spec.partition(" ")
        what = {"text": "text", "int": "a whole number", "bool": "true or false", "number": "a number"}
        if limit.startswith("/"):
            return f"text of the form {limit.strip('/')}"
        least, _, most = limit.partition("..")
        unit = " characters" * (kind == "text")
        limits = f" of {least}{f' to {most}' if most else ' or more'}{unit}" if limit else ""
        return what.get(kind, "an object") + limits


@dataclass(frozen=True)
class Forms:
    """The objects of one file.

    Raises:
        GuideError: a line has none of the forms.
    """

    objects: Mapping[str, Mapping[str, Member]] = field(default_factory=dict)

    def member(self, owner: str, path: tuple[str, ...]) -> Member | None:
        """The member at a path of names below an object; None where there is none."""
        found = None
        for name in path:
            found = self.objects.get(owner, {}).get(name)
            if found is None:
                return None
            owner = found.of
        return found

    @cached_property
    def models(self) -> dict[str, type[Any]]:
        """The pydantic models of all objects."""
        from pydantic import ConfigDict, create_model

        config = ConfigDict(extra="forbid", strict=True, regex_engine="python-re")
        made: dict[str, type[Any]] = {}
        for name, members in self.objects.items():
            fields: dict[str, Any] = {}
            for key, member in members.items():
                kind = _annotation(member)
                fields[key] = (kind, ...) if member.required else (kind, None)
            made[name] = create_model(name, __config__=config, **fields)
        for model in made.values():
            model.model_rebuild(_types_namespace=made)
        return made

    @cached_property
    def _adapters(self) -> dict[str, TypeAdapter[Any]]:
        return {}

    def fits(self, member: Member, value: Any) -> bool:
        """Whether a single value is what the member may hold."""
        from pydantic import ConfigDict, TypeAdapter, ValidationError

        if member.spec not in self._adapters:
            config = ConfigDict(strict=True, regex_engine="python-re")
            self._adapters[member.spec] = TypeAdapter(_annotation(Member(member.spec)), config=config)
        try:
            self._adapters[member.spec].validate_python(value)
        except ValidationError:
            return False
        return True

    def faults(self, name: str, body: Any) -> Iterator[tuple[str, Path, Any, str]]:
        """Everything in which a body is not of a form.

        Yields:
            What it is (``missing``, ``unknown`` or ``value``), where, the value, and what is needed there.
        """
        from pydantic import ValidationError

        try:
            self.models[name].model_validate(body)
        except ValidationError as error:
            for found in error.errors(include_url=False, include_context=False):
                path = tuple(found["loc"])
                names = tuple(part for part in path if isinstance(part, str))
                member = self.member(name, names)
                kind = {"missing": "missing", "extra_forbidden": "unknown"}.get(found["type"], "value")
                words = "" if member is None else member.words
                if member is not None and member.is_list and not (path and isinstance(path[-1], int)):
                    words = "a list that is not empty"
                yield kind, path, found["input"], words


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("no number")
    return value


def _annotation(member: Member) -> Any:
    """The type of a member for pydantic."""
    from typing import Literal

    from pydantic import Field, PlainValidator, StrictBool, StrictInt, StringConstraints

    kind: Any
    if member.kind == "object":
        kind = member.of  # a forward reference
    elif member.kind == "enum":
        kind = Literal[tuple(member.spec.split()[1:])]
    elif member.spec in _FORMS:
        kind = Annotated[str, StringConstraints(pattern=f"^{_FORMS[member.spec][0]}$", max_length=_MAX_TEXT)]
    elif member.kind in ("bool", "number"):
        kind = StrictBool if member.kind == "bool" else Annotated[Any, PlainValidator(_number)]
    else:
        match = _SPEC.fullmatch(member.spec)
        assert match is not None
        least, most = (int(one) if one else None for one in match.groups()[2:])
        if match[1] == "int":
            kind = Annotated[StrictInt, Field(ge=least, le=most)]
        else:
            pattern = f"^{match[2]}$" if match[2] else None
            kind = Annotated[
                str, StringConstraints(pattern=pattern, min_length=least or 1, max_length=most or _MAX_TEXT)
            ]
    if member.is_list:
        return Annotated[list[kind], Field(min_length=int(member.required))]
    return kind


def parse_forms(text: bytes, name: str) -> Forms:
    """Reads a file of forms.

    Raises:
        GuideError: it is not YAML, or a line has none of the forms.
    """
    import yaml

    objects: dict[str, dict[str, Member]] = {}
    try:
        stated = yaml.safe_load(text)
        for owner, members in stated.items():
            for key, spec in members.items():
                one = Member(spec.strip("[]"), key.endswith("!"), spec.startswith("["))
                objects.setdefault(owner, {})[key.removesuffix("!")] = one
    except (yaml.YAMLError, AttributeError) as error:
        raise GuideError(f"{name} is no file of forms: {' '.join(str(error).split())}") from None
    for owner, members in objects.items():
        for key, member in members.items():
            is_plain = member.spec in (*_FORMS, "bool", "number") or _SPEC.fullmatch(member.spec)
            if not is_plain and member.kind != "enum" and member.of not in objects:
                raise GuideError(f"{name}: {owner}.{key} has no form: {member.spec!r}")
    return Forms(objects)
