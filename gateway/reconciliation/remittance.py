"""The parts of a remittance: every amount that changes its payment, with what it is and why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from gateway.reconciliation.profile import CHAIN, MAX_REF, SHORTAGE, Pattern, Profile

_DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND"), 0),
    **dict.fromkeys(("VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
"""Digits after the point (ISO 4217) where they are not two."""

_LARGEST = Decimal(10) ** 15
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One amount of a remittance.

    Attributes:
        line: of the remittance, from 1. place: what of it, as ``line``, ``discount``, ``adjustment 2``.
        ref: the number the partner gives. root: the invoice, or other account, that it is netted with.
        kind: of :data:`gateway.reconciliation.profile.KINDS`. step: place in a chain of claims, from 1.
        amount: what it adds to the payment, negative where it takes off.
        why: the reason for the kind, in words.
    """

    line: int
    place: str
    ref: str
    root: str
    kind: str
    amount: Decimal
    why: str
    step: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Remittance:
    """A remittance with its parts.

    Attributes:
        wrong: why it is held and counts for nothing; empty if all is right.
        is_notice: whether it only tells of claims (a notification), and moves no money.
    """

    trace: str
    paid_on: str
    currency: str
    amount: Decimal
    parts: tuple[Part, ...]
    wrong: str = ""
    is_notice: bool = False


