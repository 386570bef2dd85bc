"""Parts of the reference that are made from the code: settings, and endpoints of an OpenAPI description."""

from __future__ import annotations

import inspect
import re
import types
from collections import Counter
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date
from typing import Any, Union, get_args, get_origin, get_type_hints

from gateway.gateway_settings import GatewaySettings
from gateway.gateway_settings import Profile as ErpProfile
from gateway.notify.rules import Alerts
from gateway.partners.calendar import When
from gateway.partners.partner import Partner
from gateway.reconciliation.profile import Profile as Reconciliation
from gateway.routing.table import Routes
from gateway.rules.own import OwnRule
from gateway.rules.profile import RuleProfile

FILES: dict[str, type[Any]] = {
    "gateway.yaml": GatewaySettings,
    "partners/*.yaml": Partner,
    "routes.yaml": Routes,
    "alerts.yaml": Alerts,
    "config/erp/*.yaml": ErpProfile,
    "config/rules/*.yaml": RuleProfile,
    "config/reconciliation/*.yaml": Reconciliation,
}
SHARED = {When: "times", OwnRule: "rule of one's own"}
"""Titles of kinds whose name is not what people call them."""

_SIMPLE = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "`true` or `false`",
    Any: "anything",
    date: "day",
}


def meanings(kind: type[Any]) -> dict[str, str]:
    """What the docstring of a class says of its fields: ``a, b: words. c: words.``"""
    found: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        text = inspect.cleandoc(one.__dict__.get("__doc__") or "").partition("Raises:")[0]
        names = "|".join(field.name for field in fields(kind))
        text = " ".join(text.replace("Attributes:", " ").split())
        parts = re.split(rf"(?:^|(?<=[.;] ))((?:{names})(?:, (?:{names}))*): ", text)
        for given, words in zip(parts[1::2], parts[2::2], strict=True):
            found |= dict.fromkeys(given.split(", "), words.strip().rstrip(".;").replace("``", "`"))
    return found


def kinds_within(hint: Any) -> Iterator[type[Any]]:
    """The classes of settings that a type speaks of."""
    if is_dataclass(hint):
        yield hint  # type: ignore[misc]
    for one in get_args(hint):
        yield from kinds_within(one)


def written_fields(kind: type[Any]) -> list[tuple[Field[Any], Any]]:
    """The fields of a class that are written in a file, with their types."""
    hints = get_type_hints(kind)
    return [(one, hints[one.name]) for one in fields(kind) if (kind, one.name) != (Partner, "id")]


def shared_kinds() -> list[type[Any]]:
    """Kinds that stand in several places."""
    places: Counter[type[Any]] = Counter()
    waiting, seen = list(FILES.values()), set[type[Any]]()
    while waiting:
        kind = waiting.pop(0)
        if kind in seen:
            continue
        seen.add(kind)
        within = [one for _, hint in written_fields(kind) for one in kinds_within(hint)]
        places.update(within)
        waiting += within
    return sorted((one for one, count in places.items() if count > 1), key=title)


def title(kind: type[Any]) -> str:
    """What people call a kind of settings."""
    return SHARED.get(kind, re.sub(r"(?<!^)(?=[A-Z])", " ", kind.__name__).lower())


def type_words(hint: Any) -> str:
    """A type in words."""
    arguments = [one for one in get_args(hint) if one is not types.NoneType and one is not ...]
    if is_dataclass(hint):
        named = title(hint)  # type: ignore[arg-type]
        return f"[{named}](#{_anchor(named)})" if hint in shared_kinds() else "part"
    if get_origin(hint) in (Union, types.UnionType):
        return " or ".join(type_words(one) for one in arguments)
    if get_origin(hint) is tuple:
        return f"list of {type_words(arguments[0])}".replace("list of part", "list of parts")
    if get_origin(hint) is dict or str(hint).startswith("typing.Mapping"):
        return f"{type_words(arguments[1])} by name"
    return _SIMPLE[hint]


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def default_words(field: Field[Any], hint: Any) -> str:
    """The default of a field, as it would be written."""
    value = field.default_factory() if field.default_factory is not MISSING else field.default
    if value is MISSING:
        return "needed"
    if value is None or value in ("", (), {}) or is_dataclass(value):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return "`[" + ", ".join(map(str, value)) + "]`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def row(*cells: str) -> str:
    """A row of a table."""
    escaped = (" ".join(one.replace("|", "\\|").split()) for one in cells)
    return f"| {' | '.join(escaped)} |"


def rows(kind: type[Any], prefix: str = "") -> Iterator[str]:
    """The table rows of a kind, parts below it included."""
    said, shared = meanings(kind), shared_kinds()
    for field, hint in written_fields(kind):
        name = f"{prefix}{field.name}"
        parts = list(kinds_within(hint))
        about = said.get(field.name, "")
        if parts and list(said.values()).count(about) != 1:  # nothing, or of several at once
            about = " ".join(inspect.cleandoc(parts[0].__doc__ or "").partition("\n\n")[0].split())
            about = about.partition(". ")[0].rstrip(".").replace("``", "`")
        assert about, f"{kind.__module__}.{kind.__name__}.{field.name}: its docstring says nothing of it"
        cells = (f"`{name}`", type_words(hint), default_words(field, hint), about)
        yield row(*cells)
        for part in parts:
            if part not in shared:
                yield from rows(part, f"{name}{'[]' if get_origin(hint) is tuple else ''}.")


