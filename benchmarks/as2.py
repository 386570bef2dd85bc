"""Measures AS2: wrapping and opening messages beside other implementations, and a gateway that speaks it.

The gateway is a process on SQLite and a real disk; its partner, who sends prepared messages and answers those
it gets, is another. A message of 10 KB counts as received when its sender has the signed receipt, and as sent
when the partner's signed receipt is on disk.

Usage: ``as2.py [round|receive|send|large|steady ...] [--messages N] [--repeat N] [--write]``.
Without names it is the first three. ``--write`` measures all of it, and makes ``docs/benchmarks-as2.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from threading import Lock, Thread
from typing import Any, BinaryIO, ClassVar
from uuid import uuid4

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from cryptography.hazmat.primitives import hashes  # noqa: E402
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: E402
from cryptography.hazmat.primitives.ciphers import algorithms  # noqa: E402
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7  # noqa: E402

from benchmarks.generate import order  # noqa: E402
from benchmarks.run import WORK, Budget, machine  # noqa: E402
from gateway.app import Gateway  # noqa: E402
from gateway.as2 import cms  # noqa: E402
from gateway.as2 import message as as2  # noqa: E402
from gateway.as2.headers import ReceiptRequest, write_receipt_request  # noqa: E402
from gateway.as2.mdn import Disposition, Report  # noqa: E402
from gateway.as2.mime import Headers  # noqa: E402
from gateway.as2.span import Span  # noqa: E402
from gateway.services.transmit import as2_headers  # noqa: E402
from gateway.services.work import send  # noqa: E402
from gateway.settings import load  # noqa: E402
from tests.as2 import OURS, THEIRS, THEM, US, as2_home  # noqa: E402
from tests.homes import PARTNER, set_in  # noqa: E402
from tests.interop import environments  # noqa: E402
from tests.interop.environments import Unavailable  # noqa: E402
from tests.interop.matrix import Feature  # noqa: E402
from tests.interop.peers import Peer, Peers  # noqa: E402
from tests.played import PlayedPartner  # noqa: E402
from tests.ports import free_port  # noqa: E402

NAMES = ("round", "receive", "send", "large", "steady")
LINES = 80
"""Lines of an order: 10 KB with its envelope."""
LARGE = 200_000_000
PEAK = 80
"""MiB that a process may take for a message of that size."""

_FORK = get_context("fork")
_LIMIT_SECONDS = 600
_ROOM = 1 << 20

Row = tuple[str, ...]


@dataclass(slots=True)
class Page:
    """What was measured: tables with their titles, and what was promised of it."""

    tables: list[tuple[str, str, list[Row]]] = field(default_factory=list)
    budgets: list[Budget] = field(default_factory=list)

    def table(self, title: str, words: str, *columns: str) -> None:
        """Begins a table."""
        print(f"\n{title}\n{' | '.join(columns)}", flush=True)
        self.tables.append((title, words, [columns]))

    def row(self, *cells: str) -> None:
        """Adds a row, with the load of the machine at its end."""
        row = (*cells, f"{os.getloadavg()[0]:.1f}")
        print(" | ".join(row), flush=True)
        self.tables[-1][2].append(row)

    def promise(self, what: str, value: float, limit: float, unit: str, *, at_least: bool = True) -> None:
        """Notes what was promised of a figure."""
        self.budgets.append(Budget(what, value, limit, unit, at_least))


# --- messages ----------------------------------------------------------------------------------------


def content(number: int) -> bytes:
    """An interchange with one valid order of :data:`LINES` lines."""
    draw, head, lines = random.Random(number), list[list[str]](), list[list[str]]()
    while len(lines) < 3 * LINES:
        body = order(number, draw)
        first = next(at for at, segment in enumerate(body) if segment[0] == "PO1")
        head, lines = body[:first], [*lines, *(one for one in body if one[0] in ("PO1", "CTP", "PID"))]
    numbers = count(1)
    lines = [["PO1", str(next(numbers)), *one[2:]] if one[0] == "PO1" else one for one in lines[: 3 * LINES]]
    body = [["ST", "850", "0001"], *head, *lines, ["CTT", str(LINES)]]
    isa = f"ISA*00*          *00*          *ZZ*{'ACMERETAIL':<15}*ZZ*EXAMPLESUPPLIER"
    segments = [
        f"{isa}*261105*0915*U*00401*{number:09d}*0*P*>",
        f"GS*PO*ACMERETAIL*EXAMPLESUPPLIER*20261105*0915*{number}*X*004010",
        *("*".join(one) for one in body),
        f"SE*{len(body) + 1}*0001",
        f"GE*1*{number}",
        f"IEA*1*{number:09d}",
    ]
    return "".join(f"{segment}~\n" for segment in segments).encode("ascii")


def built(source: Span, terms: as2.Terms, scratch: Callable[[], BinaryIO] = BytesIO) -> as2.Built:
    """A message of the partner for us."""
    return as2.build(
        source,
        content_type="application/edi-x12",
        disposition="attachment; filename=orders.edi",
        terms=terms,
        signer=THEM,
        recipients=[US.certificate],
        at=datetime.now(UTC),
        boundary=f"part-{uuid4()}",
        digest="sha256",
        entropy=os.urandom,
        scratch=scratch,
    )


@dataclass(frozen=True, slots=True)
class Post:
    """A request as it goes over the wire, and what its receipt has to say."""

    head: bytes
    body: Span
    message_id: str
    mic: as2.Mic

    @classmethod
    def of(cls, made: as2.Built) -> Post:
        message_id, now = f"<{uuid4()}@partner.example>", datetime.now(UTC)
        asked = write_receipt_request(ReceiptRequest(True, ("sha256",), ""), to="edi@partner.example")
        headers = [*as2_headers(THEIRS, OURS, message_id, now), *made.headers, *asked]
        headers += [("Host", "127.0.0.1"), ("Content-Length", str(made.body.size))]
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        return cls(f"POST /as2 HTTP/1.1\r\n{lines}\r\n".encode("ascii"), made.body, message_id, made.mic)

    def check(self, answer: Answer) -> None:
        """Fails if an answer does not prove that the message arrived."""
        status, headers, body = answer
        if status != 200:
            raise SystemExit(f"The gateway answered {status}: {body[:300]!r}")
        receipt = as2.read_receipt(Headers(headers), Span.of(body), [US.certificate], BytesIO)
        as2.judge(receipt, message_id=self.message_id, recipient=OURS, mic=self.mic, must_be_signed=True)


Answer = tuple[int, tuple[tuple[str, str], ...], bytes]


class Connection:
    """One that is kept for several messages."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_LIMIT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")

    def post(self, one: Post) -> Answer:
        """Sends a message and returns the answer."""
        if one.body.size < _ROOM:
            self._socket.sendall(one.head + one.body.read())
        else:
            self._socket.sendall(one.head)
            for chunk in one.body.chunks():
                self._socket.sendall(chunk)
        status = int(self._file.readline().split()[1])
        headers = []
        while line := self._file.readline().strip():
            name, _, value = line.decode("latin-1").partition(": ")
            headers.append((name, value))
        size = next(int(value) for name, value in headers if name.lower() == "content-length")
        return status, tuple(headers), self._file.read(size)

    def close(self) -> None:
        self._file.close()
        self._socket.close()


