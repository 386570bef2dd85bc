"""Text and data on their way out: data to standard output, everything else to standard error.

Colours only on a terminal, and never with ``NO_COLOR`` (https://no-color.org) or ``TERM=dumb``.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partialmethod
from pathlib import Path
from typing import IO, Any, BinaryIO, TextIO, cast

from gateway.errors import Severity

_CONTROL = (
    {code: chr(0x2400 + code) for code in range(32)}
    | {127: "\u2421"}
    | dict.fromkeys(range(128, 160), "\ufffd")
)


def visible(text: str) -> str:
    """Text with control characters shown as pictures, so that data cannot steer a terminal."""
    return text if text.isprintable() else text.translate(_CONTROL)


def cut(text: str, width: int) -> str:
    """The beginning of a text that is too long."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


class Style:
    """Colours, or none.

    Args:
        on: whether to colour.
    """

    def __init__(self, on: bool) -> None:
        self.on = on

    @classmethod
    def of(cls, stream: TextIO) -> Style:
        """The style that suits a stream."""
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        return cls(not plain and stream.isatty())

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.on and text else text

    bold = partialmethod(_paint, "1")
    dim = partialmethod(_paint, "2")
    red = partialmethod(_paint, "31;1")
    yellow = partialmethod(_paint, "33")
    green = partialmethod(_paint, "32")
    blue = partialmethod(_paint, "34")

    def severity(self, severity: Severity, text: str) -> str:
        """Text in the colour of how much a problem weighs."""
        paints = {Severity.ERROR: self.red, Severity.WARNING: self.yellow, Severity.INFO: self.blue}
        return paints[severity](text)


def say(text: str) -> None:
    """A line for a person, on standard error."""
    sys.stderr.write(f"{visible(text)}\n")


def show(lines: Iterable[str], stream: TextIO | None = None) -> None:
    """Lines on standard output or another stream; what they hold of data is made visible already."""
    (stream or sys.stdout).writelines(f"{line}\n" for line in lines)


def write_bytes(data: bytes) -> None:
    """Data on standard output, as it is."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def spooled() -> IO[bytes]:
    """A file in memory that goes to disk when it grows large, and is gone when it is closed."""
    from tempfile import SpooledTemporaryFile

    return cast("IO[bytes]", SpooledTemporaryFile(max_size=256 * 1024))


@contextmanager
def whole(name: str | None, wanted: Callable[[], bool] = lambda: True) -> Iterator[BinaryIO]:
    """Where a result goes: standard output, a device, or a file that gets its name when all is written.

    Args:
        name: None or ``-`` for standard output.
        wanted: asked at the end; if not, a file that is there stays as it is.
    """
    if name is None or name == "-":
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(name)
    if path.exists() and not path.is_file():
        with path.open("wb") as device:  # a pipe or a device cannot be replaced
            yield device
        return
    path = path.resolve()
    hidden = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with hidden.open("xb") as file:
            yield file
            if not wanted():
                return
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, hidden)
        hidden.replace(path)
    finally:
        hidden.unlink(missing_ok=True)


def end_line() -> None:
    """A line end after data that has none, where a prompt follows it."""
    if sys.stdout.isatty():
        sys.stdout.write("\n")


def write_json(value: Any) -> None:
    """One JSON value on standard output, indented where a person reads it."""
    import orjson

    options = orjson.OPT_APPEND_NEWLINE | (orjson.OPT_INDENT_2 if sys.stdout.isatty() else 0)
    write_bytes(orjson.dumps(value, option=options))


def table(rows: Sequence[Sequence[str]], header: Sequence[str] = (), indent: str = "") -> str:
    """Rows in aligned columns, a line each."""
    lines = [tuple(header), *rows] if header else list(rows)
    if not lines:
        return ""
    widths = [max(len(row[column]) for row in lines) for column in range(len(lines[0]))]
    return "".join(
        (indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip()
        + "\n"
        for row in lines
    )


def count(number: int, one: str, many: str = "") -> str:
    """``1 problem``, ``2 problems``."""
    return f"{number} {one if number == 1 else many or one + 's'}"
