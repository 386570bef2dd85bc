"""Files that a command reads, and the guides and mappings it reads them with."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import say, visible
from gateway.errors import NotFoundError

if TYPE_CHECKING:
    from gateway.mapping.library import Library
    from gateway.partners.partner import Partner

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
    parser.add_argument("--partner", metavar="P", help="a partner of the home whose agreement is meant")


def home_of(args: argparse.Namespace) -> Path | None:
    """The home that ``--config`` or EDIGW_HOME names."""
    named = args.config or os.environ.get("EDIGW_HOME")
    return Path(named) if named else None


def overrides(args: argparse.Namespace) -> tuple[Path, ...]:
    """The folders searched before what is installed; the program ends if a partner is named without a home.

    Raises:
        ConfigurationError: the home is wrong.
        NotFoundError: the home has no such partner.
    """
    home = home_of(args)
    if home is None:
        if args.partner is not None:
            say(
                "edigw: --partner names a partner of a home, and no home is given. "
                "Name it with --config DIR or EDIGW_HOME; `edigw init DIR` makes one."
            )
            raise SystemExit(ExitCode.USAGE)
        return ()
    from gateway.settings import load

    partners = load(home).partners
    if args.partner is not None and partners.get(args.partner) is None:
        near = partners.nearest(args.partner)
        hint = f" Did you mean {near}?" if near else ""
        raise NotFoundError(visible(f"{home} has no partner {args.partner!r}.{hint}"))
    return home / "mappings", home / "schemas"


def partner(args: argparse.Namespace) -> Partner | None:
    """The partner that ``--partner`` names, after :func:`overrides` found it."""
    home = home_of(args)
    if home is None or args.partner is None:
        return None
    from gateway.settings import load

    return load(home).partners.get(args.partner)


def guides(args: argparse.Namespace) -> Library:
    """The library to read with, see :func:`overrides`."""
    from gateway import engine

    return engine.library(overrides(args))
