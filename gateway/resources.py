"""Finds mappings, schemas and configuration through layers, so that an operator can override single files.

Every layer holds the same relative paths, such as ``mappings/x12/004010/850.yaml``; the first that has a file
wins:

1. directories handed in by the caller (command line options, the home of the gateway)
2. the environment: ``EDIGW_MAPPINGS_DIR``, ``EDIGW_SCHEMAS_DIR``, ``EDIGW_CONFIG_DIR``, lists like ``PATH``
3. the user's: ``$XDG_CONFIG_HOME/edi-gateway/<kind>``, by default below ``~/.config``
4. the system's: ``/etc/edi-gateway/<kind>``
5. what was installed with the package, or the folders at the top of the source tree
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from gateway.errors import NotFoundError

KINDS = ("mappings", "schemas", "config")

_PACKAGE = Path(__file__).resolve().parent
_SYSTEM = Path("/etc/edi-gateway")


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


def listing(relative: str, pattern: str = "*", overrides: Sequence[Path] = ()) -> list[str]:
    """Names of all files below a folder, the union of the layers, sorted; each can be given to `find`."""
    kind, below = _split(relative)
    names = {
        path.relative_to(directory).as_posix()
        for directory in layers(kind, overrides)
        for path in (directory / below).rglob(pattern)
        if path.is_file()
    }
    return sorted(f"{kind}/{name}" for name in names)


def layers(kind: str, overrides: Sequence[Path] = ()) -> list[Path]:
    """The existing directories of one kind (`KINDS`), in the order in which they are searched."""
    if kind not in KINDS:
        raise NotFoundError(f"{kind!r} is none of {', '.join(KINDS)}", code="RESOURCE-NOT-FOUND")
    named = filter(None, os.environ.get(f"EDIGW_{kind.upper()}_DIR", "").split(os.pathsep))
    # XDG Base Directory Specification: a relative value is to be ignored.
    base = os.environ.get("XDG_CONFIG_HOME", "")
    user = (Path(base) if base.startswith("/") else Path.home() / ".config") / "edi-gateway" / kind
    bundled = _PACKAGE / "_bundled"
    shipped = bundled if bundled.is_dir() else _PACKAGE.parent
    candidates = (*overrides, *map(Path, named), user, _SYSTEM / kind, shipped / kind)
    return [path for path in candidates if path.is_dir()]


def _split(relative: str) -> tuple[str, Path]:
    path = PurePosixPath(relative)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise NotFoundError(f"{relative!r} is not a path below {', '.join(KINDS)}", code="RESOURCE-NOT-FOUND")
    return path.parts[0], Path(*path.parts[1:])
