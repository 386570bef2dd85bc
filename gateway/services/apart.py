"""A mapping with another text, which may be hostile: no thread and no memory is held by it for ever."""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Sequence
from functools import cached_property
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

from gateway.errors import Problem, TooLongError
from gateway.services.mapping import Trial, Tried

SECONDS, MEMORY, ANSWER = 10.0, 1 << 30, 1 << 26
"""What one try may take: time, and bytes of memory and of an answer."""


class Apart(Trial):
    """A trial in a process of its own, to be closed; see :class:`Trial`.

    Its methods raise TooLongError as well.
    """

    def __init__(self, name: str, overrides: Sequence[Path], instead: str) -> None:
        super().__init__(name, overrides, instead)
        self._ends, spawn = time.monotonic() + SECONDS, multiprocessing.get_context("spawn")
        self._line, other = spawn.Pipe()
        given = (other, SECONDS, name, overrides, instead)
        self._process = spawn.Process(target=_answer, args=given, daemon=True)
        self._process.start()
        other.close()

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.join()
        self._line.close()

    def _asked(self, what: str, *given: bytes) -> Any:
        found: Any = TooLongError(f"This takes more than {SECONDS:.0f} seconds, or too much memory.")
        try:
            self._line.send((what, given))
            if self._line.poll(max(0.0, self._ends - time.monotonic())):
                found = self._line.recv()
        except (EOFError, OSError):
            pass  # it ended, as it took too much
        if isinstance(found, Exception):
            raise found
        return found

    @cached_property
    def findings(self) -> list[Problem]:
        return self._asked("findings")  # type: ignore[no-any-return]

    @cached_property
    def facts(self) -> dict[str, Any]:
        return self._asked("facts")  # type: ignore[no-any-return]

    def tests(self) -> list[dict[str, Any]] | None:
        return self._asked("tests")  # type: ignore[no-any-return]

    def changes(self) -> list[str]:
        return self._asked("changes")  # type: ignore[no-any-return]

    def overlay(self) -> tuple[str, list[dict[str, str | None]]]:
        return self._asked("overlay")  # type: ignore[no-any-return]

    def run(self, sample: bytes) -> Tried:
        return self._asked("run", sample)  # type: ignore[no-any-return]


def _answer(line: Connection, seconds: float, *given: Any) -> None:
    """What the process does until it is ended."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 2,) * 2)  # also when nobody ends it
    trial = Trial(*given)
    while True:
        what, more = line.recv()
        try:
            found = getattr(trial, what)
            found = found(*more) if callable(found) else found
        except MemoryError:
            return
        except Exception as error:  # noqa: BLE001 -- whoever asked is to raise it
            found = error
        if len(ForkingPickler.dumps(found)) > ANSWER:
            found = TooLongError("The answer is too large.")
        line.send(found)
