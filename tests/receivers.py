"""Who is told of alerts, for tests: a mail server and a receiver of webhooks, both real and on loopback."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any, cast

import orjson
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.ports import free_port

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes....").decode()
OTHER = "whsec_" + base64.b64encode(b"another one, while it is changed").decode()
LOGIN = ("edi", "a password of the mail server")
DOMAIN = "supplier.example"


def verified(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """Whether a request is signed as Standard Webhooks says; written from its text, not from our code."""
    key = base64.b64decode(secret[len("whsec_") :])
    signed = (headers["webhook-id"] + "." + headers["webhook-timestamp"] + ".").encode() + body
    made = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    found = [one.split(",", 1) for one in headers["webhook-signature"].split(" ")]
    return any(version == "v1" and hmac.compare_digest(one, made) for version, one in found)


@dataclass(eq=False)
class Hook:
    """A receiver of webhooks; ``status`` is what it answers, ``headers`` more of it.

    Attributes:
        faults: statuses of the first answers; 0 breaks the connection off, -1 does not answer at all.
        words: what every answer says. got: headers (small letters) and bodies of requests. wait: seconds
            before an answer.
    """

    url: str = ""
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    words: bytes = b""
    faults: list[int] = field(default_factory=list)
    wait: float = 0
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    over: Event = field(default_factory=Event)

    def ids(self) -> list[str]:
        """What the requests are known by."""
        return [headers["webhook-id"] for headers, _ in self.got]

    def said(self) -> list[dict[str, Any]]:
        """The bodies, read."""
        return [orjson.loads(body) for _, body in self.got]


@contextmanager
def hook(tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Hook]:
    """Runs a receiver."""
    made = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            made.over.wait(made.wait)
            status = made.faults.pop(0) if made.faults else made.status
            if status < 1:
                made.over.wait(-30 * status)
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in made.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(made.words)))
            self.end_headers()
            self.wfile.write(made.words)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer((host, 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    made.url = f"http{'s' * bool(tls)}://localhost:{server.server_port}/hook"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        made.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(eq=False)
class Mailbox:
    """What a mail server got.

    Attributes:
        port: where it listens. refused: addresses it does not know.
        envelopes: sender and recipients. secure: whether each came over TLS.
    """

    port: int = 0
    refused: set[str] = field(default_factory=set)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    secure: list[bool] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    @property
    def mails(self) -> list[EmailMessage]:
        return [message_from_bytes(one, policy=default) for one in self.raw]

    def texts(self) -> list[str]:
        return [str(one.get_content()) for one in self.mails]

    async def handle_RCPT(  # noqa: N802 - the name is the library's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return "550 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.raw.append(cast("bytes", envelope.content))
        self.envelopes.append((str(envelope.mail_from), [*envelope.rcpt_tos]))
        self.secure.append(session.ssl is not None)
        return "250 taken"


@contextmanager
def mail_server(
    context: ssl.SSLContext | None, *, login: bool = False, from_the_first_byte: bool = False
) -> Iterator[Mailbox]:
    """Runs a mail server that wants STARTTLS, where it has a certificate, and perhaps a login."""
    box = Mailbox()

    def known(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        return AuthResult(success=(data.login.decode(), data.password.decode()) == LOGIN, handled=False)

    starttls: dict[str, Any] = {"tls_context": context, "require_starttls": context is not None}
    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=free_port(),
        **({"ssl_context": context} if from_the_first_byte else starttls),
        auth_required=login,
        authenticator=known if login else None,
        ready_timeout=60,
    )
    controller.start()
    box.port = controller.port
    try:
        yield box
    finally:
        controller.stop()


@dataclass(frozen=True)
class Tls:
    """An authority that the file ``ca`` names, and a server's context with a certificate of it."""

    ca: Path
    server: ssl.SSLContext

    @classmethod
    def made(cls, folder: Path, host: str = "localhost") -> Tls:
        authority = trustme.CA()
        folder.mkdir(exist_ok=True)
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(host).configure_cert(context)
        return cls(folder / "ca.pem", context)


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    """Waits for another thread or process."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.03)
