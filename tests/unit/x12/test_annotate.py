from __future__ import annotations

import random

import pytest

from gateway.engine import library
from gateway.errors import Problem
from gateway.x12.annotate import AnnotatedSet, Annotator, Cell, Part, Row, date_words, time_words
from gateway.x12.envelope import Verdict
from tests.acceptance import edi
from tests.acceptance.edi import Interchange


def annotated(data: bytes, size: int = 0) -> list[Part]:
    size = size or len(data) or 1
    chunks = [data[i : i + size] for i in range(0, len(data), size)]
    return list(Annotator(library()).file(lambda: chunks))


def the_set(data: Interchange | bytes) -> AnnotatedSet:
    parts = annotated(data if isinstance(data, bytes) else data.to_bytes())
    (found,) = [part for part in parts if isinstance(part, AnnotatedSet)]
    return found


def row(found: AnnotatedSet, segment: str, nth: int = 1) -> Row:
    return [one for one in found.segments if one.segment_id == segment][nth - 1]


def cell(found: AnnotatedSet, ref: str, nth: int = 1) -> Cell:
    return [one for each in found.segments for one in each.elements if one.ref == ref][nth - 1]


def codes(part: Row | Cell | AnnotatedSet) -> list[str]:
    return [problem.code for problem in part.problems]


def test_segments_and_elements_have_names_usage_and_meaning() -> None:
    found = the_set(edi.clean())
    assert (found.set_id, found.guide, found.verdict) == ("850", "850.004010", Verdict.ACCEPTED)
    assert [one.segment_id for one in found.segments] == [s[0] for s in edi.clean().segments[2:-2]]
    assert [one.number for one in found.segments] == list(range(1, len(found.segments) + 1))
    begin = row(found, "BEG")
    assert begin.usage == "mandatory"
    assert begin.name
    assert cell(found, "BEG01").meaning == "Original"
    assert cell(found, "BEG03").value == "PO-1001"
    assert cell(found, "BEG05").meaning == "5 January 2026"
    assert "BEG04" not in [one.ref for one in begin.elements]
    assert cell(found, "N101").usage == "mandatory"
    assert cell(found, "N102").usage == "optional"


def test_loops_are_indented() -> None:
    found = the_set(edi.clean().after("PID", ["SLN", "1", "", "I"]).recount())
    depths = {one.segment_id: (one.depth, one.loop) for one in found.segments}
    assert depths["BEG"] == (2, "")
    assert depths["N1"] == depths["N3"] == (3, "N1")
    assert depths["PID"] == (4, "PO1/PID")
    assert depths["SLN"] == (4, "PO1/SLN")
    assert depths["CTT"] == (3, "CTT")


def test_amounts_times_and_periods_are_written_out() -> None:
    data = edi.clean()
    data.before("DTM", ["SAC", "C", "D240", "", "", "12345"])
    data.after("DTM", ["DTM", "010", "", "1730", "", "RD8", "20260301-20260303"]).recount()
    found = the_set(data)
    assert cell(found, "SAC05").meaning == "123.45"
    assert cell(found, "DTM03").meaning == "17:30"
    assert cell(found, "DTM06").meaning == "1 March 2026 to 3 March 2026"


@pytest.mark.parametrize(
    ("value", "words"),
    [("20260228", "28 February 2026"), ("260228", "28 February '26"), ("20260230", ""), ("x", ""), ("", "")],
)
def test_dates_in_words(value: str, words: str) -> None:
    assert date_words(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [("0930", "09:30"), ("093015", "09:30:15"), ("09301525", "09:30:15.25"), ("2460", ""), ("", "")],
)
def test_times_in_words(value: str, words: str) -> None:
    assert time_words(value) == words


def test_components_are_cells_of_their_own() -> None:
    data = edi.clean().after("REF", ["REF", "ZZ", "A1", "", ("SE", "77")]).recount()
    found = the_set(data)
    assert cell(found, "REF04-1").meaning == "Serial number"
    assert cell(found, "REF04-2").value == "77"


def test_a_problem_stands_at_its_element() -> None:
    found = the_set(edi.clean().put("BEG", 5, "20260231"))
    assert codes(cell(found, "BEG05")) == ["X12-ELEMENT-DATE"]
    assert cell(found, "BEG05").meaning == ""
    assert found.verdict is Verdict.REJECTED


def test_a_missing_element_has_a_cell() -> None:
    found = the_set(edi.clean().put("BEG", 3, ""))
    assert (cell(found, "BEG03").value, codes(cell(found, "BEG03"))) == ("", ["X12-ELEMENT-MISSING"])


def test_a_missing_component_has_a_cell() -> None:
    found = the_set(edi.clean().after("REF", ["REF", "ZZ", "A1", "", ("", "77")]).recount())
    assert codes(cell(found, "REF04-1")) == ["X12-ELEMENT-MISSING"]


def test_a_superfluous_element_is_shown() -> None:
    found = the_set(edi.clean().put("N3", 3, "x"))
    assert codes(cell(found, "N303")) == ["X12-ELEMENT-EXTRA"]
    assert cell(found, "N303").name == ""


def test_unknown_and_missing_segments() -> None:
    found = the_set(edi.clean().before("DTM", ["QQQ", "1"]).recount())
    assert (row(found, "QQQ").known, codes(row(found, "QQQ"))) == (False, ["X12-SEGMENT-UNKNOWN"])
    assert [one.value for one in row(found, "QQQ").elements] == ["1"]
    found = the_set(edi.clean().drop("BEG").recount())
    assert codes(row(found, "CUR")) == ["X12-SEGMENT-MISSING"]