def setting_table() -> str:
    """Every setting of every file, with type, default and meaning."""
    lines: list[str] = []

    def table(heading: str, kind: type[Any]) -> None:
        head = ["| setting | type | default | meaning |", "| --- | --- | --- | --- |"]
        lines.extend([heading, "", *head, *rows(kind), ""])

    for file, kind in FILES.items():
        table(f"## `{file}`", kind)
    lines += ["## Parts that stand in several places", ""]
    for kind in shared_kinds():
        table(f"### {title(kind).capitalize()}", kind)
    return "\n".join(lines) + "\n"


# --- endpoints -------------------------------------------------------------------------------------------

METHODS = ("get", "post", "put", "patch", "delete")


def endpoints(api: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each operation of an OpenAPI description, as ``GET /path``; parameters of its path are its own."""
    for path, item in api.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                shared = item.get("parameters", [])
                own = item[method]
                yield f"{method.upper()} {path}", own | {"parameters": [*shared, *own.get("parameters", [])]}


def resolved(api: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    """What a ``$ref`` inside the description leads to."""
    while "$ref" in one:
        found: Any = api
        for step in one["$ref"].removeprefix("#/").split("/"):
            found = found[step.replace("~1", "/").replace("~0", "~")]
        one = found
    return one


def schema_words(schema: dict[str, Any]) -> str:
    """A JSON Schema in a few words; objects that have a name as a link to it."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{_anchor(name)})"
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return " or ".join(dict.fromkeys(map(schema_words, schema[key])))
    if "enum" in schema:
        return " or ".join(f"`{one}`" for one in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    kind = schema.get("type", "anything")
    if isinstance(kind, list):
        return " or ".join(schema_words(schema | {"type": one}) for one in kind)
    if kind == "array":
        return f"list of {schema_words(schema.get('items', {}))}"
    words = {"string": "text", "integer": "whole number", "boolean": "true or false", "null": "null"}
    limits = [f"{say} {schema[key]}" for key, say in _LIMITS.items() if key in schema]
    found = words.get(kind, kind) + (f" ({schema['format']})" if "format" in schema else "")
    return ", ".join([found, *limits])


_LIMITS = {"minimum": "from", "maximum": "to", "maxLength": "length at most", "maxItems": "at most"}


def _content(api: dict[str, Any], one: dict[str, Any]) -> str:
    found = resolved(api, one).get("content", {})
    return "; ".join(f"`{kind}`: {schema_words(body.get('schema', {}))}" for kind, body in found.items())


def api_table(api: dict[str, Any]) -> str:
    """All endpoints of an OpenAPI 3.1 description by their tags, then the objects they speak of."""
    lines: list[str] = []
    by_tag: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for name, one in endpoints(api):
        by_tag.setdefault((one.get("tags") or ["other"])[0], []).append((name, one))
    for tag, found in by_tag.items():
        lines += [f"## {tag.capitalize()}", ""]
        for name, one in found:
            lines += [f"### `{name}`", ""]
            about = [one.get("summary", "").rstrip("."), one.get("description", "").strip()]
            lines += [". ".join(part for part in dict.fromkeys(about) if part), ""]
            if parameters := [resolved(api, each) for each in one["parameters"]]:
                lines += ["| parameter | in | type | meaning |", "| --- | --- | --- | --- |"]
                lines += [
                    row(
                        f"`{each['name']}`{' (needed)' if each.get('required') else ''}",
                        each["in"],
                        schema_words(each.get("schema", {})),
                        each.get("description", ""),
                    )
                    for each in parameters
                ]
                lines.append("")
            lines += ["| | content | meaning |", "| --- | --- | --- |"]
            if "requestBody" in one:
                lines.append(row("body", _content(api, one["requestBody"]), ""))
            for status, response in one.get("responses", {}).items():
                answer = resolved(api, response)
                lines.append(row(status, _content(api, answer), answer.get("description", "")))
            lines.append("")
    schemas = api.get("components", {}).get("schemas", {})
    if schemas:
        lines += ["## Objects", ""]
    for name, schema in schemas.items():
        lines += [f"### {name}", "", *filter(None, [" ".join(schema.get("description", "").split())]), ""]
        members, needed = schema.get("properties", {}), schema.get("required", ())
        if members:
            lines += ["| member | type | meaning |", "| --- | --- | --- |"]
        else:
            lines += [f"{schema_words(schema)}."]
        for key, one in members.items():
            about = one.get("description", "") or resolved(api, one).get("description", "").partition(". ")[0]
            lines.append(row(f"`{key}`{' (needed)' if key in needed else ''}", schema_words(one), about))
        lines.append("")
    return "\n".join(lines) + "\n"
