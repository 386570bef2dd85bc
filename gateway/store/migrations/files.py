"""Files of a home of the first schema: payloads are compressed, begun deliveries get their names of today."""

from __future__ import annotations

import time
from pathlib import Path

from gateway.errors import ConfigurationError
from gateway.store.payloads import PayloadFiles

_BATCH = 200


def upgrade(payloads: Path, folders: Path) -> int:
    """Compresses payloads that are not, and renames what was staged; may be killed and run again.

    A plain file goes only when its compressed form is on disk and has the same sha256.

    Returns:
        How many payloads were compressed.

    Raises:
        ConfigurationError: a file does not hold what its name says.
        OSError: a file cannot be written.
    """
    for staged in folders.glob("*/*/.sending-*.tmp"):
        if staged.stem.removeprefix(".sending-").isdecimal():
            staged.rename(staged.with_name(f"{staged.stem}-.tmp"))
    kept, done = PayloadFiles(payloads), 0
    kept.clean(time.time())
    plain = [path for path in sorted(payloads.glob("[0-9a-f][0-9a-f]/*")) if len(path.name) == 62]
    for start in range(0, len(plain), _BATCH):
        some = plain[start : start + _BATCH]
        for path in some:
            with path.open("rb") as file:
                sha256, _ = kept.put(file)
            if sha256 != f"{path.parent.name}{path.name}":
                raise ConfigurationError(f"The payload {path} was changed: its SHA-256 is {sha256}.")
        kept.flush()
        for path in some:
            path.unlink()
        done += len(some)
    return done
