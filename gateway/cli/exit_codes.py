"""What the exit code of ``edigw`` means; scripts rely on it."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of every command."""

    FINE = 0
    PROBLEMS = 1
    """Something was found: invalid, rejected, different."""
    USAGE = 2
    CONFIGURATION = 3
    NOT_FOUND = 4
    REMOTE = 5
    """The other side, the network or the machine failed; trying again may help."""
    REFUSED = 6
    """A duplicate, or the state of a message forbids it."""
    BUG = 70
    """A fault of this software."""
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    """Whoever read the output went away, as with ``| head``; a shell says the same of SIGPIPE."""
