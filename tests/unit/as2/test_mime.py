"""MIME as partners write it: headers, parts, transfer encodings, file names; and what is refused."""

from __future__ import annotations

import base64
import quopri
from email.message import EmailMessage
from io import BytesIO
from pathlib import Path

import pytest

from gateway.as2.mime import (
    HEAD,
    LINES,
    PARTS,
    Entity,
    Headers,
    canonical,
    content_type,
    decoded,
    disposition_filename,
    entity,
    filename_parameter,
    head,
    parts,
)
from gateway.as2.problems import As2Error
from gateway.as2.span import CHUNK, Span

PLAIN = b"Content-Type: text/plain\r\n\r\n"


def read(data: bytes) -> Entity:
    return entity(Span.of(data))


def bodies(data: bytes, boundary: str = "b") -> list[bytes]:
    return [part.body.read() for part in parts(Span.of(data), boundary)]


def wholes(data: bytes, boundary: str = "b") -> list[bytes]:
    return [part.whole.read() for part in parts(Span.of(data), boundary)]


def refused(data: bytes, boundary: str = "b") -> str:
    with pytest.raises(As2Error) as error:
        parts(Span.of(data), boundary)
    assert error.value.code == "AS2-MALFORMED"
    return str(error.value)


def encoded(data: bytes, encoding: str) -> Entity:
    return read(f"Content-Transfer-Encoding: {encoding}\r\n\r\n".encode() + data)


def named(header: str, value: str) -> str:
    return disposition_filename(Headers(((header, value),)))


# --- headers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_headers_end_at_the_blank_line_whatever_the_line_ends(end: bytes) -> None:
    data = end.join([b"A: 1", b"b:2 ", b"A: 3", b"", b"body", b""])
    found = read(data)
    assert found.headers.pairs == (("A", "1"), ("b", "2"), ("A", "3"))
    assert (found.headers.get("a"), found.headers.all("a"), found.headers.get("c")) == ("1", ["1", "3"], None)
    assert found.body.read() == b"body" + end
    assert found.head.read() + found.body.read() == data == found.whole.read()


def test_folded_lines_are_joined_with_one_blank() -> None:
    assert read(b"A:\r\n  1;\r\n\t2  \r\n \r\n 3\r\n\r\n").headers.get("A") == "1; 2 3"


def test_an_entity_may_have_no_headers_or_no_body() -> None:
    assert read(b"\r\nbody: x\r\n").headers.pairs == ()
    assert read(b"\nbody: x\r\n").body.read() == b"body: x\r\n"
    assert (read(b"A: 1\r\n").headers.get("A"), read(b"A: 1\r\n").body.size) == ("1", 0)
    assert (read(b"").headers.pairs, read(b"").body.size) == ((), 0)


@pytest.mark.parametrize(("raw", "text"), [("ä".encode(), "ä"), ("ä".encode("latin-1"), "ä")])
def test_headers_of_any_bytes_can_be_read(raw: bytes, text: str) -> None:
    assert read(b"Subject: " + raw + b"\r\n\r\n").headers.get("subject") == text


@pytest.mark.parametrize(
    "data",
    [
        b"ISA*00*          *00*\r\n\r\n", b"1\x00\x82\x04\r\n\r\n", b" A: 1\r\n\r\n", b"A B: 1\r\n\r\n",
        b"A : 1\r\n\r\n", b": 1\r\n\r\n", b"A: 1\r\nthis is text\r\n\r\n",
        b"A: 1\0\r\n\r\n", b"A: 1\rB: 2\r\n\r\n", b"A: 1\r\r\n\r\n",
    ],
)  # fmt: skip
def test_content_that_does_not_begin_like_headers_is_refused(data: bytes) -> None:
    with pytest.raises(As2Error) as error:
        read(data)
    assert error.value.code == "AS2-MALFORMED"


def test_headers_have_limits() -> None:
    read(b"A: 1\r\n" * LINES + b"\r\n")
    read(b"A: " + b"1" * (HEAD - 7) + b"\r\n\r\n")
    for data in (b"A: 1\r\n" * (LINES + 1) + b"\r\n", b"A: 1\r\n" + b" 1\r\n" * LINES + b"\r\n",
                 b"A: " + b"1" * (HEAD - 6) + b"\r\n\r\n", b"A: " + b"1" * 10 * HEAD):  # fmt: skip
        with pytest.raises(As2Error, match="headers have more than"):
            read(data)


