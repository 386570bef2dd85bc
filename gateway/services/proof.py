"""Whether what is stored is what the audit says of it, and the entries of the audit in words."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import CompoundSelect, Connection, Row, Select, Table, exists, func, select, union

from gateway.errors import NotFoundError
from gateway.settings import AUDIT_KEY, CHECKPOINTS, DATA, KEYS
from gateway.store import audit, verifier
from gateway.store import tables as t
from gateway.store.exchanges import PAYLOADS
from gateway.store.payloads import Payloads
from gateway.store.verifier import Checkpoint, Entry

_BATCH = 500
_CHUNK = 1 << 20

_RECEIPTS = {
    "in": ("file.received", "message.reprocessed", "message.sealed"),
    "out": (
        *("interchange.written", "submission.written", "webhook.written"),
        *("acknowledgment.written", "message.sealed"),
    ),
}
"""One of these entries tells how a message of that direction came to be."""

_ORIGINS = (
    *("document.created", "document.waiting", "document.held", "document.sealed"),
    *("interchange.written", "submission.written", "webhook.written"),
)
"""The same for documents."""

_WORDS = {
    "file.received": "Received through {channel}: {file}, {bytes} bytes.",
    "message.translated": "{file} was processed: {status}, verdict {verdict}, {errors} errors. {remarks}",
    "document.created": "Read from interchange {control_number}: {document_type} {number}.",
    "document.waiting": "{document_type} {number} waits to be sent together with others.",
    "document.waits": "{document_type} {number} waits for {waits_for}.",
    "document.held": "{document_type} {number} waits for approval of {rules}: {problems}",
    "document.approved": "{document_type} {number} was approved against {rules}. Reason: {reason}",
    "document.continues": "{document_type} {number} goes on; it waited for {waited_for}.",
    "document.routed": "{document_type} {number} goes by {way}: {why}.",
    "item.added": "Item {erp_sku} added: {row}.",
    "item.changed": "Item {erp_sku} changed: {row}.",
    "item.removed": "Item {erp_sku} removed: {row}.",
    "location.added": "Place {erp_ship_to} added: {row}.",
    "location.changed": "Place {erp_ship_to} changed: {row}.",
    "location.removed": "Place {erp_ship_to} removed: {row}.",
    "interchange.written": "{document_type} {number} was written in interchange {control_number}: {file}.",
    "submission.written": "{document_type} {number} was written for {operation} of Amazon's API: {file}.",
    "webhook.written": "{document_type} {number} was written for the webhook of {partner}: {file}.",
    "webhook.begun": "Sent to {url} as {webhook_id}: {file}.",
    "submission.begun": "Submitted by {operation}: {file}.",
    "submission.uncertain": "Whether Amazon took {file} is not known: {error}",
    "acknowledgment.written": "Acknowledgment {kind} for {partner} written: {words} ({file}).",
    "acknowledgment.received": "The partner answered {file}: {status}. {words}",
    "acknowledgment.repeated": "The partner answered {file} once more: {status}. {words}",
    "interchange.acknowledged": "The partner answered interchange {interchange}: {status}. {words}",
    "acknowledgment.overdue": "The partner's answer to {file} is overdue.",
    "file.delivered": "Delivered to {channel}/{box}: {file}.",
    "file.uploaded": "{partner} put {file} over SFTP, {bytes} bytes, as {user} from {address} with {key}.",
    "file.fetched": "{partner} fetched {file} over SFTP, {bytes} bytes, as {user} from {address} with {key}.",
    "file.removed": "{partner} removed {file} from its {box} over SFTP, as {user} from {address} with {key}.",
    "file.renamed": "{partner} renamed {file} to {to} in its outbox, as {user} from {address} with {key}.",
    "as2.begun": "Sent over AS2 as {as2_id}: {file}. The digest of its content is {mic}.",
    "as2.repeated": "Came over AS2 once more as {as2_id}, from {client}; answered as before, not processed.",
    "receipt.written": "The receipt for {as2_id} says: {disposition}.",
    "receipt.sent": "The receipt for {as2_id} was sent to {url}.",
    "receipt.failed": "The receipt for {as2_id} could not be sent to {url}: {error}",
    "receipt.received": "The partner's receipt for {file} says: {disposition}.",
    "receipt.unproven": "A receipt for {file} proves nothing: {reason}",
    "receipt.overdue": "No receipt for {file} came in time; the same was sent again.",
    "receipt.ignored": "A receipt of {partner} was not counted: {reason}",
    "partner.added": "{file} was written (sha256 {after}). Reason: {reason}",
    "partner.changed": "{file} was changed (sha256 {before}, now {after}). Reason: {reason}",
    "secret.kept": "A secret of {partner} was put into {file}.",
    "partner.tested": "The connection to {partner} was tested: {result}.",
    "file.quarantined": "{file} went to quarantine: {reason} Next move: {move}.",
    "delivery.delayed": "{files} files for {channel} wait: {error}.",
    "delivery.failed": "Delivery to {channel} failed and was given up: {error}.",
    "message.resent": "Sent again: {files}. Reason: {reason}",
    "message.reprocessed": "To be processed again: {file}. Reason: {reason}",
    "message.held": "Put on hold. Reason: {reason}",
    "message.released": "No longer on hold. Reason: {reason}",
    "message.cancelled": "Cancelled. Reason: {reason}",
    "message.closed": "Seen to; it needs nobody any more. Reason: {reason}",
    "message.erased": "The bytes and documents of {file} were deleted at the end of their retention.",
    "message.sealed": "Taken over from the earlier version: {file}.",
    "document.sealed": "Taken over from the earlier version: {document_type} {number}.",
    "store.upgraded": "The store was upgraded; entries 1 to {entries} come from a log that was not chained.",
    "rules.loaded": "Guides, mappings and settings in force from now on: {rules}.",
    "hold.added": "Legal hold {hold} on {kind} {value}. Reason: {reason}",
    "hold.released": "Legal hold {hold} on {kind} {value} ended. Reason: {reason}",
    "audit.exported": "Exported: {scope}. Reason: {reason}",
    "audit.downloaded": "The export of {scope} was downloaded.",
    "certificate.added": "Certificate of {whose} added: {name}, to {purposes}, {since} to {until}. {reason}",
    "certificate.changed": "Certificate of {whose} changed: {name}, {since} to {until}. {reason}",
    "certificate.removed": "Certificate of {whose} removed: {name}. {reason}",
    "certificate.expiring": "Certificate of {whose} ends {ends}, and nothing follows it: {name}.",
    "secret.expiring": "The client secret of Amazon's API for {partner} ends {ends}: make a new one.",
    "expiry.near": "{name} of {whose} ends {ends}.",
    "sscc.given": "SSCCs of the prefix {prefix} were given: {count}, from {first} to {last}.",
    "alert.told": "Alert {alerts} is told to {targets}, as the rule {rule} says.",
    "alert.sent": "The target {target} took what the rule {rule} told it.",
    "alert.failed": "{target} could not be told what the rule {rule} had to tell: {error}",
    "alert.acknowledged": "Alert {alert} was acknowledged: {about} Reason: {reason}",
    "alert.resent": "{target} is told once more what the rule {rule} had to tell. Reason: {reason}",
    "alert.tested": "Telling {target} was tested: {result}.",
    "remittance.reconciled": "Remittance {remittance} over {amount} was taken into account: {parts} parts.",
    "remittance.held": "Remittance {remittance} over {amount} is held and counts for nothing: {reason}.",
    "remittance.repeated": "Remittance {remittance} came once more, unchanged; it counts once.",
    "remittance.unclassified": "{lines} lines of remittance {remittance} need a person: {some}.",
    "remittance.classified": "Line {line} of remittance {remittance}, {amount}, is {kind}: {reason}",
    "claim.received": "{partner} claims {amount} of {account} as {number}; it may be disputed until {until}.",
    "finances.changed": "Finances says of invoice {number}: {status}, paid {paid}.",
    "session.begun": "{user} logged in from {address}.",
    "session.refused": "A log-in of {user} from {address} was refused: {reason}.",
    "user.added": "User {user} added: {grants}. Reason: {reason}",
    "user.changed": "User {user} changed: {what}. Reason: {reason}",
    "key.made": "Key {key} of {name} made: {grants}, for {scopes}, until {ends}. Reason: {reason}",
    "key.revoked": "Key {key} of {name} revoked. Reason: {reason}",
    "home.restored": "Restored from the backup of {backup}; {held} messages were put on hold.",
}

EVENTS = tuple(sorted(_WORDS))
"""Entries that there are words for."""

_LAST_CHECK = "audit-check.json"


def words(entry: Entry) -> str:
    """What an entry says, in a sentence."""
    return sentence(entry.event, facts_of(entry.facts))


def sentence(event: str, facts: Mapping[str, Any]) -> str:
    """What an event and its facts say."""
    said = {key: _said(value) for key, value in facts.items()}
    if event in _WORDS:
        return _WORDS[event].format_map(defaultdict(lambda: "?", said)).strip()
    return ", ".join((event, *(f"{key} {value}" for key, value in said.items())))


def entry_of(row: Row[Any]) -> Entry:
    """A row of the audit without its hash."""
    return Entry(*tuple(row)[:8])


def facts_of(text: str) -> dict[str, Any]:
    """The facts of an entry; nothing if somebody made them unreadable."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def written(path: Path) -> list[Checkpoint]:
    """The checkpoints of the file beside the database; what is none of ours has no right signature."""
    found = []
    for line in path.read_text("utf-8", "replace").splitlines() if path.exists() else ():
        try:
            found.append(Checkpoint(**json.loads(line)))
        except (ValueError, TypeError):
            found.append(Checkpoint(0, line[:80], "", ""))
    return found


