"""Writes the table of ``docs/interop.md``: what other implementations read of ours, and we of theirs.

Usage: ``python -m tests.interop.table``. Nothing is run: every cell that counts is a test that must pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from tests.interop.matrix import ONLY_WITH_BYTES, PEERS, READS, WRITES, Cell, cells, gap_of, message_cells

PAGE = Path(__file__).resolve().parents[2] / "docs" / "interop.md"

KINDS = {
    "sign": "signatures",
    "encrypt": "encryption",
    "compress": "compression",
    "message": "messages with receipts",
}

_BEGIN, _END = "<!-- generated: python -m tests.interop.table -->\n\n", "<!-- end -->"


def table() -> str:
    """A row for each peer and kind of content."""
    tried = list(chain(cells(), message_cells()))
    lines = [
        f"| with | what | {WRITES} | {READS} | what it cannot |",
        "| --- | --- | --- | --- | --- |",
    ]
    for peer, name in PEERS.items():
        for kind, title in KINDS.items():
            found = [cell for cell in tried if cell.peer == peer and cell.feature.kind == kind]
            if found:
                counts = [_count([cell for cell in found if cell.way == way]) for way in (WRITES, READS)]
                why = "; ".join(dict.fromkeys(_reasons(found)))
                lines.append(f"| {name} | {title} | {counts[0]} | {counts[1]} | {why} |")
                name = ""
    return "\n".join(lines) + "\n"


def _count(found: list[Cell]) -> str:
    good = sum(cell.gap is None for cell in found)
    return f"{good} / {len(found)}" if good else "–"


def _reasons(found: list[Cell]) -> Iterator[str]:
    for cell in found:
        if cell.gap is not None:
            yield cell.gap.why
        elif gap := gap_of(ONLY_WITH_BYTES, cell.peer, cell.way, cell.feature):
            yield gap.why


def page() -> str:
    """The page with its table anew."""
    text = PAGE.read_text("utf-8")
    before, _, rest = text.partition(_BEGIN)
    assert _END in rest
    return f"{before}{_BEGIN}{table()}\n{_END}{rest.partition(_END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
