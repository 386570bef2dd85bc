"""Payload bytes as files named by their sha256: written once, never changed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

_CHUNK = 1 << 20
_TEMPORARY = ".writing-"


class PayloadFiles:
    """A folder of payloads, two levels deep.

    A file gets its final name only when its bytes are on disk, so what has a name is complete.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._count = 0
        self._folders: set[Path] = set()
        root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def clean(self) -> None:
        """Removes what a killed process left half-written; only for the one process that owns the home."""
        for path in self._root.glob(f"{_TEMPORARY}*"):
            path.unlink(missing_ok=True)

    def put(self, source: BinaryIO) -> tuple[str, int]:
        """Keeps everything ``source`` yields and returns sha256 and size once that is on disk."""
        digest, size = hashlib.sha256(), 0
        self._count += 1
        temporary = self._root / f"{_TEMPORARY}{os.getpid()}-{self._count}"
        with temporary.open("wb") as out:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        final = self.path(digest.hexdigest())
        if final.parent not in self._folders:
            # Made now, or by a process that may not have brought its name to disk.
            final.parent.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self._root)
            self._folders.add(final.parent)
        temporary.rename(final)
        sync_folder(final.parent)
        return digest.hexdigest(), size

    def path(self, sha256: str) -> Path:
        """Where the bytes are."""
        return self._root / sha256[:2] / sha256[2:]


def sync_folder(folder: Path) -> None:
    """Brings the names in a folder to disk; without it a rename may be undone by a power failure."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
