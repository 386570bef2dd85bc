"""How a partner's remittances are read: patterns of references, reasons, dispute windows."""

from __future__ import annotations

import re
from dataclasses import field, replace
from typing import Any

from gateway.partners.setting import setting

KINDS = {
    "payment": "payment",
    "credit": "credit note of yours, taken",
    "discount": "terms discount",
    "quantity": "quantity variance (PQV)",
    "price": "price variance (PPV)",
    "freight": "freight",
    "tax": "tax",
    "allowance": "allowance or charge",
    "duplicate": "billed twice",
    "returns": "returns",
    "damage": "damage or quality",
    "late": "interest or charge for being late",
    "previous": "earlier over- or underpayment",
    "shortage_claim": "shortage claim",
    "shortage_reversal": "reversal of a shortage claim",
    "shortage_reclaim": "shortage claimed again",
    "chargeback": "chargeback",
    "price_protection": "price protection",
    "coop": "co-op agreement",
    "provision": "provision that is held back",
    "provision_release": "provision that is released",
    "other": "other",
    "unexplained": "difference without a reason",
    "unclassified": "not classified",
}
"""What a part of a remittance may be, and how people call it."""

DECIDABLE = tuple(kind for kind in KINDS if kind not in ("unexplained", "unclassified"))
"""Kinds a person may say that a part is."""

OF_INVOICE = {"payment", "credit", "discount", "shortage_claim", "shortage_reversal", "shortage_reclaim"}
"""Kinds that only an invoice of ours can have."""

CHAIN = ("shortage_claim", "shortage_reversal", "shortage_reclaim")
SHORTAGE = "shortage"
"""The kind of a pattern whose group ``chain`` says which of :data:`CHAIN` a line is."""

MAX_REF = 100
"""Characters of a reference that are compared; longer ones are not classified."""


@setting
class Pattern:
    """What a reference of a certain form is.

    Attributes:
        kind: of :data:`KINDS`, or ``shortage``, whose group ``chain`` has the steps of a chain of claims.
        pattern: a regular expression of the whole reference; ``(?P<root>...)`` is what it is about, by
            default the reference itself.
        account: under which name it is netted, as ``PROVISION {root}``.
        sign: ``debit`` or ``credit`` where only amounts of this sign are meant.
        words: why, in words.
    """

    kind: str
    pattern: str
    words: str
    account: str = "{root}"
    sign: str = ""

    def __post_init__(self) -> None:
        if self.kind not in (*KINDS, SHORTAGE):
            raise ValueError(f"kind {self.kind!r}: choose one of {', '.join((*DECIDABLE, SHORTAGE))}")
        if self.sign not in ("", "debit", "credit"):
            raise ValueError(f"sign {self.sign!r}: write debit or credit, or leave it out")
        try:
            groups = re.compile(self.pattern).groupindex
        except re.error as error:
            raise ValueError(f"pattern {self.pattern!r} is no regular expression: {error}") from None
        if (self.kind == SHORTAGE) != ("chain" in groups):
            raise ValueError(f"pattern {self.pattern!r}: the group `chain` goes with the kind shortage")


@setting
class Disputes:
    """How claims may be disputed. days: from the payment on. tries: how often."""

    days: int = 30
    tries: int = 2

    def __post_init__(self) -> None:
        if not 1 <= self.days <= 3660 or not 1 <= self.tries <= 10:
            raise ValueError("disputes: days is 1 to 3660, tries 1 to 10")


@setting
class Profile:
    """``config/reconciliation/<name>.yaml``.

    Attributes:
        description: for people. extends: another profile whose reasons hold as well.
        lines: forms of references; the one that leaves least of a reference counts, then the first.
        reasons: kinds by the reason of an adjustment, as remittance advices name it.
        disputes: of which kinds, for how long. near_days: so long before the end it is told that it comes.
    """

    description: str = ""
    extends: str = ""
    lines: tuple[Pattern, ...] = ()
    reasons: dict[str, str] = field(default_factory=dict)
    disputes: dict[str, Disputes] = field(default_factory=dict)
    near_days: tuple[float, ...] = (7, 1)

    def __post_init__(self) -> None:
        for name, said in (("reasons", [*self.reasons.values()]), ("disputes", [*self.disputes])):
            if wrong := [one for one in said if one not in KINDS]:
                raise ValueError(f"{name}: {wrong[0]!r} is none of {', '.join(DECIDABLE)}")
        if len(self.near_days) > 8 or not all(0 < one <= 365 for one in self.near_days):
            raise ValueError("near_days: at most eight, each more than 0 and at most 365")

    def on(self, base: Profile) -> Profile:
        """The same with what the profile it extends says."""
        known: dict[str, Any] = {"lines": (*self.lines, *base.lines)}
        known |= {"reasons": {**base.reasons, **self.reasons}, "disputes": {**base.disputes, **self.disputes}}
        return replace(self, **known)