class Reader:
    """Reads remittances of a partner.

    Args:
        invoices: numbers of our invoices and credit notes; true for the latter.
        notices: kind and root by reference, of claims that were announced.
    """

    def __init__(
        self,
        profile: Profile,
        invoices: Mapping[str, bool] | None = None,
        notices: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        self._profile, self._invoices, self._notices = profile, invoices or {}, notices or {}
        self._patterns = [(one, re.compile(one.pattern, re.IGNORECASE).fullmatch) for one in profile.lines]

    def read(self, document: Mapping[str, Any], fallback: str = "") -> Remittance:
        """A ``remittance_advice``, whose currency its amounts share.

        Args:
            fallback: number of one without a number.
        """
        # A debit (BPR03 = D) is money that the partner takes.
        sign = -1 if document.get("credit_debit") == "debit" else 1
        amount, currency = _amount(document["amount"]) * sign, str(document.get("currency") or "")
        wrong = dict[str, None]()
        parts: list[Part] = []
        number = 0
        for entity in document.get("entities") or ():
            for one in entity.get("lines") or ():
                number += 1
                parts += self._line(number, one, sign)
                _check(number, one, currency, wrong)
            for one in entity.get("adjustments") or ():
                number += 1
                paid = _amount(one["amount"]) * sign
                parts.append(self._adjustment(number, "adjustment", "", paid, one))
                _check(number, {"amount": one["amount"]}, currency, wrong)
        notice = document.get("handling") == "notification_only"
        total = sum((one.amount for one in parts), ZERO)
        if total != amount and not notice:
            words = f"its lines add up to {total}, and {amount} was paid: {amount - total} is not explained"
            wrong = {words: None, **wrong}
        trace = str(document.get("remittance_id") or fallback)[:MAX_REF]
        told = "; ".join([*wrong][:5])
        paid_on = str(document.get("paid_on") or _day(document))
        known: dict[str, Any] = {"trace": trace, "paid_on": paid_on, "currency": currency, "amount": amount}
        return Remittance(**known, parts=tuple(parts), wrong=told, is_notice=notice)

    def _line(self, number: int, line: Mapping[str, Any], sign: int) -> Iterator[Part]:
        """The parts of a line, whose sum is what was paid for it."""
        paid, discount = _amount(line.get("paid")) * sign, _amount(line.get("discount")) * sign
        given = line.get("adjustments") or ()
        told = [_amount(one["amount"]) * sign for one in given]
        own, inner = _amount(line.get("adjustment")) * sign, sum(told, ZERO)
        gross = _amount(line["gross"]) * sign if line.get("gross") and line.get("paid") else None
        if gross is None:
            gross = paid + discount - inner - own
        # RMR08 may be without sign, and may say once more what ADX say: what makes the sum right counts.
        rest = paid - gross + discount - inner
        own = next((one for one in (own, -own, ZERO) if one == rest), own)
        ref = str(line.get("document_ref") or "").strip()
        reason = str(line.get("adjustment_reason") or "") if not given else ""
        main = self.classify(ref, gross, str(line.get("ref_type") or ""), "" if own else reason)
        main = replace(main, line=number, place="line")
        yield main
        known: dict[str, Any] = {"line": number, "ref": ref, "root": main.root}
        if discount:
            why = "the remittance tells it as discount"
            yield Part(place="discount", kind="discount", amount=-discount, why=why, **known)
        if own:
            kind = self._profile.reasons.get(reason, "unexplained")
            why = f"its reason is {reason or 'not told'}"
            yield Part(place="adjustment", kind=kind, amount=own, why=why, **known)
        for place, (one, amount) in enumerate(zip(given, told, strict=True), 1):
            yield self._adjustment(number, f"adjustment {place}", main.root, amount, one)
        if left := rest - own:
            why = f"{gross} was to be paid and {paid} was, and the remittance does not say why"
            yield Part(place="difference", kind="unexplained", amount=left, why=why, **known)

    def _adjustment(
        self, number: int, place: str, root: str, amount: Decimal, one: Mapping[str, Any]
    ) -> Part:
        ref, reason = str(one.get("ref") or "").strip(), str(one.get("reason") or "")
        found = self.classify(ref, amount, str(one.get("ref_type") or "other"), reason)
        if found.kind == "unclassified" and root:
            why = f"its reason {reason} has no kind in the profile" if reason else "no reason is told"
            found = replace(found, kind="unexplained", why=why)
        ours = found.root in self._invoices or found.step
        return replace(found, line=number, place=place, root=found.root if ours or not root else root)

    def classify(self, ref: str, amount: Decimal, ref_type: str = "", reason: str = "") -> Part:
        """What an amount with a reference is; the profile is asked where no invoice has this number."""
        made = Part(line=0, place="", ref=ref, root=ref, kind="unclassified", amount=amount, why="")
        by_reason = self._profile.reasons.get(reason)
        if (is_credit := self._invoices.get(ref)) is not None:
            if is_credit:
                return replace(made, kind="credit", why="it is the number of your credit note")
            if amount >= 0:
                return replace(made, kind="payment", why="it is the number of your invoice")
            if by_reason:
                return replace(made, kind=by_reason, why=f"its reason is {reason}")
            return replace(made, why="it takes off from your invoice, and no reason is told")
        if ref in self._notices:
            kind, root = self._notices[ref]
            return replace(made, kind=kind, root=root, why="it was announced under this number")
        if ref and len(ref) <= MAX_REF and (found := self._matched(made)) is not None:
            return found
        if by_reason:
            return replace(made, kind=by_reason, why=f"its reason is {reason}")
        if ref and amount >= 0 and ref_type in ("", "invoice"):
            why = "it is named as an invoice, and you have sent none of this number"
            return replace(made, kind="payment", why=why)
        what = "it has no number" if not ref else f"no form of numbers in the profile fits {ref[:MAX_REF]!r}"
        return replace(made, why=what + (f", nor its reason {reason}" if reason else ""))

    def roots(self, ref: str) -> list[str]:
        """The numbers of which an invoice would decide what a reference is."""
        matches = [fullmatch(ref) for _, fullmatch in self._patterns] if len(ref) <= MAX_REF else []
        return [ref, *(one.groupdict().get("root") or "" for one in matches if one)]

    def _matched(self, made: Part) -> Part | None:
        """By the pattern with the longest mark; a root that is an invoice of ours decides before that."""
        found: list[tuple[bool, int, int, Pattern, re.Match[str]]] = []
        for place, (one, fullmatch) in enumerate(self._patterns):
            if match := fullmatch(made.ref):
                root = match.groupdict().get("root") or ""
                found.append((root in self._invoices, len(made.ref) - len(root), -place, one, match))
        if not found:
            return None
        pattern, match = max(found, key=lambda one: one[:3])[3:]
        groups = match.groupdict()
        root, why = (groups.get("root") if "root" in groups else made.ref) or "", pattern.words
        known = replace(made, root=pattern.account.format(root=root).strip(), kind=pattern.kind, why=why)
        sign = pattern.sign
        if pattern.kind == SHORTAGE:
            # SC, SCR, SCRSC: each mark is a step, and the odd ones are debits.
            step = len(re.findall("SC|R", groups["chain"].upper()))
            kind = CHAIN[1] if step % 2 == 0 else CHAIN[0] if step == 1 else CHAIN[2]
            known, sign = replace(known, kind=kind, step=step), "debit" if step % 2 else "credit"
        if (sign == "debit" and made.amount > 0) or (sign == "credit" and made.amount < 0):
            why = f"{why}: that would be a {sign}, and the amount is {made.amount}"
            return replace(known, kind="unclassified", step=0, why=why)
        return known


def digits(currency: str) -> int:
    """Digits after the point that amounts of a currency have."""
    return _DIGITS.get(currency, 2)


def plain(amount: Decimal) -> str:
    """An amount as text, without exponent."""
    return f"{amount + 0:f}"


def _amount(money: Any) -> Decimal:
    return Decimal(str((money or {}).get("amount") or 0))


def _day(document: Mapping[str, Any]) -> str:
    days = (one.get("at") for one in document.get("dates") or ())
    return next((str(one)[:10] for one in days if one), "")


def _check(number: int, line: Mapping[str, Any], currency: str, wrong: dict[str, None]) -> None:
    """Finds amounts in another currency, or finer than the currency is."""
    for money in (
        *(line.get(name) for name in _MONEY),
        *(one["amount"] for one in line.get("adjustments") or ()),
    ):
        if not money:
            continue
        other, amount = money.get("currency") or currency, _amount(money)
        if other != currency:
            wrong[f"line {number} is in {other}, and the remittance in {currency or 'no currency'}"] = None
        if not -_LARGEST < amount < _LARGEST or amount != round(amount, digits(other)):
            wrong[f"line {number}: {amount} is no amount of {other or 'money'}"] = None


_MONEY = ("paid", "gross", "discount", "adjustment", "amount")


def references(document: Mapping[str, Any]) -> set[str]:
    """All numbers that a remittance gives for what it is about."""
    found = set()
    for entity in document.get("entities") or ():
        lines = entity.get("lines") or ()
        adjustments = [
            *(entity.get("adjustments") or ()),
            *(a for one in lines for a in one.get("adjustments") or ()),
        ]
        found |= {str(one.get("document_ref") or "").strip() for one in lines}
        found |= {str(one.get("ref") or "").strip() for one in adjustments}
    return found - {""}
