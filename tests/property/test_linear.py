"""Work grows with the data and memory does not, whatever the data is and however it is cut up."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import chain, repeat

import pytest

from gateway.engine import library, translate, write
from gateway.x12.envelope import TransactionSet
from gateway.x12.parser import Parser
from gateway.x12.reader import Reader, SetText
from tests.property.lawful import packs

KB, MB = 1 << 10, 1 << 20
ISA = (
    b"ISA*00*          *00*          *ZZ*BUYER          *ZZ*SUPPLIER       *260105*0830*U*00401"
    b"*000000001*0*P*>~"
)
GS = b"GS*PO*BUYER*SUPPLIER*20260105*0830*1*X*004010~"
HEAD = ISA + GS
LINES = HEAD.replace(b"~", b"\n") + b"ST*850*0001\n"
BEG = b"BEG*00*NE*1**20260105~"
OPEN = HEAD + b"ST*850*0001~" + BEG
ORDER = b"ST*850*0001~" + BEG + b"PO1*1*1*EA*1*PE*VN*X~CTT*1~SE*5*0001~"
NOTICE = HEAD.replace(b"GS*PO", b"GS*SH") + b"ST*856*0001~BSN*00*S1*20260301*1015~HL*1**S~"
PAYMENT = HEAD.replace(b"GS*PO", b"GS*RA") + b"ST*820*0001~BPR*I*5*C*CHK~"
ENTITY = b"ENT*1~RMR*IV*A**5~ADX*-1*01~"
BINARY = HEAD + b"ST*275*0001~"

LEAST = 0.05
FACTOR = 8.0
"""Four times the data may take eight times as long; what is quadratic takes sixteen times."""

FAMILIES: dict[str, Callable[[int], bytes]] = {
    "sets": lambda n: HEAD + ORDER * n,
    "a set of many segments": lambda n: OPEN + b"PO1*1*1*EA*1*PE*VN*X~" * n + b"CTT*1~SE*1*0001~",
    "a set without an end": lambda n: OPEN + b"PO1*1*1*EA*1*PE*VN*X~" * n,
    "no terminator": lambda n: HEAD + b"ST*850*0001" + b"*A" * n,
    "a long element": lambda n: OPEN + b"MSG*" + b"A" * n + b"~SE*4*0001~",
    "many elements": lambda n: OPEN + b"MSG" + b"*A" * n + b"~SE*4*0001~",
    "many components": lambda n: OPEN + b"REF*ZZ*A**" + b">A" * n + b"~SE*4*0001~",
    "ISA again and again": lambda n: ISA * n,
    "ISA in text": lambda n: b"ISA*x " * n,
    "ST without SE": lambda n: HEAD + b"ST*850*0001~" * n,
    "ISA, GS, ST without ends": lambda n: OPEN * n,
    "GS without GE": lambda n: ISA + GS * n,
    "unknown segments": lambda n: OPEN + b"ZZZ*1~" * n + b"SE*1*0001~",
    "empty segments": lambda n: OPEN + b"~" * n + b"SE*1*0001~",
    "totals": lambda n: OPEN + b"PO1*1*1*EA~CTT*9*5~" * n + b"SE*1*0001~",
    "line ends in an envelope segment": lambda n: HEAD + b"GE*A" + b"\n" * n + b"~",
    "line ends in a set": lambda n: OPEN + b"\r\n" * n + b"SE*1*0001~",
    "empty lines": lambda n: LINES + b"\n" * n + b"SE*2*0001\n",
    "lines of a blank": lambda n: LINES + b" \n" * n + b"SE*2*0001\n",
    "blanks": lambda n: OPEN + b" " * n + b"SE*1*0001~",
    "binary segments": lambda n: BINARY + b"BIN*3*~~~~" * n + b"SE*1*0001~",
    "binary segments of false length": lambda n: BINARY + b"BIN*99999999999*~~~~" * n + b"SE*1*0001~",
    "lines that are no segments": lambda n: HEAD + b"GE*1*1\r\n" * n,
    "levels side by side": lambda n: NOTICE + packs(n, lambda _: 1) + b"SE*1*0001~",
    "levels in each other": lambda n: NOTICE + packs(n, lambda number: number - 1) + b"SE*1*0001~",
    "levels above all others": lambda n: NOTICE + packs(n, lambda number: n - number) + b"SE*1*0001~",
    "levels of one number": lambda n: NOTICE + b"HL*1*1*O~" * n + b"SE*1*0001~",
    "entities": lambda n: PAYMENT + ENTITY * n + b"SE*1*0001~",
    "errors everywhere": lambda n: OPEN + b"PO1*1*x\xe4*EA**PE~" * n + b"SE*1*0001~",
}


@pytest.fixture(scope="module", autouse=True)
def _unburdened() -> Iterator[None]:
    """Keeps the collector from going through all that other tests have left, again and again."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def parse(data: bytes, size: int = 64 * KB) -> int:
    """The number of events."""
    parser = Parser(library(), documents=True)
    count = 0
    for start in range(0, len(data), size):
        count += sum(1 for _ in parser.feed(data[start : start + size]))
    return count + sum(1 for _ in parser.close())


