"""The readable part of an audit export: one page without scripts, to be read, printed and filed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

from sqlalchemy import Connection, Row, select

from gateway.services import proof
from gateway.store import audit, verifier
from gateway.store import tables as t

MAX_ORDERS = 500
"""Orders that are told; all are in the index."""

_MAX_ROWS = 1000

Story: TypeAlias = tuple[str, Iterable[Row[Any]]]
"""A title, and entries to be told under it."""

README = """\
1. Unpack the zip file and run in its folder:  python3 verify.py  (Python 3.8 or newer, nothing else).
2. It must end with "No problems were found."; otherwise it says what was changed.
3. Compare the fingerprint it prints with the one that the supplier publishes.

report.html tells the story, index.csv lists messages and documents, messages/ has the bytes as they were
received and sent, documents/ what they say as JSON, entries.jsonl the log and chain/ its hashes.
"""

_PAGE = """\
<!doctype html><html lang="en"><meta charset="utf-8"><title>Audit export: {scope}</title><style>
body {{font: 15px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em}}
table {{border-collapse: collapse; width: 100%}}
td, th {{text-align: left; vertical-align: top; padding: .2em .8em .2em 0; border-bottom: 1px solid #ccc}}
td:nth-child(odd) {{white-space: nowrap}} code, td:nth-child(2) {{overflow-wrap: anywhere}}
pre {{white-space: pre-wrap}}
@media print {{body {{margin: 0; font-size: 10pt}} tr {{break-inside: avoid}} h2 {{break-after: avoid}}}}
</style><h1>Audit export: {scope}</h1>
<p>Made {made_at} by edi-gateway {gateway}. It has {words}</p>
<h2>Is the log whole?</h2>{chain}
<p>Fingerprint of the key that signed it: <code>{fingerprint}</code></p>
<h2>How to verify</h2><pre>{readme}</pre>
"""


def orders(connection: Connection, documents: Any) -> list[tuple[str, str]]:
    """Number and partner of the purchase orders that documents name, the first of them."""
    k = t.document_keys.c
    found = select(k.value, k.partner).where(k.kind == "po", k.document_id.in_(documents)).distinct()
    rows = connection.execute(found.order_by(k.value, k.partner).limit(MAX_ORDERS))
    return [(str(number), str(partner)) for number, partner in rows]


def page(
    connection: Connection,
    head: Mapping[str, str],
    words: str,
    checkpoints: Path,
    stories: Iterable[Story],
) -> Iterator[bytes]:
    """The page, in pieces.

    Args:
        head: scope, made_at and gateway. words: what is in the export, and why it was made.
        checkpoints: the file beside the database.
    """
    chain = "<p>Yes: every entry follows from the one before it, and the signed checkpoints agree.</p>"
    if problems := [*audit.verify(connection, proof.written(checkpoints))][:50]:
        chain = f"<p><b>No.</b></p><ul>{''.join(f'<li>{escape(one)}' for one in problems)}</ul>"
    fingerprint = verifier.fingerprint_of(bytes.fromhex(audit.public_key(connection)))
    said = {**head, "words": words, "fingerprint": fingerprint, "readme": README}
    yield _PAGE.format(chain=chain, **{key: escape(value) for key, value in said.items()}).encode()
    for title, rows in stories:
        yield f"<h2>{escape(title)}</h2><table>\n".encode()
        yield b"<tr><th>Time (UTC)<th>What happened<th>By<th>Entry\n"
        for row in islice(rows, _MAX_ROWS):
            entry = proof.entry_of(row)
            cells = (entry.at[:19].replace("T", " "), proof.words(entry), entry.actor, str(entry.seq))
            line = "".join(f"<td>{escape(cell)}" for cell in cells)
            yield f"<tr>{line}\n".encode(errors="backslashreplace")
        yield b"</table>\n"
    yield b"<p>All messages and documents are listed in index.csv, all entries in entries.jsonl.</p></html>\n"
