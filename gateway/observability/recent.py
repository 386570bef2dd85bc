"""Answers that count for a moment, so that asking more often costs nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

_T = TypeVar("_T")


class Recent(Generic[_T]):
    """The last answer about each thing; while one is made, others wait for it.

    Args:
        seconds: for how long an answer counts.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock, self._lock = seconds, clock, Lock()
        self._kept: WeakKeyDictionary[object, tuple[float, _T]] = WeakKeyDictionary()

    def get(self, about: object, make: Callable[[], _T]) -> _T:
        """The answer about something, made anew if it is too old."""
        with self._lock:
            kept = self._kept.get(about)
            if kept is None or self._clock() - kept[0] >= self._seconds:
                kept = self._kept[about] = (self._clock(), make())
            return kept[1]
