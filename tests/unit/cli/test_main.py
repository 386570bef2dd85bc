"""The program: exit codes, help, errors as sentences, and what it loads to start."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway import __version__
from gateway.cli import main as program
from gateway.cli.commands import x12
from gateway.cli.output import Style, table, visible
from gateway.errors import (
    ConfigurationError,
    DocumentError,
    EdiError,
    Fault,
    Level,
    Location,
    NotFoundError,
    Problem,
    RefusedError,
    Severity,
    TransportError,
)
from tests.acceptance import edi
from tests.unit.cli.support import Runner

ROOT = Path(__file__).resolve().parents[3]


def test_the_version(edigw: Runner) -> None:
    assert edigw("--version") == (done := edigw("--version"))
    assert (done.code, done.out) == (0, f"edigw {__version__}\n")


def test_help_begins_with_examples(edigw: Runner) -> None:
    done = edigw("--help")
    assert done.code == 0
    assert done.out.index("examples:") < done.out.index("options:")
    for command in ("x12", "translate", "explain", "init", "run-once", "demo"):
        assert f"\n    {command}" in done.out


def test_the_examples_are_commands_that_exist() -> None:
    for line in program._EXAMPLES.splitlines()[1:]:
        words = line.split("  ")
        call = next(word for word in words if word.strip()).split(">")[0].split()
        program.parser().parse_args(call[1:])


@pytest.mark.parametrize("arguments", [(), ("x12",), ("nonsense",), ("x12", "validate"), ("translate",)])
def test_usage(edigw: Runner, arguments: tuple[str, ...]) -> None:
    done = edigw(*arguments)
    assert done.code == 2
    assert done.out == ""
    assert "usage: edigw" in done.err


@pytest.fixture
def anew() -> Iterator[None]:
    """The parser is made again, as a function of a command is another one."""
    program.parser.cache_clear()
    yield
    program.parser.cache_clear()


def failing(error: BaseException) -> Callable[[argparse.Namespace], int]:
    def run(args: argparse.Namespace) -> int:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("the reason"), 3),
        (DocumentError("the reason"), 1),
        (NotFoundError("the reason"), 4),
        (TransportError("the reason"), 5),
        (RefusedError("the reason"), 6),
        (EdiError("the reason"), 70),
        (FileNotFoundError(2, "the reason", "x"), 4),
        (OSError(28, "the reason"), 5),
        (ZeroDivisionError("the reason"), 70),
    ],
)
@pytest.mark.usefixtures("anew")
def test_an_error_is_a_sentence_and_an_exit_code(
    edigw: Runner, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    monkeypatch.setattr(x12, "run_validate", failing(error))
    done = edigw("x12", "validate", "-")
    assert done.code == code
    assert done.out == ""
    assert done.err.startswith("edigw: ")
    assert "the reason" in done.err
    assert "Traceback" not in done.err
    assert ("report" in done.err) == (code == 70)


@pytest.mark.usefixtures("anew")
def test_debug_shows_the_traceback(edigw: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(x12, "run_validate", failing(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        edigw("x12", "validate", "-", "--debug")


@pytest.mark.usefixtures("anew")
def test_every_problem_of_an_error_is_told(edigw: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    problems = tuple(
        Problem(
            "CONFIG", Severity.ERROR, Level.FILE, f"Message {n}.", f"Hint {n}.", fault=Fault.CONFIGURATION
        )
        for n in (1, 2)
    )
    problems += (
        Problem("CONFIG", Severity.ERROR, Level.FILE, "Esc \x1b[2J.", location=Location(pointer="/a/b")),
    )
    monkeypatch.setattr(x12, "run_validate", failing(ConfigurationError("Two things.", problems=problems)))
    done = edigw("x12", "validate", "-")
    assert done.code == 3
    assert "  CONFIG: Message 1. Hint 1.\n" in done.err
    assert "  CONFIG: Message 2. Hint 2.\n" in done.err
    assert "  CONFIG at /a/b: Esc \u241b[2J.\n" in done.err


@pytest.mark.usefixtures("anew")
def test_interrupted(edigw: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(x12, "run_validate", failing(KeyboardInterrupt()))
    done = edigw("x12", "validate", "-")
    assert (done.code, done.out, done.err) == (130, "", "")


def start(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        timeout=60,
        check=False,
        env=environment,
    )


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "many.edi"
    sets = [edi.transaction(edi.order_body(), control=f"{n:04d}") for n in range(1, 2000)]
    path.write_bytes(edi.Interchange.of(edi.group(sets)).to_bytes())
    command = f'"{sys.executable}" -m gateway translate "{path}" | head -c 10; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout.endswith(b"141\n")
    assert done.stderr == b""


LOADED = """
import sys
from gateway.cli.main import main
code = main(sys.argv[1:])
heavy = "pydantic sqlalchemy lxml yaml orjson structlog apscheduler sqlite3 pyx12 logging".split()
print()
print(code, [name for name in heavy if name in sys.modules])
"""


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("x12", "validate", "--help")])
def test_nothing_heavy_is_loaded_to_start(arguments: tuple[str, ...]) -> None:
    done = start("-c", LOADED, *arguments)
    assert done.stdout.decode().splitlines()[-1] == "0 []", done.stderr.decode()


def test_what_needs_no_document_model_loads_none(good: Path) -> None:
    for arguments in (("x12", "validate", str(good)), ("x12", "ack", str(good)), ("translate", str(good))):
        done = start("-c", LOADED, *arguments)
        loaded = done.stdout.decode().splitlines()[-1]
        assert loaded.startswith("0 ")
        assert not {"pydantic", "sqlalchemy", "structlog", "apscheduler", "sqlite3"} & set(loaded.split("'"))


# --- output ----------------------------------------------------------------------------------------------


def test_colours_only_where_they_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert Style.of(Terminal()).red("x") == "\x1b[31;1mx\x1b[0m"  # type: ignore[arg-type]
    monkeypatch.setenv("NO_COLOR", "1")
    assert Style.of(Terminal()).red("x") == "x"  # type: ignore[arg-type]
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert Style.of(Terminal()).red("x") == "x"  # type: ignore[arg-type]


def test_tables_and_control_characters() -> None:
    assert table([("a", "1"), ("long", "22")], ("name", "n")) == "name  n\na     1\nlong  22\n"
    assert table([]) == ""
    assert visible("a\x1b[31m\x9b\x7f\n") == "a\u241b[31m\ufffd\u2421\u240a"
    assert visible("Müller €") == "Müller €"
