"""Other implementations of CMS behind one interface: each makes contents and opens ours."""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from gateway.as2.keys import Certificate, KeyPair, PrivateKey
from tests.interop import environments
from tests.interop.environments import ENVIRONMENT, Unavailable
from tests.interop.matrix import Feature, Message

SECONDS = 60
"""How long a peer may take for one answer."""


class Refused(Exception):
    """A peer says no; its reason is for people."""


@dataclass(frozen=True, slots=True)
class Party:
    """A key pair, also as files in PEM."""

    pair: KeyPair
    key: Path
    certificate: Path

    @classmethod
    def make(cls, folder: Path, name: str, key: PrivateKey) -> Party:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=2))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        party = cls(KeyPair(key, Certificate(certificate)), folder / f"{name}.key", folder / f"{name}.crt")
        party.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        party.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
        return party


@dataclass(frozen=True, slots=True)
class Side:
    """The key pairs of one who sends and receives."""

    rsa: Party
    ec: Party

    @classmethod
    def make(cls, folder: Path, name: str) -> Side:
        return cls(
            Party.make(folder, name, rsa.generate_private_key(65537, 2048)),
            Party.make(folder, f"{name}-ec", ec.generate_private_key(ec.SECP256R1())),
        )

    def party(self, feature: Feature) -> Party:
        """Whose key a feature asks for."""
        return self.ec if feature.scheme == "ecdsa" else self.rsa


class Peer(ABC):
    """Another implementation. It makes contents as ``them`` for ``us``, and opens what ``us`` made."""

    def __init__(self, folder: Path, us: Side, them: Side) -> None:
        self._folder, self._us, self._them = folder, us, them

    def write(self, feature: Feature, content: bytes) -> bytes:
        """A content of CMS; raises Refused."""
        return self._through(content, lambda source, target: self._make(feature, source, target))

    def read(self, feature: Feature, made: bytes, content: bytes) -> bytes:
        """What it finds in a content of CMS; of a good signature, what was signed; raises Refused."""
        if feature.kind != "sign":
            return self._through(made, lambda source, target: self._open(feature, source, target))
        signed = self._folder / "signed"
        signed.write_bytes(content)
        source = self._folder / "source"
        source.write_bytes(made)
        self._check(feature, source, signed)
        return content

    def close(self) -> None:  # noqa: B027 - not every one runs in something
        """Ends what it runs in."""

    def _through(self, content: bytes, work: Callable[[Path, Path], None]) -> bytes:
        source, target = self._folder / "source", self._folder / "target"
        source.write_bytes(content)
        target.unlink(missing_ok=True)
        work(source, target)
        if not target.exists():
            raise Refused("it wrote nothing")
        return target.read_bytes()

    @abstractmethod
    def _make(self, feature: Feature, source: Path, target: Path) -> None: ...

    @abstractmethod
    def _check(self, feature: Feature, signature: Path, content: Path) -> None: ...

    @abstractmethod
    def _open(self, feature: Feature, source: Path, target: Path) -> None: ...


