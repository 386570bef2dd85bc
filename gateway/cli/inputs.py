"""Files that a command reads, and the guides and mappings it reads them with."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import say
from gateway.errors import NotFoundError

if TYPE_CHECKING:
    from gateway.mapping.library import Library
    from gateway.partners.partner import Partner

STANDARD_INPUT = "-"
FILE = "an X12 file; - for standard input"

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

_UNREADABLE: dict[type[OSError], str] = {
    FileNotFoundError: "There is no file {}.",
    IsADirectoryError: "{} is a folder; name the files in it.",
    PermissionError: "{} may not be read by this user.",
}


@dataclass(slots=True)
class Outcome:
    """What a command comes to that works on several inputs."""

    problems: bool = False
    missing: bool = False

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Tells that an input is missing, and leaves it at that: the others are to be seen to."""
        try:
            yield
        except NotFoundError as error:
            say(f"edigw: {error}")
            self.missing = True

    @property
    def code(self) -> ExitCode:
        return ExitCode.NOT_FOUND if self.missing else ExitCode(self.problems)


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


def command(
    group: Commands,
    name: str,
    run: Callable[[argparse.Namespace], int],
    *,
    json: str = "",
    home: bool = False,
) -> argparse.ArgumentParser:
    """Adds a command; the docstring of what runs it is its help: in a list, in full, and the exit codes.

    Args:
        json: what ``--json`` gives; without it there is no such option.
        home: whether there are the options that choose a home and a partner of it.
    """
    summary, *more = cleandoc(run.__doc__ or "").split("\n\n")
    epilog = more.pop() if more and more[-1].startswith("exit code") else ""
    brief = (summary[:1].lower() if summary[1:2].islower() else summary[:1]) + summary[1:].rstrip(".")
    parser = group.add_parser(name, help=brief, description=" ".join(more) or summary, epilog=epilog)
    parser.set_defaults(run=run)
    if json:
        parser.add_argument("--json", action="store_true", help=json)
    if home:
        words = "use the guides and mappings of this home (default: EDIGW_HOME)"
        parser.add_argument("--config", metavar="DIR", type=Path, help=words)
        words = "with the guidelines and mappings of this partner of the home, or profile"
        parser.add_argument("--partner", metavar="P", help=words)
    return parser


def noun(commands: Commands, name: str, brief: str, description: str) -> Commands:
    """Adds a noun, whose verbs are commands."""
    parser = commands.add_parser(name, help=brief, description=description)
    return parser.add_subparsers(title="commands", metavar="COMMAND", dest="verb", required=True)


def number(most: int, called: str) -> Callable[[str], int]:
    """A type of options: a whole number from 1 on."""

    def parsed(text: str) -> int:
        if not re.fullmatch("[0-9]{1,9}", text) or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not {called}: 1 to {most}")
        return int(text)

    return parsed


def home_of(args: argparse.Namespace) -> Path | None:
    """The home that ``--config`` or EDIGW_HOME names."""
    named = args.config or os.environ.get("EDIGW_HOME")
    return Path(named) if named else None


def home_option(parser: argparse.ArgumentParser) -> None:
    """Adds the option that names the home of a command that works on one."""
    parser.add_argument("--config", metavar="DIR", type=Path, help="the home (default: EDIGW_HOME)")


def why_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of a command that changes something in a home."""
    parser.add_argument("--reason", metavar="TEXT", required=True, help="why; it is kept in the audit")
    parser.add_argument("--actor", metavar="NAME", help="who does it (default: the user of this process)")
    home_option(parser)


def home_named(args: argparse.Namespace) -> Path:
    """The home of a command that needs one; without it the command is used wrongly, and ends."""
    if (home := home_of(args)) is None:
        say("edigw: name the home with --config DIR or EDIGW_HOME.")
        raise SystemExit(ExitCode.USAGE)
    return home


def actor(named: str | None = None) -> str:
    """Who does what a command does, as the audit names people; in a container only a number may be known."""
    from getpass import getuser

    name = named or str(os.getuid())
    with suppress(KeyError, OSError):
        name = named or getuser()
    return f"user:{name}"


def overrides(args: argparse.Namespace) -> tuple[Path, ...]:
    """The folders searched before what is installed."""
    home = home_of(args)
    return () if home is None else (home / "mappings", home / "schemas")


def partner(args: argparse.Namespace) -> Partner | None:
    """The partner of the home that ``--partner`` names; None if it names none, or a profile that is shipped.

    Raises:
        ConfigurationError: the home is wrong.
        NotFoundError: there is neither.
    """
    home, name = home_of(args), args.partner
    words = f"There is no partner {name!r}; name the home it is in with --config DIR."
    if home is not None:
        from gateway.settings import load

        partners = load(home).partners
        if name is not None and (found := partners.get(name)):
            return found
        near = partners.nearest(name or "")
        words = f"{home} has no partner {name!r}.{f' Did you mean {near}?' if near else ''}"
    if name is None:
        return None
    from gateway import resources
    from gateway.services.preview import is_profile

    if not is_profile(name, overrides(args)):
        shipped = sorted({file.split("/")[2] for file in resources.listing("schemas/partners", "*.xml")})
        raise NotFoundError(words + (f" Profiles without one: {', '.join(shipped)}." if home is None else ""))
    return None


def profile(args: argparse.Namespace) -> str:
    """Whose guidelines and mappings ``--partner`` asks for, see :func:`partner`; empty without the option."""
    found = partner(args)
    return found.overlay if found is not None else args.partner or ""


def guides(args: argparse.Namespace) -> Library:
    """The library to read with, see :func:`overrides` and :func:`profile`."""
    from gateway import engine

    return engine.library(overrides(args)).of(profile(args))
