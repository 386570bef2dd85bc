"""Receipts: dispositions in all constructions, reports written and read, recordings of other products."""

from __future__ import annotations

import base64
import email
import hashlib
import quopri
import re
from dataclasses import replace
from email import policy
from io import BytesIO
from pathlib import Path

import pytest

from gateway.as2.mdn import MODE, Disposition, Report, read_report, write_report
from gateway.as2.mime import content_type, entity, parts
from gateway.as2.problems import CATALOGUE, As2Error
from gateway.as2.span import Span

MIC = hashlib.sha256(b"content").digest()
DIGEST = base64.b64encode(MIC).decode()
REPORT = Report(
    "<order 1@acme>",
    "AS2 Test",
    Disposition("processed"),
    (MIC, "sha256"),
    "It was received.\r\nAll is well.",
)
FIELDS = f"""Reporting-UA: other
Original-Recipient: rfc822; EXAMPLE
Final-Recipient: rfc822; EXAMPLE
Original-Message-ID: <1@acme>
Disposition: {MODE}; processed
Received-Content-MIC: {DIGEST}, sha-256
"""


def read(data: bytes) -> Report:
    return read_report(entity(Span.of(data)), BytesIO)


def write(report: Report, *, plain: bool = False) -> bytes:
    return write_report(report, boundary="b", reporting_ua="EDI gateway", plain=plain)


def received(
    fields: str = FIELDS, encoding: str = "7bit", kind: str = "message/disposition-notification"
) -> bytes:
    body = fields.encode()
    body = {"base64": base64.encodebytes, "quoted-printable": quopri.encodestring}.get(encoding, bytes)(body)
    return (
        b"Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n"
        b"--b\nContent-Type: text/plain\n\nThank you.\n"
        b"--b\nContent-Type: %b\nContent-Transfer-Encoding: %b\n\n%b\n--b--\n"
        % (kind.encode(), encoding.encode(), body)
    )


def refused(data: bytes) -> str:
    with pytest.raises(As2Error) as error:
        read(data)
    assert error.value.code == "AS2-MDN-MALFORMED"
    return str(error.value)


# --- dispositions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind", "modifier", "text", "positive"),
    [
        (f"{MODE}; processed", "processed", "", "", True),
        ("AUTOMATIC-ACTION/mdn-sent-automatically;Processed", "processed", "", "", True),
        ("manual-action / MDN-sent-manually ;\t processed ", "processed", "", "", True),
        ("processed", "processed", "", "", True),
        ("; processed", "processed", "", "", True),
        (f"{MODE}; processed/error: decryption-failed", "processed", "error", "decryption-failed", False),
        (f"{MODE}; processed/Error: decryption-failed", "processed", "error", "decryption-failed", False),
        (f"{MODE}; processed / error:decryption-failed", "processed", "error", "decryption-failed", False),
        (f"{MODE}; processed/error/duplicate-name", "processed", "error", "duplicate-name", False),
        (f"{MODE}; processed/error", "processed", "error", "", False),
        (f"{MODE}; failed/failure: sender-is-receiver", "failed", "failure", "sender-is-receiver", False),
        (f"{MODE}; failed/Failure: unsupported format", "failed", "failure", "unsupported format", False),
        (f"{MODE}; failed", "failed", "", "", False),
        (f"{MODE}; failed/warning: x", "failed", "warning", "x", False),
        (f"{MODE}; processed/failure: x", "processed", "failure", "x", False),
        (f"{MODE}; processed/warning: duplicate-one", "processed", "warning", "duplicate-one", True),
        (f"{MODE}; processed/warning", "processed", "warning", "", True),
        (f"{MODE}; processed/Warning: authentication-failed, processing continued", "processed", "warning",
         "authentication-failed, processing continued", True),
        (f"{MODE}; processed/warning, error", "processed", "error", "", False),
        ("processed/error: x; processed", "processed", "error", "x; processed", False),
        ("processed/error: a/MDN-sent-automatically; processed", "processed", "error",
         "a/MDN-sent-automatically; processed", False),
    ],
)  # fmt: skip
def test_dispositions_are_read(value: str, kind: str, modifier: str, text: str, positive: bool) -> None:
    found = Disposition.parse(value)
    assert (found.type, found.modifier, found.text, found.is_positive) == (kind, modifier, text, positive)


@pytest.mark.parametrize(
    "value",
    [
        "", ";", "displayed", "processed.", "processed/", "processed/ok", "processed/expired", "unprocessed",
        "processed ok", f"{MODE}", f"{MODE}; x; processed", "x; processed", "error; processed", "proceſſed",
        f"{MODE}; processed/warning, x",
    ],
)  # fmt: skip
def test_what_is_no_disposition_never_counts_as_one(value: str) -> None:
    with pytest.raises(As2Error) as error:
        Disposition.parse(value)
    assert error.value.code == "AS2-MDN-MALFORMED"


@pytest.mark.parametrize(
    "value", sorted({kind.disposition for kind in CATALOGUE.values() if kind.disposition})
)
def test_our_dispositions_are_written_as_they_stand_in_the_table(value: str) -> None:
    assert str(Disposition.parse(value)) == f"{MODE}; {value}"


