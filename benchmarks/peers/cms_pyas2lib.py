"""Measures pyas2lib and prints the result as JSON; started by as2.py in the environment of that peer.

Usage: ``python cms_pyas2lib.py OUR_KEY OUR_CERTIFICATE THEIR_KEY THEIR_CERTIFICATE CONTENT COUNT``. Times are
seconds of the processor for one message: ``cms`` signs, encrypts, decrypts and verifies; ``receipt`` does it
with whole messages, and with the signed receipt that comes back.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from oscrypto import asymmetric
from pyas2lib import as2, cms


def main():
    """Measure and print."""
    *files, count = sys.argv[1:]
    read = [Path(one).read_bytes() for one in files]
    our_key, our_certificate, their_key, their_certificate, content = read
    ours = asymmetric.load_private_key(our_key), asymmetric.load_certificate(our_certificate)
    theirs = asymmetric.load_private_key(their_key), asymmetric.load_certificate(their_certificate)

    def alone():
        signature = cms.sign_message(content, "sha256", ours)
        encrypted = cms.encrypt_message(content, "aes_256_cbc", theirs[1])
        _, found = cms.decrypt_message(encrypted, theirs)
        cms.verify_message(found, signature, ours[1])

    def side(key, certificate, name, other, other_name):
        both = key + certificate
        me = as2.Organization(as2_name=name, sign_key=both, decrypt_key=both)
        wanted = {"sign": True, "digest_alg": "sha256", "encrypt": True, "enc_alg": "aes_256_cbc"}
        receipt = {"mdn_mode": "SYNC", "mdn_digest_alg": "sha256"}
        known = {"verify_cert": other, "encrypt_cert": other, "validate_certs": False}
        return me, as2.Partner(as2_name=other_name, **known, **wanted, **receipt)

    me, partner = side(our_key, our_certificate, "US", their_certificate, "THEM")
    them, we = side(their_key, their_certificate, "THEM", our_certificate, "US")

    def message():
        built = as2.Message(sender=me, receiver=partner)
        built.build(content, filename="850.edi", content_type="application/edi-x12")
        got = as2.Message()
        status, (error, _), receipt = got.parse(
            built.headers_str + b"\r\n" + built.content, lambda _: them, lambda _: we
        )
        assert status == "processed", error
        return built, receipt

    def receipt():
        built, made = message()
        status, detail = as2.Mdn().parse(made.headers_str + b"\r\n" + made.content, lambda *_: built)
        assert status == "processed", detail

    result = {}
    for name, work in (("cms", alone), ("receipt", receipt)):
        work()
        times = []
        for _ in range(5):
            start = time.process_time()
            for _ in range(int(count)):
                work()
            times.append((time.process_time() - start) / int(count))
        result[name] = min(times)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