# --- parts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("before", ["", "{0}", "{0}{0}", "Date: today{0}{0}", "text --b{0} --b{0}--bc{0}"])
@pytest.mark.parametrize("after", ["", "{0}", " \t{0}{0} "])
def test_parts_are_cut_at_the_boundary_with_its_line_end(end: str, before: str, after: str) -> None:
    text = before + "--b{0}{0}one{0}{0}--b \t{0}A: 1{0}{0}two{0}--b--" + after
    assert bodies(text.format(end).encode()) == [b"one" + end.encode(), b"two"]


def test_a_part_is_the_bytes_between_boundaries_and_nothing_else() -> None:
    signed = b"Content-Type: application/EDI-X12\r\nX-Odd:  a \r\n\r\nISA*\n\r\r\n\r\n"
    assert wholes(b"--b\r\n" + signed + b"\r\n--b\r\n" + PLAIN + b"\r\n--b--") == [signed, PLAIN]


def test_with_line_ends_of_lf_a_cr_at_the_end_of_content_is_content() -> None:
    assert bodies(b"--b\n\nabc\r\n--b--\n") == [b"abc\r"]
    assert bodies(b"--b\r\n\r\nabc\r\r\n--b--\r\n") == [b"abc\r"]


def test_lines_that_only_look_like_boundaries_are_content() -> None:
    content = b"--bc\r\n--\r\n---b\r\n --b\r\n--b-\r\n--b--c\r\nx--b\r\n--B\r\n\n--b x"
    assert bodies(b"--b\r\n\r\n" + content + b"\r\n--b--") == [content]


def test_a_boundary_of_signs_is_taken_literally() -> None:
    boundary = "=_.(a+b)*?[x]:^$|'\\ y"
    text = f"--{boundary}\r\n\r\none\r\n--{boundary}--\r\n"
    assert bodies(text.encode(), boundary) == [b"one"]
    assert refused(text.replace("(a", "a").encode(), boundary)


@pytest.mark.parametrize("boundary", ["", "b" * 71, "b ", "b\r\n", "ä", "b\0"])
def test_a_boundary_that_is_none_is_refused(boundary: str) -> None:
    assert "boundary" in refused(f"--{boundary}\r\n\r\n\r\n--{boundary}--".encode(), boundary)


def test_boundaries_are_found_wherever_chunks_of_a_file_end() -> None:
    boundary = "b" * 70
    for shift in range(-260, 3):
        one = b"\n" * (CHUNK + shift)
        data = b"--%b\r\n\r\n%b\r\n--%b\r\n\r\ntwo\r\n--%b--\r\n" % (
            boundary.encode(), one, boundary.encode(), boundary.encode())  # fmt: skip
        assert bodies(data, boundary) == [one, b"two"]


def test_parts_of_a_file_are_not_read_into_memory(tmp_path: Path) -> None:
    class Counting(BytesIO):
        most = taken = 0

        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            Counting.most, Counting.taken = max(self.most, len(data)), self.taken + len(data)
            return data

    data = b"--b\r\n" + PLAIN + b"x" * (20 * CHUNK) + b"\r\n--b\r\n" + PLAIN + b"\r\n--b--"
    found = parts(Span.whole(Counting(data)), "b")
    assert found[0].body.size == 20 * CHUNK
    assert Counting.most <= HEAD + 1
    assert Counting.taken < len(data) + 3 * HEAD


# --- what would let unsigned content pass for signed -------------------------------------------------


@pytest.mark.parametrize(
    "after", [b"x", b"\r\nISA*00*", b"\r\n--b\r\n\r\nmore\r\n--b--", b"\0", b"-", b"\r\n--b--"]
)
def test_content_after_the_closing_boundary_is_refused(after: bytes) -> None:
    assert refused(b"--b\r\n\r\none\r\n--b--" + after)


def test_content_far_after_the_closing_boundary_is_refused() -> None:
    assert "follows" in refused(b"--b\r\n\r\none\r\n--b--" + b"\r\n" * CHUNK + b"x")


@pytest.mark.parametrize("cut", [b"\r\n--b--", b"--", b"b--"])
def test_a_missing_closing_boundary_is_refused(cut: bytes) -> None:
    assert "closing" in refused(b"--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--".removesuffix(cut))


def test_no_boundary_or_no_part_is_refused() -> None:
    assert "boundary is missing" in refused(b"ISA*00*")
    assert "boundary is missing" in refused(b"")
    assert "no part" in refused(b"--b--")
    assert "empty" in refused(b"--b\r\n--b--")


def test_a_part_that_does_not_begin_like_headers_is_refused() -> None:
    assert "no header" in refused(b"--b\r\nISA*00*\r\n--b--")


