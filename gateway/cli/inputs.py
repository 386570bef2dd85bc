"""Files that a command reads, and the guides and mappings it reads them with."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from gateway.cli.output import say, visible
from gateway.errors import NotFoundError

if TYPE_CHECKING:
    from gateway.mapping.library import Library

STANDARD_INPUT = "-"


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
    except FileNotFoundError:
        raise NotFoundError(f"There is no file {name}.") from None
    except IsADirectoryError:
        raise NotFoundError(f"{name} is a folder; name the files in it.") from None
    except PermissionError:
        raise NotFoundError(f"{name} may not be read by this user.") from None
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


def guides(args: argparse.Namespace) -> Library | None:
    """The library to read with; None after a usage error was told.

    Raises:
        ConfigurationError: the home is wrong.
        NotFoundError: the home has no such partner.
    """
    from gateway import engine

    home = args.config or (Path(os.environ["EDIGW_HOME"]) if os.environ.get("EDIGW_HOME") else None)
    if home is None:
        if args.partner is not None:
            say(
                "edigw: --partner names a partner of a home, and no home is given. "
                "Name it with --config DIR or EDIGW_HOME; `edigw init DIR` makes one."
            )
            return None
        return engine.library()
    from gateway.settings import load

    settings = load(home)
    if args.partner is not None and settings.partners.get(args.partner) is None:
        near = settings.partners.nearest(args.partner)
        hint = f" Did you mean {near}?" if near else ""
        raise NotFoundError(visible(f"{home} has no partner {args.partner!r}.{hint}"))
    return engine.library((home / "mappings", home / "schemas"))
