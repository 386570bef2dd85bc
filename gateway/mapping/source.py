"""The text of a mapping file as it stands: its keys with their lines, and keys that stand twice.

What translates needs only values (:mod:`gateway.mapping.model`); what checks must also say where they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from gateway.errors import MappingError

MAX_NODES = 200_000
"""Values of a mapping, aliases counted each time: some hundreds are usual, hostile files hold billions."""


@dataclass(slots=True)
class Entry:
    """One key of a YAML mapping.

    Attributes:
        value: text, a list of entries, or anything else that YAML can state.
        line: line of the key, from 1.
    """

    key: str
    value: Any
    line: int


@dataclass(slots=True)
class Entries:
    """A YAML mapping; ``twice`` holds keys that stand there a second time, with both lines."""

    entries: list[Entry] = field(default_factory=list)
    twice: list[tuple[str, int, int]] = field(default_factory=list)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def get(self, key: str) -> Entry | None:
        """The entry in force: the last of that name."""
        return next((entry for entry in reversed(self.entries) if entry.key == key), None)


class YamlError(MappingError):
    """The text is not YAML; ``line`` says where, as far as that is known."""

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message)
        self.line = line


def entries(text: str | bytes) -> Entries:
    """Reads a YAML file that holds a mapping.

    Raises:
        YamlError: the text is no YAML, no mapping, or larger than any mapping could be.
    """
    try:
        # Not the loader in C: it ends the process where a file is nested very deeply.
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise YamlError("'name: value' pairs are needed", None)
        return _entries(node, loader, [MAX_NODES])
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise YamlError(str(what), mark.line + 1 if mark else None) from error
    except UnicodeDecodeError as error:
        raise YamlError("it is not UTF-8 text", None) from error
    except RecursionError as error:
        raise YamlError("it is nested too deeply", None) from error


def _entries(node: yaml.MappingNode, loader: Any, left: list[int]) -> Entries:
    found = Entries()
    lines: dict[str, int] = {}
    for key, _ in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if name in lines:
            found.twice.append((name, lines[name], line))
        lines[name] = line
    # YAML's "<<" brings in the keys of another mapping; the own keys come last and win.
    loader.flatten_mapping(node)
    for key, value in node.value:
        found.entries.append(Entry(str(key.value), _value(value, loader, left), key.start_mark.line + 1))
    return found


def _value(node: Any, loader: Any, left: list[int]) -> Any:
    left[0] -= 1
    if left[0] < 0:
        raise YamlError("it holds too many values", None)
    if isinstance(node, yaml.MappingNode):
        return _entries(node, loader, left)
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_object(node)
    return [_value(item, loader, left) for item in node.value]