# --- reports -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "report",
    [
        REPORT,
        replace(REPORT, original_message_id="no-brackets", mic=None, words=""),
        replace(
            REPORT,
            disposition=Disposition("processed", "error", "decryption-failed"),
            errors=("One.", "Two."),
        ),
        replace(
            REPORT, disposition=Disposition("processed", "warning", "duplicate-document"), errors=("Again.",)
        ),
        replace(
            REPORT,
            disposition=Disposition("failed", "failure", "unsupported format"),
            mic=(b"x" * 64, "sha512"),
        ),
        replace(REPORT, final_recipient='a"b\\c', words="Größe: 1 ☺"),
    ],
)
@pytest.mark.parametrize("plain", [False, True])
def test_reports_that_are_written_are_read_the_same(report: Report, plain: bool) -> None:
    expected = replace(report, original_message_id=report.original_message_id.replace(" ", ""))
    assert read(write(report, plain=plain)) == expected


def test_a_report_is_written_as_the_standard_asks() -> None:
    data = write(replace(REPORT, original_message_id="<1@acme>", words="Received."))
    assert data.count(b"\n") == data.count(b"\r\n")
    assert data.decode() == "\r\n".join([
        'Content-Type: multipart/report; report-type=disposition-notification; boundary="b"', "",
        "--b", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", "", "Received.",
        "--b", "Content-Type: message/disposition-notification", "Content-Transfer-Encoding: 7bit", "",
        "Reporting-UA: EDI gateway",
        'Original-Recipient: rfc822; "AS2 Test"', 'Final-Recipient: rfc822; "AS2 Test"',
        "Original-Message-ID: <1@acme>", f"Disposition: {MODE}; processed",
        f"Received-Content-MIC: {DIGEST}, sha-256", "",
        "--b--", "",
    ])  # fmt: skip


def test_the_digest_of_a_report_is_spelled_as_agreed() -> None:
    assert b", sha-256\r\n" in write(REPORT)
    assert b", sha256\r\n" in write(REPORT, plain=True)
    assert b", sha1\r\n" in write(replace(REPORT, mic=(b"x", "sha1")))


def test_the_reasons_are_in_fields_of_the_kind_of_the_modifier() -> None:
    for modifier, name in (
        ("error", b"Error"),
        ("failure", b"Failure"),
        ("warning", b"Warning"),
        ("", b"Warning"),
    ):
        disposition = Disposition("processed", modifier)
        assert b"\r\n%b: Why.\r\n" % name in write(replace(REPORT, disposition=disposition, errors=("Why.",)))


def test_the_library_of_python_reads_a_report_too() -> None:
    message = email.message_from_bytes(write(REPORT), policy=policy.HTTP)
    assert message.get_content_type() == "multipart/report"
    assert [part.get_content_type() for part in message.iter_parts()] == [
        "text/plain", "message/disposition-notification"]  # fmt: skip


@pytest.mark.parametrize("bad", ["<1@acme>\r\nDisposition: x", "<1>\n", "<1>\r", "<1\0>", "<ä>"])
def test_fields_cannot_be_injected_by_a_message_id_or_a_name(bad: str) -> None:
    for report in (replace(REPORT, original_message_id=bad), replace(REPORT, final_recipient=bad),
                   replace(REPORT, disposition=Disposition("processed", "error", bad))):  # fmt: skip
        with pytest.raises(ValueError, match=r"cannot be written|AS2 name"):
            write(report)


def test_fields_cannot_be_injected_by_words() -> None:
    bad = "Oh\r\nDisposition: processed\r\n\r\n\0ä"
    report = read(
        write(replace(REPORT, errors=(bad,), words=bad, disposition=Disposition("processed", "error")))
    )
    assert report.errors == ("Oh Disposition: processed ??",)
    assert not report.disposition.is_positive
    assert report.words == "Oh\r\nDisposition: processed\r\n\r\nä"


def test_parts_cannot_be_injected_by_words() -> None:
    with pytest.raises(ValueError, match="boundary"):
        write(replace(REPORT, words="Oh\r\n--b\r\n\r\n"))


@pytest.mark.parametrize("encoding", ["7bit", "base64", "quoted-printable", "binary"])
def test_reports_are_read_in_any_transfer_encoding(encoding: str) -> None:
    found = read(received(encoding=encoding))
    assert found == Report("<1@acme>", "EXAMPLE", Disposition("processed"), (MIC, "sha256"), "Thank you.")


