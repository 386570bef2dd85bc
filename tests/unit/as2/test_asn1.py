"""DER written and BER read: lengths, cut-up strings, limits."""

from __future__ import annotations

import time
from io import BytesIO

import pytest

from gateway.as2 import asn1
from gateway.as2.asn1 import MAX_DEPTH, OCTETS, SEQUENCE, SMALL, Asn1Error, Reader, tlv
from gateway.as2.span import CHUNK, Span


def read(data: bytes) -> Reader:
    return Reader(Span.of(data))


def indefinite(tag: int, *content: bytes) -> bytes:
    return bytes([tag, 0x80]) + b"".join(content) + b"\0\0"


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65535, 65536, 1 << 24])
def test_a_length_is_written_as_short_as_it_can_be(size: int) -> None:
    written = asn1.header(OCTETS, size)
    assert len(written) == 2 + (0 if size < 128 else (size.bit_length() + 7) // 8)
    assert read(written + bytes(min(size, SMALL))).peek() == OCTETS


@pytest.mark.parametrize("value", [0, 1, 127, 128, 255, 256, -1, -128, -129, 2**159, 2**160 - 1])
def test_integers_come_back(value: int) -> None:
    assert read(asn1.integer(value)).integer() == value


def test_object_identifiers_are_written_in_base_128() -> None:
    assert asn1.oid("1.2.840.113549.1.7.2") == bytes.fromhex("06092a864886f70d010702")
    assert asn1.oid("2.16.840.1.101.3.4.2.1") == bytes.fromhex("0609608648016503040201")


def test_a_set_is_written_in_the_order_of_der() -> None:
    assert asn1.set_of(tlv(OCTETS, b"b"), tlv(OCTETS, b"a"), tlv(2, b"\1")) == bytes.fromhex(
        "3109020101040161040162"
    )


@pytest.mark.parametrize("whole", [True, False])
def test_containers_end_where_they_say(whole: bool) -> None:
    inner = tlv(OCTETS, b"one"), tlv(OCTETS, b"two")
    data = tlv(SEQUENCE, *inner) if whole else indefinite(SEQUENCE, *inner)
    reader = read(data + b"rest")
    reader.open(SEQUENCE)
    assert reader.octets() + reader.octets() == b"onetwo"
    assert reader.peek() == -1
    reader.close()
    assert reader.at == len(data)


def test_a_container_is_not_left_before_its_end() -> None:
    reader = read(tlv(SEQUENCE, tlv(OCTETS, b"x"), tlv(OCTETS, b"y")))
    reader.open(SEQUENCE)
    reader.skip()
    with pytest.raises(Asn1Error, match="does not belong"):
        reader.close()


def test_an_octet_string_is_the_same_however_it_is_cut_up() -> None:
    content = bytes(range(256)) * 600
    pieces = [tlv(OCTETS, content[at : at + 1000]) for at in range(0, len(content), 1000)]
    forms = [
        tlv(OCTETS, content),
        indefinite(0x24, *pieces),
        tlv(0x24, *pieces),
        indefinite(0x24, indefinite(0x24, *pieces[:3]), tlv(0x24, *pieces[3:9], tlv(0x24)), *pieces[9:]),
    ]
    for form in forms:
        reader = read(form + tlv(OCTETS, b"next"))
        assert b"".join(reader.chunks()) == content
        assert reader.octets() == b"next"


def test_content_is_never_read_as_a_whole() -> None:
    class Watched(BytesIO):
        most = 0

        def read(self, size: int | None = -1) -> bytes:
            found = super().read(size)
            self.most = max(self.most, len(found))
            return found

    data = tlv(OCTETS, bytes(40 * CHUNK))
    file = Watched(data)
    assert sum(map(len, Reader(Span(file, 0, len(data))).chunks())) == 40 * CHUNK
    assert file.most <= CHUNK


def test_elements_of_indefinite_length_are_written_anew() -> None:
    assert read(indefinite(SEQUENCE, tlv(OCTETS, b"x"), indefinite(SEQUENCE))).raw() == tlv(
        SEQUENCE, tlv(OCTETS, b"x"), tlv(SEQUENCE)
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no tag"),
        (b"\x04", "too early"),
        (b"\x04\x05ab", "does not end inside"),
        (b"\x04\x80ab\0\0", "indefinite"),
        (b"\x1f\x81\x01\x00", "several bytes"),
        (b"\x04\x89" + b"\xff" * 9, "nothing has"),
        (b"\x04\x84\xff\xff\xff\xff", "does not end inside"),
        (b"\x30\x80\x04\x01a", "too early"),
        (tlv(OCTETS, bytes(SMALL + 1)), "too large"),
    ],
)
def test_what_is_no_ber_is_refused(data: bytes, words: str) -> None:
    reader = read(data)

    def run() -> None:
        if data[:1] == b"\x30":
            reader.open(SEQUENCE)
            reader.octets()
            reader.peek()
        elif data[:1] == b"\x1f":
            reader.skip()
        else:
            reader.value(OCTETS)

    with pytest.raises(Asn1Error, match=words):
        run()


def test_an_element_ends_inside_of_what_holds_it() -> None:
    reader = read(tlv(SEQUENCE, b"\x04\x05ab") + b"cde")
    reader.open(SEQUENCE)
    with pytest.raises(Asn1Error, match="does not end inside"):
        reader.octets()


@pytest.mark.parametrize("what", ["open", "skip", "raw", "octets"])
def test_deep_nesting_is_refused(what: str) -> None:
    tag = 0x24 if what == "octets" else SEQUENCE
    reader = read(bytes([tag, 0x80]) * (MAX_DEPTH + 5) + bytes(2 * (MAX_DEPTH + 5)))

    def run() -> None:
        for _ in range(MAX_DEPTH + 5):
            getattr(reader, what)(*([tag] if what == "open" else []))

    with pytest.raises(Asn1Error, match="deep"):
        run()


def test_time_grows_with_the_size_alone_for_octets_in_crumbs() -> None:
    """4 MB in pieces of 16 bytes: what is quadratic elsewhere."""

    def seconds(count: int) -> float:
        data = indefinite(0x24, tlv(OCTETS, bytes(16)) * count)
        begun = time.process_time()
        assert sum(map(len, read(data).chunks())) == 16 * count
        return time.process_time() - begun

    assert any(seconds(200_000) < 8 * seconds(25_000) * 2.5 for _ in range(5))
