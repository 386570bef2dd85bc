"""No input makes the engine raise anything but its own errors, or take more than linear time and memory."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import gateway
from gateway.errors import EdiError
from gateway.x12.envelope import Event, TransactionSet
from gateway.x12.parser import Parser
from tests.acceptance import edi
from tests.property.lawful import packs

VERDICTS = {"accepted", "accepted_with_errors", "rejected", "unreadable"}

CLEAN = edi.clean().to_bytes()
TWO = edi.two_sets().to_bytes()

FRAGMENTS = [
    b"ISA", b"ISA*", CLEAN[:105], CLEAN[:106], b"GS*PO*A*B*20260105*0830*1*X*004010~",
    b"ST*850*0001~", b"ST*850~", b"ST~", b"BEG*00*SA*1**20260105~", b"BEG~", b"PO1*1*1*EA~",
    b"N1*ST~", b"N1**~", b"CTT*1~", b"CTT*-1~", b"SE*3*0001~", b"SE~", b"SE*x*y~", b"GE*1*1~",
    b"GE~", b"IEA*1*000000101~", b"IEA~", b"TA1*1~", b"BIN*5*", b"BDS*ASC*3*", b"~", b"*", b">",
    b"^", b"\r", b"\n", b" ", b"\x00", b"\xff", b"\xc3\x96", b"\xef\xbb\xbf", b"1", b"-", b".",
    b"99999999999999999999", b"A", b"CTP", b"CTP**RTL*1*1*EA>1>1~", b"SDQ*EA*92*1*1~", b"HL*1**S~",
    b"DTM*002*20260230~", b"SAC*C****1~", b"N9*ZZ*1~MSG*x~", CLEAN, TWO, CLEAN[106:],
    CLEAN.replace(b"*", b"|").replace(b"~", b"\n"),
]  # fmt: skip


def hold(data: bytes) -> dict[str, Any]:
    """What holds for any input at all."""
    result = gateway.validate(data)
    assert result["verdict"] in VERDICTS
    errors = edi.codes(result, "error")
    assert not errors or result["verdict"] != "accepted"
    assert errors or result["verdict"] in {"accepted", "accepted_with_errors"}
    assert "X12-INTERNAL" not in errors
    for problem in result["problems"]:
        offset = problem["location"]["offset"]
        assert offset is None or 0 <= offset <= len(data)
    for event in gateway.read(data):
        if isinstance(event, TransactionSet) and event.document is not None:
            back_and_forth(event.document)
    return result


def back_and_forth(document: dict[str, Any]) -> None:
    """A document is refused with reasons, or what is written reads back as the same document."""
    try:
        written = gateway.write(document)
    except EdiError:
        return
    again = [event for event in gateway.read(written) if isinstance(event, TransactionSet)]
    assert gateway.validate(written)["verdict"] == "accepted"
    (document_again,) = [one.document for one in again]
    assert document_again == {**document, "control": (document_again or {}).get("control")}


@given(st.binary(max_size=2000))
@example(b"ISA")
@example(b"ISA" + b"*" * 200)
@example(b"\x00" * 300)
@settings(max_examples=300)
def test_any_bytes(data: bytes) -> None:
    hold(data)


@given(st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=4)), max_size=30).map(b"".join))
@settings(max_examples=400)
def test_pieces_of_x12_in_any_order(data: bytes) -> None:
    hold(data)


@pytest.mark.parametrize("count", range(4))
@pytest.mark.parametrize("name", edi.clean().segments[2:-2], ids=lambda segment: segment[0])
def test_bare_segments(name: edi.Segment, count: int) -> None:
    """Each segment with nothing but separators, through both ways of checking."""
    one = edi.clean()
    one.segments[one.segments.index(name)] = [name[0], *[""] * count]
    hold(one.to_bytes())


@pytest.mark.parametrize(
    "segment", ["AMT", "AMT*", "CSH", "SAC", "SAC*", "ITD", "TD5", "N9", "PER", "FOB", "TXI", "PKG*"]
)
def test_bare_segments_that_were_not_there(segment: str) -> None:
    one = edi.clean()
    after = "CTT" if segment.startswith("AMT") else "DTM"
    hold(one.after(after, list(segment.split("*"))).recount().to_bytes())


def test_a_document_without_mapping_does_not_spoil_the_next() -> None:
    document = next(gateway.translate(CLEAN))
    gateway.library.cache_clear()
    control = {**document["control"], "version": "004010VICS"}
    with pytest.raises(EdiError):
        gateway.write({"document_type": "no such thing", "control": control})
    back_and_forth(document)
    gateway.write(document)


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    """A clean interchange with a few bytes changed, inserted, dropped or doubled."""
    data = bytearray(draw(st.sampled_from([CLEAN, TWO])))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data) - 1))
        length = draw(st.integers(1, 12))
        match draw(st.sampled_from("cidDsr")):
            case "c":
                data[at] = draw(st.integers(0, 255))
            case "i":
                data[at:at] = draw(st.sampled_from(FRAGMENTS[:-4]))
            case "d":
                del data[at : at + length]
            case "D":
                data[at:at] = data[at : at + length]
            case "s":
                data = data[: at + 1]
            case _:
                data[at : at + length] = data[at : at + length][::-1]
        if not data:
            return b""
    return bytes(data)


@given(mutants())
@settings(max_examples=400)
def test_mutants_of_clean_interchanges(data: bytes) -> None:
    hold(data)


@given(mutants(), st.lists(st.integers(1, 40), min_size=1, max_size=20))
@settings(max_examples=150)
def test_pieces_do_not_change_the_outcome(data: bytes, sizes: list[int]) -> None:
    whole, pieces = Parser(gateway.library()), Parser(gateway.library())
    expected = [*whole.feed(data), *whole.close()]
    got: list[Event] = []
    at = 0
    while at < len(data):
        for size in sizes:
            got += pieces.feed(data[at : at + size])
            at += size
    got += pieces.close()
    assert got == expected


KEYS = [
    "document_type", "po_number", "lines", "parties", "extensions", "address", "elements", "quantity",
    "value", "ids", "control", "purpose", "po_type", "ordered_at", "line_no", "field", "absent", "totals",
    "references",
]  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=20)


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=8), inner, max_size=6)


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=4) | objects(inner)


@given(objects(st.recursive(SCALARS, containers, max_leaves=25)))
@settings(max_examples=200)
def test_any_document(value: dict[str, Any]) -> None:
    """What cannot be written is refused with a reason, whatever was put in."""
    document = {**value, "document_type": "purchase_order"}
    try:
        written = gateway.write(document)
    except EdiError:
        return
    assert gateway.validate(written)["verdict"] == "accepted"


# Time and memory. Each input must end within a bound that only a quadratic or worse step can miss on a slow
# machine.

BOUND_SECONDS = 60.0
BOUND_BYTES = 256 * 1024 * 1024

MB = 1 << 20
GS = b"GS*PO*A*B*20260105*0830*1*X*004010~"
HEAD = CLEAN[:106] + GS
OPEN = HEAD + b"ST*850*0001~"
UNKNOWN = CLEAN.replace(b"ST*850", b"ST*199")
OTHER = HEAD + b"ST*275*0001~"

NOTICE = HEAD.replace(b"GS*PO", b"GS*SH") + b"ST*856*0001~BSN*00*S1*20260301*1015~HL*1**S~"
END = b"SE*50004*0001~"

JUNK = CLEAN[:106] + b"IEA*0*000000101~junk "


def wrapped(data: bytes, width: int) -> bytes:
    """Cut into lines of a fixed width."""
    return b"".join(data[at : at + width] + b"\n" for at in range(0, len(data), width))


FAMILIES: dict[str, Callable[[], bytes]] = {
    "8 MB of ISA": lambda: b"ISA" * (8 * MB // 3),
    "1 MB of ISA with separators": lambda: b"ISA*" * (MB // 4),
    "2 MB of complete ISA segments": lambda: CLEAN[:106] * (2 * MB // 106),
    "4 MB of text with ISA* now and then": lambda: b"the quick brown fox ISA*xx " * (4 * MB // 27),
    "8 MB of blanks": lambda: b" \r\n" * (8 * MB // 3),
    "8 MB of blanks before ISA": lambda: b" " * (8 * MB) + CLEAN,
    "4 MB without a terminator": lambda: HEAD + b"ST*850*0001" + b"*A" * (2 * MB),
    "4 MB of one envelope segment": lambda: CLEAN[:106] + b"GS*" + b"A*" * (2 * MB),
    "5 MB in one element": lambda: CLEAN.replace(b"Northwind Store 12", b"N" * (5 * MB)),
    "5 MB of one element in an unknown set": lambda: UNKNOWN.replace(b"0012", b"N" * (5 * MB)),
    "30,000 elements in a segment": lambda: CLEAN.replace(b"CUR*BY*USD", b"CUR*BY*USD" + b"*X" * 30_000),
    "30,000 components in an element": lambda: CLEAN.replace(b"CUR*BY*USD", b"CUR*BY*USD" + b">X" * 30_000),
    "30,000 ST without SE": lambda: HEAD + b"ST*850*0001~" * 30_000,
    "30,000 ST of different numbers": lambda: HEAD + b"".join(b"ST*850*%07d~" % i for i in range(30_000)),
    "60,000 empty segments": lambda: OPEN + b"~" * 60_000,
    "60,000 empty segments between sets": lambda: HEAD + b"~" * 60_000,
    "60,000 unknown segments in a set": lambda: OPEN + b"ZZZ*1~" * 60_000 + b"SE*60002*0001~",
    "30,000 missing elements": lambda: OPEN + b"REF~" * 30_000 + b"SE*30002*0001~",
    "30,000 stray segments": lambda: HEAD + b"ZZZ*1~" * 30_000,
    "15,000 groups without end": lambda: CLEAN[:106] + GS * 15_000,
    "6,000 interchanges without end": lambda: CLEAN[:106] * 6_000,
    "6,000 times ISA and GS": lambda: HEAD * 6_000,
    "30,000 GE": lambda: HEAD + b"GE*1*1~" * 30_000,
    "30,000 IEA": lambda: CLEAN + b"IEA*1*000000101~" * 30_000,
    "30,000 SE": lambda: HEAD + b"SE*1*0001~" * 30_000,
    "15,000 N1 loops": lambda: OPEN + b"N1*ST*A~" * 15_000 + b"SE*15002*0001~",
    "15,000 lines": lambda: OPEN + b"BEG*00*SA*1**20260105~" + b"PO1*1*1*EA~" * 15_000 + b"SE*15003*0001~",
    "50,000 levels side by side": lambda: NOTICE + packs(50_000, lambda _: 1) + END,
    "50,000 levels in each other": lambda: NOTICE + packs(50_000, lambda number: number - 1) + END,
    "50,000 levels below later ones": lambda: NOTICE + packs(50_000, lambda number: number + 1) + END,
    "50,000 levels below themselves": lambda: NOTICE + packs(50_000, lambda number: number) + END,
    "6,000 BIN segments": lambda: OTHER + b"BIN*3*~~~~" * 6_000 + b"SE*6002*0001~",
    "6,000 BIN segments with wrong lengths": lambda: OTHER + b"BIN*9999999*x~" * 6_000,
    "one megabyte wrapped at column 1": lambda: wrapped(CLEAN, 1) * 1200,
    "two megabytes wrapped at 80 columns": lambda: wrapped(CLEAN * 4000, 80),
    "6,000 interchanges with foreign text between": lambda: JUNK * 6_000,
    "1 MB of GS fragments without ISA": lambda: GS * (MB // len(GS)),
    "1 MB of ST fragments without ISA": lambda: b"ST*850*0001~SE*2*0001~" * (MB // 22),
    "4 MB of CR LF in a set": lambda: OPEN + b"\r\n" * (2 * MB) + b"SE*2*0001~",
}


@pytest.mark.slow
@pytest.mark.parametrize("make", FAMILIES.values(), ids=FAMILIES.keys())
def test_hostile_input_ends_soon(make: Callable[[], bytes]) -> None:
    data = make()
    start = time.process_time()
    result = gateway.validate(data)
    assert time.process_time() - start < BOUND_SECONDS
    assert result["verdict"] in VERDICTS
    assert len(edi.transaction_sets(result)) >= edi.count_sets(data)


PIECEWISE = [
    "4 MB without a terminator",
    "5 MB in one element",
    "8 MB of ISA",
    "30,000 ST without SE",
    "8 MB of blanks",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", PIECEWISE)
@pytest.mark.parametrize("size", [61, 4096])
def test_hostile_input_in_small_pieces_ends_soon(name: str, size: int) -> None:
    """A reader that looks again from the start at each piece would need hours here."""
    data = FAMILIES[name]()
    parser = Parser(gateway.library())
    start = time.process_time()
    for at in range(0, len(data), size):
        for _ in parser.feed(data[at : at + size]):
            pass
    for _ in parser.close():
        pass
    assert time.process_time() - start < BOUND_SECONDS


@pytest.mark.slow
@pytest.mark.parametrize("unit", [b"ST*850*0001~", HEAD + b"ST*850*0001~"], ids=["ST", "ISA GS ST"])
def test_one_large_chunk_takes_no_longer_than_small_ones(unit: bytes) -> None:
    """A search for SE that runs to the end of the chunk at every ST would need minutes here."""
    data = HEAD + unit * (1_60_000 // len(unit))
    parser = Parser(gateway.library())
    start = time.process_time()
    for _ in parser.feed(data):
        pass
    for _ in parser.close():
        pass
    assert time.process_time() - start < BOUND_SECONDS


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_sets() -> None:
    """One transaction set is held at a time: ten times the file is not ten times the memory."""

    def peak(sets: int) -> int:
        body = CLEAN[CLEAN.index(b"ST*") : CLEAN.index(b"GE*")]
        parser = Parser(gateway.library(), documents=True)
        tracemalloc.start()
        for _ in parser.feed(HEAD):
            pass
        for i in range(sets):
            for _ in parser.feed(body.replace(b"0001~", b"%04d~" % i)):
                pass
        for _ in parser.close():
            pass
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(10)
    small, large = peak(300), peak(3000)
    assert large < 2 * small + 2 * MB


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["8 MB of ISA", "8 MB of blanks", "4 MB without a terminator", "60,000 empty segments"]
)
def test_memory_of_hostile_input_is_bounded(name: str) -> None:
    data = FAMILIES[name]()
    tracemalloc.start()
    gateway.validate(data)
    top = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert top < BOUND_BYTES