def post(posts: Sequence[Post], port: int, connections: int, rate: float = 0) -> float:
    """Sends from another process; every receipt is checked afterwards. Returns the seconds it took.

    Args:
        rate: messages a second at the most; 0 for as many as it takes.
    """
    near, far = _FORK.Pipe()

    def work() -> None:
        todo, lock, answers = iter(range(len(posts))), Lock(), list[Answer | None]([None] * len(posts))
        begin = time.perf_counter()

        def run() -> None:
            with closing(Connection(port)) as connection:
                while True:
                    with lock:
                        at = next(todo, None)
                    if at is None:
                        return
                    if rate and (wait := begin + at / rate - time.perf_counter()) > 0:
                        time.sleep(wait)
                    answers[at] = connection.post(posts[at])

        threads = [Thread(target=run) for _ in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        far.send((time.perf_counter() - begin, answers))

    client = _FORK.Process(target=work)
    client.start()
    far.close()
    try:
        seconds, answers = near.recv()
    except EOFError:
        raise SystemExit("The partner could not send what it should.") from None
    client.join()
    for one, answer in zip(posts, answers):
        one.check(answer)
    return float(seconds)


@contextmanager
def partner() -> Iterator[str]:
    """A partner in another process, who reads what it gets and answers with signed receipts; where it is."""
    near, far = _FORK.Pipe()

    def work() -> None:
        with PlayedPartner(THEIRS, OURS, THEM, US.certificate) as played:
            far.send(played.url)
            far.recv()

    process = _FORK.Process(target=work)
    process.start()
    try:
        yield near.recv()
    finally:
        near.send(None)
        process.join()


# --- the gateway -------------------------------------------------------------------------------------


class Home:
    """A home with a partner; it is deleted at the end of all measurements.

    Deleting thousands of files slows down the making of new ones for a while, on some file systems.
    """

    made: ClassVar[list[Path]] = []

    def __init__(self, url: str = "http://127.0.0.1:1/as2", more: str = "") -> None:
        WORK.mkdir(exist_ok=True)
        root = Path(tempfile.mkdtemp(prefix="as2-", dir=WORK))
        self.made.append(root)
        self.port, self.log = free_port(), root / "log"
        self.path = as2_home(root / "home", url, self.port, more=more)
        self.process: subprocess.Popen[bytes] | None = None

    @contextmanager
    def running(self, part: str) -> Iterator[None]:
        """A part of the gateway at work, see ``part.py``."""
        with self.log.open("wb") as log:
            program = ROOT / "benchmarks" / "part.py"
            self.process = subprocess.Popen([sys.executable, program, part, self.path], stderr=log)
            try:
                if part != "send":
                    self._until(self._is_listening)
                yield
            finally:
                self.process.send_signal(signal.SIGTERM)
                self.process.wait(60)

    def _is_listening(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def until(self, sql: str, value: int) -> None:
        """Waits until a count in the database is what it must be."""
        self._until(lambda: self.ask(sql) >= value)

    def _until(self, is_so: Callable[[], bool]) -> None:
        end = time.monotonic() + _LIMIT_SECONDS
        while not is_so():
            if self.process is None or self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"The gateway did not do it:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def ask(self, sql: str) -> Any:
        """One value of the database."""
        with closing(sqlite3.connect(f"file:{self.path}/data/gateway.db?mode=ro", uri=True)) as database:
            return database.execute(sql).fetchone()[0]

    def memory(self, what: str = "VmRSS") -> float:
        """MiB of the process: VmRSS now, VmHWM the most so far."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split(f"{what}:")[1].split()[0]) / 1024

    def seconds(self) -> float:
        """Of the processor, that the process took so far."""
        assert self.process is not None
        return used_by(self.process.pid)

    def plan(self, contents: Sequence[bytes]) -> None:
        """Files that wait for the partner."""
        settings = load(self.path)
        with Gateway(self.path, settings, works=False) as gateway:
            services, to = gateway.services, settings.partners[PARTNER]
            for number, one in enumerate(contents, 1):
                with services.store.transaction():
                    numbers = (number, number)
                    send(services, to, "850", f"orders-{number}.edi", one, numbers, way="as2", origin=None)
                    services.payloads.flush()


# --- measurements ------------------------------------------------------------------------------------


def best(
    work: Callable[[], object], times: int, repeat: int, used: Callable[[], float] = time.process_time
) -> float:
    """Seconds of the processor for one call, in the best of several runs.

    Args:
        used: the seconds that were used so far.
    """
    work()
    found = []
    for _ in range(repeat):
        begin = used()
        for _ in range(times):
            work()
        found.append((used() - begin) / times)
    return min(found)


def used_by(process: int) -> float:
    """Seconds of the processor that a process took so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def used_by_children() -> float:
    """Seconds of the processor that processes which we started and which ended took."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def rounds(page: Page, repeat: int) -> None:
    """Wrapping and opening, in one process, beside others."""
    data, now = content(1), datetime.now(UTC)
    agreed = as2.Agreed([US], [THEM.certificate])

    def alone(verifies: bool = True) -> None:
        source, out, plain = Span.of(data), BytesIO(), BytesIO()
        signature = cms.sign([source], THEM, "sha256", at=now)
        cms.encrypt([source], out, [US.certificate], "aes256-cbc", os.urandom)
        cms.decrypt(Span.whole(out), plain, [US], os.urandom)
        if verifies:
            cms.verify(signature, [Span.whole(plain)], [THEM.certificate])

    def message() -> tuple[as2.Built, as2.Received]:
        made = built(Span.of(data), as2.Terms())
        return made, as2.read(Headers(made.headers), made.body, agreed, "sha256", BytesIO, os.urandom)

    def receipt() -> None:
        _, found = message()
        report = Report("<1@partner.example>", OURS, Disposition("processed"), found.mic, "Thank you.")
        head, body = as2.build_receipt(report, US, "sha256", now, f"report-{uuid4()}", "a gateway")
        got = as2.read_receipt(Headers(head), Span.of(body), [US.certificate], BytesIO)
        as2.judge(got, message_id="<1@partner.example>", recipient=OURS, mic=found.mic, must_be_signed=True)

    def builders() -> None:
        options = [pkcs7.PKCS7Options.Binary, pkcs7.PKCS7Options.DetachedSignature]
        signing = pkcs7.PKCS7SignatureBuilder().set_data(data)
        signing.add_signer(THEM.certificate.x509, THEM.key, hashes.SHA256()).sign(Encoding.DER, options)
        sealing = pkcs7.PKCS7EnvelopeBuilder().set_data(data).add_recipient(US.certificate.x509)
        sealed = sealing.set_content_encryption_algorithm(algorithms.AES256).encrypt(
            Encoding.DER, options[:1]
        )
        assert isinstance(US.key, RSAPrivateKey)
        pkcs7.pkcs7_decrypt_der(sealed, US.certificate.x509, US.key, [])

    page.table(
        f"Sign, encrypt, decrypt, verify: {len(data) / 1000:.1f} KB",
        "SHA-256, AES-256-CBC, RSA with 2048 bits. Messages for each second of processor time on one core.",
        "what", "messages/s", "ours is", "load",
    )  # fmt: skip
    own = {one.__name__: best(one, 200, repeat) for one in (alone, message, receipt)}
    short = best(lambda: alone(verifies=False), 200, repeat)
    page.row("**edigw**: CMS alone", f"**{1 / own['alone']:,.0f}**", "")
    page.row("**edigw**: whole messages", f"**{1 / own['message']:,.0f}**", "")
    page.row("**edigw**: with the signed receipt, and its check", f"**{1 / own['receipt']:,.0f}**", "")
    page.promise("messages wrapped and opened", 1 / own["message"], 800, "/s")

    def other(name: str, seconds: float, ours: float) -> None:
        page.row(name, f"{1 / seconds:,.0f}", f"{seconds / ours:.1f} x")

    other("cryptography's own builders, CMS without verifying", best(builders, 200, repeat), short)
    with tempfile.TemporaryDirectory() as folder:
        peers = Peers(Path(folder))
        with closing(peers):
            us, them = peers.us.rsa, peers.them.rsa
            try:
                python, _ = environments.pyas2lib()
                files = [us.key, us.certificate, them.key, them.certificate, Path(folder) / "content"]
                files[-1].write_bytes(data)
                script = ROOT / "benchmarks" / "peers" / "cms_pyas2lib.py"
                said = subprocess.run(
                    [python, script, *files, "100"], check=True, capture_output=True, text=True
                )
                theirs = json.loads(said.stdout)
                other("pyas2lib 1.4.4, CMS alone", theirs["cms"], own["alone"])
                other("pyas2lib 1.4.4, whole messages with receipts", theirs["receipt"], own["receipt"])
            except Unavailable as error:
                print(f"pyas2lib is not there: {error}")
            try:
                steps = _steps(peers, peers["openssl-cms"], data)
                used = best(steps, 10, 3, used_by_children)
                other("`openssl cms`, a process for each step", used, own["alone"])
            except Unavailable as error:
                print(f"openssl is not there: {error}")


def _steps(peers: Peers, peer: Peer, data: bytes) -> Callable[[], None]:
    """What a peer does for a message: it signs and encrypts, and decrypts and verifies what we made."""
    sign, encrypt = (
        Feature(*one, "pkcs1", "issuer") for one in (("sign", "sha256"), ("encrypt", "aes256-cbc"))
    )
    us, them, sealed = peers.us.rsa.pair, peers.them.rsa.pair, BytesIO()
    signature = cms.sign([Span.of(data)], us, "sha256", at=datetime.now(UTC))
    cms.encrypt([Span.of(data)], sealed, [them.certificate], "aes256-cbc", os.urandom)

    def work() -> None:
        peer.write(sign, data)
        peer.write(encrypt, data)
        peer.read(encrypt, sealed.getvalue(), data)
        peer.read(sign, signature, data)

    return work


def receiving(page: Page, messages: int, repeat: int) -> None:
    """A gateway that receives."""
    page.table(
        "Receiving",
        "Signed and encrypted, 10 KB; the receipts are signed, and were checked. The best of several runs.",
        "what", "connections", "messages/s", "processor, ms each", "load",
    )  # fmt: skip
    numbers = count(1)

    def run(home: Home, connections: int, many: int) -> tuple[float, float]:
        posts = [Post.of(built(Span.of(content(next(numbers))), as2.Terms())) for _ in range(many)]
        began = home.seconds()
        return many / post(posts, home.port, connections), (home.seconds() - began) / many * 1000

    highest = 0.0
    home = Home()
    with home.running("listen"):
        run(home, 1, 20)
        for connections in (1, 2, 4, 8):
            rate, used = max(run(home, connections, messages) for _ in range(repeat))
            highest = max(highest, rate)
            page.row("archived, receipt written", str(connections), f"{rate:,.0f}", f"{used:.1f}")
    page.promise("messages received, each with a signed receipt", highest, 200, "/s")
    for what, acknowledge in (("translated as well", False), ("translated, a 997 sent over AS2", True)):
        with partner() as url:
            home = Home(url, "  connections: 8\n")
            if not acknowledge:
                set_in(home.path, f"partners/{PARTNER}.yaml", "acknowledge: true ", "acknowledge: false ")
            with home.running("up"):
                run(home, 1, 20)
                home.until(_TRANSLATED, 20)
                began = time.perf_counter()
                rate, used = run(home, 4, messages)
                home.until(_TRANSLATED, 20 + messages)
                if acknowledge:
                    home.until(_CONFIRMED, 20 + messages)
                whole = messages / (time.perf_counter() - began)
            page.row(f"{what}, at the same time", "4", f"{rate:,.0f}", f"{used:.1f}")
            page.row(f"{what}, until all of it was done", "4", f"{whole:,.0f}", "")


_TRANSLATED = "SELECT count(*) FROM messages WHERE translation = 'translated' AND delivery = 'delivered'"
_CONFIRMED = "SELECT count(*) FROM exchanges WHERE direction = 'out' AND state = 'confirmed'"
_TIME = "SELECT (julianday(max(at)) - julianday(min(at))) * 86400 FROM audit WHERE event IN {}"


def sending(page: Page, messages: int, repeat: int) -> None:
    """A gateway that sends."""
    page.table(
        "Sending",
        "Signed and encrypted, 10 KB, to a partner in another process; its signed receipts are kept.",
        "connections of the partner's file", "messages/s", "load",
    )  # fmt: skip
    contents = [content(number) for number in range(1, messages + 1)]
    for connections in (2, 8):
        rates = []
        for _ in range(repeat):
            with partner() as url:
                home = Home(url, f"  connections: {connections}\n")
                home.plan(contents)
                with home.running("send"):
                    home.until(_CONFIRMED, messages)
                rates.append(messages / home.ask(_TIME.format("('as2.begun', 'file.delivered')")))
        page.row(str(connections), f"{max(rates):,.0f}")


def large(page: Page) -> None:
    """Memory for a message of 200 MB."""
    page.table(
        f"One message of {LARGE // 1_000_000} MB",
        "Peak memory of a fresh process, with interpreter and libraries. `up` is a whole gateway, which reads"
        " the file as well.",
        "what", "seconds", "before, MiB", "peak, MiB", "load",
    )  # fmt: skip
    WORK.mkdir(exist_ok=True)
    with tempfile.TemporaryFile(dir=WORK) as source:
        _fill(source)
        for compress in ("", "before"):
            made = built(Span.whole(source), as2.Terms(compress=compress), _scratch)
            for part in ("listen", "up")[: 1 if compress else 2]:
                home = Home()
                with home.running(part):
                    time.sleep(1)
                    before, one = home.memory(), Post.of(made)
                    seconds = post([one], home.port, 1)
                    if part == "up":
                        home.until("SELECT count(*) FROM messages WHERE translation != 'received'", 1)
                    peak = home.memory("VmHWM")
                what = f"received{', compressed' if compress else ''}, `{part}`"
                page.row(what, f"{seconds:.1f}", f"{before:.1f}", f"{peak:.1f}")
                if part == "listen":
                    page.promise(what, peak, PEAK, "MiB", at_least=False)
        source.seek(0)
        whole = source.read()
    for part in ("send", "up"):
        with partner() as url:
            home = Home(url, "  timeout_seconds: 300\n")
            home.plan([whole])
            with home.running(part):
                began = time.perf_counter()
                home.until(_CONFIRMED, 1)
                seconds, peak = time.perf_counter() - began, home.memory("VmHWM")
        page.row(f"sent, `{part}`", f"{seconds:.1f}", "", f"{peak:.1f}")
        if part == "send":
            page.promise("sent", peak, PEAK, "MiB", at_least=False)


def _scratch() -> BinaryIO:
    return tempfile.TemporaryFile(dir=WORK)


def _fill(file: BinaryIO) -> None:
    """Writes an interchange with orders, of :data:`LARGE` bytes, by a sender that is not known."""
    numbers = count(1)
    while file.tell() < LARGE:
        one = content(next(numbers)).replace(b"*ACMERETAIL", b"*UNKNOWN   ", 1)
        file.write(one if file.tell() + len(one) <= LARGE else b" " * (LARGE - file.tell()))


def steady(page: Page, rate: int = 200, seconds: int = 60) -> None:
    """Memory under load that goes on."""
    page.table(
        f"{rate} messages a second for {seconds} seconds",
        "The process that receives; messages of 10 KB over 4 connections.",
        "messages", "messages/s", "memory after each sixth, MiB", "load",
    )  # fmt: skip
    home, parts, memory, took = Home(), 6, [], 0.0
    each = rate * seconds // parts
    posts = [Post.of(built(Span.of(content(number)), as2.Terms())) for number in range(1, parts * each + 1)]
    with home.running("listen"):
        for start in range(0, len(posts), each):
            took += post(posts[start : start + each], home.port, 4, rate)
            memory.append(home.memory())
    page.row(f"{len(posts):,}", f"{len(posts) / took:,.0f}", ", ".join(f"{one:.1f}" for one in memory))


def written(page: Page, where: str) -> str:
    """The page of the documentation."""
    lines = [
        "# AS2, measured",
        "",
        f"{datetime.now(UTC):%d %B %Y}, `make bench-as2`, which writes this page. {where}.",
        "",
        "A message counts as received when its sender has the signed receipt: its bytes, the proof of who",
        "signed it, its row and the receipt are on disk by then (`synchronous=FULL`, `fsync`). Partner and",
        "gateway are processes on the same machine. Load is how many programs wanted one of its processors",
        "when a row was written.",
    ]
    for title, words, (head, *rows) in page.tables:
        lines += ["", f"## {title}", "", words, "", *_table(head, rows)]
    rows = []
    for one in page.budgets:
        promised = f"{'>=' if one.at_least else '<='} {one.limit:g} {one.unit}"
        rows.append((one.what, f"{one.value:,.1f} {one.unit}", promised, "met" if one.met else "**missed**"))
    return "\n".join([*lines, "", "## Promised", "", *_table(("what", "measured", "promised", ""), rows), ""])


def _table(head: Row, rows: Sequence[Row]) -> list[str]:
    return [
        f"| {' | '.join(head)} |",
        f"| --- |{' ---: |' * (len(head) - 1)}",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="AS2: speed and memory.")
    parser.add_argument("names", nargs="*", metavar="|".join(NAMES))
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="measure all of it, and write the page")
    args = parser.parse_args()
    names = NAMES if args.write else args.names or NAMES[:3]
    where, page = machine(), Page()
    try:
        if "round" in names:
            rounds(page, args.repeat)
        if "receive" in names:
            receiving(page, args.messages, args.repeat)
        if "send" in names:
            sending(page, args.messages, args.repeat)
        if "large" in names:
            large(page)
        if "steady" in names:
            steady(page)
    finally:
        for path in Home.made:
            shutil.rmtree(path, ignore_errors=True)
    for one in page.budgets:
        print(f"{one.what}: {one.value:.1f} {one.unit}, {'met' if one.met else 'MISSED'}")
    if args.write:
        (ROOT / "docs" / "benchmarks-as2.md").write_text(written(page, where), "utf-8")


if __name__ == "__main__":
    main()