def test_extra_parts_are_seen() -> None:
    data = b"--b\r\n\r\nevil\r\n--b\r\n\r\nsigned\r\n--b\r\n\r\nsignature\r\n--b--"
    assert bodies(data) == [b"evil", b"signed", b"signature"]


def test_there_are_at_most_a_hundred_parts() -> None:
    assert len(bodies(b"--b\r\n\r\n\r\n" * PARTS + b"--b--")) == PARTS
    assert "more than 100 parts" in refused(b"--b\r\n\r\n\r\n" * (PARTS + 1) + b"--b--")


def test_parts_inside_of_a_part_stay_inside() -> None:
    inner = b"Content-Type: multipart/signed; boundary=b2\r\n\r\n--b2\r\n\r\nevil\r\n--b2\r\n\r\n\r\n--b2--"
    assert wholes(b"--b\r\n" + inner + b"\r\n--b--") == [inner]


def test_the_same_boundary_inside_of_a_part_ends_the_part() -> None:
    inner = b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nevil\r\n--b--'
    assert refused(b"--b\r\n" + inner + b"\r\n--b\r\n\r\nsignature\r\n--b--")


def test_much_before_the_first_boundary_is_refused() -> None:
    assert "before the first" in refused(b"x" * (HEAD + 1) + b"\r\n--b\r\n\r\none\r\n--b--")


# --- types and parameters ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind", "params"),
    [
        ("Text/Plain", "text/plain", {}),
        ("text/plain;", "text/plain", {}),
        ("a/b; Charset=us-ascii (Plain text)", "a/b", {"charset": "us-ascii"}),
        ("a/b (c (d) \\) e) ; (f) X = 1;; y=2 ;", "a/b", {"x": "1", "y": "2"}),
        ('a/b; x="1; \\"2\\" \\\\"; y=""', "a/b", {"x": '1; "2" \\', "y": ""}),
        ('a/b; x="1" (c); y=2', "a/b", {"x": "1", "y": "2"}),
        ("multipart/signed; boundary=----=_Part_1", "multipart/signed", {"boundary": "----=_Part_1"}),
        ("a/b; name=new order (1).txt", "a/b", {"name": "new order (1).txt"}),
        ("a/b; x*=iso-8859-1'de'%E4%20b", "a/b", {"x": "ä b"}),
        ("a/b; x*1=\" c\"; x*0*=utf-8''%C3%A4", "a/b", {"x": "ä c"}),
        ("a/b; x*0=1; x*1=2; x*2=3", "a/b", {"x": "123"}),
        ("a/b; x*=rot13''abc; y*=utf-7''+AOQ-", "a/b", {"x": "abc", "y": "+AOQ-"}),
        ("a/b; x*=iso-8859-99''%E4", "a/b", {"x": "ä"}),
        ("a/b; x=1; x=1", "a/b", {"x": "1"}),
    ],
)
def test_types_have_parameters(value: str, kind: str, params: dict[str, str]) -> None:
    found = content_type(value)
    assert (found.type, found.params) == (kind, params)


@pytest.mark.parametrize(
    "value",
    [
        "", "text", "text/", "/plain", '"', "a/b c", 'a/b; x="1', "a/b; x", "a/b; =1", 'a/b; x="1" 2', "(",
        "a/b; boundary=1; boundary=2", "a/b; x*0=1; x*2=2", "a/b; x*1=2", "a/b; x*0=1; x*0=2", 'a/b; "x"=1',
    ],
)  # fmt: skip
def test_what_is_no_type_is_refused(value: str) -> None:
    with pytest.raises(As2Error) as error:
        content_type(value)
    assert error.value.code == "AS2-MALFORMED"


def test_without_a_header_content_is_text() -> None:
    assert content_type(None).type == "text/plain"


# --- file names --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("attachment; filename=order.edi", "order.edi"),
        ('attachment; filename="new order.edi"', "new order.edi"),
        ("attachment; filename=a.edi; filename*=UTF-8''%C3%A4.edi", "ä.edi"),
        ('attachment; filename="=?utf-8?B?w6Q=?= =?iso-8859-1?q?_=E4=2Eedi?="', "ä ä.edi"),
        ("attachment; filename==?utf-8?b?w6QuZWRp?=", "ä.edi"),
        ('attachment; filename="=?utf-8?B?a?="', "=?utf-8?B?a?="),
        ('attachment; filename="ä.edi"', "ä.edi"),
        ("attachment", ""),
        ("", ""),
        ('attachment; filename="', ""),
    ],
)
def test_file_names_are_read(value: str, name: str) -> None:
    assert named("Content-Disposition", value) == name


