"""What proves an invoice, in one zip: the export of its orders, with a cover page."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from sqlalchemy import Connection, select

from gateway.errors import NotFoundError
from gateway.reconciliation.profile import KINDS
from gateway.services.base import Services
from gateway.services.export import export
from gateway.services.scope import Scope
from gateway.store import remittances
from gateway.store import tables as t
from gateway.store.audit import Seal
from gateway.store.database import reading

_NUMBERS = {
    "sscc": "SSCC",
    "bill_of_lading": "bill of lading",
    "pro": "PRO",
    "tracking": "tracking number",
    "scac": "carrier",
}
_MOST = 5000
"""Numbers of a document that are told; all are in its JSON."""

_PAGE = """\
<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>
body {{font: 15px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em}}
table {{border-collapse: collapse; width: 100%}} td {{border-bottom: 1px solid #ccc; vertical-align: top}}
td, th {{text-align: left; padding: .2em .8em .2em 0; overflow-wrap: anywhere}}
</style><h1>{title}</h1><p>{words}</p>
<p>Times are UTC. The bytes that were sent and received lie in messages/, by message; report.html tells what
happened, and verify.py shows that nothing was changed since.</p>
"""


def evidence(
    services: Services, invoice: str, partner: str, reason: str, out: BinaryIO, checkpoints: Path, seal: Seal
) -> str:
    """Writes the zip of an invoice; returns in words what is in it.

    Raises:
        NotFoundError: no invoice of this number was sent, or it names no order.
    """
    with reading(services.store.engine) as connection:
        found = [row for row in remittances.accounts(connection, partner, number=invoice) if row["total"]]
        if len(found) != 1:
            which = (
                "There are several; name one with --partner." if found else "None of this number was sent."
            )
            raise NotFoundError(f"There is no single invoice {invoice}. {which}")
    scope = Scope(invoice=invoice, partner=str(found[0]["partner"]))
    asked = (scope, reason, out, checkpoints, seal)
    return export(services, *asked, lambda connection: _cover(connection, scope, found[0]))


def _cover(connection: Connection, scope: Scope, account: Mapping[str, Any]) -> bytes:
    """The page, as a list of what there is in the order of an order's life."""
    title = f"Invoice {scope.invoice} to {scope.partner}"
    orders = ", ".join(scope.orders(connection)) or "no order that it names"
    total = f"{account['total']} {account['currency']}".strip()
    words = f"For purchase order {orders}. {total}, of {account['invoiced_on']}, due {account['due'] or '-'}."
    lines = [_PAGE.format(title=escape(title), words=escape(words))]
    _, documents = scope.rows(connection)
    d = t.documents.c
    query = select(t.documents).where(d.id.in_(documents)).order_by(d.seq)
    for row in connection.execute(query).mappings():
        lines += _document(connection, dict(row))
    lines.append("<h2>What the partner paid and took off</h2><table>")
    lines.append("<tr><th>Day<th>Payment<th>Number<th>What<th>Amount")
    for one in remittances.parts(connection, scope.partner, root=scope.invoice):
        cells = (one["paid_on"], one["trace"], one["ref"], KINDS[one["kind"]], f"{one['amount']:f}")
        lines.append(_row(cells))
    return "\n".join([*lines, "</table></html>\n"]).encode(errors="backslashreplace")


def _document(connection: Connection, row: Mapping[str, Any]) -> Iterator[str]:
    body = orjson.loads(zlib.decompress(row["body"])) if row["body"] else {}
    kind, way = str(row["document_type"]).replace("_", " "), "Sent" if row["sent_in"] else "Received"
    yield f"<h2>{escape(kind.capitalize())} {escape(row['number'])}</h2><table>"
    m, x, a, y = t.messages.c, t.deliveries.c, t.acknowledgments.c, t.exchanges.c
    carried = row["sent_in"] or row["message_id"]
    for at, name in connection.execute(select(m.created_at, m.name).where(m.id == carried)):
        yield _row((way, f"{at[:19]}, as {name}, message {carried}"))
    if row["direction"] == "out":
        sent = select(x.at, x.channel).where(x.message_id == carried, x.state == "delivered").order_by(x.seq)
        for at, channel in connection.execute(sent):
            yield _row(("Delivered", f"{at[:19]} to {channel}"))
        for one in connection.execute(select(t.exchanges).where(y.message_id == carried)).mappings():
            told = ", ".join(filter(None, (one["as2_id"], one["disposition"], one["mic"])))
            yield _row(("Receipt or transaction", f"{one['at'][:19]}: {one['state']}, {told}"))
        answers = select(a.at, a.kind, a.status, a.words).where(a.about == carried).order_by(a.seq)
        for at, answer, status, said in connection.execute(answers):
            yield _row(("Acknowledged", f"{at[:19]} by {answer}, {status}: {said}"))
    numbers: dict[str, dict[str, None]] = {}
    for name, value in _found(body):
        numbers.setdefault(name, {})[value] = None
    for name, values in numbers.items():
        shown = [*values][:_MOST]
        more = f" and {len(values) - len(shown)} more" if len(values) > len(shown) else ""
        yield _row((f"{_NUMBERS[name]} ({len(values)})", ", ".join(shown) + more))
    yield "</table>"


def _found(body: Any) -> Iterator[tuple[str, str]]:
    """The numbers of cartons and carriers in a document, wherever they stand."""
    parts = [body]
    for part in parts:
        if isinstance(part, list):
            parts += part
        elif isinstance(part, dict):
            for name, value in part.items():
                if name in _NUMBERS and isinstance(value, str):
                    yield name, value
                elif isinstance(value, dict | list):
                    parts.append(value)


def _row(cells: tuple[str, ...]) -> str:
    return f"<tr>{''.join(f'<td>{escape(one)}' for one in cells)}"
