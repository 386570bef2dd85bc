"""Files that a command reads, and the guides and mappings it reads them with."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from gateway.cli.output import visible
from gateway.errors import ConfigurationError, NotFoundError

if TYPE_CHECKING:
    from gateway.mapping.library import Library
    from gateway.partners.partner import Partner
    from gateway.shapes.model import Shape

STANDARD_INPUT = "-"

_UNREADABLE: dict[type[OSError], str] = {
    FileNotFoundError: "There is no file {}.",
    IsADirectoryError: "{} is a folder; name the files in it.",
    PermissionError: "{} may not be read by this user.",
}


@contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """An input file, or standard input for ``-``.

    Raises:
        NotFoundError: there is no such file, or it cannot be read.
    """
    if name == STANDARD_INPUT:
        yield sys.stdin.buffer
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115 -- closed below, away from these handlers
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise NotFoundError(_UNREADABLE[type(error)].format(name)) from None
    with file:
        yield file


def add_home(parser: argparse.ArgumentParser) -> None:
    """The options that choose a home and a partner of it."""
    parser.add_argument(
        "--config",
        metavar="DIR",
        type=Path,
        help="use the guides and mappings of this home (default: EDIGW_HOME)",
    )
    parser.add_argument(
        "--partner",
        metavar="P",
        help="with the guidelines and mappings of this partner of the home, or profile",
    )


def home_of(args: argparse.Namespace) -> Path | None:
    """The home that ``--config`` or EDIGW_HOME names."""
    named = args.config or os.environ.get("EDIGW_HOME")
    return Path(named) if named else None


def overrides(args: argparse.Namespace) -> tuple[Path, ...]:
    """The folders searched before what is installed."""
    home = home_of(args)
    return () if home is None else (home / "mappings", home / "schemas")


def partner(args: argparse.Namespace) -> Partner | None:
    """The partner of the home that ``--partner`` names.

    Raises:
        ConfigurationError: the home is wrong.
        NotFoundError: the home has no such partner.
    """
    home = home_of(args)
    if home is None:
        return None
    from gateway.settings import load

    partners = load(home).partners
    if args.partner is None:
        return None
    found = partners.get(args.partner)
    if found is None and not _has_profile(args):
        near = partners.nearest(args.partner)
        hint = f" Did you mean {near}?" if near else ""
        raise NotFoundError(visible(f"{home} has no partner {args.partner!r}.{hint}"))
    return found


def profile(args: argparse.Namespace) -> str:
    """Whose guidelines and mappings ``--partner`` asks for: a partner of the home, or a shipped profile.

    Raises:
        ConfigurationError: the home is wrong.
        NotFoundError: there is neither.
    """
    found = partner(args)
    if found is not None or args.partner is None:
        return found.overlay if found is not None else ""
    if not _has_profile(args):
        from gateway import resources

        known = sorted({name.split("/")[2] for name in resources.listing("schemas/partners", "*.xml")})
        shipped = f" Profiles without one: {', '.join(known)}." if known else ""
        message = f"There is no partner {args.partner!r}; name the home it is in with --config DIR.{shipped}"
        raise NotFoundError(visible(message))
    return str(args.partner)


def _has_profile(args: argparse.Namespace) -> bool:
    from gateway import resources

    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,40}", args.partner):
        return False
    folders = (f"{kind}/partners/{args.partner}" for kind in ("schemas", "mappings"))
    return any(resources.listing(folder, "*", overrides(args)) for folder in folders)


def add_shape(parser: argparse.ArgumentParser) -> None:
    """The option that names a shape."""
    parser.add_argument(
        "--shape",
        metavar="NAME",
        help="a shape of mappings/erp, or a file (.yaml): the form of the input, or of the output if the "
        "input is X12, XML or a document",
    )


def shape(args: argparse.Namespace) -> Shape | None:
    """The shape that ``--shape`` names.

    Raises:
        ConfigurationError: the shape is wrong.
        NotFoundError: there is none of that name.
    """
    if args.shape is None:
        return None
    from gateway import engine

    return engine.shape(args.shape, (*overrides(args)[:1],))


def files(shape: Shape | None, name: str | None) -> dict[str, str | None]:
    """The names of all files of a shape, by its ``file``, beside the one that is named.

    Raises:
        ConfigurationError: the name is not of the form that the shape gives its first file.
    """
    patterns = list(dict.fromkeys(one.file for one in shape.records)) if shape else [""]
    if len(patterns) < 2:
        return {patterns[0] if patterns else "": name}
    before, _, after = patterns[0].partition("*")
    given = Path(name or STANDARD_INPUT)
    if not (
        len(given.name) >= len(before + after)
        and given.name.startswith(before)
        and given.name.endswith(after)
    ):
        listed = ", ".join(patterns)
        raise ConfigurationError(
            f"{given.name} is not named {patterns[0]}; this shape has the files {listed}."
        )
    common = given.name[len(before) : len(given.name) - len(after)]
    return {pattern: str(given.with_name(pattern.replace("*", common))) for pattern in patterns}


def guides(args: argparse.Namespace) -> Library:
    """The library to read with, see :func:`overrides` and :func:`profile`."""
    from gateway import engine

    return engine.library(overrides(args)).of(profile(args))
