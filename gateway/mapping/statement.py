"""What a mapping file states: its YAML, with the file it extends and the shared blocks put in.

A mapping may say ``extends: x12/004010/850`` and state only what differs; a key it states replaces the one of
the base, ``name: ~`` takes it out and says that the set has no place for the field. Rules and code tables
that many mappings share stand in :data:`SHARED` as ``blocks`` and ``codes`` (a mapping may add its own) and
are named by ``$block``, ``use: block`` (several with commas) beside more rules, and ``@codes``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import Any

from gateway.errors import MappingError
from gateway.mapping.problems import nearest

MAX_LENGTH = 1_000_000
MAX_DEPTH = 100
MAX_VALUES = 40_000
"""Characters, nesting and values (aliases and blocks counted each time) of a mapping; hostile files hold
billions."""

SHARED = "x12/blocks"
"""The mapping file whose blocks and codes all others may use; those of JSON bodies have one of their own."""

BODIES = "sp_api"
"""Mappings with a guide ``sp_api/<file>/<object>`` are of JSON bodies."""

Load = Callable[[str], bytes]
"""Gives the bytes of a mapping file by its path below ``mappings/`` without ``.yaml``."""

MISSING = "MAP-MISSING"
"""Code of errors about a base, block or table that there is not."""

_TABLE = re.compile(r"@([a-z][a-z0-9_]*)")


class Stated(dict[str, Any]):
    """A YAML mapping of texts and mappings, other values as ``()``; ``twice`` holds keys that come again.

    ``lines`` has the line of each key; a key that came from another file has none. ``unused`` has the file's
    own code tables and blocks that nothing names.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}
        self.twice: list[tuple[str, int, int]] = []
        self.unused: list[tuple[str, str, int | None]] = []

    def put(self, key: str, value: Any, line: int | None) -> None:
        """Sets a key and its line."""
        if key in self and line:
            self.lines.setdefault(key, line)
        self[key] = value
        if line:
            self.lines[key] = line


def stated(text: str | bytes, load: Load | None = None) -> Stated:
    """What a file states, complete: bases merged, blocks and code tables put in.

    Args:
        text: the file.
        load: where bases and shared blocks come from; without it the file stands alone.

    Raises:
        MappingError: it is too large, or names a base, block or table that there is not.
        yaml.YAMLError: it is not YAML.
    """
    chain = [_parsed(text)]
    while isinstance(base := chain[-1].get("extends"), str):
        if load is None or len(chain) > 5:
            raise MappingError(f"the mapping {base!r} that it extends cannot be had", code=MISSING)
        chain.append(_foreign(_parsed(load(base))))
    guide = next((str(file["guide"]) for file in chain if file.get("guide")), "x12")
    blocks = f"{BODIES}/blocks" if guide.startswith(f"{BODIES}/") else SHARED
    expansion = _Expansion([*reversed(chain)], load, blocks)
    whole = Stated()
    for file in reversed(chain):
        for key, value in file.items():
            if key in ("codes", "blocks"):
                continue
            if key in ("fields", "computed") and isinstance(value, Stated):
                value = expansion.rules(value) if key == "fields" else value
                value = merged(whole[key], value) if isinstance(whole.get(key), Stated) else value
            whole.put(key, value, file.lines.get(key))
    whole.twice = chain[0].twice
    for kind in ("codes", "blocks"):
        if isinstance(own := chain[0].get(kind), Stated):
            whole.unused += [
                (kind, one, own.lines.get(one)) for one in own if (kind, one) not in expansion.used
            ]
    return whole


def shared(load: Load) -> Stated:
    """The file of the shared blocks and code tables as it stands."""
    return _parsed(load(SHARED))


def merged(base: Stated, over: Stated) -> Stated:
    """``base`` with what ``over`` states put in: keys replace, mappings are merged, ``~`` removes."""
    result = Stated()
    for key, value in base.items():
        result.put(key, value, base.lines.get(key))
    result.twice = over.twice
    for key, value in over.items():
        if value is None and (gone := [name for name in result if f"{name}.".startswith(f"{key}.")]):
            for name in gone:
                del result[name]
            result.lines.pop(key, None)  # only what takes nothing out is to be looked at
            result[key] = None
        elif isinstance(value, Stated) and isinstance(result.get(key), Stated):
            result.put(key, merged(result[key], value), over.lines.get(key))
        else:
            result.put(key, value, over.lines.get(key))
    return result