def _said(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return str(value).replace("_", " ") if str(value).isidentifier() else str(value)


def verified(
    home: Path,
    connection: Connection,
    payloads: Payloads | None,
    kept: Sequence[Path] = (),
    beat: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """What there is in the audit of a home, and all that is wrong with it.

    Args:
        payloads: to hash them again; None to check the chain only.
        kept: files with checkpoints that were kept elsewhere.
        beat: is told from time to time how far it is.
    """
    # Before anything is read of the database: what is written meanwhile would not be in there.
    points = [point for path in (home / DATA / CHECKPOINTS, *kept) for point in written(path)]
    a, key = t.audit.c, audit.public_key(connection)
    problems = [*audit.verify(connection, points, beat)]
    own = home / KEYS / AUDIT_KEY
    if key and own.exists() and audit.Seal.of(own).public_key != key:
        problems.append(f"The audit is signed with another key than {own}.")
    if payloads is not None:
        problems += verify_payloads(connection, payloads, beat)
    ends = func.count(), func.min(a.at), func.max(a.at)
    number, since, until = connection.execute(select(*ends)).one()
    newest = max(audit.checkpoints(connection), default=None)
    told = {"entries": number, "since": since, "until": until, "payloads": payloads is not None}
    fingerprint = key and verifier.fingerprint_of(bytes.fromhex(key))
    point = newest and newest._asdict()
    return {**told, "problems": problems, "fingerprint": fingerprint, "newest": point}


def remember(home: Path, told: Mapping[str, Any], at: str, actor: str) -> None:
    """Keeps the result of the last check, with a hundred problems at most."""
    file = home / DATA / _LAST_CHECK
    hidden = file.with_suffix(".part")
    hidden.write_text(json.dumps({**told, "problems": told["problems"][:100], "at": at, "actor": actor}))
    hidden.replace(file)


def last_check(home: Path) -> dict[str, Any] | None:
    """The result of the last check; None if there was none."""
    file = home / DATA / _LAST_CHECK
    return facts_of(file.read_text("utf-8")) or None if file.exists() else None


def verify_payloads(
    connection: Connection, payloads: Payloads, beat: Callable[[str], None] = lambda _: None
) -> Iterator[str]:
    """Everything that is wrong with the stored bytes, in words; to be asked together with the chain.

    Every payload and every body of a document is hashed again and compared with its row and with the entries
    of the audit; what was erased must have been erased by an entry. Every message and document must have the
    entry that tells where it came from, and every entry the row it tells of.
    """
    a, m, d = t.audit.c, t.messages.c, t.documents.c
    for messages in _batches(connection, t.messages):
        beat(f"message {messages[0].seq:,}")
        yield from _messages(connection, payloads, messages)
    for documents in _batches(connection, t.documents):
        beat(f"document {documents[0].seq:,}")
        yield from _documents(connection, documents)
    for column, there in ((a.message_id, m.id == a.message_id), (a.document_id, d.id == a.document_id)):
        gone = select(a.seq, column).where(column != "", ~exists().where(there)).order_by(a.seq)
        for seq, one in connection.execution_options(yield_per=_BATCH).execute(gone):
            yield f"Entry {seq} tells of {one}, which is not in the store."


def _batches(connection: Connection, table: Table) -> Iterator[Sequence[Row[Any]]]:
    last = 0
    some = select(table).order_by(table.c.seq).limit(_BATCH)
    while found := connection.execute(some.where(table.c.seq > last)).all():
        yield found
        last = found[-1].seq


def _messages(connection: Connection, payloads: Payloads, messages: Sequence[Row[Any]]) -> Iterator[str]:
    ids = [one.id for one in messages]
    a, x = t.audit.c, t.deliveries.c
    entries = _grouped(
        connection,
        select(a.message_id, a.seq, a.event, a.document_id, a.facts).where(a.message_id.in_(ids)),
    )
    e = t.exchanges.c
    bytes_of = [(x.message_id, x.payload), *((e.message_id, e[name]) for name in PAYLOADS)]
    files = _grouped(connection, union(*(select(*one).where(one[0].in_(ids)) for one in bytes_of)))
    for one in messages:
        about, is_told = f"message {one.id} ({one.name})", False
        known = {one.payload, *(row.payload for row in files[one.id])} - {None}
        for entry in entries[one.id]:
            facts = facts_of(entry.facts)
            named = facts.get("sha256")
            # An entry about a document has the hash of that, and that of the message as `payload`.
            whole = facts.get("payload") if entry.document_id else named
            is_told |= entry.event in _RECEIPTS.get(one.direction, ()) and whole == one.payload
            if named not in {None, *known} and not entry.document_id:
                yield f"Entry {entry.seq} names the SHA-256 {named} of {about}, which is not what is stored."
        if not is_told:
            yield f"No entry of the audit tells how {about} with these bytes came to be."
        if not one.erased_at:
            for sha256 in sorted(known):
                yield from _payload(payloads, sha256, one.size if sha256 == one.payload else None, about)
        elif not any(entry.event == "message.erased" for entry in entries[one.id]):
            yield f"The bytes of {about} are said to be erased, but no entry of the audit tells of it."


def _documents(connection: Connection, documents: Sequence[Row[Any]]) -> Iterator[str]:
    ids = [one.id for one in documents]
    a, m = t.audit.c, t.messages.c
    of = select(a.document_id, a.seq, a.event, a.facts, m.payload)
    of = of.outerjoin(t.messages, m.id == a.message_id).where(a.document_id.in_(ids))
    entries = _grouped(connection, of)
    homes = {one.message_id for one in documents} | {one.sent_in for one in documents}
    rows = connection.execute(select(m.id, m.erased_at).where(m.id.in_(homes - {None})))
    erased = {row.id: row.erased_at for row in rows}
    for one in documents:
        about, is_told = f"document {one.id} ({one.document_type} {one.number})", False
        for entry in entries[one.id]:
            named = facts_of(entry.facts).get("sha256")
            is_told |= entry.event in _ORIGINS and named == one.sha256
            if named not in (None, one.sha256, entry.payload):
                yield f"Entry {entry.seq} names the SHA-256 {named} of {about}, which is not what is stored."
        if not is_told:
            yield f"No entry of the audit tells how {about} with this content came to be."
        if one.message_id not in erased:
            yield f"The message that {about} came with is not in the store."
        if one.body is None:
            if not (erased.get(one.message_id) or erased.get(one.sent_in)):
                yield f"The body of {about} is gone, and no message it belongs to was erased."
            continue
        try:
            if hashlib.sha256(zlib.decompress(one.body)).hexdigest() != one.sha256:
                yield f"The body of {about} was changed: it has another SHA-256."
        except zlib.error as error:
            yield f"The body of {about} was changed: it cannot be read ({error})."


def _grouped(
    connection: Connection, statement: Select[Any] | CompoundSelect[Any]
) -> Mapping[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(statement):
        found[row[0]].append(row)
    return found


def _payload(payloads: Payloads, sha256: str, size: int | None, about: str) -> Iterator[str]:
    digest, length = hashlib.sha256(), 0
    try:
        with payloads.open(sha256) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                length += len(chunk)
    except NotFoundError:
        yield f"The payload {sha256} of {about} is gone."
    except (OSError, EOFError, zlib.error) as error:
        yield f"The payload {sha256} of {about} was changed: it cannot be read ({error})."
    else:
        if digest.hexdigest() != sha256:
            yield f"The payload {sha256} of {about} was changed: it has another SHA-256."
        elif size not in (None, length):
            yield f"The payload {sha256} of {about} is {length} bytes long, not {size}."
