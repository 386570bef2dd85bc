"""Whatever arrives by AS2: reading it fails only with an AS2 error, and the work grows with the data."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.as2 import headers, mdn, mime
from gateway.as2.mime import Headers
from gateway.as2.problems import As2Error
from gateway.as2.span import Span
from tests.property.test_linear import grows_with

KB, MB = 1 << 10, 1 << 20

WORDS = """
    --b --b-- -- ; = " \\ ( ) : * ' % ? , / ä boundary=b filename*0*= name= =?utf-8?B? =?x?q? ?= iso-8859-1''
    Content-Type Content-Transfer-Encoding Content-Disposition multipart/report text/plain base64 YWJj
    message/disposition-notification quoted-printable Disposition processed error warning failed sha-256
    automatic-action/MDN-sent-automatically Received-Content-MIC required optional
    signed-receipt-micalg signed-receipt-protocol
"""
BLANKS = [b"\r\n", b"\n", b"\r", b" ", b"\t", b"\0", b"\xff"]
PIECES = [word.encode() for word in WORDS.split()] + BLANKS
"""What readers look for: bytes at random seldom have any of it."""

DATA = st.binary() | st.lists(st.sampled_from(PIECES) | st.binary(max_size=3), max_size=60).map(b"".join)
TEXT = DATA.map(lambda data: data.decode("utf-8", "surrogateescape")) | st.text()


def report(fields: bytes, *, encoding: bytes = b"binary") -> bytes:
    return (
        b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: text/plain\n\n--b\n"
        b"Content-Type: message/disposition-notification\nContent-Transfer-Encoding: %b\n\n%b\n--b--"
    ) % (encoding, fields)


@given(DATA)
@example(b"A: 1\n\n")
def test_entities_and_parts_are_read_or_refused(data: bytes) -> None:
    with suppress(As2Error):
        whole = mime.entity(Span.of(data))
        assert whole.head.read() + whole.body.read() == data
        mime.disposition_filename(whole.headers)
    with suppress(As2Error):
        mime.parts(Span.of(data), "b")


@given(st.lists(DATA, min_size=1, max_size=5), st.sampled_from([b"\n", b"\r\n"]))
def test_parts_come_back_as_they_were_put_in(contents: list[bytes], end: bytes) -> None:
    contents = [end + content.replace(b"--b", b"++b") for content in contents]
    data = b"".join(b"--b" + end + content + end for content in contents) + b"--b--" + end
    assert [part.whole.read() for part in mime.parts(Span.of(data), "b")] == contents


@given(DATA, st.sampled_from(["base64", "quoted-printable", "7bit", "x"]), st.integers(0, 200))
def test_transfer_encodings_are_undone_within_the_limit_or_refused(
    data: bytes, name: str, limit: int
) -> None:
    whole = mime.entity(Span.of(f"Content-Transfer-Encoding: {name}\n\n".encode() + data))
    with suppress(As2Error):
        assert mime.decoded(whole, BytesIO, limit).size <= limit


@given(TEXT)
@example("a/b; x*=idna''%ff")
@example("a/b; x*=punycode''" + "-" * 50)
@example("a/b; x*=unicode_escape''%5cx")
def test_header_values_are_read_or_refused(value: str) -> None:
    for reader in (mime.content_type, headers.read_as2_name, headers.check_message_id, mdn.Disposition.parse):
        with suppress(As2Error):
            reader(value)
    headers.digest_of(value)
    name = mime.disposition_filename(Headers((("Content-Disposition", "attachment; filename" + value),)))
    assert not set(name) & set("\r\n\0")


@given(TEXT)
def test_requests_for_receipts_are_read_or_refused(value: str) -> None:
    pairs = (("Disposition-Notification-To", value), ("Disposition-Notification-Options", value))
    with suppress(As2Error):
        found = headers.read_receipt_request(Headers((*pairs, ("Receipt-Delivery-Option", value))))
        assert found is not None
        assert set(found.digests) <= set(headers.DIGESTS)


@given(DATA, st.sampled_from([b"binary", b"base64", b"quoted-printable"]))
@example(b"Disposition: processed", b"binary")
def test_receipts_are_read_or_refused(data: bytes, encoding: bytes) -> None:
    for whole in (report(data, encoding=encoding), report(b"Disposition: " + data, encoding=encoding)):
        with suppress(As2Error):
            read = mdn.read_report(mime.entity(Span.of(whole)), BytesIO)
            assert read.disposition.type in ("processed", "failed")


@given(st.text(), st.text(), st.text(), st.text())
def test_a_receipt_is_written_with_what_it_should_say_or_not_at_all(a: str, b: str, c: str, d: str) -> None:
    wanted = mdn.Report(a, b, mdn.Disposition("processed", "error", c), None, d, (a, b, c, d))
    try:
        data = mdn.write_report(wanted, boundary="=_b", reporting_ua="x")
    except ValueError:
        return
    found = mdn.read_report(mime.entity(Span.of(data)), BytesIO)
    assert found.original_message_id == "".join(a.split())
    assert found.final_recipient == b
    assert not found.disposition.is_positive
    assert len(found.errors) <= 4


# --- work --------------------------------------------------------------------------------------------


def parts_of(data: bytes) -> Callable[[], object]:
    return lambda: mime.parts(Span.of(data), "b" * 70)


def decoding(data: bytes, encoding: str) -> Callable[[], object]:
    whole = mime.entity(Span.of(f"Content-Transfer-Encoding: {encoding}\n\n".encode() + data))
    return lambda: mime.decoded(whole, BytesIO, 1 << 40)


def headers_of(data: bytes) -> Callable[[], object]:
    return lambda: mime.entity(Span.of(data))


def file_name(value: str) -> Callable[[], object]:
    return lambda: mime.disposition_filename(Headers((("Content-Disposition", value),)))


def canonical(data: bytes) -> Callable[[], object]:
    return lambda: mime.canonical(Span.of(data), BytesIO())


def disposition(value: str) -> Callable[[], object]:
    return lambda: mdn.Disposition.parse(value)


def options(value: str) -> Callable[[], object]:
    pairs = (("Disposition-Notification-To", "x"), ("Disposition-Notification-Options", value))
    return lambda: headers.read_receipt_request(Headers(pairs))


def receipt(fields: bytes) -> Callable[[], object]:
    whole = mime.entity(Span.of(report(fields)))
    return lambda: mdn.read_report(whole, BytesIO)


LINE = b"\n--" + b"b" * 70

FAMILIES: dict[str, tuple[int, Callable[[int], Callable[[], object]]]] = {
    "lines like boundaries": (4 * KB, lambda n: parts_of((LINE + b"x") * n)),
    "lines that are nearly boundaries": (4 * KB, lambda n: parts_of(LINE[:-1] * n)),
    "boundaries in a row": (4 * KB, lambda n: parts_of(LINE * n)),
    "boundaries without a line": (4 * KB, lambda n: parts_of(LINE[1:] * n)),
    "blanks after a boundary": (4 * KB, lambda n: parts_of((LINE + b" " * 99 + b"x") * n)),
    "signs of a boundary": (256 * KB, lambda n: parts_of(b"\n--" + b"b" * n)),
    "line ends": (256 * KB, lambda n: parts_of(b"\n" * n)),
    "line ends after the last boundary": (256 * KB, lambda n: parts_of(
        LINE[1:] + b"\n\n" + LINE + b"--" + b"\r\n" * n)),
    "parts in each other": (4 * KB, lambda n: parts_of((LINE + b"x\nA: multipart/mixed; boundary=b\n") * n)),
    "headers": (4 * KB, lambda n: headers_of(b"A: 1\n" * n)),
    "folded lines": (4 * KB, lambda n: headers_of(b"A: 1\n" + b" 1\n" * n)),
    "an endless header": (64 * KB, lambda n: headers_of(b"A: " + b"1" * n)),
    "base64": (64 * KB, lambda n: decoding(b"YWJj\n" * n, "base64")),
    "blanks in base64": (256 * KB, lambda n: decoding(b"YWJj" + b" " * n, "base64")),
    "padding": (256 * KB, lambda n: decoding(b"YWJj" + b"=" * n, "base64")),
    "quoted-printable": (64 * KB, lambda n: decoding(b"=41=\n" * n, "quoted-printable")),
    "blanks in quoted-printable": (4 * KB, lambda n: decoding((b" " * 60 + b"x\n") * n, "quoted-printable")),
    "an endless line of quoted-printable": (256 * KB, lambda n: decoding(b"=41" * n, "quoted-printable")),
    "CR": (256 * KB, lambda n: canonical(b"\r" * n)),
    "parameters": (4 * KB, lambda n: file_name("a" + "".join(f"; x{number}=1" for number in range(n)))),
    "sections of a parameter": (1 * KB, lambda n: file_name("a" + "; filename*0*=utf-8''x" + "".join(
        f"; filename*{number % 1000}=1" for number in range(1, n)))),
    "signs of a parameter": (64 * KB, lambda n: file_name("a; " + "x" * n)),
    "blanks of a parameter": (64 * KB, lambda n: file_name("a; filename=x" + " " * n + "y")),
    "comments in each other": (16 * KB, lambda n: file_name("a " + "(" * n)),
    "comments": (16 * KB, lambda n: file_name("a " + "(x) " * n + "; filename=x (" + "x" * n)),
    "quotes": (16 * KB, lambda n: file_name('a; filename="' + '\\"' * n)),
    "encoded words": (16 * KB, lambda n: file_name('a; filename="' + "=?utf-8?q?x?= " * n + '"')),
    "beginnings of encoded words": (16 * KB, lambda n: file_name('a; filename="' + "=?x" * n + '"')),
    "nearly encoded words": (16 * KB, lambda n: file_name('a; filename="' + "=?x?q?" * n + " " * n + '"')),
    "percent signs": (16 * KB, lambda n: file_name("a; filename*=utf-8''" + "%C3" * n)),
    "a disposition of blanks": (64 * KB, lambda n: disposition("processed/error:" + " " * n + "x")),
    "a disposition of modifiers": (64 * KB, lambda n: disposition("processed/error" + " , error" * n)),
    "a disposition of letters": (64 * KB, lambda n: disposition("processed/" + "a" * n)),
    "a name of backslashes": (64 * KB, lambda n: lambda: headers.read_as2_name('"' + "\\" * n)),
    "options": (4 * KB, lambda n: options("".join(f"signed-receipt-micalg=optional,{k};" for k in range(n)))),
    "digests": (4 * KB, lambda n: options("signed-receipt-micalg=" + ",".join(map(str, range(n))))),
    "fields of a receipt": (4 * KB, lambda n: receipt(b"A: 1\n" * n)),
    "blank lines in a receipt": (64 * KB, lambda n: receipt(b"Disposition: processed\n" + b" \n" * n)),
}  # fmt: skip
"""For each form of data how often it is repeated at first, and the work it makes."""


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    with suppress(As2Error):
        work()
    return time.process_time() - start


def grows_with_number(number: int, make: Callable[[int], Callable[[], object]], least: int) -> bool:
    """Whether work takes four times as long for four times as many, from where it can be measured.

    Args:
        number: at first. least: from which on work that takes no longer is taken for none at all.
    """
    took = seconds(make(number))
    while took < 0.025 and number < 4 * MB:
        number, before = 4 * number, took
        took = seconds(make(number))
        if number >= least and took < 1.5 * before:
            break  # refused before it is read: there is no work that could grow
    small, large = make(number), make(4 * number)
    return grows_with(lambda: seconds(small), lambda: seconds(large))


@pytest.mark.parametrize("name", FAMILIES)
def test_time_grows_with_the_data(name: str) -> None:
    assert grows_with_number(*FAMILIES[name], least=256 * KB)


def test_blanks_in_a_long_line_of_quoted_printable_take_no_longer_than_text() -> None:
    text, blanks = (decoding(sign * 60_000 + b"x\n", "quoted-printable") for sign in (b"x", b" "))
    assert grows_with(lambda: seconds(text), lambda: seconds(blanks))


def test_a_byte_is_read_once_however_many_lines_are_like_boundaries() -> None:
    class Counting(BytesIO):
        taken = 0

        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            Counting.taken += len(data)
            return data

    data = LINE[1:] + b"\n\n" + (LINE + b"x") * 100_000 + LINE + b"--"
    (part,) = mime.parts(Span.whole(Counting(data)), "b" * 70)
    assert part.body.size > 7 * MB
    assert Counting.taken < 1.1 * len(data)
