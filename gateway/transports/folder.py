"""A channel made of folders: ``inbox``, ``outbox`` and ``quarantine``.

Polling, not file events: network shares give none, and a look at an empty inbox takes 20 microseconds. A
file is taken by renaming it into the hidden folder ``.claimed``, so that it is either still the partner's or
wholly ours; what its writer holds a lock on is not complete yet. Links and folders are never followed or
taken. Files that appear in ``outbox`` and ``quarantine`` are complete when they can be seen.

The folders of a channel must be on one file system, where a rename is one step.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import stat
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path, PurePath
from typing import BinaryIO

from gateway.files import sync_files
from gateway.transports.base import Arrival, Look, UnreadableError

INBOX, OUTBOX, QUARANTINE, CLAIMED = "inbox", "outbox", "quarantine", ".claimed"

UNFINISHED = (".tmp", ".part", ".filepart")
"""Ends of names that programs give to files they are still writing."""

_MAX_NAME = 120
SPLIT = "__"
"""Between id and name of what was claimed."""

_HIDDEN, _HIDDEN_END = ".sending-", ".tmp"

_NEVER_READABLE = (errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENXIO, errno.EISDIR)

_PLAIN = re.compile(r"[A-Za-z0-9._+ -]*")

_Seen = tuple[int, int, int]

_ABANDONED = 3600.0
"""Seconds after which a name that says `unfinished` is told: its writer may have died."""

_IN_USE = (errno.EAGAIN, errno.EACCES, errno.EBUSY, errno.ETXTBSY)


def harmless(name: str, longest: int = _MAX_NAME) -> str:
    """The name as it can be used on any system and shown on any terminal.

    Letters and digits of any script stay, and ``. _ - +`` and blanks inside; all else becomes ``_``. It never
    begins with a dot and is never empty. Too long names lose their middle, so that the extension stays.
    """
    plain = name.isascii() and _PLAIN.fullmatch(name)
    clean = name if plain else "".join(one if one.isalnum() or one in "._-+ " else "_" for one in name)
    clean = clean.strip(" ")
    clean = clean.lstrip(".") or "unnamed"
    while len(clean.encode()) > longest:
        middle = len(clean) // 2
        clean = clean[: middle - 1] + clean[middle:]
    return clean


def is_unfinished(name: str) -> bool:
    """Whether a name says that the file is still being written."""
    return name.startswith(".") or name.lower().endswith(UNFINISHED)


class Folder:
    """The folders of one channel; a :class:`Receiver` and :class:`Sender` of ``gateway.transports.base``.

    Args:
        root: the channel's folder.
        stable_seconds: how long a file must not have been written to before it is taken.
        marker: instead, a file is complete when beside it lies one that is no older, of its name with this
            at the end or in place of its ending.
    """

    def __init__(self, root: Path, stable_seconds: float, marker: str = "") -> None:
        self._root = root
        self._stable = stable_seconds
        self._marker = marker
        self._last: dict[str, tuple[_Seen, float]] = {}
        self._ready: dict[str, _Seen] = {}
        self._sharing: Counter[str] = Counter()
        self._local = threading.local()

    def make(self) -> None:
        """Makes the folders of a new channel.

        They are never made in passing: a folder that is away, such as a share that is not mounted, must not
        look like one whose files were taken.
        """
        for box in (INBOX, OUTBOX, QUARANTINE, CLAIMED):
            (self._root / box).mkdir(parents=True, exist_ok=True)

    @property
    def is_made(self) -> bool:
        """Whether the channel's folder is there, with whatever in it."""
        return self._root.is_dir()

    @property
    def waiting(self) -> int:
        """How many files are in the inbox, complete or not. Raises OSError."""
        with os.scandir(self._root / INBOX) as entries:
            return sum(not one.name.startswith(".") for one in entries)

    # --- receiving -----------------------------------------------------------------------------------

    def look(self, now: float, tick: float) -> Look:
        """See :class:`gateway.transports.base.Receiver`.

        A file is complete when its last change is ``stable_seconds`` ago, or when it looks as it did that
        long ago in an earlier look (for clocks that differ between us and a file server).
        """
        ready: list[tuple[int, str]] = []
        unsure: list[str] = []
        ignored: list[tuple[str, str]] = []
        looks: dict[str, tuple[_Seen, float]] = {}
        self._ready = {}
        self._sharing = Counter()
        with os.scandir(self._root / INBOX) as entries:
            there = list(entries)
        marks = {one.name for one in there if self._marker and one.name.endswith(self._marker)}
        for entry in there:
            if entry.name in marks:
                continue
            try:
                found = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if is_unfinished(entry.name):
                if stat.S_ISREG(found.st_mode) and now - found.st_mtime > _ABANDONED:
                    ignored.append((harmless(entry.name), "named as unfinished; rename it if it is complete"))
                continue
            if not stat.S_ISREG(found.st_mode):
                ignored.append((harmless(entry.name), kind_of(found.st_mode)))
                continue
            seen = _seen(found)
            before, since = self._last.get(entry.name, (None, tick))
            looks[entry.name] = (seen, since if before == seen else tick)
            if self._marker:
                self._sharing[self._marks(entry.name)[1]] += 1
                is_ready = any(self._marked(one, found) for one in self._marks(entry.name) if one in marks)
            else:
                is_ready = now - found.st_mtime >= self._stable or (
                    before == seen and tick - since >= self._stable
                )
            if is_ready and not _is_locked(entry.path):
                self._ready[entry.name] = seen
                ready.append((found.st_mtime_ns, entry.name))
            elif self._marker and not is_ready:
                if now - found.st_mtime > _ABANDONED:
                    ignored.append((harmless(entry.name), f"waiting for its {self._marker} file for an hour"))
            else:
                unsure.append(entry.name)
        self._last = looks
        return Look(tuple(name for _, name in sorted(ready)), tuple(sorted(unsure)), tuple(sorted(ignored)))

    def _marks(self, name: str) -> tuple[str, ...]:
        """Names of the marker files of a file: ``a.csv.done`` or ``a.done``."""
        return name + self._marker, PurePath(name).stem + self._marker

    def _marked(self, name: str, file: os.stat_result) -> bool:
        """Whether a marker is about this file, and not left over from an earlier one of its name."""
        try:
            return os.lstat(self._root / INBOX / name).st_mtime_ns >= file.st_mtime_ns
        except FileNotFoundError:
            return False

    def claim(self, name: str, arrival_id: str) -> Arrival | None:
        arrival = Arrival(arrival_id, harmless(name))
        source, target = self._root / INBOX / name, self._claimed(arrival)
        try:
            source.rename(target)
        except FileNotFoundError:
            return None
        if _seen(target.lstat()) != self._ready.get(name) and not source.exists():
            target.rename(source)
            return None
        if self._marker:
            own, shared = self._marks(name)
            self._sharing[shared] -= 1
            for mark in (own, shared) if not self._sharing[shared] else (own,):
                (self._root / INBOX / mark).unlink(missing_ok=True)
        return arrival

    def arrivals(self) -> list[Arrival]:
        try:
            self.sync((INBOX, CLAIMED))
        except FileNotFoundError:
            for box in (INBOX, OUTBOX, QUARANTINE):
                (self._root / box).stat()  # people see these, so they are told first
            raise
        names = sorted(path.name for path in (self._root / CLAIMED).iterdir())
        names = [one for one in names if SPLIT in one and one.isprintable()]  # what we named ourselves
        return [Arrival(*name.split(SPLIT, 1)) for name in names]

    def open(self, arrival: Arrival) -> BinaryIO:
        try:
            descriptor = os.open(self._claimed(arrival), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            if error.errno in _NEVER_READABLE:
                raise UnreadableError(error.strerror or str(error)) from error
            raise
        stream = os.fdopen(descriptor, "rb")
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            stream.close()
            raise UnreadableError("not a regular file")
        return stream

    def unchanged(self, arrival: Arrival, stream: BinaryIO, size: int) -> bool:
        found = os.fstat(stream.fileno())
        return found.st_size == size and _seen(found) == _seen(self._claimed(arrival).lstat())

    def settle(self, arrival: Arrival) -> None:
        self._claimed(arrival).unlink(missing_ok=True)

    def set_aside(self, arrival: Arrival) -> str:
        name = f"{arrival.id}{SPLIT}{arrival.name}"
        source = self._claimed(arrival)
        if os.path.lexists(source):
            source.rename(self._root / QUARANTINE / name)
            self.sync((QUARANTINE, CLAIMED))
        return name

    def _claimed(self, arrival: Arrival) -> Path:
        return self._root / CLAIMED / f"{arrival.id}{SPLIT}{arrival.name}"

    # --- sending -------------------------------------------------------------------------------------

    def exists(self, box: str, name: str) -> bool:
        return os.path.lexists(f"{self._root}/{box}/{name}")

    def stage(self, box: str, key: str, source: BinaryIO) -> None:
        path = self._hidden(box, key)
        with open(path, "wb") as out:  # noqa: PTH123 -- one for every document
            shutil.copyfileobj(source, out, 1 << 20)
        self._local.__dict__.setdefault("staged", []).append(path)

    def staged(self, box: str, key: str) -> bool:
        (self._root / box).stat()  # a folder that is away must not look like one whose files were shown
        return os.path.lexists(self._hidden(box, key))

    def landed(self, box: str, name: str, size: int) -> bool:  # noqa: ARG002 -- it was staged
        return True

    def discard(
        self, boxes: Sequence[str], keys: Mapping[int, str], keep: AbstractSet[str] = frozenset()
    ) -> None:
        for box in boxes:
            with suppress(OSError):
                for path in (self._root / box).glob(f"{_HIDDEN}*{_HIDDEN_END}"):
                    key = path.name[len(_HIDDEN) : -len(_HIDDEN_END)]
                    number = key.partition("-")[0]
                    wanted = keys.get(int(number)) if number.isdecimal() else None
                    if wanted is not None and wanted in ("", key) and key not in keep:
                        path.unlink(missing_ok=True)

    def release(self, box: str, key: str, name: str) -> None:
        with suppress(FileNotFoundError):  # whoever took over released it
            os.rename(self._hidden(box, key), f"{self._root}/{box}/{name}")  # noqa: PTH104 -- see stage

    def sync(self, boxes: Sequence[str]) -> None:
        sync_files([path for path in self._local.__dict__.pop("staged", ()) if os.path.lexists(path)])
        sync_files([self._root / box for box in boxes])

    def _hidden(self, box: str, key: str) -> str:
        return f"{self._root}/{box}/{_HIDDEN}{key}{_HIDDEN_END}"


def _seen(found: os.stat_result) -> _Seen:
    return found.st_ino, found.st_size, found.st_mtime_ns


def _is_locked(path: str) -> bool:
    """Whether somebody holds an exclusive lock on a file; where the file system has none, nobody does."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        return error.errno in (errno.EBUSY, errno.ETXTBSY)  # what cannot be opened is told when it is read
    try:
        for lock in (fcntl.flock, fcntl.lockf):  # two kinds, that do not see each other on Linux
            lock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in _IN_USE
    finally:
        os.close(descriptor)
    return False


def kind_of(mode: int) -> str:
    """What is never taken, in words."""
    if stat.S_ISLNK(mode):
        return "a link; links are not followed, copy the file itself"
    if stat.S_ISDIR(mode):
        return "a folder; put the files into the inbox itself"
    return "not a regular file"
