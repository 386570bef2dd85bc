"""Brings files and folders to disk."""

from __future__ import annotations

import os
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_THREADS = 8
_pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="sync")


def sync_files(paths: Collection[Path | str]) -> None:
    """Returns when the content of files and the names in folders are on disk.

    Without it a power failure may undo what was written, or a rename. Several at a time share the journal's
    writes, and take half the time.

    Raises:
        OSError: one of them cannot be brought there.
    """
    if paths:
        first, *others = paths
        waiting = [_pool.submit(_sync, path) for path in others]
        _sync(first)
        for one in waiting:
            one.result()


def _sync(path: Path | str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