def seconds(data: bytes, size: int = 64 * KB) -> float:
    """Processor time of a run."""
    start = time.process_time()
    parse(data, size)
    return time.process_time() - start


def grows_with(small: Callable[[], float], large: Callable[[], float]) -> bool:
    """Whether what is four times as large takes at most :data:`FACTOR` times as long.

    Both are measured one after the other, so that a busy machine slows both. One of five rounds is enough:
    other programs can make a run slower, but none makes quadratic work take eight times as long.
    """
    return any(large() < FACTOR * max(small(), LEAST / 2) for _ in range(5))


def sized(make: Callable[[int], bytes]) -> int:
    """How many repetitions take long enough to be measured."""
    number = 500
    while True:
        data = make(number)
        start = time.process_time()
        parse(data)
        if time.process_time() - start >= LEAST or len(data) > MB:
            return number
        number *= 2


@pytest.mark.parametrize("name", FAMILIES)
def test_time_grows_with_the_data(name: str) -> None:
    make = FAMILIES[name]
    number = sized(make)
    data, more = make(number), make(4 * number)
    assert grows_with(lambda: seconds(data), lambda: seconds(more))


@pytest.mark.parametrize("name", ["levels side by side", "entities"])
def test_time_to_write_grows_with_the_document(name: str) -> None:
    def seconds_to_write(number: int) -> float:
        data = FAMILIES[name](number)
        end = b"SE*%d*0001~GE*1*1~IEA*1*000000001~" % (data.count(b"~") - 2)
        (document,) = translate(data.replace(b"SE*1*0001~", end))
        start = time.process_time()
        assert len(write(document)) > len(data)
        return time.process_time() - start

    assert grows_with(lambda: seconds_to_write(1_000), lambda: seconds_to_write(4_000))


@pytest.mark.parametrize("name", ["sets", "no terminator", "ST without SE", "a long element", "blanks"])
def test_pieces_of_one_byte(name: str) -> None:
    make = FAMILIES[name]
    number = 40 * KB // (len(make(2)) - len(make(1)))
    data, more = make(number), make(4 * number)
    assert grows_with(lambda: seconds(data, 1), lambda: seconds(more, 1))


def copied(data: bytes, size: int) -> int:
    """Characters that the reader's buffer took in, over all fillings; counts work without a clock."""
    reader = Reader()
    total = 0
    for start in range(0, len(data), size):
        before = reader._buffer
        for _ in reader.feed(data[start : start + size]):
            pass
        if reader._buffer is not before:
            total += len(reader._buffer)
    return total


@pytest.mark.parametrize("size", [7, 512, 64 * KB])
def test_a_long_set_is_joined_in_doubling_steps(size: int) -> None:
    data = OPEN + b"PO1*1*1*EA*1*PE*VN*X~" * (50 * KB if size > 7 else 4 * KB)
    assert copied(data, size) < 4 * len(data) + 64 * KB


def peak(pieces: Iterator[bytes], *, limit: int = 64 * MB) -> tuple[int, list[TransactionSet]]:
    """Most memory at a time, and the sets that were too large."""
    parser = Parser(library(), documents=True, max_set_bytes=limit)
    large: list[TransactionSet] = []
    tracemalloc.start()
    for found in chain(map(parser.feed, pieces), map(Parser.close, [parser])):
        large += [one for one in found if isinstance(one, TransactionSet) and one.document is None]
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most, large


def sets(count: int) -> Iterator[bytes]:
    yield HEAD
    for number in range(count):
        yield ORDER.replace(b"*0001~", b"*%09d~" % number)


def test_memory_does_not_grow_with_the_number_of_sets() -> None:
    peak(sets(50))
    small, _ = peak(sets(200))
    large, refused = peak(sets(3_000))
    assert not refused
    assert large < 1.5 * small + 128 * KB


def test_a_set_above_the_limit_is_passed_over() -> None:
    """It is held up to the limit, and what follows is read."""
    limit, piece = 256 * KB, b"PO1*1*1*EA*1*PE*VN*X~" * 500

    def pieces(count: int) -> Iterator[bytes]:
        yield OPEN
        yield from repeat(piece, count)
        yield b"CTT*1~SE*1*0001~" + ORDER.replace(b"*0001~", b"*0002~") + b"GE*2*1~IEA*1*000000001~"

    peak(pieces(1))
    small, first = peak(pieces(100), limit=limit)
    most, refused = peak(pieces(800), limit=limit)
    codes = [[problem.code for problem in event.problems if problem.is_error] for event in (*first, *refused)]
    assert codes == [["X12-SET-TOO-LARGE"]] * 2
    assert most < 1.5 * small + limit
    assert most < 16 * limit


def test_the_reader_goes_on_after_a_set_above_the_limit() -> None:
    reader = Reader(64 * KB)
    data = OPEN + b"PO1*1*1*EA*1*PE*VN*X~" * 20_000 + b"SE*1*0001~" + ORDER + b"GE*2*1~IEA*1*000000001~"
    pieces = [piece for start in range(0, len(data), KB) for piece in reader.feed(data[start : start + KB])]
    pieces += reader.close()
    found = [(piece.too_large, piece.complete) for piece in pieces if isinstance(piece, SetText)]
    assert found == [(True, True), (False, True)]