def test_the_name_of_the_content_type_counts_after_that_of_the_disposition() -> None:
    kind, disposition = (
        ("Content-Type", "a/b; name=1.edi"),
        ("Content-Disposition", "attachment; filename=2.edi"),
    )
    assert disposition_filename(Headers((kind,))) == "1.edi"
    assert disposition_filename(Headers((kind, disposition))) == "2.edi"
    assert disposition_filename(Headers((kind, ("Content-Disposition", ";;")))) == "1.edi"


@pytest.mark.parametrize(
    "value",
    [
        "attachment; filename*=utf-8''..%2F..%2Fetc%0D%0A%00passwd",
        'attachment; filename="=?utf-8?q?../../etc=0D=0A=00passwd?="',
        'attachment; filename="=?utf-8?b?Li4vLi4vZXRjDQoAcGFzc3dk?="',
    ],
)
def test_control_characters_never_survive_in_file_names_and_paths_are_only_data(value: str) -> None:
    assert named("Content-Disposition", value) == "../../etcpasswd"


@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize(
    "name", ["a.edi", "new order.edi", 'a"b\\c.edi', "a;b=c.edi", "ä.edi", "注文 1.edi", "50%'*"]
)
def test_file_names_that_are_written_are_read_the_same_by_us_and_by_python(name: str, quoted: bool) -> None:
    value = "attachment; " + filename_parameter(name, quoted)
    assert value.isascii()
    assert named("Content-Disposition", value) == name
    message = EmailMessage()
    message["Content-Disposition"] = value
    assert message.get_filename() == name


def test_a_file_name_is_in_quotes_where_it_needs_them_or_is_told_to() -> None:
    assert filename_parameter("a.edi", False) == "filename=a.edi"
    assert filename_parameter("a.edi", True) == 'filename="a.edi"'
    assert filename_parameter("a b", False) == 'filename="a b"'


# --- writing headers ---------------------------------------------------------------------------------


def test_headers_are_written_with_the_blank_line() -> None:
    assert head([("A", "1"), ("B", "")]) == b"A: 1\r\nB: \r\n\r\n"
    assert head([]) == b"\r\n"


@pytest.mark.parametrize("bad", ["a\rb", "a\nb", "a\r\nB: c", "a\0b", "a\x7f", "ä", "a\u2028b"])
def test_headers_cannot_be_injected(bad: str) -> None:
    for pair in ((bad, "1"), ("A", bad)):
        with pytest.raises(ValueError, match="cannot be written"):
            head([pair])


@pytest.mark.parametrize("bad", ["a\r\nb", "a\nb", "a\rb", "a\0b"])
def test_headers_cannot_be_injected_by_a_file_name(bad: str) -> None:
    with pytest.raises(ValueError, match="control character"):
        filename_parameter(bad, False)


@pytest.mark.parametrize("name", ["", "A:", "A B", "A\r"])
def test_a_name_that_is_none_is_not_written(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        head([(name, "1")])


# --- transfer encodings ------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["7bit", "8BIT", " Binary", '"binary"'])
def test_content_as_it_is_stays_where_it_is(encoding: str) -> None:
    part = encoded(b"\x00\xff", encoding)
    assert decoded(part, BytesIO, 2) == part.body
    assert decoded(read(b"\r\nabc"), BytesIO, 3).read() == b"abc"


DATA = bytes(range(256)) * 1000


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 65_535, 65_536, 65_537, len(DATA)])
def test_base64_is_decoded(size: int) -> None:
    text = base64.encodebytes(DATA[:size])
    for written in (
        text,
        text.replace(b"\n", b"\r\n"),
        text.replace(b"\n", b""),
        text.rstrip(b"=\n"),
        text + b"\r\n\t \n",
    ):
        assert decoded(encoded(written, "Base64"), BytesIO, len(DATA)).read() == DATA[:size]


@pytest.mark.parametrize(
    "text",
    [
        b"YWJj!", b"YWJj=", b"YQ=", b"YQ===", b"YQ==YQ==", b"Y", b"=", b"YW-j", b"YWJj\0", b"--b",
        b"YWJj" * CHUNK + b"=", b"YWI=" + b"\n" * CHUNK + b"YWJj",
    ],
)  # fmt: skip
def test_what_is_no_base64_is_refused(text: bytes) -> None:
    with pytest.raises(As2Error) as error:
        decoded(encoded(text, "base64"), BytesIO, len(text))
    assert error.value.code == "AS2-MALFORMED"


