"""What can go wrong with an AS2 message or its receipt: a table of words, whose move it is, and dispositions.

The disposition is what a receipt tells the sender (RFC 4130, 7.5; draft-ietf-ediint-rfc4130bis, 8.5). Nothing
that was decrypted, and no reason why decrypting failed, is ever in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.errors import EdiError, Fault, Level, Location, Problem, Severity


@dataclass(frozen=True, slots=True)
class Kind:
    """An entry of the table.

    Attributes:
        disposition: type and modifier as a receipt writes them; empty for what only we see.
        fault: whose move it is.
        message: one sentence with ``{names}`` for words. hint: what to do.
        explanation: for ``edigw explain``.
    """

    disposition: str
    fault: Fault
    message: str
    hint: str
    explanation: str


_P, _C, _N, _U = Fault.PARTNER, Fault.CONFIGURATION, Fault.NETWORK, Fault.US

# fmt: off
CATALOGUE: dict[str, Kind] = {
    "AS2-DECRYPTION": Kind("processed/error: decryption-failed", _P,
        "The message could not be decrypted.",
        "Compare the partner's copy of your certificate to yours: `edigw cert list`. Send it to them again.",
        "The message was encrypted for another certificate, damaged, or not encrypted as CMS. For reasons of "
        "security nobody is told which of these it was."),
    "AS2-AUTHENTICATION": Kind("processed/error: authentication-failed", _P,
        "The signature is not by a certificate of the partner: {what}.",
        "If the partner has a new certificate, import it: `edigw cert import`.",
        "Only certificates imported for the partner count, never one that comes with a message."),
    "AS2-INTEGRITY": Kind("processed/error: integrity-check-failed", _P,
        "The content is not what was signed: {what}.",
        "Ask the partner to send it again; if it stays so, something between changes line ends or headers.",
        "The digest of the received bytes must be the one that was signed. Nothing is put right before it is "
        "compared, unless a quirk of the partner says so."),
    "AS2-SECURITY": Kind("processed/error: insufficient-message-security", _P,
        "The message is not protected as agreed: {what}.",
        "Ask the partner to protect its messages as agreed, or change `as2.require` in its file.",
        "What must be signed and encrypted is said by the partner's file, never by the message."),
    "AS2-DECOMPRESSION": Kind("processed/error: decompression-failed", _P,
        "The compressed content cannot be unpacked: {what}.",
        "Ask the partner to send it again, or without compression.",
        "Content is unpacked up to a limit, as a small message may unpack to one that fills the disk."),
    "AS2-UNKNOWN-PAIR": Kind("processed/error: unknown-trading-relationship", _C,
        "No partner has the AS2 names of this message: from {sender} to {receiver}.",
        "Compare `as2.id` and `as2.us` in the partner's file; both names count exactly, capitals included.",
        "AS2-From and AS2-To must be those of one partner's file. Nothing is guessed, no key used before."),
    "AS2-MESSAGE-ID": Kind("processed/error: invalid-message-id", _P,
        "The Message-ID cannot be used: {what}.",
        "Ask the partner to send messages with a Message-ID of printable characters without blanks.",
        "A message is known by its Message-ID; without one it could not be told from another."),
    "AS2-MALFORMED": Kind("processed/error: unexpected-processing-error", _P,
        "The message is not built as AS2 asks for: {what}.",
        "Ask the partner to send it again; `edigw message raw` has it as it came.",
        "A part of the message, such as a boundary, a header or a structure of CMS, is missing or wrong."),
    "AS2-TOO-LARGE": Kind("processed/error: unexpected-processing-error", _P,
        "The message is larger than agreed: {what}.",
        "Raise `as2.max_body_mb` in gateway.yaml if such messages are expected.",
        "A limit keeps a mistake or an attack from filling the machine."),
    "AS2-MIC-ALGORITHM": Kind("failed/Failure: unsupported MIC-algorithms", _P,
        "None of the digests the partner asks for in its receipt is allowed: {what}.",
        "Ask the partner for sha-256, or allow an older one by `legacy` in its file.",
        "Signed-receipt-micalg of Disposition-Notification-Options names the digests the sender can read."),
    "AS2-FORMAT": Kind("failed/Failure: unsupported format", _P,
        "The partner demands a receipt of another form: {what}.",
        "Ask the partner for pkcs7-signature.",
        "Only signed receipts of the form pkcs7-signature are known to AS2."),
    "AS2-WEAK": Kind("processed/error: insufficient-message-security", _P,
        "The message uses {what}, which is no longer safe.",
        "Ask the partner for SHA-256 and AES; until then allow it by `legacy` in its file.",
        "SHA-1 and Triple DES are only read, and only from partners whose file says so."),
    "AS2-NO-CERTIFICATE": Kind("", _C,
        "There is no certificate to {purpose} with for {partner} that is valid now.",
        "Import or generate one: `edigw cert list`, `edigw cert import`, `edigw cert generate`.",
        "Each purpose needs a certificate whose time has come and is not over."),
    "AS2-MDN-MISSING": Kind("", _P,
        "The partner did not answer with a receipt: {what}.",
        "Ask the partner whether the message arrived; `edigw message resend` sends it again.",
        "A receipt (MDN) was asked for. Without one nothing is known about the message."),
    "AS2-MDN-SIGNATURE": Kind("", _P,
        "The receipt is not signed by the partner: {what}.",
        "If the partner has a new certificate, import it: `edigw cert import`. The receipt comes again.",
        "An unsigned receipt, or one signed by somebody else, proves nothing; the message does not count as "
        "delivered."),
    "AS2-MDN-MALFORMED": Kind("", _P,
        "The receipt cannot be read: {what}.",
        "Ask the partner; `edigw message raw ID --receipt` has it as it came.",
        "A receipt is a report of RFC 3798 with a disposition, in a form that AS2 defines."),
    "AS2-MDN-UNMATCHED": Kind("", _P,
        "The receipt is about no message that waits for one: {what}.",
        "Nothing needs to be done if it came twice. Otherwise ask the partner what it is about.",
        "A receipt counts for the message whose Message-ID it names, from the partner that message went to."),
    "AS2-MDN-MIC": Kind("", _P,
        "The receipt is for other content than was sent: {what}.",
        "Ask the partner what it received. It may compute the digest otherwise: see `quirks`.",
        "The receipt must contain the digest of what was sent (Received-Content-MIC). A missing one, or "
        "another, proves that something else was received, or nothing."),
    "AS2-MDN-NEGATIVE": Kind("", _P,
        "The partner received the message and could not use it: {what}.",
        "The disposition says why; correct it with the partner, then `edigw message resend`.",
        "A receipt with `error` or `failed` says that the content was not taken."),
    "AS2-HTTP": Kind("", _P,
        "The partner's server answered {what}.",
        "Check `as2.url` and `as2.login` in the partner's file with the partner.",
        "Answers other than 2xx say that the message was not taken. 408, 425, 429 and 5xx are tried again by "
        "themselves."),
}
# fmt: on


class As2Error(EdiError):
    """A message or receipt cannot be used.

    Args:
        code: of the table. words: for its sentence.
        detail: a sentence that only our own people may read; no receipt has it.

    Attributes:
        kind: its entry in the table.
    """

    def __init__(self, code: str, *, detail: str = "", **words: Any) -> None:
        self.kind = CATALOGUE[code]
        self.detail = detail
        super().__init__(self.kind.message.format(**words), code=code)
        self.hint = self.kind.hint

    @property
    def problem(self) -> Problem:
        """The same as a value, a problem of the file it is about."""
        where, kind = Location(), self.kind
        said = f"{self} {self.detail}".strip()
        return Problem(self.code, Severity.ERROR, Level.FILE, said, kind.hint, None, where, fault=kind.fault)
