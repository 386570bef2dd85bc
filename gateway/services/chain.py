"""The story of an order, as commands, API and pages tell it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from gateway.documents import KINDS
from gateway.store import chains
from gateway.store.queries import Row

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gateway.settings import Settings

MAX_CHAINS = 20
_FOLLOWING = ("purchase_order_acknowledgment", "ship_notice", "invoice")
"""What we send after an order, as far as it is agreed; the payment follows what we send."""

_PAYMENT = "remittance_advice"


def told(
    connection: Connection,
    settings: Settings,
    number: str,
    partner: str = "",
    partners: Collection[str] | None = None,
) -> list[Row]:
    """Chains a number, or the id of a document, leads to, each with its ``gaps``. Raises NotFoundError."""
    found = []
    for ids, order in chains.starts(connection, number, partner, partners)[:MAX_CHAINS]:
        one = chains.chain(connection, ids, order, partners)
        one["gaps"] = list(chains.gaps(one, _expected(settings, one["partner"])))
        found.append(one)
    return found


def _expected(settings: Settings, partner_id: str) -> Sequence[str]:
    """Types of documents that follow an order of a partner, by its agreement."""
    partner = settings.partners.get(partner_id)
    if partner is None:
        return ()
    sent = [kind for kind in _FOLLOWING if partner.sends(KINDS[kind].set_id)]
    return [*sent, _PAYMENT] if partner.receives(KINDS[_PAYMENT].set_id) else sent
