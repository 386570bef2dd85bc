"""Tells people and programs what happened, as the rules of alerts.yaml say.

An alert is made in the transaction of the entry of the audit that it tells of. A rule's job makes notices of
the alerts that are due, one for each target; each is sent by a job of its own, again until it is taken.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any

import orjson

from gateway.errors import EdiError, NotFoundError, TransportError
from gateway.files import in_words
from gateway.notify import events
from gateway.notify import notice as notices
from gateway.notify.rules import LOG, Rule, Target
from gateway.observability.logging import get_logger
from gateway.partners.webhook import Email, Webhook
from gateway.secrets import secret
from gateway.services.base import Services
from gateway.services.check import Finding
from gateway.store.records import Entry, as_text
from gateway.transports import mail, webhook
from gateway.transports.as2 import tls_context

_KEPT = timedelta(days=90)
_LONGEST_PAUSE = 3600.0
_MAX_ERROR = 1000
_OFF = "webhook"
"""Scope of the keys of webhooks that are switched off."""

_MORE = dict.fromkeys(("partner", "message_id", "document_id"), "") | {
    **events.alert(events.MORE, {}),
    "thing": events.MORE,
    "facts": "{}",
}


def notice(services: Services, entries: Sequence[Entry]) -> None:
    """Makes alerts of entries of the audit, in their transaction."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    now, rules = services.clock(), services.settings.alerts.rules
    for entry in entries:
        for name in events.found(entry.event, entry.facts):
            partner = entry.partner or _partner(services, entry)
            facts: dict[str, Any] = {"partner": partner, **entry.facts}
            about = {"message_id": entry.message_id or "", "document_id": entry.document_id or ""}
            thing = events.thing(name, facts | about)
            for rule in rules:
                if rule.is_about(name, partner) and _is_of(services, rule, entry):
                    said = events.alert(name, facts) | about | {"thing": thing, "times": 0}
                    said["due_at"] = as_text(rule.due(now, said["severity"]))
                    said |= {"partner": partner or "", "at": as_text(entry.at)}
                    said["facts"] = orjson.dumps(said["facts"]).decode()
                    found.setdefault(rule.name, {}).setdefault(thing, said)["times"] += 1
    for rule in rules:
        if rows := [*found.get(rule.name, {}).values()]:
            since = now - timedelta(minutes=rule.repeat_minutes)
            services.store.alerts.add(rule.name, rows, since, _MORE)
            if any(one["due_at"] <= as_text(now) for one in rows):
                services.enqueue([f"alert:{rule.name}"])


def _partner(services: Services, entry: Entry) -> str | None:
    """Whose channel an entry is about."""
    channel = entry.facts.get("channel")
    return next((one.id for one in services.settings.partners.values() if one.folder == channel), None)


def _is_of(services: Services, rule: Rule, entry: Entry) -> bool:
    """Whether an entry is about a type of document that the rule is about."""
    if not rule.documents or entry.facts.get("document_type") in rule.documents:
        return True
    if "document_type" in entry.facts or not entry.message_id:
        return False
    kept = services.store.documents_of(entry.message_id)
    return any(one.document_type in rule.documents for one in kept)


def tell(services: Services, name: str) -> None:
    """Makes notices of what a rule has to tell now."""
    store, now = services.store, services.clock()
    rule = next((one for one in services.settings.alerts.rules if one.name == name), None)
    with store.transaction():
        store.alerts.lock()
        due = store.alerts.due(name, now)
        for step, rows in groupby(sorted(due, key=attrgetter("step")), key=attrgetter("step")):
            alerts = [_alert(one) for one in rows]
            numbers = [one["alert"] for one in alerts]
            if rule is None or step > len(rule.escalate):  # it was taken out of the settings meanwhile
                store.alerts.told(numbers, "")
                continue
            for one in alerts:
                later = rule.escalate[step].after_minutes if step < len(rule.escalate) else None
                at = later and rule.due(now + timedelta(minutes=later), one["severity"], again=True)
                store.alerts.told([one["alert"]], as_text(at) if at else "")
            body = orjson.dumps(notices.notice(name, alerts, now, escalated=step > 0)).decode()
            targets = rule.escalate[step - 1].to if step else rule.to
            for target in targets:
                key = f"msg_{services.new_id()}"
                store.alerts.add_notice(key, target, name, body)
                services.enqueue([f"notice:{key}"])
            store.audit("alert.told", rule=name, targets=[*targets], alerts=numbers)


def _alert(row: Any) -> dict[str, Any]:
    """An alert as notices show it."""
    names = ("event", "severity", "words", "partner", "message_id", "document_id", "times", "at")
    shown = {name: getattr(row, name) for name in names}
    return {"alert": row.seq, **shown, "facts": orjson.loads(row.facts)}


