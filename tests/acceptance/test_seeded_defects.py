"""One defect a file, beside its clean twin: found with its place and codes, and acknowledged for what it is.

The codes are those of X12 004010: AK304 (element 720), AK403 (723), AK502 (718), AK905 (716), TA105 (I18).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

import gateway
from tests.acceptance import edi
from tests.acceptance.edi import Interchange
from tests.acceptance.support import run, segments

LEVELS = {
    "ta1": "interchange",
    "ak9": "group",
    "ak5": "transaction_set",
    "ak3": "segment",
    "ak4": "element",
}


@dataclass(frozen=True)
class Expected:
    """A problem that is to be reported.

    Attributes:
        segment: id of the segment it is about.
        nth: which of the segments of this id in the file.
        before: for a missing segment, what stands in its place: id and nth; ``("", 0)`` for the end.
        component: component of a composite element.
    """

    code: str
    segment: str
    element: int | None = None
    component: int | None = None
    nth: int = 1
    before: tuple[str, int] | None = None
    value: str | None = None
    severity: str = "error"
    ta1: str | None = None
    ak3: str | None = None
    ak4: str | None = None
    ak5: str | None = None
    ak9: str | None = None

    @property
    def level(self) -> str:
        """The level follows from the most detailed acknowledgment code."""
        return next(level for name, level in reversed(LEVELS.items()) if getattr(self, name))


@dataclass(frozen=True)
class Defect:
    """A named way to spoil a clean file, and what must be said about it.

    Attributes:
        make: changes the clean twin.
        clean: makes the clean twin.
        problems: exactly what is to be reported, in the order of the file.
        ack: segments AK1 to AK9 of the 997, or None where the interchange itself is refused.
        ta1: TA104 and TA105 of the interchange acknowledgment.
        cut: cuts the rendered bytes.
        part: for a file of two interchanges, the clean first one.
        verdict: of the file.
    """

    name: str
    make: Callable[[Interchange], object]
    problems: tuple[Expected, ...]
    ack: tuple[str, ...] | None = None
    ta1: str = "A*000"
    clean: Callable[[], Interchange] = edi.clean
    cut: Callable[[bytes], bytes] = field(default=lambda data: data)
    part: Callable[[], Interchange] | None = None
    verdict: str = "rejected"

    def spoiled(self) -> Interchange:
        one = self.clean()
        if self.part is not None:
            one.prefix = self.part().to_bytes()
        self.make(one)
        return one

    def data(self) -> bytes:
        return self.cut(self.spoiled().to_bytes())


def element(
    code: str,
    number: str,
    segment: str,
    at: int,
    value: str | None = None,
    *,
    component: int | None = None,
    nth: int = 1,
) -> Expected:
    """An expected element problem; ``number`` is its AK403 code."""
    return Expected(
        code, segment, at, component, nth=nth, value=value, ak3="8", ak4=number, ak5="5"
    )  # fmt: skip


def segment(
    code: str, number: str, name: str, *, nth: int = 1, before: tuple[str, int] | None = None
) -> Expected:
    """An expected segment problem; ``number`` is its AK304 code."""
    return Expected(code, name, nth=nth, before=before, ak3=number, ak5="5")


def rejected(*details: str, code: str = "5") -> tuple[str, ...]:
    """AK1 to AK9 of a group whose only set is rejected."""
    return ("AK1*PO*11", "AK2*850*0001", *details, f"AK5*R*{code}", "AK9*R*1*1*0")


ACCEPTED = ("AK1*PO*11", "AK2*850*0001", "AK5*A", "AK9*A*1*1*1")


# Clean twins that hold what a defect needs


def with_price_unit() -> Interchange:
    """A line with a CTP, whose CTP05 is a composite (C001)."""
    return edi.clean().before("PID", ["CTP", "", "RTL", "19.99", "1", ("EA", "1", "1", "EA")]).recount()


def with_hash_total() -> Interchange:
    """CTT02 is the sum of the quantities ordered."""
    return edi.clean().put("CTT", 2, "30")


def with_pack() -> Interchange:
    return edi.clean().after("PID", ["PO4", "12"]).recount()


def with_time() -> Interchange:
    return edi.clean().put("DTM", 3, "0830")


def with_measurement() -> Interchange:
    return edi.clean().after("PID", ["MEA", "PD", "WT", "10", ("LB",)]).recount()


def with_note() -> Interchange:
    return edi.clean().before("N1", ["N9", "ZZ", "NOTE"], ["MSG", "Handle with care"]).recount()


def with_many_parties() -> Interchange:
    """The N1 loop of the heading as often as it may occur, with what edi.clean() has already."""
    parties: list[edi.Segment] = [["N1", "BY", f"Store {i}"] for i in range(199)]
    return edi.clean().before("N1", *parties).recount()


def two_groups() -> Interchange:
    groups = [edi.group([edi.transaction(edi.order_body())], control=control) for control in ("11", "12")]
    return Interchange.of(*groups)


def cut_after(marker: bytes) -> Callable[[bytes], bytes]:
    return lambda data: data[: data.index(marker) + len(marker)]


DEFECTS = [
    # Control numbers and counts of the envelope
    Defect(
        "IEA01 counts a group too many",
        lambda x: x.put("IEA", 1, "2"),
        (Expected("X12-IEA-COUNT", "IEA", 1, value="2", ta1="021"),),
        ta1="R*021",
    ),
    Defect(
        "IEA02 differs from ISA13",
        lambda x: x.put("IEA", 2, "000000109"),
        (Expected("X12-IEA-CONTROL", "IEA", 2, value="000000109", ta1="001"),),
        ta1="R*001",
    ),
    Defect(
        "IEA01 is no number",
        lambda x: x.put("IEA", 1, "one"),
        (Expected("X12-IEA-COUNT", "IEA", 1, value="one", ta1="021"),),
        ta1="R*021",
    ),
    Defect(
        "GE01 counts a set too many",
        lambda x: x.put("GE", 1, "2"),
        (Expected("X12-GE-COUNT", "GE", 1, value="2", ak9="5"),),
        ack=("AK1*PO*11", "AK2*850*0001", "AK5*A", "AK9*R*2*1*0*5"),
    ),
    Defect(
        "GE02 differs from GS06",
        lambda x: x.put("GE", 2, "99"),
        (Expected("X12-GE-CONTROL", "GE", 2, value="99", ak9="4"),),
        ack=("AK1*PO*11", "AK2*850*0001", "AK5*A", "AK9*R*1*1*0*4"),
    ),
    Defect(
        "SE01 counts a segment too few",
        lambda x: x.put("SE", 1, "13"),
        (Expected("X12-SE-COUNT", "SE", 1, value="13", ak5="4"),),
        ack=rejected(code="4"),
    ),
    Defect(
        "SE02 differs from ST02",
        lambda x: x.put("SE", 2, "0009"),
        (Expected("X12-SE-CONTROL", "SE", 2, value="0009", ak5="3"),),
        ack=rejected(code="3"),
    ),
    Defect(
        "SE01 and SE02 both wrong",
        lambda x: x.put("SE", 1, "99").put("SE", 2, "0009"),
        (
            Expected("X12-SE-COUNT", "SE", 1, value="99", ak5="4"),
            Expected("X12-SE-CONTROL", "SE", 2, value="0009", ak5="3"),
        ),
        ack=("AK1*PO*11", "AK2*850*0001", "AK5*R*4*3", "AK9*R*1*1*0"),
    ),
    Defect(
        "ST02 used twice in a group",
        lambda x: x.put("ST", 2, "0001", nth=2).put("SE", 2, "0001", nth=2),
        (Expected("X12-ST-DUPLICATE", "ST", 2, nth=2, value="0001", ak5="7"),),
        clean=edi.two_sets,
        ack=("AK1*PO*11", "AK2*850*0001", "AK5*A", "AK2*850*0001", "AK5*R*7", "AK9*P*2*2*1"),
        verdict="accepted_with_errors",
    ),
    Defect(
        "ST has an element too many",
        lambda x: x.get("ST").append("X9"),
        (element("X12-ELEMENT-EXTRA", "3", "ST", 3, "X9"),),
        ack=rejected("AK3*ST*1**8", "AK4*3**3*X9"),
    ),
    Defect(
        "SE has an element too many",
        lambda x: x.get("SE").append("X9"),
        (element("X12-ELEMENT-EXTRA", "3", "SE", 3, "X9"),),
        ack=rejected("AK3*SE*14**8", "AK4*3**3*X9"),
    ),
    Defect(
        "ST02 missing",
        lambda x: x.put("ST", 2, "").put("SE", 2, ""),
        (Expected("X12-ST-CONTROL", "ST", 2, value="", ak5="7"),),
    ),
    Defect(
        "GS06 used twice in an interchange",
        lambda x: x.put("GS", 6, "11", nth=2).put("GE", 2, "11", nth=2),
        (Expected("X12-GS-DUPLICATE", "GS", 6, nth=2, value="11", ak9="6"),),
        clean=two_groups,
        ack=(*ACCEPTED, "AK1*PO*11", "AK2*850*0001", "AK5*A", "AK9*R*1*1*0*6"),
        verdict="accepted_with_errors",
    ),
    Defect(
        "ISA13 used twice in a file",
        lambda x: None,
        (Expected("X12-ISA-DUPLICATE", "ISA", 13, value="000000101", ta1="025"),),
        part=edi.clean,
        ta1="R*025",
        verdict="accepted_with_errors",
    ),
    # Structure of a set
    Defect(
        "BEG missing",
        lambda x: x.drop("BEG").recount(),
        (segment("X12-SEGMENT-MISSING", "3", "BEG", before=("CUR", 1)),),
        ack=rejected("AK3*BEG*2**3"),
    ),
    Defect(
        "PO1 missing",
        lambda x: x.drop("PO1").drop("PID").drop("PO1").drop("PID").drop("CTT").recount(),
        (segment("X12-SEGMENT-MISSING", "3", "PO1", before=("SE", 1)),),
        ack=rejected("AK3*PO1*9**3"),
    ),
    Defect(
        "segment of an unknown name",
        lambda x: x.after("REF", ["ZZZ", "1"]).recount(),
        (segment("X12-SEGMENT-UNKNOWN", "1", "ZZZ"),),
        ack=rejected("AK3*ZZZ*5**1"),
    ),
    Defect(
        "segment at the wrong place",
        lambda x: x.drop("CUR").after("DTM", ["CUR", "BY", "USD"]).recount(),
        (segment("X12-SEGMENT-UNEXPECTED", "2", "CUR"),),
        ack=rejected("AK3*CUR*5**2"),
    ),
    Defect(
        "header segment after the lines",
        lambda x: x.drop("BEG").before("CTT", ["BEG", "00", "SA", "PO-1001", "", "20260105"]).recount(),
        (
            segment("X12-SEGMENT-MISSING", "3", "BEG", before=("CUR", 1)),
            segment("X12-SEGMENT-UNEXPECTED", "2", "BEG"),
        ),
        ack=rejected("AK3*BEG*2**3", "AK3*BEG*12**2"),
    ),
    Defect(
        "segment above its maximum use",
        lambda x: x.after("CUR", ["CUR", "BY", "USD"]).recount(),
        (segment("X12-SEGMENT-REPEAT", "5", "CUR", nth=2),),
        ack=rejected("AK3*CUR*4**5"),
    ),
    Defect(
        "mandatory segment above its maximum use",
        lambda x: x.after("BEG", ["BEG", "00", "SA", "PO-1001", "", "20260105"]).recount(),
        (segment("X12-SEGMENT-REPEAT", "5", "BEG", nth=2),),
        ack=rejected("AK3*BEG*3**5"),
    ),
    Defect(
        "loop above its maximum",
        lambda x: x.before("N1", ["N1", "BY", "One too many"]).recount(),
        (segment("X12-LOOP-REPEAT", "4", "N1", nth=201),),
        clean=with_many_parties,
        ack=rejected("AK3*N1*206**4"),
    ),
    Defect(
        "empty segment",
        lambda x: x.after("CUR", [""]),
        (segment("X12-SEGMENT-EMPTY", "1", ""),),
        ack=None,
    ),
    # Elements
    Defect(
        "mandatory element missing",
        lambda x: x.put("BEG", 3, ""),
        (element("X12-ELEMENT-MISSING", "1", "BEG", 3),),
        ack=rejected("AK3*BEG*2**8", "AK4*3*324*1"),
    ),
    Defect(
        "mandatory element missing at the end",
        lambda x: x.get("CUR").pop(),
        (element("X12-ELEMENT-MISSING", "1", "CUR", 2),),
        ack=rejected("AK3*CUR*3**8", "AK4*2*100*1"),
    ),
    Defect(
        "too many elements",
        lambda x: x.get("N3").extend(["Floor 2", "Room 4"]),
        (element("X12-ELEMENT-EXTRA", "3", "N3", 3),),
        ack=rejected("AK3*N3*7**8", "AK4*3**3*Room 4"),
    ),
    Defect(
        "too short",
        lambda x: x.put("N4", 3, "12"),
        (element("X12-ELEMENT-SHORT", "4", "N4", 3, "12"),),
        ack=rejected("AK3*N4*8**8", "AK4*3*116*4*12"),
    ),
    Defect(
        "too long",
        lambda x: x.put("BEG", 3, "P" * 23),
        (element("X12-ELEMENT-LONG", "5", "BEG", 3, "P" * 23),),
        ack=rejected("AK3*BEG*2**8", f"AK4*3*324*5*{'P' * 23}"),
    ),
    Defect(
        "much too long",
        lambda x: x.put("N1", 2, "N" * 300),
        (Expected("X12-ELEMENT-LONG", "N1", 2, ak3="8", ak4="5", ak5="5"),),
        ack=rejected("AK3*N1*6**8", f"AK4*2*93*5*{'N' * 99}"),
    ),
    Defect(
        "too many digits",
        lambda x: x.put("PO1", 4, "1234567890123456.78"),
        (element("X12-ELEMENT-LONG", "5", "PO1", 4, "1234567890123456.78"),),
        ack=rejected("AK3*PO1*9**8", "AK4*4*212*5*1234567890123456.78"),
    ),
    Defect(
        "control character in text",
        lambda x: x.put("N1", 2, "North\x07wind"),
        (element("X12-ELEMENT-CHARACTER", "6", "N1", 2),),
        ack=rejected("AK3*N1*6**8", "AK4*2*93*6"),
    ),
    Defect(
        "letter in a number",
        lambda x: x.put("PO1", 2, "1X"),
        (element("X12-ELEMENT-CHARACTER", "6", "PO1", 2, "1X"),),
        ack=rejected("AK3*PO1*9**8", "AK4*2*330*6*1X"),
    ),
    Defect(
        "decimal point in an integer",
        lambda x: x.put("PO4", 1, "1.2"),
        (element("X12-ELEMENT-CHARACTER", "6", "PO4", 1, "1.2"),),
        clean=with_pack,
        ack=rejected("AK3*PO4*11**8", "AK4*1*356*6*1.2"),
    ),
    Defect(
        "bad code in BEG01",
        lambda x: x.put("BEG", 1, "ZQ"),
        (element("X12-ELEMENT-CODE", "7", "BEG", 1, "ZQ"),),
        ack=rejected("AK3*BEG*2**8", "AK4*1*353*7*ZQ"),
    ),
    Defect(
        "bad code in REF01",
        lambda x: x.put("REF", 1, "QZQ"),
        (element("X12-ELEMENT-CODE", "7", "REF", 1, "QZQ"),),
        ack=rejected("AK3*REF*4**8", "AK4*1*128*7*QZQ"),
    ),
    Defect(
        "bad code in N101, which begins a loop",
        lambda x: x.put("N1", 1, "9#"),
        (element("X12-ELEMENT-CODE", "7", "N1", 1, "9#"),),
        ack=rejected("AK3*N1*6**8", "AK4*1*98*7*9#"),
    ),
    Defect(
        "bad code in a component",
        lambda x: x.put("CTP", 5, ("EA", "1", "1", "9#")),
        (element("X12-ELEMENT-CODE", "7", "CTP", 5, "9#", component=4),),
        clean=with_price_unit,
        ack=rejected("AK3*CTP*10**8", "AK4*5>4*355*7*9#"),
    ),
    Defect(
        "mandatory component missing",
        lambda x: x.put("CTP", 5, ("", "1", "1")),
        (element("X12-ELEMENT-MISSING", "1", "CTP", 5, component=1),),
        clean=with_price_unit,
        ack=rejected("AK3*CTP*10**8", "AK4*5>1*355*1"),
    ),
    Defect(
        "too many components",
        lambda x: x.put("CTP", 5, ("EA", *[""] * 14, "1")),
        (element("X12-COMPONENT-EXTRA", "3", "CTP", 5),),
        clean=with_price_unit,
        ack=rejected("AK3*CTP*10**8", "AK4*5**3"),
    ),
    Defect(
        "component separator in a simple element",
        lambda x: x.put("N1", 2, "North>wind"),
        (element("X12-COMPONENT-EXTRA", "3", "N1", 2),),
        ack=rejected("AK3*N1*6**8", "AK4*2*93*3"),
    ),
    Defect(
        "day that does not exist",
        lambda x: x.put("BEG", 5, "20260230"),
        (element("X12-ELEMENT-DATE", "8", "BEG", 5, "20260230"),),
        ack=rejected("AK3*BEG*2**8", "AK4*5*373*8*20260230"),
    ),
    Defect(
        "leap day of a year that has none",
        lambda x: x.put("BEG", 5, "21000229"),
        (element("X12-ELEMENT-DATE", "8", "BEG", 5, "21000229"),),
        ack=rejected("AK3*BEG*2**8", "AK4*5*373*8*21000229"),
    ),
    Defect(
        "letters in a date",
        lambda x: x.put("DTM", 2, "2026JA20"),
        (element("X12-ELEMENT-DATE", "8", "DTM", 2, "2026JA20"),),
        ack=rejected("AK3*DTM*5**8", "AK4*2*373*8*2026JA20"),
    ),
    Defect(
        "time that does not exist",
        lambda x: x.put("DTM", 3, "2460"),
        (element("X12-ELEMENT-TIME", "9", "DTM", 3, "2460"),),
        clean=with_time,
        ack=rejected("AK3*DTM*5**8", "AK4*3*337*9*2460"),
    ),
    # Relational conditions
    Defect(
        "R0203: REF with neither 02 nor 03",
        lambda x: x.get("REF").pop(),
        (element("X12-ELEMENT-CONDITION", "2", "REF", 2),),
        ack=rejected("AK3*REF*4**8", "AK4*2*127*2"),
    ),
    Defect(
        "P0607: PO106 without PO107",
        lambda x: x.get("PO1").__delitem__(slice(7, None)),
        (element("X12-ELEMENT-CONDITION", "2", "PO1", 7),),
        ack=rejected("AK3*PO1*9**8", "AK4*7*234*2"),
    ),
    Defect(
        "P0607: PO107 without PO106",
        lambda x: x.put("PO1", 6, ""),
        (element("X12-ELEMENT-CONDITION", "2", "PO1", 6),),
        ack=rejected("AK3*PO1*9**8", "AK4*6*235*2"),
    ),
    Defect(
        "C0504: PO105 without PO104",
        lambda x: x.put("PO1", 4, ""),
        (element("X12-ELEMENT-CONDITION", "2", "PO1", 4),),
        ack=rejected("AK3*PO1*9**8", "AK4*4*212*2"),
    ),
    Defect(
        "C0302: PO103 without PO102",
        lambda x: x.put("PO1", 2, ""),
        (element("X12-ELEMENT-CONDITION", "2", "PO1", 2),),
        ack=rejected("AK3*PO1*9**8", "AK4*2*330*2"),
    ),
    Defect(
        "C0403: DTM04 without DTM03",
        lambda x: x.put("DTM", 3, "").put("DTM", 4, "ET"),
        (element("X12-ELEMENT-CONDITION", "2", "DTM", 3),),
        clean=with_time,
        ack=rejected("AK3*DTM*5**8", "AK4*3*337*2"),
    ),
    Defect(
        "E0803: MEA08 beside MEA03",
        lambda x: x.put("MEA", 8, "04"),
        (element("X12-ELEMENT-EXCLUSIVE", "10", "MEA", 8),),
        clean=with_measurement,
        ack=rejected("AK3*MEA*11**8", "AK4*8*936*10*04"),
    ),
    # Totals
    Defect(
        "CTT01 differs from the number of lines",
        lambda x: x.put("CTT", 1, "3"),
        (element("X12-CTT-COUNT", "7", "CTT", 1, "3"),),
        ack=rejected("AK3*CTT*13**8", "AK4*1*354*7*3"),
    ),
    Defect(
        "CTT02 differs from the sum of quantities",
        lambda x: x.put("CTT", 2, "31"),
        (replace(element("X12-CTT-HASH", "7", "CTT", 2, "31"), severity="warning"),),
        clean=with_hash_total,
        ack=(
            "AK1*PO*11",
            "AK2*850*0001",
            "AK3*CTT*13**8",
            "AK4*2*347*7*31",
            "AK5*E*5",
            "AK9*E*1*1*1",
        ),
        verdict="accepted_with_errors",
    ),
    # Missing ends
    Defect(
        "SE missing before the next ST",
        lambda x: x.drop("SE"),
        (Expected("X12-SE-MISSING", "SE", before=("ST", 2), ak5="2"),),
        clean=edi.two_sets,
        ack=("AK1*PO*11", "AK2*850*0001", "AK5*R*2", "AK2*850*0002", "AK5*A", "AK9*P*2*2*1"),
        verdict="accepted_with_errors",
    ),
    Defect(
        "GE missing",
        lambda x: x.drop("GE"),
        (Expected("X12-GE-MISSING", "GE", before=("IEA", 1), ak9="3"),),
        ack=("AK1*PO*11", "AK2*850*0001", "AK5*A", "AK9*R*1*1*0*3"),
    ),
    Defect(
        "IEA missing",
        lambda x: x.drop("IEA"),
        (Expected("X12-IEA-MISSING", "IEA", before=("", 0), ta1="023"),),
        ta1="R*023",
    ),
    Defect(
        "file cut off in the middle of a segment",
        lambda x: None,
        (
            Expected("X12-SE-MISSING", "SE", before=("", 0), ak5="2"),
            Expected("X12-GE-MISSING", "GE", before=("", 0), ak9="3"),
            Expected("X12-IEA-MISSING", "IEA", before=("", 0), ta1="023"),
        ),
        cut=cut_after(b"PO1*2*20*EA*12.5"),
        ack=("AK1*PO*11", "AK2*850*0001", "AK5*R*2", "AK9*R*1*1*0*3"),
        ta1="R*023",
    ),
    # One bad set among good ones
    Defect(
        "second of two sets bad",
        lambda x: x.put("BEG", 5, "20260230", nth=2),
        (element("X12-ELEMENT-DATE", "8", "BEG", 5, "20260230", nth=2),),
        clean=edi.two_sets,
        ack=(
            "AK1*PO*11",
            "AK2*850*0001",
            "AK5*A",
            "AK2*850*0002",
            "AK3*BEG*2**8",
            "AK4*5*373*8*20260230",
            "AK5*R*5",
            "AK9*P*2*2*1",
        ),
        verdict="accepted_with_errors",
    ),
    Defect(
        "two bad elements in one segment",
        lambda x: x.put("BEG", 1, "ZQ").put("BEG", 5, "20260230"),
        (
            element("X12-ELEMENT-CODE", "7", "BEG", 1, "ZQ"),
            element("X12-ELEMENT-DATE", "8", "BEG", 5, "20260230"),
        ),
        ack=rejected("AK3*BEG*2**8", "AK4*1*353*7*ZQ", "AK4*5*373*8*20260230"),
    ),
    Defect(
        "bad segment and wrong count",
        lambda x: x.put("BEG", 1, "ZQ").put("SE", 1, "15"),
        (
            element("X12-ELEMENT-CODE", "7", "BEG", 1, "ZQ"),
            Expected("X12-SE-COUNT", "SE", 1, value="15", ak5="4"),
        ),
        ack=("AK1*PO*11", "AK2*850*0001", "AK3*BEG*2**8", "AK4*1*353*7*ZQ", "AK5*R*5*4", "AK9*R*1*1*0"),
    ),
]


def place(one: Interchange, data: bytes, expected: Expected) -> tuple[int | None, int]:
    """Position in the set and byte offset at which a problem is to be reported."""
    inside = expected.segment not in {"ISA", "GS", "GE", "IEA"}
    if expected.before is None:
        index = one.index(expected.segment, expected.nth)
        return one.position(index) if inside else None, one.offset(
            index, expected.element, expected.component
        )
    if not expected.before[0]:
        return None, len(data)
    index = one.index(*expected.before)
    return one.position(index - 1) + 1 if inside else None, one.offset(index)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_found_with_place_and_codes(defect: Defect) -> None:
    one, data = defect.spoiled(), defect.data()
    result = gateway.validate(data)
    assert [p["code"] for p in result["problems"]] == [e.code for e in defect.problems]
    assert result["verdict"] == defect.verdict
    for found, expected in zip(result["problems"], defect.problems, strict=True):
        position, offset = place(one, data, expected)
        where = found["location"]
        assert found["severity"] == expected.severity
        assert found["level"] == expected.level
        assert found["ack"] == {name: getattr(expected, name) for name in ("ta1", "ak3", "ak4", "ak5", "ak9")}
        assert where["segment_id"] == expected.segment
        assert (where["element"], where["component"]) == (expected.element, expected.component)
        assert where["offset"] == offset
        assert where["line"] == 1
        assert where["interchange"] == "000000101"
        if position is not None:
            assert where["segment"] == position
        if expected.value is not None:
            assert found["value"] == expected.value


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_the_clean_twin_has_no_problem(defect: Defect) -> None:
    result = gateway.validate(defect.clean().to_bytes())
    assert result["problems"] == []
    assert result["verdict"] == "accepted"


@pytest.mark.parametrize("defect", [d for d in DEFECTS if d.ack is not None], ids=lambda defect: defect.name)
def test_acknowledged_for_what_it_is(defect: Defect, tmp_path: Path) -> None:
    answer = acknowledgment(defect.data(), tmp_path)
    assert tuple(line for line in answer if line.startswith("AK")) == defect.ack
    control = {line.split("*")[0]: line.split("*") for line in answer}
    assert control["ISA"][5:9] == ["ZZ", "SUPPLIER".ljust(15), "ZZ", "NORTHWIND".ljust(15)]
    assert control["ISA"][12] == "00401"
    assert control["GS"][1:4] == ["FA", "SUPPLIERPO", "NORTHWINDPO"]
    assert control["GS"][8] == "004010"
    assert control["ST"][1] == "997"


@pytest.mark.parametrize(
    "defect", [d for d in DEFECTS if d.ta1 != "A*000" and d.part is None], ids=lambda defect: defect.name
)
def test_refused_interchange_is_told_by_ta1(defect: Defect, tmp_path: Path) -> None:
    answer = acknowledgment(defect.data(), tmp_path, "--type", "ta1")
    (line,) = [line for line in answer if line.startswith("TA1*")]
    assert line == f"TA1*000000101*260105*0830*{defect.ta1}"


@pytest.mark.parametrize("defect", [d for d in DEFECTS if d.ta1 != "A*000"], ids=lambda defect: defect.name)
def test_refused_interchange_is_never_acknowledged_as_accepted(defect: Defect, tmp_path: Path) -> None:
    answer = acknowledgment(defect.data(), tmp_path)
    groups = [line for line in answer if line.startswith("AK9*")]
    accepted = [line for line in groups if line.startswith("AK9*A")]
    assert len(accepted) <= (1 if defect.part else 0)


def test_duplicate_interchange_is_told_by_ta1(tmp_path: Path) -> None:
    data = edi.clean().to_bytes() * 2
    answer = acknowledgment(data, tmp_path, "--type", "ta1")
    assert [line for line in answer if line.startswith("TA1*")] == [
        "TA1*000000101*260105*0830*A*000",
        "TA1*000000101*260105*0830*R*025",
    ]


def test_clean_interchange_is_accepted(tmp_path: Path) -> None:
    data = edi.clean().to_bytes()
    assert tuple(line for line in acknowledgment(data, tmp_path) if line.startswith("AK")) == ACCEPTED
    answer = acknowledgment(data, tmp_path, "--type", "ta1")
    assert [line for line in answer if line.startswith("TA1*")] == ["TA1*000000101*260105*0830*A*000"]


def test_each_group_is_answered_to_its_sender(tmp_path: Path) -> None:
    one = two_groups().put("GS", 2, "OTHER", nth=2).put("BEG", 5, "20260230", nth=2)
    answer = acknowledgment(one.to_bytes(), tmp_path)
    assert [line.split("*")[3] for line in answer if line.startswith("GS*")] == ["NORTHWINDPO", "OTHER"]
    assert [line for line in answer if line.startswith("AK9")] == ["AK9*A*1*1*1", "AK9*R*1*1*0"]


def test_set_without_guide_is_not_acknowledged_as_accepted(tmp_path: Path) -> None:
    data = Interchange.of(edi.group([edi.transaction([["ZAP", "1"]], set_id="199")])).to_bytes()
    answer = acknowledgment(data, tmp_path)
    assert not [line for line in answer if line.startswith(("AK5*A", "AK9*A"))]


def test_functional_acknowledgments_are_not_acknowledged(tmp_path: Path) -> None:
    """X12 forbids to answer a 997 with a 997, which would go on for ever."""
    body: list[edi.Segment] = [["AK1", "PO", "11"], ["AK9", "A", "1", "1", "1"]]
    data = Interchange.of(edi.group([edi.transaction(body, set_id="997")], functional_id="FA")).to_bytes()
    path = tmp_path / "ack.edi"
    path.write_bytes(data)
    done = run("x12", "ack", path)
    assert b"AK1" not in done.stdout


def acknowledgment(data: bytes, directory: Path, *options: str) -> list[str]:
    """Segments of what ``x12 ack`` prints, which must itself be clean X12."""
    path = directory / "in.edi"
    path.write_bytes(data)
    done = run("x12", "ack", path, *options)
    assert done.returncode in {0, 1}, done.stderr.decode(errors="replace")
    answer: dict[str, Any] = gateway.validate(done.stdout)
    assert answer["verdict"] == "accepted", answer["problems"]
    assert not [p for p in answer["problems"] if p["severity"] == "error"]
    return segments(done.stdout)


def test_exit_codes_and_json(tmp_path: Path) -> None:
    import json

    good, bad, none = tmp_path / "good.edi", tmp_path / "bad.edi", tmp_path / "none.edi"
    good.write_bytes(edi.clean().to_bytes())
    bad.write_bytes(edi.clean().put("BEG", 1, "ZQ").to_bytes())
    none.write_bytes(b"no X12 at all")
    done = run("x12", "validate", "--json", good)
    assert done.returncode == 0
    (entry,) = json.loads(done.stdout)["files"]
    assert entry == json.loads(json.dumps(gateway.validate(good, path=str(good))))
    done = run("x12", "validate", "--json", good, bad, none)
    assert done.returncode == 1
    files = json.loads(done.stdout)["files"]
    assert [one["path"] for one in files] == [str(good), str(bad), str(none)]
    assert [one["verdict"] for one in files] == ["accepted", "rejected", "unreadable"]
    assert run("x12", "validate", tmp_path / "absent.edi").returncode == 4
    assert run("x12", "validate").returncode == 2
    for path, code in ((good, 0), (bad, 1), (none, 1)):
        shown = run("x12", "validate", path)
        assert shown.returncode == code
        assert shown.stdout