class OpenSsl(Peer):
    """The program of OpenSSL; ``smime`` is its older half."""

    def __init__(self, program: str, folder: Path, us: Side, them: Side) -> None:
        super().__init__(folder, us, them)
        self._program = program
        environments.run("openssl", "version")

    def _run(self, *words: str | Path) -> None:
        done = subprocess.run(
            ["openssl", self._program, *words], capture_output=True, timeout=SECONDS, check=False
        )
        if done.returncode:
            raise Refused(done.stderr.decode("utf-8", "replace").strip())

    def _make(self, feature: Feature, source: Path, target: Path) -> None:
        files = ("-binary", "-in", source, "-out", target, "-outform", "DER")
        by_key_id = ["-keyid"] if feature.names == "key-id" else []
        streamed = ["-stream"] if feature.form == "ber" else []
        if feature.kind == "sign":
            party = self._them.party(feature)
            pss = ["rsa_padding_mode:pss", "rsa_pss_saltlen:digest"] if feature.scheme == "pss" else []
            options = [word for one in pss for word in ("-keyopt", one)]
            who = ("-signer", party.certificate, "-inkey", party.key)
            self._run("-sign", *files, "-md", feature.algorithm, *who, *options, *by_key_id)
        elif feature.kind == "encrypt":
            cipher = {"3des": "-des3"}.get(feature.algorithm) or _dashed(feature.algorithm)
            digest = feature.scheme.removeprefix("oaep-")
            oaep = ["rsa_padding_mode:oaep", f"rsa_oaep_md:{digest}"] if digest != feature.scheme else []
            options = [word for one in oaep for word in ("-keyopt", one)]
            # `smime` takes the recipient last and without a name.
            named = ["-recip"] if self._program == "cms" else []
            self._run(
                "-encrypt", *files, *streamed, cipher, *named, self._us.rsa.certificate, *options, *by_key_id
            )
        else:
            self._run("-compress", *files, *streamed)

    def _check(self, feature: Feature, signature: Path, content: Path) -> None:
        certificate = self._us.party(feature).certificate
        only = ("-noverify", "-nointern", "-certfile", certificate)
        target = ("-out", self._folder / "target")
        files = ("-in", signature, "-inform", "DER", "-content", content)
        self._run("-verify", "-binary", *files, *only, *target)

    def _open(self, feature: Feature, source: Path, target: Path) -> None:
        files = ("-binary", "-in", source, "-inform", "DER", "-out", target)
        if feature.kind == "compress":
            self._run("-uncompress", *files)
        else:
            mine = self._them.rsa
            self._run("-decrypt", *files, "-recip", mine.certificate, "-inkey", mine.key)


def _dashed(cipher: str) -> str:
    """``aes128-cbc`` as OpenSSL says it."""
    return f"-{cipher.replace('aes', 'aes-')}"


class Program(Peer):
    """A process that obeys lines of words."""

    def __init__(self, command: Sequence[str | Path], folder: Path, us: Side, them: Side) -> None:
        super().__init__(folder, us, them)
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        try:
            self._process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                env=ENVIRONMENT,
                text=True,
            )
        except OSError as error:
            self._said.close()
            raise Unavailable(str(error)) from None

    def ask(self, *words: str | Path) -> str:
        """Has one command done, and returns what it says; raises Refused."""
        asked, answers = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answers is not None
        asked.write("\t".join(map(str, words)) + "\n")
        asked.flush()
        too_late = threading.Timer(SECONDS, self._process.kill)
        too_late.start()
        try:
            for line in answers:  # a runtime may say other things there too
                answer, _, said = line.rstrip("\n").partition("\t")
                if answer == "no":
                    raise Refused(said)
                if answer == "ok":
                    return said
        finally:
            too_late.cancel()
        self._said.seek(0)
        raise AssertionError(f"no answer to {words}: {self._said.read()[-2000:]!r}")

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.close()
            self._process.wait(10)
        except BrokenPipeError:
            self._process.wait()
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._said.close()

    def _check(self, feature: Feature, signature: Path, content: Path) -> None:
        self.ask("verify", self._us.party(feature).certificate, signature, content)

    def _open(self, feature: Feature, source: Path, target: Path) -> None:
        if feature.kind == "compress":
            self.ask("decompress", source, target)
        else:
            self.ask("decrypt", self._them.rsa.key, self._them.rsa.certificate, source, target)

    def _make(self, feature: Feature, source: Path, target: Path) -> None:
        files = (source, target)
        if feature.kind == "sign":
            party = self._them.party(feature)
            self.ask("sign", *self._words(feature), party.key, party.certificate, *files)
        elif feature.kind == "encrypt":
            self.ask("encrypt", *self._words(feature), self._us.rsa.certificate, *files)
        else:
            self.ask("compress", *self._words(feature), *files)

    @abstractmethod
    def _words(self, feature: Feature) -> Sequence[str]:
        """What of a feature the program wants to know."""


