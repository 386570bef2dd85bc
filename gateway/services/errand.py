"""Work of minutes that somebody asked for on the page: done in a thread of its own, and seen by all.

What is known of it stands in a file in ``data/errands``, with what it made beside it, for a day. What is
being made is locked by the process that makes it: when that dies, it is known at once.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock, Thread
from typing import Any, BinaryIO
from uuid import uuid4

from gateway.errors import EdiError, NotFoundError, RefusedError
from gateway.observability.logging import get_logger

KEPT = timedelta(days=1)
LIMIT_SECONDS = 3600.0
"""After so long it is stopped."""

MOST = 50
_SILENT = timedelta(minutes=5)
_BEAT_SECONDS = 1.0
_turn, _mine = Lock(), set[str]()

Row = dict[str, Any]
Beat = Callable[[str], None]
Work = Callable[[BinaryIO, Beat], Row]


def begin(folder: Path, kind: str, title: str, actor: str, clock: Callable[[], datetime], work: Work) -> str:
    """Begins work; returns the id by which it is found.

    Args:
        work: gets the file it may write, and what to tell how far it is; returns what is to be known then.

    Raises:
        RefusedError: one of this kind runs already, or too many are kept.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _turn:
        known = listed(folder, clock())
        if any(one["kind"] == kind and one["state"] == "running" for one in known):
            raise RefusedError(f"Another {kind} is running. Wait until it is done.")
        if len(known) >= MOST:
            raise RefusedError(f"There are {MOST} of them already. They go a day after they were made.")
        at = clock().isoformat()
        row: Row = {"id": uuid4().hex, "kind": kind, "title": title, "actor": actor, "at": at, "beat": at}
        row |= {"state": "running", "words": "", "size": 0}
        _mine.add(row["id"])
        out = _Watched(folder / f"{row['id']}.part")
        _write(folder, row)
    Thread(target=_run, args=(folder, row, clock, work, out), name=kind, daemon=True).start()
    return str(row["id"])


def listed(folder: Path, now: datetime) -> list[Row]:
    """What there is, the newest first; what is older than a day goes."""
    found = []
    for path in folder.glob("*.json"):
        with suppress(OSError, ValueError):
            is_held = _is_held(path.with_suffix(".part"))  # first: until it is known how it ended it is held
            row = json.loads(path.read_text("utf-8"))
            is_held &= now - datetime.fromisoformat(row["beat"]) <= _SILENT
            if row["state"] == "running" and row["id"] not in _mine and not is_held:
                row |= {"state": "failed", "words": "The gateway was stopped meanwhile. Begin anew."}
            if row["state"] != "running" and now - datetime.fromisoformat(row["at"]) > KEPT:
                for one in folder.glob(f"{path.stem}.*"):
                    one.unlink(missing_ok=True)
                continue
            found.append(row)
    return sorted(found, key=lambda row: row["at"], reverse=True)


def one(folder: Path, errand: str, now: datetime) -> Row:
    """What is known of one. Raises NotFoundError."""
    for row in listed(folder, now):
        if row["id"] == errand:
            return row
    raise NotFoundError("There is no such export or check, or it was removed a day after it was made.")


def take(folder: Path, errand: str, now: datetime) -> tuple[Row, BinaryIO]:
    """What one made, for the first who asks; it is gone then. Raises NotFoundError and RefusedError."""
    row = one(folder, errand, now)
    file = folder / f"{row['id']}.zip"
    if row["state"] == "running":
        raise RefusedError("It is still being made.")
    with _turn:
        try:
            opened = file.open("rb")
            file.unlink()
        except FileNotFoundError:
            raise RefusedError("It was downloaded already, or failed. Make another one.") from None
        _write(folder, row | {"state": "taken"})
    return row, opened


def _is_held(part: Path) -> bool:
    """Whether somebody makes it; where locks are not known, somebody may."""
    with suppress(FileNotFoundError), part.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def _run(folder: Path, row: Row, clock: Callable[[], datetime], work: Work, raw: _Watched) -> None:
    began = last = time.monotonic()
    part, whole = folder / f"{row['id']}.part", folder / f"{row['id']}.zip"

    def beat(words: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - began > LIMIT_SECONDS:
            raise RefusedError("It took longer than an hour, and was stopped. Ask for less at once.")
        if now - last >= _BEAT_SECONDS:
            last = now
            _write(folder, row | {"words": words, "beat": clock().isoformat()})

    raw.told = beat
    with suppress(OSError), io.BufferedRandom(raw) as out:  # its lock goes when it is known how it ended
        try:
            told = work(out, beat)
            size = out.seek(0, os.SEEK_END)
            out.flush()
            if size:
                part.replace(whole)
            row |= {"state": "done", **told, "size": size}
        except EdiError as error:
            row |= {"state": "failed", "words": str(error)}
        except Exception as error:  # noqa: BLE001 -- nobody else would tell of it
            get_logger().error("errand.failed", kind=row["kind"], exc_info=error)
            row |= {"state": "failed", "words": "A fault of the gateway. Its log has the details."}
        finally:
            raw.told = lambda _: None
            with suppress(OSError):  # a full disk, or the home is gone
                part.unlink(missing_ok=True)
                _write(folder, row | {"beat": clock().isoformat()})
            _mine.discard(row["id"])


class _Watched(io.FileIO):
    """A new file that only we may read, with a lock on it; every piece that is written is told."""

    def __init__(self, path: Path) -> None:
        self._size = 0
        self.told: Beat = lambda _: None
        super().__init__(path, "x+", opener=lambda name, flags: os.open(name, flags, 0o600))
        with suppress(OSError):
            fcntl.flock(self, fcntl.LOCK_EX)

    def write(self, data: Any) -> int:
        done = super().write(data)
        self._size += done
        self.told(f"{self._size / 1e6:,.1f} MB written")
        return done


def _write(folder: Path, row: Row) -> None:
    hidden = folder / f".{row['id']}-{uuid4().hex}"
    with os.fdopen(os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(row, file)
    hidden.replace(folder / f"{row['id']}.json")
