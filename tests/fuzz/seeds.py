"""What fuzzing begins with: messages of every kind, made by our own writers with fixed keys."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from itertools import product

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from gateway.as2 import cms, mdn, message, mime
from gateway.as2.headers import ReceiptRequest, write_receipt_request
from gateway.as2.keys import KeyPair
from gateway.as2.span import Span
from tests.fuzz import targets
from tests.fuzz.mutations import Node, as_java_writes, cut_up, parse
from tests.fuzz.targets import CONTENT, ELLIPTIC, NOW, THEM, compressed, encrypted, entropy, signed

SIGN, COMPRESS, ENCRYPT = targets.SIGN, targets.COMPRESS, targets.ENCRYPT
STRICT, CANONICAL = targets.STRICT, targets.CANONICAL

FILE = b"ISA*00*          *00*          *ZZ*THEM~GS*PO*A*B~ST*850*0001~\r\nSE*1*0001~\n"


def entity(content: bytes = FILE, *more: tuple[str, str], kind: str = "application/edi-x12") -> bytes:
    """An entity with a file name."""
    named = ("Content-Disposition", 'attachment; filename="po 1.edi"')
    return mime.head([("Content-Type", kind), named, *more]) + content


def mixed(*parts: bytes) -> bytes:
    """A multipart/mixed."""
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts)
    return b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + body + b"--b--\r\n"


def signature(
    content: bytes = CONTENT,
    key: KeyPair = THEM,
    digest: str = "sha256",
    at: datetime | None = NOW,
    **how: bool,
) -> bytes:
    """A signature over content."""
    return cms.sign([Span.of(content)], key, digest, at=at, **how)


def bare_signature(content: bytes = CONTENT) -> bytes:
    """One without signed attributes."""
    (top,) = parse(signature(content))
    signer = signer_infos(top)[0]
    assert signer.children is not None
    assert isinstance(THEM.key, RSAPrivateKey)
    del signer.children[3]
    signer.children[-1].content = THEM.key.sign(content, PKCS1v15(), SHA256())
    return top.encoded()


def signer_infos(top: Node) -> list[Node]:
    """The signers in a signature."""
    assert top.children is not None
    signed_data = (top.children[1].children or [])[0].children
    assert signed_data is not None
    infos = signed_data[-1].children
    assert infos is not None
    return infos


def of_two(first: bytes, second: bytes) -> bytes:
    """A signature by both."""
    (one,), (other,) = parse(first), parse(second)
    signer_infos(one).extend(signer_infos(other))
    return one.encoded()


def _content(of: bytes) -> bytes:
    return of.partition(b"\r\n\r\n")[2]


def in_pieces(data: bytes, piece: int, depth: int) -> bytes:
    """An encoding whose long octet strings are in pieces, nested."""
    (top,) = parse(data)
    for node in top.walk():
        if node.children is None and node.tag in (0x80, 0x04) and len(node.content) > 300:
            cut_up(node, piece, depth)
    return top.encoded()


def of_cms() -> Iterator[bytes]:
    """Seeds."""
    for key, digest in ((THEM, "sha256"), (THEM, "sha512"), (ELLIPTIC, "sha384")):
        yield signature(CONTENT, key, digest)
    yield signature(at=None, pss=True)
    yield signature(by_key_id=True)
    yield bare_signature()
    yield of_two(signature(b"another"), signature(key=ELLIPTIC))
    yield as_java_writes(signature())
    for cipher in ("aes128-cbc", "aes256-gcm"):
        yield _content(encrypted(CONTENT, cipher))
        yield as_java_writes(_content(encrypted(CONTENT * 4, cipher)), 100)
    yield _content(encrypted(CONTENT, oaep="sha256"))
    yield in_pieces(_content(encrypted(CONTENT * 4)), 16, 25)
    yield _content(compressed(CONTENT))
    yield as_java_writes(_content(compressed(entropy(256) * 8)), 50)
    yield _content(compressed(b"\0" * 200_000))


def of_mime() -> Iterator[bytes]:
    """Seeds."""
    asked = write_receipt_request(ReceiptRequest(True, ("sha256", "sha1"), "https://us.example/as2"), to="us")
    names = [("AS2-From", '"them \\"\\\\"'), ("Message-ID", "<1@us>"), ("Digest", "sha-256"), *asked]
    yield mime.head(names) + FILE
    yield entity()
    yield entity(b"SVNBKjAwKn4=\r\n", ("Content-Transfer-Encoding", "base64"))
    yield entity(b"ISA=2A00=\r\n~ \t\r\n", ("Content-Transfer-Encoding", "quoted-printable"))
    yield entity(FILE.replace(b"\n", b"\r"))
    for value in (
        "filename*0*=utf-8''%e4%f6; filename*1=\"b.edi\"",
        "filename*=iso-8859-1'de'%e4.edi",
        '(comment (nested)) filename="=?utf-8?B?w6Q=?= =?iso-8859-15?Q?=E4_x?="',
        "name=x (y)",
    ):
        yield f"Content-Type: a/b; {value}\nContent-Disposition: attachment;\n\t{value}\n\n".encode() + FILE
    yield mixed(entity(), entity(b"SVNB", ("Content-Transfer-Encoding", "base64")), mixed(entity()))
    yield b"before\n" + mixed(entity(b"%PDF-", kind="application/pdf"), b"\r\n").replace(b"\r\n", b"\n")
    yield signed(entity())


def report(
    disposition: mdn.Disposition, *, right: bool = True, words: str = "It arrived.\nAll of it."
) -> mdn.Report:
    """A receipt for the message that the target waits for."""
    digest = entropy(32) if right else hashlib.sha256(b"").digest()
    return mdn.Report("<1@us>", "THEM", disposition, (digest, "sha256"), words, ("what went wrong",))


def of_mdn() -> Iterator[bytes]:
    """Seeds."""
    processed, failed = (
        mdn.Disposition("processed"),
        mdn.Disposition("failed", "failure", "unsupported format"),
    )
    wrong = mdn.Disposition("processed", "error", "decryption-failed")
    for one in (report(processed), report(wrong, right=False), report(failed)):
        for signer in (None, THEM, ELLIPTIC):
            head, body = message.build_receipt(one, signer, "sha256", NOW, "b", "edigw")
            yield mime.head(head) + body
    plain = mdn.write_report(report(processed), boundary="b", reporting_ua="x")
    yield plain
    yield plain.replace(b"\r\n", b"\n").replace(b"7bit", b"quoted-printable")
    fields = (
        b"Disposition: automatic-action/MDN-sent-automatically;\n processed/error, warning: x\nError: x\n"
    )
    yield (
        b"Content-Type: message/disposition-notification\r\n\r\n"
        + fields
        + b"\nOriginal-Message-ID: <1@us>\n"
    )


def of_message() -> Iterator[bytes]:
    """Seeds."""
    plain, several = entity(), mixed(entity(), entity(b"SVNB", ("Content-Transfer-Encoding", "base64")))
    for how in (0, SIGN, COMPRESS, ENCRYPT, SIGN | ENCRYPT | STRICT, SIGN | COMPRESS | ENCRYPT | CANONICAL):
        yield bytes([how]) + plain
        yield bytes([how]) + several
        yield bytes([how]) + compressed(plain)
    for how, cipher in product((0, STRICT), ("aes256-cbc", "aes128-gcm")):
        yield bytes([how]) + encrypted(signed(plain), cipher)
    for how in (0, COMPRESS, ENCRYPT, ENCRYPT | STRICT, COMPRESS | ENCRYPT | STRICT | CANONICAL):
        yield bytes([how]) + signed(plain)
        yield bytes([how]) + signed(compressed(plain))
        yield bytes([how]) + signed(several, ELLIPTIC, "sha384").replace(b"\r\n", b"\n")
    lines = plain.replace(b"\r\n", b"\n")
    yield bytes([CANONICAL]) + signed(lines.replace(b"\n", b"\r\n")).replace(
        lines.replace(b"\n", b"\r\n"), lines
    )


def seeds(name: str) -> list[bytes]:
    """Of a target."""
    return list({"cms": of_cms, "mime": of_mime, "mdn": of_mdn, "message": of_message}[name]())