def send(services: Services, notice_id: str) -> None:
    """Sends a notice; what may succeed later is tried again, with growing pauses."""
    store, now = services.store, services.clock()
    if (row := store.alerts.notice(notice_id)) is None:
        return
    facts = {"target": row.target, "rule": row.rule, "notice": notice_id}
    services.guard()
    try:
        refused = post(services, row.target, notice_id, row.body.encode())
    except (EdiError, OSError) as error:
        words = events.clean(in_words(error), _MAX_ERROR)
        late = now - timedelta(hours=services.settings.gateway.retries.give_up_after_hours)
        is_over = row.at < as_text(late) or isinstance(error, webhook.GoneError | NotFoundError)
        with store.transaction():
            if store.alerts.settle(notice_id, "failed" if is_over else "pending", words):
                if is_over:
                    store.audit("alert.failed", **facts, error=words)
                else:
                    pause = timedelta(seconds=min(5.0 * 4 ** min(row.tries, 10), _LONGEST_PAUSE))
                    services.enqueue([f"notice:{notice_id}"], now + pause)
                if isinstance(error, webhook.GoneError):
                    store.once(_OFF, _address(_target(services, row.target)), result="410")
        services.trouble(row.target, f"an alert: {words}")
        return
    more: dict[str, Any] = {"refused": refused} if refused else {}
    with store.transaction():
        if store.alerts.settle(notice_id, "sent"):
            store.audit("alert.sent", **facts, **more)


def post(services: Services, name: str, notice_id: str, body: bytes, *, test: bool = False) -> list[str]:
    """Sends a notice to a target; returns mail addresses that were refused while others were not.

    Args:
        test: also to a webhook that was switched off; it is on again if it takes this.

    Raises:
        GoneError: a webhook is switched off.
        TransportError: the target did not take it.
        ConfigurationError: a secret or file is not there.
        NotFoundError: there is no such target in the settings.
    """
    said, now = orjson.loads(body), services.clock()
    if name == LOG:
        for one in said["data"]["alerts"]:
            shown = {key: one[key] for key in ("alert", "severity", "words", "times")}
            get_logger().warning("alert", **shown)
        return []
    target = _target(services, name)
    secrets, context = _secrets(services, target)
    if isinstance(terms := target.terms, Email):
        made = mail.message(terms, notices.subject(said), notices.text(said), notice_id, now)
        return mail.send(terms, "".join(secrets), context, made)
    if not test and services.store.result_of(_OFF, _address(target)):
        words = f"It answered 410 and is switched off; `edigw alert test {name}` switches it on."
        raise webhook.GoneError(words)
    webhook.post(services.http, terms, secrets, context, notice_id, body, now)
    if test:
        with services.store.transaction():
            services.store.forget_key(_OFF, _address(target))
    return []


def _target(services: Services, name: str) -> Target:
    for one in services.settings.alerts.targets:
        if one.name == name:
            return one
    raise NotFoundError(f"There is no target {name!r} in alerts.yaml.")


def _secrets(services: Services, target: Target) -> tuple[list[str], ssl.SSLContext]:
    ca_file = str(services.home / target.terms.ca_file) if target.terms.ca_file else ""
    return [secret(one, services.home) for one in target.terms.secrets], tls_context(ca_file, None)


def _address(target: Target) -> str:
    return f"{target.name} {target.webhook.url if target.webhook else ''}"


def acknowledge(services: Services, number: int, reason: str) -> str:
    """Somebody takes care of an alert; returns what it says. Raises NotFoundError and RefusedError."""
    store = services.store
    with store.transaction():
        store.alerts.lock()
        row = store.alerts.acknowledge(number, store.actor, reason)
        about = {"partner": row.partner or None, "document_id": row.document_id or None}
        told = {"alert": number, "about": row.words, "reason": reason}
        store.audit("alert.acknowledged", row.message_id or None, **about, **told)
    return str(row.words)


def resend(services: Services, notice_id: str, reason: str) -> str:
    """Tells a target once more what it was told, or could not be; returns the target.

    Raises:
        NotFoundError: there is no such notice, or its target is gone. RefusedError: it is on its way.
    """
    store = services.store
    with store.transaction():
        row = store.alerts.again(notice_id)
        if row.target != LOG:
            _target(services, row.target)
        services.enqueue([f"notice:{notice_id}"])
        facts = {"target": row.target, "rule": row.rule, "notice": notice_id}
        store.audit("alert.resent", **facts, reason=reason)
    return str(row.target)


def try_out(services: Services, name: str) -> str:
    """Sends a test to a target; returns what went well, in words. Raises as :func:`post`."""
    body, result = orjson.dumps(notices.test(services.clock())), "fine"
    try:
        refused = post(services, name, f"msg_{services.new_id()}", body, test=True)
        return f"{name} took it{', but not for ' * bool(refused)}{' '.join(refused)}."
    except EdiError as error:
        result = events.clean(error, _MAX_ERROR)
        raise
    finally:
        with services.store.transaction():
            services.store.audit("alert.tested", target=name, result=result)


def examine(services: Services) -> Iterator[Finding]:
    """Whether targets could be told: what they name is there, and leads to addresses that are allowed."""
    for one in services.settings.alerts.targets:
        try:
            secrets, _ = _secrets(services, one)
            mail.addresses(*one.terms.place, not one.terms.private_addresses)
            if isinstance(one.terms, Webhook):
                for each in secrets:
                    webhook.signature(each, "", 0, b"")
                if services.store.result_of(_OFF, _address(one)):
                    raise TransportError("it answered 410 (Gone) and is switched off")
            yield Finding(True, f"The target {one.name} of alerts can be told.")
        except (EdiError, OSError, UnicodeError) as error:
            words = f"The target {one.name} of alerts cannot be told: {in_words(error)}"
            yield Finding(
                False, words, f"Correct alerts.yaml, or what it names: `edigw alert test {one.name}`"
            )


def forget(services: Services) -> None:
    """Forgets what was told long ago; the audit keeps it."""
    with services.store.transaction():
        services.store.alerts.forget(services.clock() - _KEPT)
