"""Rules of vendors: what is checked of a document before it is sent, and of an order when it comes.

Each check is a function in the module of its document. Which hold for a partner, how much they weigh and with
which parameters, a profile says.
"""

from __future__ import annotations

from gateway.rules import acknowledgment, any_document, invoice, order, shipment
from gateway.rules.rule import RULES

__all__ = ["RULES", "acknowledgment", "any_document", "invoice", "order", "shipment"]

for _name in sorted(RULES, key=lambda one: "GPASI".index(one[0])):
    RULES[_name] = RULES.pop(_name)