def test_quoted_printable_is_decoded() -> None:
    for data in (
        b"",
        b"ISA*00*=~\r\n",
        b"a=b \t\r\n\r\n" + b"x" * 300 + b"\xe4\x00\r\n",
        DATA.replace(b"\r", b""),
    ):
        text = quopri.encodestring(data.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
        assert decoded(
            encoded(text, "quoted-printable"), BytesIO, 2 * len(DATA)
        ).read() == quopri.decodestring(text)
    text = b"a=3D=e4 \t\nb= \t\r\nc \r\n=\n=20=\r\n"
    assert decoded(encoded(text, "quoted-printable"), BytesIO, 99).read() == b"a=\xe4\nbc\r\n "


@pytest.mark.parametrize("text", [b"=4", b"a=zz", b"a==", b"\xe4", b"\0", b"a=3\r\nD", b"x" * (3 * CHUNK)])
def test_what_is_no_quoted_printable_is_refused(text: bytes) -> None:
    with pytest.raises(As2Error) as error:
        decoded(encoded(text, "quoted-printable"), BytesIO, len(text))
    assert error.value.code == "AS2-MALFORMED"


@pytest.mark.parametrize(
    ("encoding", "text"), [("binary", b"abc"), ("base64", b"YWJj"), ("quoted-printable", b"ab=63")]
)
def test_decoded_content_has_a_limit(encoding: str, text: bytes) -> None:
    assert decoded(encoded(text, encoding), BytesIO, 3).read() == b"abc"
    with pytest.raises(As2Error) as error:
        decoded(encoded(text, encoding), BytesIO, 2)
    assert error.value.code == "AS2-TOO-LARGE"


def test_content_above_the_limit_is_not_written() -> None:
    room = BytesIO()
    with pytest.raises(As2Error, match="more than"):
        decoded(encoded(b"YWJj" * 10 * CHUNK, "base64"), lambda: room, CHUNK)
    assert room.tell() <= CHUNK


@pytest.mark.parametrize("encoding", ["x-uuencode", "gzip", "7bit, base64"])
def test_an_unknown_transfer_encoding_is_refused(encoding: str) -> None:
    with pytest.raises(As2Error) as error:
        decoded(encoded(b"", encoding), BytesIO, 2)
    assert error.value.code == "AS2-MALFORMED"


@pytest.mark.parametrize("before", [0, CHUNK - 1, CHUNK - 2])
def test_line_ends_are_made_canonical(before: int) -> None:
    out = BytesIO()
    canonical(Span.of(b"x" * before + b"\r\n\n\r\r\na\r"), out)
    assert out.getvalue() == b"x" * before + b"\r\n" * 4 + b"a\r\n"


# --- recordings of other products --------------------------------------------------------------------


@pytest.mark.needs_samples
@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("mecas2_signed.as2", ["application/edi-consent", "application/pkcs7-signature"]),
        ("mecas2_signed.mdn", ["multipart/report", "application/pkcs7-signature"]),
        ("sb2bi_signed_cmp.msg", ["application/pkcs7-mime", "application/pkcs7-signature"]),
        ("issue97", ["multipart/report", "application/pkcs7-signature"]),
    ],
)
def test_recordings_are_read(samples: Path, name: str, kinds: list[str]) -> None:
    folder = samples / "as2"
    files = [folder / "issue97.header", folder / "issue97.payload"] if name == "issue97" else [folder / name]
    whole = read(b"\n".join(file.read_bytes() for file in files))
    kind = content_type(whole.headers.get("Content-Type"))
    assert kind.type == "multipart/signed"
    assert kind.params["protocol"] == "application/pkcs7-signature"
    found = parts(whole.body, kind.params["boundary"])
    assert [content_type(part.headers.get("Content-Type")).type for part in found] == kinds
    signature = decoded(found[1], BytesIO, 1 << 20).read()
    assert signature[:1] == b"\x30"
    assert b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02" in signature[:20]  # signedData


@pytest.mark.needs_samples
def test_the_content_of_a_recording_is_what_was_sent(samples: Path) -> None:
    whole = read((samples / "as2" / "mecas2_signed.as2").read_bytes())
    boundary = content_type(whole.headers.get("Content-Type")).params["boundary"]
    part, signature = parts(whole.body, boundary)
    assert part.body.read() == (samples / "as2" / "payload.txt").read_bytes()
    assert disposition_filename(part.headers) == "payload.txt"
    assert disposition_filename(signature.headers) == "smime.p7s"
