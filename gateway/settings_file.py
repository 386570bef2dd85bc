"""A file of settings: read, told what is wrong with it by its lines, and changed with its comments kept.

Scalars stay the text they are (``00401`` and ``0012345`` are identifiers, not numbers), apart from
``true``, ``false`` and ``null``; each setting then says what type it needs. Keys nobody knows are errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, cast, get_args, get_type_hints

import yaml
from pydantic import ValidationError

from gateway.errors import Fault, Level, Problem, Severity
from gateway.partners.setting import adapter

_T = TypeVar("_T")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def plain(text: str, lines: dict[tuple[Any, ...], int] | None = None) -> dict[str, Any]:
    """What a file of settings says, unchecked; ``lines`` gets the line of every key.

    Raises:
        ValueError, yaml.YAMLError: it is not written as settings are.
    """
    try:
        data = _plain(yaml.compose(text, Loader=_LOADER), (), {} if lines is None else lines)
    except RecursionError:
        raise ValueError("line 1: nothing in settings has so many levels") from None
    if not isinstance(data, dict):
        raise ValueError("line 1: settings are written as `name: value`, one a line")
    return data


def edited(text: str, new: Mapping[str, Any]) -> str:
    """A file of settings changed to say something else; what stays, stays as it is, with its comments."""

    def written(said: Mapping[str, Any]) -> str:
        def line(name: str, value: Any) -> str:
            flow = None if isinstance(value, dict | list) else False  # only what is inside stands in a line
            return str(yaml.safe_dump({name: value}, sort_keys=False, width=100, default_flow_style=flow))

        return "".join(line(*one) for one in said.items())

    old, wanted = plain(text), plain(written(new))
    node: Any = yaml.compose(text, Loader=_LOADER)
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    end = len(lines)
    for key, _ in reversed(node.value if node else ()):
        begin, stop = key.start_mark.line, end
        while stop > begin + 1 and (not lines[stop - 1].strip() or lines[stop - 1].startswith("#")):
            stop -= 1  # comments before the next key are of that
        if key.value not in new or old[key.value] != wanted[key.value]:
            lines[begin:stop] = [written({key.value: new[key.value]})] if key.value in new else []
        end = begin
    result = "".join(lines) + written({name: value for name, value in new.items() if name not in old})
    try:
        return result if plain(result) == wanted else written(new)
    except (yaml.YAMLError, ValueError):  # several on a line, or anchors
        return written(new)


def read_file(
    path: Path, shown: str, model: type[_T], problems: list[Problem], text: str | None = None, **given: str
) -> _T | None:
    """One file, or a text in its place, as a checked value; or None with its problems added."""
    lines: dict[tuple[Any, ...], int] = {}
    try:
        data = plain(path.read_text("utf-8") if text is None else text, lines)
    except (yaml.YAMLError, OSError, ValueError) as error:
        problems.append(mistake(f"{shown}: {' '.join(str(error).split())}", "Correct the YAML."))
        return None
    if wrong := [key for key in given if key in data]:
        problems.append(mistake(f"{shown}: {wrong[0]} is the name of the file, and not written in it."))
        return None
    if alone := isinstance(data.get("sftp"), dict):  # one server need not be a list
        data["sftp"] = [data["sftp"]]
    try:
        found: _T = adapter(cast("Any", model)).validate_python({**data, **given})
        return found
    except ValidationError as error:
        for one in error.errors():
            where = tuple(one["loc"])
            where = ("sftp", *where[2:]) if alone and where[:1] == ("sftp",) else where
            line = next((lines[where[:n]] for n in range(len(where), -1, -1) if where[:n] in lines), 1)
            problems.append(explained(shown, line, where, one["type"], one["msg"], model))
        return None


def _plain(node: yaml.Node | None, at: tuple[Any, ...], lines: dict[tuple[Any, ...], int]) -> Any:
    """The value of a YAML node; fills ``lines`` with the line of every key."""
    if node is None:
        return None
    lines.setdefault(at, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in result:
                raise ValueError(f"line {key_node.start_mark.line + 1}: {key!r} is given twice")
            lines[(*at, key)] = key_node.start_mark.line + 1
            result[key] = _plain(value_node, (*at, key), lines)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*at, index), lines) for index, item in enumerate(node.value)]
    text = str(node.value)
    return text if getattr(node, "style", None) in ("'", '"', "|", ">") else _WORDS.get(text, text)


def explained(
    shown: str, line: int, where: tuple[Any, ...], kind: str, text: str, model: type[Any]
) -> Problem:
    """A finding of pydantic in words for the person who wrote the file."""
    name = ".".join(str(part + 1) if isinstance(part, int) else str(part) for part in where)
    start = f"{shown}, line {line}: " if line else f"{shown}: "
    if kind == "unexpected_keyword_argument":
        known = _known(model, where[:-1])
        near = next(iter(get_close_matches(str(where[-1]), known, n=1)), None)
        hint = f"Did you mean {near!r}?" if near else f"Known here: {', '.join(known)}."
        return mistake(f"{start}{name} is not a setting.", hint)
    if kind in ("missing", "missing_keyword_only_argument"):
        return mistake(f"{start}{name} is missing.")
    return mistake(f"{start}{name and f'{name}: '}{text.removeprefix('Value error, ')}.")


def _known(model: Any, where: tuple[Any, ...]) -> list[str]:
    """The names of the settings at a place inside a model."""
    for part in where:
        if isinstance(part, str):
            model = get_type_hints(model).get(part)
        while model is not None and not is_dataclass(model):
            model = next((one for one in get_args(model) if one not in (type(None), ...)), None)
    return [one.name for one in fields(model)] if is_dataclass(model) else []


def mistake(message: str, hint: str = "") -> Problem:
    """What is wrong with settings, as a problem."""
    return Problem("CONFIG", Severity.ERROR, Level.FILE, message, hint, fault=Fault.CONFIGURATION)
