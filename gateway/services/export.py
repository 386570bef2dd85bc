"""Audit exports: a zip file with which somebody else can check, without our software, what happened.

:mod:`gateway.store.verifier` says what must be in it; a copy of that is in every export, to check it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import zlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any, BinaryIO, cast
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from sqlalchemy import Connection, Row, Select, Table, or_, select

from gateway import __version__
from gateway.errors import NotFoundError, RefusedError
from gateway.services import attend, report
from gateway.services.base import Services
from gateway.services.proof import entry_of, facts_of
from gateway.services.scope import Scope
from gateway.store import audit, verifier
from gateway.store import tables as t
from gateway.store.audit import Seal
from gateway.store.database import reading
from gateway.store.verifier import CHAIN, CHECKPOINTS, ENTRIES, GENESIS, MANIFEST, SIGNATURE

_MAX_MANIFEST = 120 << 20  # the verifier reads little more
_BATCH, _CHUNK = 500, 1 << 20
_COLUMNS = (
    "kind", "id", "created_at", "partner", "direction", "type", "number", "file", "interchange", "group",
    "set_control", "translation", "delivery", "acknowledgment", "sha256", "path",
)  # fmt: skip


def export(
    services: Services,
    scope: Scope,
    reason: str,
    out: BinaryIO,
    checkpoints: Path,
    seal: Seal,
    cover: Callable[[Connection], bytes] | None = None,
) -> str:
    """Writes an export; returns in words what is in it. That it was made is in the audit, and in it.

    Args:
        checkpoints: the file beside the database. seal: signs it. cover: makes a page for whoever reads it.

    Raises:
        NotFoundError: there is nothing of that scope. RefusedError: it is more than can be checked at once.
    """
    store, a, mark = services.store, t.audit.c, services.new_id()
    with reading(store.engine) as connection:
        messages, _ = scope.rows(connection)
        if connection.execute(_of(t.messages, messages).limit(1)).first() is None:
            raise NotFoundError(f"There is nothing to export: {scope}.")
    with store.transaction():
        store.audit("audit.exported", scope=str(scope), reason=reason, export=mark)
    last = attend.checkpoint(services, checkpoints)
    with reading(store.engine) as connection, closing(_Package(out, services, connection)) as package:
        made = select(a.seq).where(a.event == "audit.exported", a.facts.contains(mark))
        own = connection.execute(made.order_by(a.seq.desc()).limit(1)).scalar_one()
        messages, documents = scope.rows(connection)
        shown = or_(scope.entries(connection), a.seq == own)
        entries = select(t.audit).where(shown, a.seq.between(1, last)).order_by(a.seq)
        package.add_messages(messages)
        package.add_documents(documents)
        package.add_entries(entries, last)
        head = {"scope": str(scope), "made_at": store.now(), "gateway": __version__}
        words = f"{package.counted}. Reason: {reason}"
        stories = package.stories(report.orders(connection, documents), entries)
        package.add("report.html", report.page(connection, head, words, checkpoints, stories))
        if cover:
            package.add("cover.html", [cover(connection)])
        package.finish(head, seal)
        return package.counted


class _Package:
    """The zip file as it grows. What is known of each file and row goes to disk, not into memory."""

    def __init__(self, out: BinaryIO, services: Services, connection: Connection) -> None:
        self._zip = ZipFile(out, "w", ZIP_DEFLATED)
        self._payloads, self._connection = services.payloads, connection
        self._lists = {"files": _spooled(), "deleted": _spooled()}
        self._index = io.TextIOWrapper(cast(Any, _spooled()), "utf-8", newline="", write_through=True)
        self._table = csv.writer(self._index)
        self._table.writerow(_COLUMNS)
        self._counts = Counter(dict.fromkeys(("messages", "documents", "entries of the log"), 0))

    def close(self) -> None:
        for file in (self._zip, self._index, *self._lists.values()):
            cast(Any, file).close()

    @property
    def counted(self) -> str:
        return ", ".join(f"{count} {what}" for what, count in self._counts.items())

    def add(self, path: str, chunks: Iterable[bytes]) -> None:
        """Adds a file; its name is like no other."""
        digest, size, info = hashlib.sha256(), 0, ZipInfo(path)
        info.compress_type, info.external_attr = ZIP_DEFLATED, 0o644 << 16
        with self._zip.open(info, "w", force_zip64=True) as file:
            for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                file.write(chunk)
        self._list("files", {"path": path, "sha256": digest.hexdigest(), "size": size})

    def _list(self, name: str, value: dict[str, Any]) -> None:
        file = self._lists[name]
        file.write((b"," if file.tell() else b"") + _json(value))

    def _rows(self, found: Select[Any]) -> Iterator[Row[Any]]:
        """The rows of a query, a few at a time in memory."""
        yield from self._connection.execute(found, execution_options={"yield_per": _BATCH})

    def _row(self, counted: str, row: Row[Any], **values: Any) -> None:
        self._counts[counted] += 1
        told = {**row._mapping, **values, "kind": counted[:-1]}
        self._table.writerow([cell(told.get(column)) for column in _COLUMNS])

    def add_messages(self, messages: Any) -> None:
        """Adds everything that entries about messages name: the bytes, and reports about them."""
        a, x = t.audit.c, t.deliveries.c
        files = select(x.payload, x.wanted).where(x.payload.isnot(None)).order_by(x.seq)
        told = select(a.document_id, a.facts).order_by(a.seq)
        for one in self._rows(_of(t.messages, messages)):
            wanted = {one.payload: one.name}
            for sha256, name in self._connection.execute(files.where(x.message_id == one.id)):
                wanted.setdefault(sha256, name)
            for _, sha256, name in (found := [*self._receipts(one)]):
                wanted.setdefault(sha256, name)
            for document, facts in self._connection.execute(told.where(a.message_id == one.id)):
                sha256 = None if document else facts_of(facts).get("sha256")
                wanted.setdefault(sha256, str(sha256))
            paths: dict[str, str] = {}
            for sha256, name in wanted.items():
                path = f"messages/{_safe(one.id)}/{_safe(name)}"
                if path.lower() in {known.lower() for known in paths.values()}:
                    path = f"messages/{_safe(one.id)}/{sha256[:8]}_{_safe(name)}"
                if sha256:
                    paths[sha256] = self._payload(one, sha256, path)
            named = {"file": one.name, "sha256": one.payload, "path": paths.get(one.payload)}
            self._row("messages", one, type=one.channel, **named)
            for exchange, sha256, name in found:
                named = {"file": name, "sha256": sha256, "path": paths[sha256], "number": exchange.as2_id}
                told_of = {"created_at": exchange.at, "type": "as2", "delivery": exchange.state}
                self._row("exchanges", exchange, **told_of, **named)

    def _receipts(self, message: Row[Any]) -> Iterator[tuple[Row[Any], str, str]]:
        """The exchanges of a message: what was signed, and the receipt; their SHA-256 and names."""
        x = t.exchanges.c
        of = select(t.exchanges).where(x.message_id == message.id).order_by(x.seq)
        for one in self._connection.execute(of):
            for sha256, end in ((one.signed, "signed"), (one.receipt, "mdn")):
                if sha256:
                    yield one, sha256, f"{one.as2_id.strip('<>')[:90]}.{end}"

    def _payload(self, message: Row[Any], sha256: str, path: str) -> str:
        if message.erased_at:
            return self._left_out(sha256, message.id)
        with _spooled() as whole:
            try:
                with self._payloads.open(sha256) as file:
                    while chunk := file.read(_CHUNK):
                        whole.write(chunk)
            except (NotFoundError, OSError, EOFError, zlib.error):
                return "cannot be read"  # the verifier finds it missing
            whole.seek(0)
            self.add(path, iter(lambda: whole.read(_CHUNK), b""))
        return path

    def add_documents(self, documents: Any) -> None:
        """Adds their JSON."""
        for one in self._rows(_of(t.documents, documents)):
            path = f"documents/{_safe(f'{one.document_type}_{one.number}_{one.id[:8]}')}.json"
            if one.body is None:
                path = self._left_out(one.sha256, one.message_id, one.sent_in)
            else:
                with suppress(zlib.error):  # the verifier finds it missing
                    self.add(path, [zlib.decompress(one.body)])
            self._row("documents", one, type=one.document_type, path=path)

    def _left_out(self, sha256: str, *messages: str | None) -> str:
        """States bytes as deleted, if the audit tells that they were."""
        a = t.audit.c
        erased = select(a.seq, a.at).where(a.event == "message.erased", a.message_id.in_(messages))
        for seq, at in self._connection.execute(erased.order_by(a.seq).limit(1)):
            reason = f"deleted at the end of its retention, {at}, entry {seq} of the log"
            self._list("deleted", {"sha256": sha256, "reason": reason})
            return reason
        return "missing"

    def add_entries(self, entries: Select[Any], last: int) -> None:
        """Adds the entries that are shown, and the chain around them from checkpoint to checkpoint."""
        self._shown, start = bytearray(last + 1), verifier.Checkpoint(0, GENESIS, "", "")
        points = [start, *(one for one in audit.checkpoints(self._connection) if one.seq <= last)]
        numbers, ranges = [one.seq for one in points], list[list[int]]()

        def lines() -> Iterator[bytes]:
            for row in self._rows(entries):
                self._shown[row.seq] = 1
                self._counts["entries of the log"] += 1
                end = min(bisect_left(numbers, row.seq), len(points) - 1)
                if not ranges or end > ranges[-1][1] + 1:
                    ranges.append([end - 1, end])
                ranges[-1][1] = end
                yield _json(entry_of(row)._asdict())

        self.add(ENTRIES, lines())
        for first, end in ranges:
            self.add(f"{CHAIN}{numbers[first] + 1:012}.csv", self._chain(points[first], numbers[end]))
        kept = {one.seq: one for first, end in ranges for one in points[max(first, 1) : end + 1]}
        self.add(CHECKPOINTS, [_json([one._asdict() for one in kept.values()])])

    def stories(self, orders: list[tuple[str, str]], entries: Select[Any]) -> Iterator[report.Story]:
        """The entries of each order, as far as they are shown; without orders those of the whole."""
        for number, partner in orders:
            one = Scope(po=number, partner=partner)
            told = self._rows(select(t.audit).where(one.entries(self._connection)))
            rows = [row for row in told if row.seq < len(self._shown) and self._shown[row.seq]]
            yield f"Purchase order {number} of {partner}", sorted(rows, key=lambda row: row.seq)
        if not orders:
            yield "What happened", self._rows(entries)

    def _chain(self, start: verifier.Checkpoint, end: int) -> Iterator[bytes]:
        yield f"# from {start.seq} {start.hash}\n".encode()
        for entry, _ in audit.entries(self._connection, start.seq, end):
            try:
                content = verifier.content_hash(entry)
            except ValueError:
                content = GENESIS  # the verifier finds it changed
            yield f"{entry.seq},{content}\n".encode()

    def finish(self, head: dict[str, str], seal: Seal) -> None:
        """Adds what is about all files, and signs it."""
        index = self._index.buffer
        index.seek(0)
        self.add("index.csv", iter(lambda: index.read(_CHUNK), b""))
        self.add("README.txt", [report.README.encode()])
        self.add("verify.py", [Path(verifier.__file__).read_bytes()])
        manifest = _json({"format": verifier.FORMAT, **head, "public_key": seal.public_key})[:-2]
        for name, file in self._lists.items():
            file.seek(0)
            manifest += b',"%s":[%s]' % (name.encode(), file.read())
        manifest += b"}\n"
        if len(manifest) > _MAX_MANIFEST:
            raise RefusedError("This is too much for one export. Choose a shorter period, or one partner.")
        self.add(MANIFEST, [manifest])
        self.add(SIGNATURE, [f"{seal.sign(manifest)}\n".encode()])


def _of(table: Table, ids: Any) -> Select[Any]:
    return select(table).where(table.c.id.in_(ids)).order_by(table.c.seq)


def _spooled() -> IO[bytes]:
    return cast("IO[bytes]", SpooledTemporaryFile(max_size=_CHUNK))


def _json(value: Any) -> bytes:
    # Not orjson: what somebody wrote into the database need not be Unicode.
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _safe(name: str) -> str:
    """A name that every system can unpack."""
    return re.sub(r"[^\w. -]", "_", name).strip(". ")[-100:] or "_"


def cell(value: Any) -> str:
    """Text that a spreadsheet takes for text: beginnings of formulas get an apostrophe."""
    text = "" if value is None else str(value)
    return f"'{text}" if re.match(r"\s*[=+\-@\t\r]", text) else text
