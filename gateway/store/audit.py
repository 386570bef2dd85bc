"""The audit: entries chained by hashes, the last one signed.

Whoever changes an entry changes all hashes after it; whoever removes the last entries has no signature for
those before them. The signed head of every transaction is a checkpoint; some are kept for exports, and are
written to a file beside the database as well, so that an older copy of the whole database shows too.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from sqlalchemy import Connection, insert, select, update

from gateway.errors import ConfigurationError
from gateway.files import sync_files
from gateway.store import records
from gateway.store import tables as t
from gateway.store.database import insert_rows
from gateway.store.verifier import Chain, Checkpoint, Entry, Link, checkpoint_text, content_hash, entry_hash

CHECKPOINT_ENTRIES = 1000
"""After so many entries a checkpoint is kept, at the latest."""


class Seal:
    """Adds to the audit and signs it.

    Args:
        key: signs; all nodes of a store have the same. Without one there is a new one.
    """

    def __init__(self, key: Ed25519PrivateKey | None = None) -> None:
        self._key = key = key or Ed25519PrivateKey.generate()
        self.public_key = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()

    @classmethod
    def of(cls, path: Path) -> Seal:
        """The seal with the key in a file; it is made if it is not there.

        Raises:
            ConfigurationError: the file holds no Ed25519 key.
        """
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            data = made_key(path)
        try:
            key = load_pem_private_key(data, None)
        except ValueError as error:
            raise ConfigurationError(f"{path} is no key in PEM form: {error}") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise ConfigurationError(f"{path} is not an Ed25519 key.")
        return cls(key)

    def sign(self, message: bytes) -> str:
        """An Ed25519 signature, in hexadecimal."""
        return self._key.sign(message).hex()

    def add(self, connection: Connection, entries: Sequence[records.Entry]) -> None:
        """Writes entries and moves the head. Other nodes wait until the transaction of the caller ends.

        Raises:
            ConfigurationError: the audit is signed with another key.
        """
        head = connection.execute(select(t.audit_head).with_for_update()).one_or_none()
        if head is None:
            raise ConfigurationError("The head of the audit is gone. Run `edigw audit verify`.")
        if head.public_key not in ("", self.public_key):
            raise ConfigurationError(
                "The audit of this database is signed with another key than keys/audit.pem. Copy that file "
                "from the node that was there first."
            )
        number, last = int(head.seq), str(head.hash)
        rows = []
        for entry in entries:
            number += 1
            link = Entry(
                number,
                records.as_text(entry.at),
                entry.event,
                entry.message_id or "",
                entry.document_id or "",
                entry.partner or "",
                entry.actor,
                orjson.dumps(entry.facts).decode(),
            )
            last = entry_hash(last, content_hash(link))
            rows.append({**link._asdict(), "hash": last})
        insert_rows(connection, t.audit, rows)
        at = rows[-1]["at"]
        point = {"seq": number, "hash": last, "at": at}
        point["signature"] = self.sign(checkpoint_text(number, last, at))
        connection.execute(update(t.audit_head).values(**point, public_key=self.public_key))
        if number // CHECKPOINT_ENTRIES > int(head.seq) // CHECKPOINT_ENTRIES:
            connection.execute(insert(t.checkpoints), point)

    @staticmethod
    def checkpoint(connection: Connection) -> Checkpoint:
        """Keeps the head as a checkpoint, if there is one; returns it."""
        head = connection.execute(select(t.audit_head).with_for_update()).one()
        point = Checkpoint(head.seq, head.hash, head.at, head.signature)
        kept = connection.execute(select(t.checkpoints.c.seq).where(t.checkpoints.c.seq == head.seq)).first()
        if head.seq and kept is None:
            connection.execute(insert(t.checkpoints), point._asdict())
        return point


def made_key(path: Path) -> bytes:
    """A new Ed25519 key in a file, in PEM form.

    It is whole as soon as it can be seen, and one, though several nodes make it at once.
    """
    made = Ed25519PrivateKey.generate()
    path.parent.mkdir(mode=0o700, exist_ok=True)
    hidden = path.with_name(f".{path.name}-{uuid4()}")
    try:
        with os.fdopen(os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        sync_files([hidden])
        with suppress(FileExistsError):
            os.link(hidden, path)
        sync_files([path.parent])
    finally:
        hidden.unlink(missing_ok=True)
    return path.read_bytes()


def entries(
    connection: Connection, after: int | None = None, upto: int | None = None
) -> Iterator[tuple[Entry, str]]:
    """Entries of the audit in order with their hashes, a few at a time in memory."""
    found = select(t.audit).order_by(t.audit.c.seq)
    if after is not None:
        found = found.where(t.audit.c.seq > after)
    if upto is not None:
        found = found.where(t.audit.c.seq <= upto)
    for row in connection.execution_options(yield_per=1000).execute(found):
        yield Entry(*row[:8]), row[8]


def checkpoints(connection: Connection) -> list[Checkpoint]:
    """All that are kept, and the head."""
    found = [
        Checkpoint(*row) for row in connection.execute(select(t.checkpoints).order_by(t.checkpoints.c.seq))
    ]
    head = connection.execute(select(t.audit_head)).one_or_none()
    if head is not None and head.seq and (not found or found[-1].seq < head.seq):
        found.append(Checkpoint(head.seq, head.hash, head.at, head.signature))
    return found


def public_key(connection: Connection) -> str:
    """The key the audit is signed with, in hexadecimal; empty if there is none yet."""
    return str(connection.execute(select(t.audit_head.c.public_key)).scalar_one_or_none() or "")


def verify(
    connection: Connection,
    written: Sequence[Checkpoint] = (),
    beat: Callable[[str], None] = lambda _: None,
) -> Iterator[str]:
    """Everything that is wrong with the audit, in words; it does not look at payloads.

    Args:
        written: the checkpoints of the file beside the database.
        beat: is told from time to time how far it is.
    """
    key = public_key(connection)
    known: dict[int, str] = {}
    for point in (*checkpoints(connection), *written):
        if not key or not _is_signed(point, key):
            yield f"The checkpoint at entry {point.seq} has no right signature."
        elif known.setdefault(point.seq, point.hash) != point.hash:
            yield f"There are two different checkpoints at entry {point.seq}."
    head = connection.execute(select(t.audit_head)).one_or_none()
    if head is None:
        yield "The head of the audit is gone."
    if connection.execute(select(t.audit.c.seq).where(t.audit.c.seq < 1)).first():
        yield "Entries before the first were added by somebody else."
    last = 0 if head is None else int(head.seq)
    chain = Chain(checkpoints=known)

    def links() -> Iterator[Link]:
        for entry, stored in entries(connection):
            if entry.seq % 1000 == 0:
                beat(f"entry {entry.seq:,} of {last:,}")
            yield Link(entry.seq, _content(entry), stored)

    yield from chain.check(links(), reach=max((last, *known)))
    if chain.seq > last:
        yield f"Entries after {last}, the signed head of the audit, were added by somebody else."


def _content(entry: Entry) -> str:
    try:
        return content_hash(entry)
    except ValueError:
        return ""


def _is_signed(point: Checkpoint, key: str) -> bool:
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
        public.verify(bytes.fromhex(point.signature), checkpoint_text(point.seq, point.hash, point.at))
    except (InvalidSignature, ValueError):
        return False
    return True