def test_a_set_without_se_keeps_its_problem() -> None:
    found = the_set(edi.clean().drop("SE"))
    assert codes(found) == ["X12-SE-MISSING"]


def test_a_set_without_guide_is_shown_as_it_stands() -> None:
    data = edi.clean().put("ST", 1, "100").before("CTT", ["XYZ", "a", ("b", "c")]).recount()
    found = the_set(data)
    assert found.guide is None
    assert cell(found, "XYZ01") == Cell("XYZ01", "", "a")
    assert [one.value for one in row(found, "XYZ").elements] == ["a", "b", "c"]
    assert not row(found, "XYZ").known


def test_the_envelope_is_annotated() -> None:
    parts = annotated(edi.clean().to_bytes())
    isa, gs, _, ge, iea = parts
    assert isinstance(isa, Row)
    assert isinstance(gs, Row)
    assert isinstance(ge, Row)
    assert isinstance(iea, Row)
    assert [(one.segment_id, one.depth) for one in (isa, gs, ge, iea)] == [
        ("ISA", 0), ("GS", 1), ("GE", 1), ("IEA", 0),
    ]  # fmt: skip
    cells = {one.ref: one for one in isa.elements}
    assert cells["ISA09"].meaning == "5 January '26"
    assert cells["ISA15"].meaning == "Production"
    assert cells["ISA16"].value == ">"
    assert isa.offset == 0


def test_problems_of_the_envelope_stand_at_their_elements() -> None:
    data = edi.clean().put("IEA", 1, "7").put("GE", 2, "99").put("ISA", 9, "261305").to_bytes()
    found = {part.segment_id: part for part in annotated(data) if isinstance(part, Row)}
    at = {one.ref: codes(one) for part in found.values() for one in part.elements if one.problems}
    assert at == {"IEA01": ["X12-IEA-COUNT"], "GE02": ["X12-GE-CONTROL"], "ISA09": ["X12-ISA-ELEMENT"]}


def test_problems_at_no_segment_are_remarks() -> None:
    data = b"hello\n" + edi.clean().drop("GE").drop("IEA").to_bytes() + edi.clean().to_bytes()
    parts = annotated(data)
    remarks = [part.code for part in parts if isinstance(part, Problem)]
    assert set(remarks) >= {"X12-FOREIGN-TEXT", "X12-GE-MISSING", "X12-IEA-MISSING"}
    kinds = [part.segment_id if isinstance(part, Row) else type(part).__name__ for part in parts]
    assert kinds[0] == "Problem"
    second = kinds.index("ISA", kinds.index("ISA") + 1)
    assert kinds[second - 2 : second] == ["Problem", "Problem"]


def every(part: Part | Cell) -> list[Problem]:
    if isinstance(part, Problem):
        return [part]
    inner = {AnnotatedSet: "segments", Row: "elements"}.get(type(part), "")
    return [*part.problems, *(found for one in getattr(part, inner, ()) for found in every(one))]


def test_each_problem_of_a_file_is_shown_once() -> None:
    data = edi.clean().put("BEG", 5, "20260231").put("IEA", 1, "7").before("GE", ["QQQ", "1"]).drop("SE")
    raw = b"x" + data.to_bytes() + edi.clean().to_bytes()
    shown: list[tuple[str, int | None]] = []
    for part in annotated(raw):
        shown += [(problem.code, problem.location.offset) for problem in every(part)]
    from gateway.engine import validate

    stated = [(p["code"], p["location"]["offset"]) for p in validate(raw)["problems"]]
    assert sorted(shown, key=str) == sorted(stated, key=str)


def test_chunks_of_any_size_give_the_same() -> None:
    data = edi.two_sets().put("BEG", 5, "x").with_form(newline="\r\n").to_bytes()
    whole = annotated(data)
    for size in (1, 7, 100):
        assert annotated(data, size) == whole


@pytest.mark.parametrize("data", [b"", b"  \n", b"no X12 at all", b"ISA*00*", b"GS*PO*A*B~ST*850*1~SE*2*1~"])
def test_what_is_no_interchange_is_told(data: bytes) -> None:
    annotator = Annotator(library())
    parts = list(annotator.file(lambda: [data]))
    assert annotator.verdict is not Verdict.ACCEPTED
    assert any(isinstance(part, Problem) for part in parts)


def test_damaged_files_never_raise() -> None:
    chance = random.Random(7)
    clean = edi.two_sets().to_bytes()
    for _ in range(300):
        data = bytearray(clean)
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(len(data))
            data[at : at + chance.randrange(3)] = bytes(
                chance.choices(b"*~>A\n1\x00\xff", k=chance.randrange(3))
            )
        for part in annotated(bytes(data)):
            assert part.to_dict()


def test_a_repeating_element_has_a_cell_for_each() -> None:
    header = edi.isa(version="00501", standards="^")
    body = edi.order_body()
    body[2] = ["REF", "DP", "a^b"]
    data = Interchange.of(edi.group([edi.transaction(body)], version="009999"), header=header)
    found = the_set(data)
    assert [(one.ref, one.value, one.repetition) for one in row(found, "REF").elements] == [
        ("REF01", "DP", None), ("REF02", "a", 1), ("REF02", "b", 2),
    ]  # fmt: skip
