from __future__ import annotations

from pathlib import Path

import pytest

from gateway.engine import library
from gateway.errors import MappingError
from gateway.mapping.model import parse_mapping
from gateway.mapping.plan import bind
from gateway.x12.delimiters import Delimiters
from tests.property.agreement import Engines, fault

HEAD = "mapping: purchase_order\nguide: x12/004010/850\nfields:\n"
ORDER = "ST*850*0001~BEG*00*SA*PO1**20260105~{}~PO1*1*1*EA*5~SE*{}*0001"


@pytest.mark.parametrize("notes", ["N9*L1*x~N9*AH*y~MSG*hello", "N9*AH*y~MSG*hello~N9*L1*x"])
def test_a_rule_that_only_leads_into_a_loop_keeps_its_place(tmp_path: Path, notes: str) -> None:
    folder = tmp_path / "mappings" / "x12" / "004010"
    folder.mkdir(parents=True)
    (folder / "850.yaml").write_text(
        HEAD + "  po_number: BEG03\n  note: N9[N901=AH]/MSG/MSG01\n"
        "  notes[]: {each: N9, type: N901, ref: N902}\n"
        "  lines[]: {each: PO1, quantity: PO102}\n"
    )
    guides = library((tmp_path / "mappings",))
    checking, mapping = (guides.engine("004010", "850", documents=wanted) for wanted in (False, True))
    assert checking is not None
    assert mapping is not None
    segments = ORDER.format(notes, notes.count("~") + 5).split("~")
    wrong = fault(Engines(checking, mapping), segments, Delimiters())
    assert wrong == ""


def test_a_rule_that_leads_into_a_segment_is_refused() -> None:
    table = library().table("004010", "850")
    assert table is not None
    with pytest.raises(MappingError, match="REF is no loop"):
        bind(parse_mapping(HEAD + "  x: REF[REF01=CR]/MSG/MSG01\n"), table)