class _Expansion:
    """Puts blocks and code tables where they are named."""

    def __init__(self, files: list[Stated], load: Load | None, shared: str) -> None:
        self._files, self._load, self._shared = files, load, shared
        self._left = MAX_VALUES
        self.used: set[tuple[str, str]] = set()

    @cached_property
    def _known(self) -> dict[str, Stated]:
        """All blocks and code tables; those of later files go before."""
        shared = [] if self._load is None else [_foreign(_parsed(self._load(self._shared)))]
        known = {"blocks": Stated(), "codes": Stated()}
        for file in (*shared, *self._files):
            for kind, before in known.items():
                if isinstance(file.get(kind), Stated):
                    if kind == "codes":
                        _renamed(before, file[kind])
                    known[kind] = merged(before, file[kind])
        return known

    def _named(self, kind: str, name: str, what: str, place: str) -> Stated:
        """A block or code table; MappingError where there is none."""
        self.used.add((kind, name))
        found = self._known[kind].get(name)
        if not isinstance(found, Stated):
            near = nearest(name, self._known[kind])
            raise MappingError(f"{place}: there is no {what}{near}", code=MISSING)
        return found

    def rules(self, rules: Stated, around: str = "", depth: int = 0) -> Stated:
        """Rules with everything they name put in."""
        while (used := rules.pop("use", None)) and depth <= MAX_DEPTH:  # blocks may use others
            depth += 1
            for name in reversed(str(used).split(",")):
                rules = merged(self._block(name.strip(), around or "fields", rules.lines.get("use")), rules)
        result = Stated()
        result.twice = list(rules.twice)
        for key, value in rules.items():
            self._left -= 1
            if depth > MAX_DEPTH or self._left < 0:
                raise MappingError("its blocks are nested too deeply, or hold too many values")
            line, place = rules.lines.get(key), f"{around}{key}"
            if isinstance(value, str) and value.startswith("$"):
                value = self._block(value[1:].strip(), place, line)
            if isinstance(value, Stated):
                inner = self.rules(value, f"{place}.", depth + 1)
                if key.endswith("[]"):
                    result.put(key, inner, line)
                else:  # an object: its fields are named a.b
                    for name, rule in inner.items():
                        result.put(f"{key}.{name}", rule, inner.lines.get(name, line))
            else:
                result.put(key, self._tables(value, place) if isinstance(value, str) else value, line)
        return result

    def _block(self, name: str, place: str, line: int | None) -> Stated:
        return _foreign(self._named("blocks", name, f"block {name!r}", place), line)

    def _tables(self, text: str, place: str) -> str:
        def table(match: re.Match[str]) -> str:
            found = self._named("codes", match[1], f"code table @{match[1]}", place)
            return ", ".join(f"{name}={code}" for name, code in found.items() if code is not None)

        return _TABLE.sub(table, text) if "|" in text and "@" in text else text


def _renamed(tables: Stated, over: Stated) -> None:
    """Takes names out of code tables to whose code ``over`` gives another name."""
    for key, table in over.items():
        if isinstance(table, Stated) and isinstance(known := tables.get(key), Stated):
            for name in [name for name, code in known.items() if code in table.values()]:
                del known[name]


def _foreign(node: Stated, line: int | None = None) -> Stated:
    """A copy whose keys stand in another file, so that only the line of its use can be told."""
    result = Stated()
    for key, value in node.items():
        stated = _foreign(value, line) if isinstance(value, Stated) else value
        result.put(key, stated, None if value is None else line)
    return result


def _parsed(text: str | bytes) -> Stated:
    import yaml  # a check alone needs no mapping, and this import is a tenth of its start-up

    text = text.decode("utf-8-sig") if isinstance(text, bytes) else text
    depth = deepest = 0
    for mark in re.findall(r"[\[\]{}]", text):
        depth += 1 if mark in "[{" else -1
        deepest = max(deepest, depth)
    # The loader in C ends the process where a file is nested very deeply.
    if (
        len(text) > MAX_LENGTH
        or deepest > MAX_DEPTH
        or re.search(rf"^[ ?:-]{{{MAX_DEPTH}}}", text, re.MULTILINE)
    ):
        raise MappingError("it is too large or nested too deeply")
    node = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    if not isinstance(node, yaml.MappingNode):
        raise MappingError("'name: value' pairs are needed")
    found: Stated = _value(node, [MAX_VALUES])
    return found


def _value(node: Any, left: list[int], *, codes: bool = False) -> Any:
    left[0] -= 1
    if left[0] < 0:
        raise MappingError("it holds too many values")
    if node.id != "mapping":
        if node.id == "scalar" and codes and node.tag != "tag:yaml.org,2002:null":
            return node.value  # a code is text, also where it looks like a number
        return {"tag:yaml.org,2002:str": node.value, "tag:yaml.org,2002:null": None}.get(node.tag, ())
    found = Stated()
    for key, value in node.value:
        name, line = str(key.value) if key.id == "scalar" else "?", key.start_mark.line + 1
        if name in found:
            found.twice.append((name, found.lines[name], line))
        found.put(name, _value(value, left, codes=codes or name == "codes"), line)
    return found
