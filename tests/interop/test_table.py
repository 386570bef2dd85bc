"""The table in the documentation is what the tests show, and no gap is listed that is none."""

from __future__ import annotations

from itertools import chain

from tests.interop import table
from tests.interop.matrix import CANNOT, cells, message_cells


def test_the_table_is_up_to_date() -> None:
    assert table.PAGE.read_text("utf-8") == table.page(), "run python -m tests.interop.table"


def test_every_gap_is_one() -> None:
    used = [cell.gap for cell in chain(cells(), message_cells()) if cell.gap is not None]
    assert [gap.why for gap in CANNOT if gap not in used] == []
