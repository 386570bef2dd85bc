"""The way files travel between us and somebody else."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")


def checked_name(name: str) -> str:
    """The name, if it can serve as a folder name on any system.

    Raises:
        ValueError: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no usable name: take a-z, 0-9 and -, at most 41 characters")
    return name


@dataclass(frozen=True, slots=True)
class Channel:
    """A pair of folders: what comes from the other side (inbox) and what is for it (outbox).

    Attributes:
        name: the folder's name below ``folders/`` of the home.
        partner: id of the partner at the other side, None for our own ERP.
    """

    name: str
    partner: str | None
