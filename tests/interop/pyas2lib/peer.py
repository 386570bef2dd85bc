"""pyas2lib as a process: a line of words between tabs comes in, ``ok`` or ``no`` and the reason goes out.

Runs in an environment of its own, where pyas2lib is installed; nothing else imports this file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from oscrypto import asymmetric  # type: ignore[import-not-found]
from pyas2lib import as2, cms  # type: ignore[import-not-found]

CIPHERS = {
    "3des": "tripledes_192_cbc",
    "aes128-cbc": "aes_128_cbc",
    "aes192-cbc": "aes_192_cbc",
    "aes256-cbc": "aes_256_cbc",
}


def read(file: str) -> bytes:
    return Path(file).read_bytes()


def key(files: tuple[str, str]) -> tuple[Any, Any]:
    return asymmetric.load_private_key(read(files[0])), asymmetric.load_certificate(read(files[1]))


def sign(digest: str, scheme: str, private: str, certificate: str, source: str, target: str) -> None:
    made = cms.sign_message(read(source), digest, key((private, certificate)), f"rsassa_{scheme}")
    Path(target).write_bytes(made)


def verify(certificate: str, signature: str, content: str) -> None:
    if not cms.verify_message(read(content), read(signature), asymmetric.load_certificate(read(certificate))):
        raise ValueError("nobody signed")


def encrypt(cipher: str, transport: str, certificate: str, source: str, target: str) -> None:
    recipient = asymmetric.load_certificate(read(certificate))
    Path(target).write_bytes(cms.encrypt_message(read(source), CIPHERS[cipher], recipient, transport))


def decrypt(private: str, certificate: str, source: str, target: str) -> None:
    _, content = cms.decrypt_message(read(source), key((private, certificate)))
    Path(target).write_bytes(content)


def compress(source: str, target: str) -> None:
    Path(target).write_bytes(cms.compress_message(read(source)))


def decompress(source: str, target: str) -> None:
    Path(target).write_bytes(cms.decompress_message(read(source)))


# --- whole messages --------------------------------------------------------------------------------------

ME, YOU = "THEM", "US AS2"  # AS2 names: ours has a blank
BUILT: dict[str, Any] = {}


def sides(asked: dict[str, Any]) -> tuple[Any, Any]:
    """This side and the other, with what is agreed between them."""
    mine = read(asked["key"]) + read(asked["certificate"])
    theirs = read(asked["partner"])
    me = as2.Organization(as2_name=ME, sign_key=mine, decrypt_key=mine, domain="them.example")
    you = as2.Partner(
        as2_name=YOU,
        verify_cert=theirs,
        encrypt_cert=theirs,
        validate_certs=False,
        sign=bool(asked["sign"]),
        digest_alg=asked["sign"] or None,
        encrypt=bool(asked["encrypt"]),
        enc_alg=CIPHERS.get(asked["encrypt"]),
        compress=bool(asked["compress"]),
        mdn_mode="SYNC" if asked["receipt"] else None,
        mdn_digest_alg=asked["receipt"] if asked["receipt"].startswith("sha") else None,
    )
    return me, you


def build(options: str, source: str, target: str) -> Any:
    asked = json.loads(options)
    me, you = sides(asked)
    message = as2.Message(sender=me, receiver=you)
    message.build(read(source), filename="850.edi", content_type=asked["type"])
    Path(target).write_bytes(message.headers_str + b"\r\n" + message.content)
    BUILT[message.message_id] = message
    return {"mic": message.mic and message.mic.decode()}


def parse(options: str, source: str, target: str, receipt: str) -> Any:
    me, you = sides(json.loads(options))
    message = as2.Message()
    status, (error, _), mdn = message.parse(read(source), lambda _: me, lambda _: you)
    Path(target).write_bytes(message.content if error is None else b"")
    if mdn is not None:
        Path(receipt).write_bytes(mdn.headers_str + b"\r\n" + mdn.content)
    return {
        "status": status,
        "error": repr(error),
        "digest": message.digest_alg,
        "is": [message.signed, message.encrypted, message.compressed],
        "name": message.payload.get_filename(),
    }


def parse_receipt(source: str) -> Any:
    status, detail = as2.Mdn().parse(read(source), lambda name, _: BUILT.get(name))
    return {"status": status, "detail": detail}


COMMANDS: dict[str, Any] = {
    one.__name__: one
    for one in (sign, verify, encrypt, decrypt, compress, decompress, build, parse, parse_receipt)
}


def main() -> None:
    for line in sys.stdin:
        command, *words = line.rstrip("\n").split("\t")
        try:
            answer = f"ok\t{json.dumps(COMMANDS[command](*words))}"
        except Exception as problem:  # noqa: BLE001 - whatever it was, the other process is told
            answer = f"no\t{' '.join(repr(problem).split())}"
        sys.stdout.write(answer + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