class BouncyCastle(Program):
    """BouncyCastle; it knows everything."""

    def _words(self, feature: Feature) -> Sequence[str]:
        all_of_it = (feature.algorithm, feature.scheme, feature.names, feature.form)
        return [word for word in all_of_it if word]


class Pyas2Lib(Program):
    """pyas2lib; it names by issuer, and writes DER."""

    def _words(self, feature: Feature) -> Sequence[str]:
        if feature.kind == "sign":
            return (feature.algorithm, {"pkcs1": "pkcs1v15"}.get(feature.scheme, feature.scheme))
        if feature.kind == "encrypt":
            return (feature.algorithm, {"pkcs1": "rsaes_pkcs1v15"}.get(feature.scheme, "rsaes_oaep"))
        return ()

    # Whole messages, headers and body as they go over HTTP.

    def build(self, message: Message, content: bytes, content_type: str) -> tuple[bytes, str | None]:
        """A message, and the digest that its receipt must tell; None if it wants none."""
        source, target = self._folder / "source", self._folder / "target"
        source.write_bytes(content)
        said = json.loads(self.ask("build", self._options(message, content_type), source, target))
        return target.read_bytes(), said["mic"]

    def parse(self, message: Message, raw: bytes) -> tuple[dict[str, Any], bytes, bytes]:
        """What it finds in a message: facts, the content, and its receipt, if one was asked for."""
        source, target, receipt = (self._folder / name for name in ("source", "target", "receipt"))
        source.write_bytes(raw)
        receipt.write_bytes(b"")
        said = json.loads(self.ask("parse", self._options(message), source, target, receipt))
        return said, target.read_bytes(), receipt.read_bytes()

    def parse_receipt(self, raw: bytes) -> tuple[str, str | None]:
        """What it makes of a receipt for a message that it built: the status, and why."""
        source = self._folder / "source"
        source.write_bytes(raw)
        said = json.loads(self.ask("parse_receipt", source))
        return said["status"], said["detail"]

    def _options(self, message: Message, content_type: str = "") -> str:
        mine = self._them.rsa
        files = {"key": mine.key, "certificate": mine.certificate, "partner": self._us.rsa.certificate}
        return json.dumps(
            {**asdict(message), "type": content_type} | {name: str(one) for name, one in files.items()}
        )


class LibAs2(Program):
    """libas2; it names by issuer, writes DER, and keys by OAEP."""

    def _words(self, feature: Feature) -> Sequence[str]:
        return (feature.algorithm,)


_MAKERS: Mapping[str, Callable[[Path, Side, Side], Peer]] = {
    "bouncycastle": lambda *sides: BouncyCastle(environments.bouncycastle(), *sides),
    "openssl-cms": lambda *sides: OpenSsl("cms", *sides),
    "openssl-smime": lambda *sides: OpenSsl("smime", *sides),
    "pyas2lib": lambda *sides: Pyas2Lib(environments.pyas2lib(), *sides),
    "libas2": lambda *sides: LibAs2(environments.libas2(), *sides),
}


class Peers:
    """The peers of a test session, each started when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self.us, self.them = Side.make(folder, "us"), Side.make(folder, "them")
        self._folder = folder
        self._started: dict[str, Peer | Unavailable] = {}

    def __getitem__(self, name: str) -> Peer:
        """A peer; raises Unavailable."""
        if name not in self._started:
            folder = self._folder / name
            folder.mkdir()
            try:
                self._started[name] = _MAKERS[name](folder, self.us, self.them)
            except Unavailable as error:
                self._started[name] = error
        found = self._started[name]
        if isinstance(found, Unavailable):
            raise found
        return found

    def close(self) -> None:
        """Ends them."""
        for peer in self._started.values():
            if isinstance(peer, Peer):
                peer.close()
