"""Finds mappings, schemas and configuration through layers, so that an operator can override single files.

Every layer holds the same relative paths, such as ``mappings/x12/004010/850.yaml``; the first that has a file
wins:

1. ``option``: directories handed in by the caller (command line options, the home of the gateway)
2. ``environment``: ``EDIGW_MAPPINGS_DIR``, ``EDIGW_SCHEMAS_DIR``, ``EDIGW_CONFIG_DIR``, lists like ``PATH``
3. ``user``: ``$XDG_CONFIG_HOME/edi-gateway/<kind>``, by default below ``~/.config``
4. ``system``: ``/etc/edi-gateway/<kind>``
5. ``package``: what was installed with the package, or ``source``: the folders at the top of the source tree
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from gateway.errors import NotFoundError

KINDS = ("mappings", "schemas", "config")

_PACKAGE = Path(__file__).resolve().parent
_SYSTEM = Path("/etc/edi-gateway")


class Place(NamedTuple):
    """One place where a file was found.

    Attributes:
        layer: name of the layer, as in the list above.
        path: the file itself.
        wins: true for the file in force, false for files it hides.
    """

    layer: str
    path: Path
    wins: bool


def find(relative: str, overrides: Sequence[Path] = ()) -> Path:
    """The file in force.

    Args:
        relative: kind and path below it, for example ``mappings/x12/004010/850.yaml``.
        overrides: directories that are searched first, each in the place of the folder ``<kind>``.

    Raises:
        NotFoundError: no layer has the file.
    """
    kind, below = _split(relative)
    searched = layers(kind, overrides)
    for directory in searched:
        path = directory / below
        if path.is_file():
            return path
    places = ", ".join(map(str, searched))
    raise NotFoundError(f"{relative} was not found; searched in {places}", code="RESOURCE-NOT-FOUND")


def where(relative: str, overrides: Sequence[Path] = ()) -> list[Place]:
    """All files of that name, the one in force first; empty when there is none."""
    kind, below = _split(relative)
    found = [(name, path / below) for name, path in _layers(kind, overrides) if (path / below).is_file()]
    return [Place(name, path, wins=not position) for position, (name, path) in enumerate(found)]


def listing(relative: str, pattern: str = "*", overrides: Sequence[Path] = ()) -> list[str]:
    """Names of all files below a folder, the union of the layers, sorted; each can be given to `find`."""
    kind, below = _split(relative)
    names = set()
    for directory in layers(kind, overrides):
        names |= {
            path.relative_to(directory) for path in (directory / below).rglob(pattern) if path.is_file()
        }
    return sorted(f"{kind}/{name.as_posix()}" for name in names)


def layers(kind: str, overrides: Sequence[Path] = ()) -> list[Path]:
    """The existing directories of one kind (`KINDS`), in the order in which they are searched."""
    return [path for _, path in _layers(kind, overrides)]


def _layers(kind: str, overrides: Sequence[Path]) -> list[tuple[str, Path]]:
    return [(name, path) for name, path in _candidates(kind, overrides) if path.is_dir()]


def _candidates(kind: str, overrides: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    if kind not in KINDS:
        raise NotFoundError(f"{kind!r} is none of {', '.join(KINDS)}", code="RESOURCE-NOT-FOUND")
    for override in overrides:
        yield "option", override
    for text in os.environ.get(f"EDIGW_{kind.upper()}_DIR", "").split(os.pathsep):
        if text:
            yield "environment", Path(text)
    # XDG Base Directory Specification: a relative value is to be ignored.
    base = os.environ.get("XDG_CONFIG_HOME", "")
    yield "user", (Path(base) if base.startswith("/") else Path.home() / ".config") / "edi-gateway" / kind
    yield "system", _SYSTEM / kind
    bundled = _PACKAGE / "_bundled"
    if bundled.is_dir():
        yield "package", bundled / kind
    else:
        yield "source", _PACKAGE.parent / kind


def _split(relative: str) -> tuple[str, Path]:
    path = PurePosixPath(relative)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise NotFoundError(f"{relative!r} is not a path below {', '.join(KINDS)}", code="RESOURCE-NOT-FOUND")
    return path.parts[0], Path(*path.parts[1:])