@pytest.mark.parametrize(
    "fields",
    [
        re.sub(r"(?m)^[^:]*", lambda name: name[0].upper(), FIELDS),
        "\n".join(reversed(FIELDS.splitlines())),
        FIELDS.replace("\n", "\n\n \n"),
        "\n\n" + FIELDS,
        FIELDS.replace("\n", "\r\n"),
        FIELDS.replace(", sha-256", " ,SHA256"),
        FIELDS.replace(", sha-256", ',  "sha-256"'),
        FIELDS.replace("MIC: ", "MIC:\n  ").replace("=, ", "=,\n\t"),
        FIELDS.replace(DIGEST, f"{DIGEST[:4]} {DIGEST[4:]}"),
        FIELDS.replace("ID: <1@", "ID:\n <1\n @"),
        FIELDS.replace("rfc822; EXAMPLE", 'rfc822;"EXAMPLE"'),
        FIELDS.replace("rfc822; EXAMPLE", "EXAMPLE"),
        FIELDS + "X-Other: 1\n",
    ],
)  # fmt: skip
def test_fields_are_read_as_products_write_them(fields: str) -> None:
    found = read(received(fields))
    assert (found.original_message_id, found.final_recipient, found.mic) == (
        "<1@acme>",
        "EXAMPLE",
        (MIC, "sha256"),
    )
    assert found.disposition.is_positive


def test_a_message_id_without_brackets_is_read_as_it_stands() -> None:
    assert read(received(FIELDS.replace("<1@acme>", "1@acme"))).original_message_id == "1@acme"


@pytest.mark.parametrize(
    "mic",
    [
        "",
        "none",
        ", sha-256",
        "***, sha-256",
        "YQ, sha-256",
        "Y*Q=, sha-256",
        "YQ==YQ==, sha-256",
        "ä, sha-256",
    ],
)
def test_a_digest_that_cannot_be_read_is_none(mic: str) -> None:
    fields = "\n".join(FIELDS.splitlines()[:-1]) + f"\nReceived-Content-MIC: {mic}\n"
    assert read(received(fields)).mic is None
    assert read(received("\n".join(FIELDS.splitlines()[:-1]))).mic is None


def test_a_digest_of_unknown_name_keeps_it() -> None:
    assert read(received(FIELDS.replace("sha-256", "MD5"))).mic == (MIC, "md5")


def test_reasons_are_read_in_their_order() -> None:
    fields = (
        FIELDS.replace("processed", "processed/error")
        + "ERROR: decryption-failed\nWarning: late\nFailure: x\n"
    )
    assert read(received(fields)).errors == ("decryption-failed", "late", "x")


def test_a_notification_without_a_multipart_is_read() -> None:
    found = read(b"Content-Type: message/disposition-notification\n\n" + FIELDS.encode())
    assert (found.mic, found.words) == ((MIC, "sha256"), "")


def test_what_is_no_report_is_refused() -> None:
    assert "text/html" in refused(b"Content-Type: text/html\n\n<html>ok</html>")
    assert "0 disposition notifications" in refused(received(kind="text/plain"))
    assert "closing boundary" in refused(received().replace(b"--b--", b""))
    assert "boundary" in refused(received().replace(b"boundary=b", b"boundary="))
    assert "0 dispositions" in refused(received(FIELDS.replace("Disposition:", "Disposed:")))
    assert "no disposition" in refused(received(FIELDS.replace("processed", "displayed")))
    assert "no header" in refused(received(FIELDS + "OK\n"))
    assert "base64" in refused(received().replace(b"7bit", b"base64"))
    assert refused(b"\n" + FIELDS.encode())


def test_a_report_that_says_two_things_is_refused() -> None:
    assert "2 dispositions" in refused(received(FIELDS + f"Disposition: {MODE}; processed/error: x\n"))
    second = b"--b\nContent-Type: message/disposition-notification\n\n" + FIELDS.encode() + b"\n--b--\n"
    assert "2 disposition notifications" in refused(received().replace(b"--b--\n", second))


def test_content_after_a_report_is_refused() -> None:
    assert "follows" in refused(received() + b"Disposition: processed\n")


def test_a_report_has_limits() -> None:
    assert "more than" in refused(received(FIELDS + "X: 1\n" * 300))
    assert "more than" in refused(received().replace(b"Thank you.", b"x" * (2 << 20)))


# --- recordings of other products --------------------------------------------------------------------


@pytest.mark.needs_samples
@pytest.mark.parametrize(
    ("files", "message_id", "recipient", "mic"),
    [
        (["mecas2_signed.mdn"], "<20161230102456.10748.40759@imac.local>", "mecas2",
         ("O4bvrm5t2YunRfwvZicNdEUmPaPZ9vUslX8loVLDck0=", "sha256")),
        (["issue97.header", "issue97.payload"],
         "<mftas2_07102019213832125_ctm_mft_ctm_mft_dedc08b2181a4553a0996dc5eb258615_mfttest_0>", "ctm_mft",
         ("WX3WE/vT631XugOIxrcgSd1YPVo=", "sha1")),
    ],
)  # fmt: skip
def test_recordings_are_read(
    samples: Path, files: list[str], message_id: str, recipient: str, mic: tuple[str, str]
) -> None:
    whole = entity(Span.of(b"\n".join((samples / "as2" / name).read_bytes() for name in files)))
    boundary = content_type(whole.headers.get("content-type")).params["boundary"]
    report = read_report(parts(whole.body, boundary)[0], BytesIO)
    assert report.original_message_id == message_id
    assert report.final_recipient == recipient
    assert report.mic == (base64.b64decode(mic[0]), mic[1])
    assert report.disposition == Disposition("processed")
    assert "received" in report.words
