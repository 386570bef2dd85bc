"""Sets of rules, found by a value without asking each rule.

A set is a number in which bit N stands for the rule at place N. Sets of thousands of rules are intersected
at once, and the lowest bit is the rule that stands first.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence


def having(marks: Iterable[object]) -> int:
    """The rules whose mark is true."""
    return sum(1 << place for place, mark in enumerate(marks) if mark)


def places(rules: int) -> Iterator[int]:
    """The places of a set, the first one first."""
    while rules:
        lowest = rules & -rules
        yield lowest.bit_length() - 1
        rules ^= lowest


class Named:
    """Rules by the values that each names; one that names none is for all.

    Attributes:
        free: those that name none.
    """

    def __init__(self, named: Sequence[Collection[object]]) -> None:
        self.free = having(not values for values in named)
        self._of: dict[object, int] = {}
        for place, values in enumerate(named):
            for value in values:
                self._of[value] = self.at(value) | 1 << place

    def at(self, value: object) -> int:
        """Those for a value."""
        return self._of.get(value, self.free)


class Ranges:
    """Rules by the numbers that each is for: from the first of two on, the second excluded."""

    def __init__(self, ranges: Iterable[tuple[float, float]]) -> None:
        changes: dict[float, int] = {}
        for place, both in enumerate(ranges):
            for limit in both:
                changes[limit] = changes.get(limit, 0) ^ 1 << place
        self._limits, self._sets = sorted(changes), [0]
        for limit in self._limits:
            self._sets.append(self._sets[-1] ^ changes[limit])

    def at(self, value: float) -> int:
        """Those for a number."""
        return self._sets[bisect_right(self._limits, value)]
