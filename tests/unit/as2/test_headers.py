"""AS2 names, Message-IDs and requests for receipts."""

from __future__ import annotations

import pytest

from gateway.as2.headers import (
    DIGESTS,
    ReceiptRequest,
    as2_name,
    bare_message_id,
    check_message_id,
    digest_of,
    micalg,
    read_as2_name,
    read_receipt_request,
    write_receipt_request,
)
from gateway.as2.mime import SAFE, Headers
from gateway.as2.problems import As2Error


def asked(options: str, *more: tuple[str, str]) -> ReceiptRequest:
    pairs = (("disposition-notification-to", "x"), ("DISPOSITION-NOTIFICATION-OPTIONS", options), *more)
    request = read_receipt_request(Headers(pairs))
    assert request is not None
    return request


# --- names -------------------------------------------------------------------------------------------

NAMES = [
    ("ACME", "ACME"),
    ("AS2 Test", '"AS2 Test"'),
    (" ", '" "'),
    ('a"b', '"a\\"b"'),
    ("a\\b", '"a\\\\b"'),
    ("!#[]~;,()", "!#[]~;,()"),
    ("x" * 128, "x" * 128),
    ('"' * 128, '"' + '\\"' * 128 + '"'),
]


@pytest.mark.parametrize(("name", "written"), NAMES)
def test_names_are_quoted_where_they_need_it(name: str, written: str) -> None:
    assert as2_name(name) == written
    assert read_as2_name(written) == name


@pytest.mark.parametrize(
    ("value", "name"),
    [('"ACME"', "ACME"), (" ACME ", "ACME"), ("AS2 Test", "AS2 Test"), ("A\\B", "A\\B"), ("acme", "acme")],
)
def test_names_are_read_as_older_products_write_them(value: str, name: str) -> None:
    assert read_as2_name(value) == name


@pytest.mark.parametrize("name", ["", "x" * 129, "a\r\nB: c", "a\nb", "a\0b", "a\tb", "Müller"])
def test_what_cannot_be_a_name_is_neither_written_nor_read(name: str) -> None:
    with pytest.raises(ValueError, match="AS2 name"):
        as2_name(name)
    for value in (name, f'"{name}"'):
        with pytest.raises(As2Error) as error:
            read_as2_name(value)
        assert error.value.code == "AS2-MALFORMED"


@pytest.mark.parametrize("value", ['"', '""', '"a', 'a"', '"a"b"', '"a\\b"', '"a\\"', 'a"b'])
def test_quotes_that_are_wrong_make_no_name(value: str) -> None:
    with pytest.raises(As2Error, match="no AS2 name"):
        read_as2_name(value)


# --- Message-ID --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    ["<a@b>", "0574493161569973Sterling20574493161569973MOKO", "<#a#01#b#>", "x" * 998, '"<a@b>"', "<a@b"],
)
def test_a_message_id_is_kept_exactly(value: str) -> None:
    assert check_message_id(value) == value


@pytest.mark.parametrize(
    "value", [None, "", "<a b>", "<a@b>\r\nX: y", "a\0b", "a\tb", " <a@b>", "<ä@b>", "x" * 999, "\x7f"]
)
def test_headers_cannot_be_injected_by_a_message_id(value: str | None) -> None:
    with pytest.raises(As2Error) as error:
        check_message_id(value)
    assert error.value.code == "AS2-MESSAGE-ID"
    assert SAFE.fullmatch(str(error.value))


def test_message_ids_are_compared_without_brackets() -> None:
    assert bare_message_id("<a@b>") == bare_message_id(" a@b ") == "a@b"
    assert bare_message_id("<<a>>") == "<a>"


@pytest.mark.parametrize(
    ("value", "is_safe"),
    [
        ("AS2 message", True), ("", True), ("a\r\nb", False), ("a\nb", False), ("a\0", False), ("ä", False),
        ("a\x85b", False),
    ],
)  # fmt: skip
def test_only_printable_ascii_is_told_back(value: str, is_safe: bool) -> None:
    assert bool(SAFE.fullmatch(value)) is is_safe


# --- digests -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "digest"),
    [
        ("sha1", "sha1"), ("SHA1", "sha1"), ("sha-1", "sha1"), ("sha256", "sha256"), ("SHA-256", "sha256"),
        ("sha_384", "sha384"), (' "sha-512" ', "sha512"), ("md5", None), ("sha-224", None), ("", None),
    ],
)  # fmt: skip
def test_digests_are_read_in_any_spelling(written: str, digest: str | None) -> None:
    assert digest_of(written) == digest


