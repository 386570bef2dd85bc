"""Receipts: message disposition notifications (RFC 8098) as AS2 has them (RFC 4130, 7.4 and 7.5)."""

from __future__ import annotations

import re
from base64 import b64encode
from binascii import Error as NoBase64
from binascii import a2b_base64
from dataclasses import dataclass

from gateway.as2.headers import as2_name, digest_of, micalg, read_as2_name
from gateway.as2.mime import Entity, Headers, content_type, decoded, entity, head, parts
from gateway.as2.problems import As2Error
from gateway.as2.span import Scratch, Span

MODE = "automatic-action/MDN-sent-automatically"
"""The disposition mode of all that is done without a person."""
LIMIT = 1 << 20
"""The most bytes of a part of a receipt."""

_NOTIFICATION = "message/disposition-notification"
_DISPOSITION = re.compile(
    r"(?:((?:manual|automatic)-action ?/ ?MDN-sent-(?:manually|automatically))? ?; ?)?"
    r"(processed|failed)(?: ?/ ?([a-z]+(?: ?, ?[a-z]+)*) ?[:/]? ?(.*))?",
    re.IGNORECASE | re.ASCII,
)
_WEIGHTS = ("warning", "error", "failure")


@dataclass(frozen=True, slots=True)
class Disposition:
    """What became of a message (RFC 4130, 7.4.3 and 7.5).

    Attributes:
        type: "processed" or "failed". modifier: "error", "warning", "failure" or empty.
        text: the words after the modifier. mode: by whom; empty if not told.
    """

    type: str
    modifier: str = ""
    text: str = ""
    mode: str = MODE

    @classmethod
    def parse(cls, value: str) -> Disposition:
        """The value of a Disposition field, in any construction in use. Raises AS2-MDN-MALFORMED."""
        match = _DISPOSITION.fullmatch(" ".join(value.split()))
        modifiers = {word.strip().lower() for word in (match[3] or "").split(",")} - {""} if match else set()
        if not match or not modifiers <= set(_WEIGHTS):
            raise As2Error("AS2-MDN-MALFORMED", what=f"this is no disposition: {value!r:.120}")
        return cls(
            match[2].lower(), max(modifiers, key=_WEIGHTS.index, default=""), match[4] or "", match[1] or ""
        )

    @property
    def is_positive(self) -> bool:
        """Whether the message was taken. A warning says that it was; a bare "failed" says that it was not."""
        return self.type == "processed" and self.modifier in ("", "warning")

    def __str__(self) -> str:
        """As a receipt writes it."""
        modifier = self.modifier.capitalize() if self.modifier == "failure" else self.modifier
        text = "".join([f"/{modifier}" if modifier else "", f": {self.text}" if self.text else ""])
        return f"{self.mode or MODE}; {self.type}{text}"


@dataclass(frozen=True, slots=True)
class Report:
    """A receipt.

    Attributes:
        original_message_id: of the message it is about, exactly as that came; empty if not told.
        final_recipient: the AS2 name of who received it.
        mic: digest of what was received (Received-Content-MIC) and its name; None if there is none to read.
        words: for people. errors: values of the fields Error, Failure and Warning.
    """

    original_message_id: str
    final_recipient: str
    disposition: Disposition
    mic: tuple[bytes, str] | None = None
    words: str = ""
    errors: tuple[str, ...] = ()


def write_report(report: Report, *, boundary: str, reporting_ua: str, plain: bool = False) -> bytes:
    """The multipart/report entity, headers and body.

    Args:
        boundary: that occurs nowhere else. plain: see :func:`micalg`.

    Raises ValueError for a Message-ID, name or disposition that cannot be written. Words are made harmless.
    """
    recipient = f"rfc822; {as2_name(report.final_recipient)}"
    fields = [
        ("Reporting-UA", reporting_ua),
        ("Original-Recipient", recipient),
        ("Final-Recipient", recipient),
        ("Original-Message-ID", report.original_message_id),
        ("Disposition", str(report.disposition)),
    ]
    name = (report.disposition.modifier or "warning").capitalize()
    fields += [(name, re.sub(r"[^ -~]", "?", " ".join(words.split()))[:900]) for words in report.errors]
    if report.mic:
        fields.append(
            ("Received-Content-MIC", f"{b64encode(report.mic[0]).decode()}, {micalg(report.mic[1], plain)}")
        )
    words = "\r\n".join(report.words.replace("\0", "").splitlines()).encode()
    if f"--{boundary}".encode() in words:
        raise ValueError("the words of a receipt have its boundary in them")
    kind = f'multipart/report; report-type=disposition-notification; boundary="{boundary}"'
    text = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Transfer-Encoding", "8bit")]
    notification = [("Content-Type", _NOTIFICATION), ("Content-Transfer-Encoding", "7bit")]
    line = f"--{boundary}".encode("ascii")
    return b"".join([
        head([("Content-Type", kind)]),
        line, b"\r\n", head(text), words, b"\r\n",
        line, b"\r\n", head(notification), head(pair for pair in fields if pair[1]),
        line, b"--\r\n",
    ])  # fmt: skip


def read_report(whole: Entity, scratch: Scratch) -> Report:
    """The receipt that a multipart/report is, or a notification alone. Raises AS2-MDN-MALFORMED."""
    try:
        kind = content_type(whole.headers.get("Content-Type"))
        multipart = kind.type == "multipart/report"
        found = parts(whole.body, kind.params.get("boundary", "")) if multipart else [whole]
        kinds = [content_type(part.headers.get("Content-Type")).type for part in found]
        if kinds.count(_NOTIFICATION) != 1:
            what = f"it is {kind.type} with {kinds.count(_NOTIFICATION)} disposition notifications"
            raise As2Error("AS2-MDN-MALFORMED", what=what)
        fields = _fields(decoded(found[kinds.index(_NOTIFICATION)], scratch, LIMIT))
        texts = [part for part, kind_of_part in zip(found, kinds) if kind_of_part == "text/plain"]
        words = decoded(texts[0], scratch, LIMIT).read() if texts else b""
    except As2Error as error:
        if error.code == "AS2-MDN-MALFORMED":
            raise
        raise As2Error("AS2-MDN-MALFORMED", what=str(error).partition(": ")[2].rstrip(".")) from error
    dispositions = fields.all("Disposition")
    if len(dispositions) != 1:
        raise As2Error("AS2-MDN-MALFORMED", what=f"it has {len(dispositions)} dispositions")
    return Report(
        "".join((fields.get("Original-Message-ID") or "").split()),
        _recipient(fields.get("Final-Recipient") or ""),
        Disposition.parse(dispositions[0]),
        _mic(fields.get("Received-Content-MIC") or ""),
        words.decode(errors="replace").strip(),
        tuple(value for name, value in fields.pairs if name.lower() in _WEIGHTS),
    )


def _fields(content: Span) -> Headers:
    """The fields of a notification, which some products part by blank lines."""
    lines = [line for line in content.read().split(b"\n") if line.strip()]
    return entity(Span.of(b"\n".join(lines) + b"\n\n")).headers


def _recipient(value: str) -> str:
    name = value.partition(";")[2] or value
    try:
        return read_as2_name(name)
    except As2Error:
        return name.strip()


def _mic(value: str) -> tuple[bytes, str] | None:
    digest, _, name = value.rpartition(",")
    try:
        found = a2b_base64("".join(digest.split()), strict_mode=True)
    except (NoBase64, ValueError):
        return None
    return (found, digest_of(name) or name.strip().lower()) if found else None
