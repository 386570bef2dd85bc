"""The two folders a partner sees on our SFTP server: it puts into ``/inbox`` and fetches from ``/outbox``.

A file is written under a hidden name on which its writer holds a lock. When the partner closes it, it is
brought to disk and gets its name, never over another file; what is not closed leaves nothing. Paths are names
in these two folders and nothing else: links are not followed, hidden names are not there.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import posixpath
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from gateway.files import sync_files
from gateway.partners.sftp import SftpAccount
from gateway.transports.folder import INBOX, OUTBOX, is_unfinished

MAX_READ = 1 << 18
_MB = 1_000_000
_MAX_NAME, _MAX_PATH = 200, 1024
_MAX_PIECES = 1000
_HIDDEN = ".upload-"
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)

Told = Callable[[str, dict[str, Any], Callable[[], None]], None]
"""Keeps that something was done: event, facts, and what does it, at the last moment before it is kept."""


class Entry(NamedTuple):
    """What a partner sees of a file or folder."""

    name: str
    size: int
    mtime: float
    is_folder: bool = False


class Room:
    """How much waits in the inbox of one partner, put by any of its connections."""

    def __init__(self, inbox: Path, terms: SftpAccount) -> None:
        self._inbox, self._terms, self.lock = inbox, terms, threading.Lock()
        self._open: dict[str, int] = {}  # hidden names and the room they have
        self._files = self._bytes = 0

    def clean(self) -> None:
        """Removes what died in the middle, and counts the rest; what somebody still writes is locked."""
        for path in self._inbox.glob(f"{_HIDDEN}*"):
            with suppress(OSError):
                descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()
                finally:
                    os.close(descriptor)
        with self.lock:
            self._count()

    def reserve(self, hidden: str, size: int = 0) -> None:
        """Room for an upload that grows; one more file if it is not known yet."""
        with self.lock:
            for again in (False, True):
                if again:  # files were taken, or brought by others
                    self._count()
                more = size - self._open.get(hidden, 0)
                files = self._files + (hidden not in self._open)
                if files <= self._terms.max_files and self._bytes + more <= self._terms.quota_mb * _MB:
                    self._files, self._bytes = files, self._bytes + more
                    self._open[hidden] = size
                    return
        what = f"{self._terms.max_files} files or {self._terms.quota_mb} MB"
        raise OSError(
            errno.EDQUOT, f"{what} wait in /inbox, as much as was agreed; try again when they are taken"
        )

    def release(self, hidden: str, *, kept: bool = False) -> None:
        """An upload ended; the room of one that was kept is free when it is taken."""
        with self.lock:
            size = self._open.pop(hidden, None)
            if size is not None and not kept:
                self._files, self._bytes = self._files - 1, self._bytes - size

    def _count(self) -> None:
        files, size = len(self._open), sum(self._open.values())
        with os.scandir(self._inbox) as entries:
            for one in entries:
                with suppress(FileNotFoundError):
                    if one.name not in self._open:
                        files, size = files + 1, size + one.stat(follow_symlinks=False).st_size
        self._files, self._bytes = files, size


class _Spans:
    """Which bytes were written or read: all up to ``upto``, and pieces after it."""

    def __init__(self) -> None:
        self.upto = 0
        self._later: dict[int, int] = {}

    def add(self, start: int, end: int) -> bool:
        """Whether it could be noted; not if there are too many pieces."""
        if start <= self.upto:
            self.upto = max(self.upto, end)
            while self._later and (first := min(self._later)) <= self.upto:
                self.upto = max(self.upto, self._later.pop(first))
        elif len(self._later) < _MAX_PIECES:
            self._later[start] = max(end, self._later.get(start, 0))
        else:
            return False
        return True


class Download:
    """A file of the outbox that is read."""

    def __init__(self, drop: Drop, name: str, descriptor: int) -> None:
        self.drop, self.name, self._file, self._spans = drop, name, descriptor, _Spans()

    def entry(self) -> Entry:
        return _entry(self.name, os.fstat(self._file))

    def read(self, offset: int, size: int) -> bytes:
        data = os.pread(self._file, min(size, MAX_READ), min(offset, 1 << 62))
        self._spans.add(offset, offset + len(data))
        return data

    def write(self, _offset: int, _data: bytes) -> None:
        raise OSError(errno.EACCES, "the file was opened for reading")

    def truncate(self, _size: int) -> None:
        self.write(0, b"")

    def end(self) -> None:
        """Closed by the partner: if all of it was read, the partner has it, and that is kept."""
        try:
            if self._spans.upto >= os.fstat(self._file).st_size:
                self.drop.tell("file.fetched", OUTBOX, self.name, self._file)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """The connection broke, or it is closed."""
        descriptor, self._file = self._file, -1
        if descriptor >= 0:
            os.close(descriptor)


class Upload(Download):
    """A file that is put into the inbox."""

    def __init__(self, drop: Drop, name: str) -> None:
        self._hidden = drop.folder(INBOX) / f"{_HIDDEN}{uuid4().hex}"
        drop.room.reserve(self._hidden.name)
        try:
            super().__init__(drop, name, os.open(self._hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o640))
        except OSError:
            drop.room.release(self._hidden.name)
            raise
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._size, self._wrong = 0, ""

    def read(self, _offset: int, _size: int) -> bytes:
        raise OSError(errno.EACCES, "what is put into /inbox cannot be read back")

    def write(self, offset: int, data: bytes) -> None:
        if self._wrong:  # nothing after it can make the file whole
            raise OSError(errno.EIO, self._wrong)
        try:
            self.truncate(max(self._size, offset + len(data)), grow=False)
            if not self._spans.add(offset, offset + len(data)):
                raise OSError(errno.EIO, "the file was written in too many pieces")
            written = 0
            while written < len(data):
                written += os.pwrite(self._file, data[written:], offset + written)
        except OSError as error:
            self._wrong = error.strerror or str(error)
            raise

    def truncate(self, size: int, *, grow: bool = True) -> None:
        if size < self._size:
            raise OSError(errno.EOPNOTSUPP, "a file cannot be made shorter; begin it again")
        if size > (most := self.drop.terms.max_file_mb) * _MB:
            raise OSError(
                errno.EFBIG, f"{self.name} is larger than {most} MB, the most one file may have here"
            )
        self.drop.room.reserve(self._hidden.name, size)
        self._size = size
        if grow:
            os.ftruncate(self._file, size)

    def end(self) -> None:
        """Closed by the partner: the file is on disk and in the inbox when this returns.

        Raises:
            OSError: it is not, and nothing of it is left.
        """
        try:
            if self._wrong:
                raise OSError(errno.EIO, f"{self.name} is not complete and was not kept: {self._wrong}")
            if self._spans.upto < self._size:
                words = f"{self.name} was not kept: its bytes from {self._spans.upto} on never came"
                raise OSError(errno.EIO, words)
            os.fsync(self._file)
            self.drop.show(self._hidden, self.name)
            self.drop.room.release(self._hidden.name, kept=True)
            # Though this be not kept: that it was received is, with the same sha256.
            with suppress(OSError):
                self.drop.tell("file.uploaded", INBOX, self.name, self._file)
        finally:
            self.abandon()

    def abandon(self) -> None:
        if self._file >= 0:
            with suppress(OSError):
                self._hidden.unlink()
            self.drop.room.release(self._hidden.name)
        super().abandon()


class Drop:
    """The folders of a partner, for one connection.

    Args:
        channel: the folder that holds both.
        room: the same for all connections of the partner.
        told: keeps events: ``file.uploaded``, ``file.fetched``, ``file.removed``, ``file.renamed``.

    All methods that take a path raise OSError with words for the partner.
    """

    def __init__(self, channel: Path, terms: SftpAccount, room: Room, told: Told) -> None:
        self._channel, self.terms, self.room, self._told = channel, terms, room, told

    def folder(self, box: str) -> Path:
        return self._channel / box

    # --- what the partner does -----------------------------------------------------------------------

    def list(self, path: bytes) -> list[Entry]:
        box, name = _place(path)
        if name:
            raise OSError(errno.ENOTDIR, "this is a file")
        if not box:
            return [self.entry(b"/inbox"), self.entry(b"/outbox")]
        return list(self._entries(box))

    def entry(self, path: bytes) -> Entry:
        box, name = _place(path)
        if not name:
            return Entry(box, 0, self.folder(box or INBOX).stat().st_mtime, True)
        return _entry(name, self._found(box, name))

    def fetch(self, path: bytes) -> Download:
        box, name = _place(path)
        if box != OUTBOX:
            raise OSError(errno.EACCES, "only files in /outbox can be fetched")
        self._found(box, name)
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        return Download(self, name, os.open(self.folder(box) / name, flags))

    def put(self, path: bytes, *, appends: bool = False) -> Upload:
        box, name = _place(path)
        self._free(box, name)
        if box != INBOX:
            raise OSError(errno.EACCES, "files are put into /inbox")
        if appends:
            raise OSError(errno.EOPNOTSUPP, "nothing is added to a file; put it again as a whole")
        return Upload(self, name)

    def remove(self, path: bytes) -> None:
        box, name = _place(path)
        self._found(box, name)
        self._may_change(box)
        self._kept("file.removed", box, name, (self.folder(box) / name).unlink)

    def rename(self, path: bytes, target: bytes) -> None:
        (box, old), (other, new) = _place(path), _place(target)
        self._found(box, old)
        self._may_change(box)
        if other != box:
            raise OSError(errno.EACCES, "a file keeps its folder")

        def move() -> None:
            with self.room.lock:
                self._free(box, new)
                (self.folder(box) / old).rename(self.folder(box) / new)
            sync_files([self.folder(box)])

        if box == INBOX:  # how an upload ends; it was kept when it was closed
            move()
        else:
            self._kept("file.renamed", box, old, move, to=new)

    def _may_change(self, box: str) -> None:
        if box == OUTBOX and not self.terms.removes:
            raise OSError(errno.EACCES, "files in /outbox are fetched only; they are not yours to change")

    def _entries(self, box: str) -> Iterator[Entry]:
        with os.scandir(self.folder(box)) as entries:
            for one in entries:
                with suppress(FileNotFoundError):  # taken in the meantime
                    found = one.stat(follow_symlinks=False)
                    if stat.S_ISREG(found.st_mode) and not _is_hidden(box, one.name):
                        yield _entry(one.name, found)

    def _found(self, box: str, name: str) -> os.stat_result:
        """What a file is. Raises FileNotFoundError for what the partner does not see, too."""
        if name and not _is_hidden(box, name):
            found = (self.folder(box) / name).lstat()
            if stat.S_ISREG(found.st_mode):
                return found
        raise OSError(errno.ENOENT, "there is no such file")

    def _free(self, box: str, name: str) -> None:
        if not name:
            raise OSError(errno.EACCES, "write /inbox/ and the name of the file")
        if _is_hidden(box, name):
            raise OSError(errno.EACCES, f"{name}: names that begin so are used here for something else")
        if os.path.lexists(self.folder(box) / name) and not (box == INBOX and is_unfinished(name)):
            words = f"a file {name} is there and not replaced; wait until it is taken, or use another name"
            raise OSError(errno.EEXIST, words)

    # --- what is kept ----------------------------------------------------------------------------------

    def tell(self, event: str, box: str, name: str, descriptor: int, **facts: Any) -> None:
        """Keeps an event with size and sha256 of an open file."""
        act = facts.pop("act", lambda: None)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            file.seek(0)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
        self._told(event, {"box": box, "file": name, **facts, "bytes": size, "sha256": sha256}, act)

    def _kept(self, event: str, box: str, name: str, act: Callable[[], None], **facts: Any) -> None:
        descriptor = os.open(self.folder(box) / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            self.tell(event, box, name, descriptor, act=act, **facts)
        finally:
            os.close(descriptor)

    def show(self, hidden: Path, name: str) -> None:
        """Gives an upload its name in one step, over another file only if that is unfinished."""
        self._free(INBOX, name)
        target = self.folder(INBOX) / name
        try:
            if is_unfinished(name):  # whose owner tries again
                hidden.rename(target)
            else:
                os.link(hidden, target, follow_symlinks=False)
                hidden.unlink()
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            with self.room.lock:
                self._free(INBOX, name)
                hidden.rename(target)
        sync_files([self.folder(INBOX)])


def _entry(name: str, found: os.stat_result) -> Entry:
    return Entry(name, found.st_size, found.st_mtime)


def _is_hidden(box: str, name: str) -> bool:
    return name.startswith("." if box == OUTBOX else _HIDDEN)


def _place(path: bytes) -> tuple[str, str]:
    """Folder and name of a path as the partner writes it; both empty for ``/``."""
    if len(path) > _MAX_PATH:
        raise OSError(errno.ENAMETOOLONG, f"a path has at most {_MAX_PATH} bytes")
    parts = [one for one in posixpath.normpath(b"/" + path).split(b"/") if one]
    box = parts[0].decode("ascii", "replace") if parts else ""
    name = parts[1] if len(parts) > 1 else b""
    if len(parts) > 2 or (parts and box not in (INBOX, OUTBOX)):
        raise OSError(errno.ENOENT, "there are the folders /inbox and /outbox, and no others")
    if len(name) > _MAX_NAME:
        raise OSError(errno.ENAMETOOLONG, f"a name has at most {_MAX_NAME} bytes")
    if any(byte < 32 or byte == 127 for byte in name):
        raise OSError(errno.EINVAL, "a name has no control characters")
    return box, os.fsdecode(name)