def test_digests_are_written_as_agreed() -> None:
    assert [micalg(digest) for digest in DIGESTS] == ["sha1", "sha-256", "sha-384", "sha-512"]
    assert [micalg(digest, plain=True) for digest in DIGESTS] == list(DIGESTS)


# --- requests for receipts ---------------------------------------------------------------------------


def test_without_disposition_notification_to_no_receipt_is_asked_for() -> None:
    options = ("Disposition-Notification-Options", "signed-receipt-protocol=required, pkcs7-signature")
    assert read_receipt_request(Headers((options,))) is None
    assert read_receipt_request(Headers((("Disposition-Notification-To", ""),))) == ReceiptRequest(False)


@pytest.mark.parametrize(
    "options",
    [
        "signed-receipt-protocol=optional, pkcs7-signature; signed-receipt-micalg=optional, sha-256, sha1",
        "signed-receipt-protocol=optional,pkcs7-signature;signed-receipt-micalg=optional,SHA256,SHA-1",
        "Signed-Receipt-Protocol = Required , PKCS7-Signature ; Signed-Receipt-MICalg=Required, sha256,sha1;",
        "signed-receipt-micalg=optional,md5, sha-256, sha256, sha1; signed-receipt-protocol=pkcs7-signature",
        '"signed-receipt-protocol=optional, pkcs7-signature; signed-receipt-micalg=optional, sha-256, sha1"',
        "signed-receipt-protocol=pkcs7-signature; signed-receipt-micalg=sha-256,sha1",
        "x=optional,y; signed-receipt-protocol=optional,pkcs7-signature;; signed-receipt-micalg=sha256,sha1",
    ],
)
def test_a_signed_receipt_is_asked_for(options: str) -> None:
    request = asked(options)
    assert (request.signed, request.digests, request.url) == (True, ("sha256", "sha1"), "")


def test_digests_that_are_unknown_are_remembered() -> None:
    request = asked("signed-receipt-protocol=optional,pkcs7-signature;signed-receipt-micalg=optional,md5,x")
    assert (request.digests, request.unknown) == ((), ("md5", "x"))
    assert asked("signed-receipt-protocol=optional,pkcs7-signature") == ReceiptRequest(True)


@pytest.mark.parametrize(
    "options", ["", ";;", "=", "nonsense", "signed-receipt-protocol=optional, x", "a=optional,b"]
)
def test_options_that_need_not_be_understood_are_passed_over(options: str) -> None:
    assert asked(options) == ReceiptRequest(False)


@pytest.mark.parametrize(
    "options", ["signed-receipt-protocol=required, x", "color=REQUIRED,red", "=required,x"]
)
def test_options_that_must_be_understood_are_refused(options: str) -> None:
    with pytest.raises(As2Error) as error:
        asked(options)
    assert error.value.code == "AS2-FORMAT"


def test_the_address_of_an_asynchronous_receipt_is_read() -> None:
    assert (
        asked("", ("receipt-delivery-option", " https://as2.acme.example/mdn ")).url
        == "https://as2.acme.example/mdn"
    )


@pytest.mark.parametrize(
    "request_",
    [
        ReceiptRequest(True, ("sha256", "sha384")),
        ReceiptRequest(True, ("sha1",), "https://a.example/"),
        ReceiptRequest(False),
    ],
)
@pytest.mark.parametrize("plain", [False, True])
def test_requests_that_are_written_are_read_the_same(request_: ReceiptRequest, plain: bool) -> None:
    pairs = tuple(write_receipt_request(request_, to="EXAMPLE", plain=plain))
    assert read_receipt_request(Headers(pairs)) == request_
    assert pairs[0] == ("Disposition-Notification-To", "EXAMPLE")


def test_a_request_is_written_as_the_standard_shows_it() -> None:
    assert dict(write_receipt_request(ReceiptRequest(True, ("sha256",)), to="x")) == {
        "Disposition-Notification-To": "x",
        "Disposition-Notification-Options": "signed-receipt-protocol=optional, pkcs7-signature; "
        "signed-receipt-micalg=optional, sha-256",
    }
