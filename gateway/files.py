"""Brings files and folders to disk, and says in words why that cannot be."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

from gateway.errors import EdiError

_ADVICE = {
    errno.ENOSPC: "make room on its disk",
    errno.EDQUOT: "make room, or ask for a larger quota",
    errno.EACCES: "give the gateway's user the right to read and write there",
    errno.EPERM: "give the gateway's user the right to read and write there",
    errno.EROFS: "mount it so that it can be written",
    errno.ENOENT: "is the share mounted?",
    errno.ESTALE: "the file server was changed; mount the share anew",
    errno.EXDEV: "the folders of a channel must be on one file system",
}

_THREADS = 8
_pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="sync")


def sync_files(paths: Collection[Path | str]) -> None:
    """Returns when the content of files and the names in folders are on disk.

    Without it a power failure may undo what was written, or a rename. Several at a time share the journal's
    writes, and take half the time.

    Raises:
        OSError: one of them cannot be brought there.
    """
    found = [*paths]
    waiting = [_pool.submit(_sync, found[start::_THREADS]) for start in range(1, min(len(found), _THREADS))]
    _sync(found[::_THREADS])
    for one in waiting:
        one.result()


def _sync(paths: Collection[Path | str]) -> None:
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def put_file(path: Path, content: bytes, put: Callable[[Path, Path], None], mode: int = 0o600) -> None:
    """A file that is whole as soon as it can be seen.

    Args:
        put: ``os.link``, which fails with FileExistsError where one is, or ``os.replace``.
    """
    hidden = path.with_name(f".{path.name}-{uuid4()}")
    try:
        with os.fdopen(os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
        sync_files([hidden])
        put(hidden, path)
        sync_files([path.parent])
    finally:
        hidden.unlink(missing_ok=True)


def _missing(path: Path) -> str:
    """The outermost folder or file of a path that is not there, with the folder it should be in."""
    while not path.parent.exists():
        path = path.parent
    return "/".join(path.parts[-2:])


def in_words(error: Exception) -> str:
    """What is wrong with a file, folder, disk or server (with its code), and what to do if that is known."""
    if isinstance(error, EdiError) and isinstance(error, OSError):
        return f"{error.code}: {str(error).rstrip('.')}. {error.hint}"
    advice = _ADVICE.get(error.errno or 0) if isinstance(error, OSError) else None
    said = getattr(error, "strerror", None) or str(error)
    if isinstance(error, FileNotFoundError) and isinstance(error.filename, str):
        said = f"{_missing(Path(error.filename))} is missing: {said}"
    return f"{said}; {advice}" if advice else said
