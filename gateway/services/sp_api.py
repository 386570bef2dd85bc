"""Amazon's Selling Partner API: orders are asked for, documents submitted, and their outcomes followed.

A list of orders proves only what is in it: after an outage it may be empty, or hold an order that is days
old. So each look reaches far behind the newest order that came, and what came before is known by its content.

An answer of HTTP 202 says that a document arrived, no more; what became of it a transaction tells later.
Before a document is submitted its attempt is committed. If nobody can say whether it was taken, it is looked
up among what Amazon has before it is submitted again; where that says nothing, a person decides.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import orjson

from gateway.documents import KINDS, model_for
from gateway.errors import DocumentError, Location, Problem, RefusedError
from gateway.observability import tracing
from gateway.partners.partner import API, Partner
from gateway.partners.sp_api import SpApi
from gateway.services import acknowledge, deliver, lifecycle, receive
from gateway.services.base import Services, job_of
from gateway.services.lifecycle import Acknowledgment, Translation
from gateway.services.lifecycle import Delivery as Status
from gateway.services.problems import problem
from gateway.services.work import Came, Work, send
from gateway.sp_api import WrittenBody, differences, read_body, write_body
from gateway.sp_api.changes import Change, change_order, words
from gateway.store.records import (
    DELIVERED,
    FAILED,
    PENDING,
    SENDING,
    Delivery,
    Document,
    Exchange,
    Message,
)
from gateway.transports.folder import harmless
from gateway.transports.sp_api import Answer, Client, SpApiError

NEW, CHANGED = "orders", "changes"
"""Kinds of looks, and how their messages are called."""

LOOKBACK = timedelta(days=3)
"""How far a look reaches behind the newest order that came."""

OLDEST = timedelta(days=180)
"""Older orders Amazon does not list."""

_SETTLES = timedelta(minutes=10)
"""After so long it can be looked up whether a document was taken."""

_PERSON_AFTER = timedelta(hours=24)
"""After so long without knowing a person is asked."""

FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=2), timedelta(minutes=30)
_FOLLOWED = timedelta(days=3)
"""How long a transaction is asked about."""

_PAGES_AHEAD = 4
"""So many are in memory at a time; the rate of calls is kept though what is before them takes its time."""

_STATE = ("purchaseOrderState", "purchaseOrderStateChangedDate", "purchaseOrderChangedDate")
"""Fields of an order that change when nothing does that is asked of us."""


@dataclass(frozen=True, slots=True)
class Account:
    """A partner whose documents go by the API. channel: of the API, see ``Partner.channels``."""

    channel: str
    partner: Partner
    terms: SpApi
    client: Client

    @classmethod
    def of(cls, services: Services, channel: str) -> Account | None:
        """That of a channel; None if it has none any more."""
        for partner in services.settings.partners.values():
            if partner.sp_api is not None and partner.channels.get(channel) == API:
                return cls(channel, partner, partner.sp_api, services.accounts[channel])
        return None


# --- orders that come --------------------------------------------------------------------------------


def look(services: Services, channel: str, kind: str) -> None:
    """Asks for orders that are new or changed, and keeps what is not known."""
    account = Account.of(services, channel)
    if account is None or (account.terms.sandbox and not account.terms.base_url):
        return  # Amazon's sandbox has no orders, and refuses whoever asks for them
    try:
        now = account.client.now()
        since = _since(services, account, kind, now)
        model_for("purchase_order")  # makes it now, for it takes long, and not within a transaction
        for answer in _ahead(account.client.orders(since, now, changed=kind == CHANGED)):
            services.guard()
            _keep(services, account, answer, kind)
        services.well(channel)
    except SpApiError as error:
        services.trouble(channel, f"orders cannot be asked for: {error}", error)


def _ahead(pages: Iterator[Answer]) -> Iterator[Answer]:
    """The same pages; while one is kept, the next few are asked for already. Raises as they do."""
    with ThreadPoolExecutor(1, "pages") as asking:
        coming = deque(asking.submit(next, pages, None) for _ in range(_PAGES_AHEAD))
        try:
            while (answer := coming.popleft().result()) is not None:
                coming.append(asking.submit(next, pages, None))
                yield answer
        finally:
            for one in coming:
                one.cancel()


def _since(services: Services, account: Account, kind: str, now: datetime) -> datetime:
    newest = services.store.last_received(account.partner.id, API, kind)
    first = min(newest or now, now) - LOOKBACK
    if newest is None and (day := account.terms.orders_since):
        first = min(first, datetime.combine(day, time(), UTC))
    return max(first, now - OLDEST)


def _keep(services: Services, account: Account, answer: Answer, kind: str) -> None:
    """Makes a message of a page in which something is new."""
    store = services.store
    marks = {_mark(account.partner, one) for one in answer.items}
    if marks == store.claimed_of([*marks]):
        return
    name, partner = f"{kind}_{services.clock():%Y%m%dT%H%M%S%f}.json", account.partner
    content = BytesIO(answer.received)
    message = receive.came(services, partner.folder, name, content, partner=partner.id, way=API)
    with store.transaction():
        receive.keep(services, message, operation=answer.operation, request_id=answer.request_id)
        services.enqueue([job_of(message.id)])
    services.jobs.wake()


def _mark(partner: Partner, order: Mapping[str, Any]) -> str:
    """What an order is known by: its number and all that it says, but for its state."""
    details = order.get("orderDetails")
    inner = details if isinstance(details, dict) else {}
    told = {name: value for name, value in order.items() if name not in _STATE}
    told["orderDetails"] = {name: value for name, value in inner.items() if name not in _STATE}
    content = json.dumps(told, sort_keys=True, default=str).encode("utf-8", "surrogatepass")
    return f"api-order:{partner.id}|{_number(order)}|{hashlib.sha256(content).hexdigest()}"


def _number(order: Mapping[str, Any]) -> str:
    return str(order.get("purchaseOrderNumber") or "")[:100]


class Orders(Work):
    """The work on a page of orders."""

    _known: set[str]
    """Numbers of orders that were known before, or stood earlier in the page."""

    def process(self) -> Translation:
        """Makes documents of what is new or changed in it; returns what became of it."""
        account = Account.of(self.services, f"{self.message.channel}/{API}")
        self.findings.partner = self.message.partner
        if account is None:
            self.findings.add(
                problem("HOME-NO-ACCOUNT", value=self.message.channel, channel=self.message.channel)
            )
            return Translation.UNPROCESSED
        orders = [*_orders(self.services, self.message)]
        self._known = self.store.known_orders(account.partner.id, [*map(_number, orders)])
        for place, order in enumerate(orders):
            self._order(account, order, f"/payload/orders/{place}")
        self.findings.verdict = "rejected" if self.findings.errors else "accepted"
        if not self.findings.errors:
            return Translation.TRANSLATED
        return Translation.PARTLY_TRANSLATED if self.findings.done else Translation.REJECTED

    def _order(self, account: Account, order: Mapping[str, Any], place: str) -> None:
        partner, store, number = account.partner, self.store, _number(order)
        again = self.message.is_repeated
        if store.claim(_mark(partner, order), self.message.id, again=again) not in (None, self.message.id):
            return
        document, problems = _read(self.services, partner, order)
        self.findings.add(*(one.at(pointer=f"{place}{one.location.pointer or ''}") for one in problems))
        if any(one.is_error for one in problems):
            return
        before, changes = self._before(partner, number), list[Change]()
        self._known.add(number)
        if before is not None:
            if not (changes := differences(before, document)):
                return
            document = change_order(before, document, changes)
        document["test"] = account.terms.sandbox
        form = self.services.erp.outlet(document["document_type"], bool(document.get("test")))
        told = tuple(words(one) for one in changes[:50])
        came = Came(Location(pointer=place), "order", number, self.message.name, changes=told)
        with nullcontext() if form and form.is_sure else self.store.savepoint() as take_back:
            wrong = self.to_erp(partner, document, form, came)
            if wrong and take_back:
                take_back()
            self.findings.add(*wrong)

    def _before(self, partner: Partner, number: str) -> dict[str, Any] | None:
        """The order as it was known until now, whichever way it came; None if it is new."""
        if number not in self._known:
            return None
        kinds = ("purchase_order", "purchase_order_change")
        kept = self.store.newest_document(partner.id, kinds, number, not_of=self.message.id)
        if kept is None:
            return None
        message = self.store.message(kept.message_id)
        if message.way == API:
            for order in _orders(self.services, message):
                if _number(order) == number:
                    return _read(self.services, partner, order)[0]
        found: dict[str, Any] | None = orjson.loads(kept.body) if kept.body else None
        return found


def _read(
    services: Services, partner: Partner, order: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Problem]]:
    found = read_body("order", order, services.guides.of(partner.overlay))
    return (found.documents or [{}])[0], found.problems


def _orders(services: Services, message: Message) -> Iterator[Mapping[str, Any]]:
    if message.payload is None:
        return
    with services.payloads.open(message.payload) as file:
        found = json.loads(file.read(), parse_float=Decimal)
    yield from (found.get("payload") or found).get("orders") or ()


# --- documents that are submitted --------------------------------------------------------------------


def body_of(services: Services, partner: Partner, kept: Document) -> WrittenBody:
    """What is submitted of a document. Raises DocumentError."""
    assert partner.sp_api is not None
    guides, code = services.guides.of(partner.overlay), partner.sp_api.vendor_code
    if kept.test and not partner.sp_api.sandbox:
        found = problem("HOME-TEST", Location(pointer="/test"), value="true")
        raise DocumentError("A test is not submitted.", problems=(found,))
    made = write_body(orjson.loads(kept.body or b""), guides, vendor_code=code)
    if not made.may_be_sent:
        raise DocumentError("The document cannot be submitted.", problems=tuple(made.problems))
    return made


def planned(
    services: Services, partner: Partner, kept: Document
) -> tuple[Message, dict[str, Any], list[Problem]]:
    """Plans that a document is submitted: the message, facts for the audit, and remarks."""
    made, set_id = body_of(services, partner, kept), KINDS[kept.document_type].set_id
    name = harmless(f"{kept.document_type}_{kept.number}_{kept.id[:8]}.json")
    about: dict[str, Any] = {"way": API, "origin": kept.message_id, "operation": made.operation}
    sent = send(services, partner, set_id, name, orjson.dumps(made.body), (None, None), **about)
    facts = {"file": name, "operation": made.operation, "made_from": kept.message_id, "payload": sent.payload}
    return sent, facts | {"event": "submission.written"}, made.problems


def submit(services: Services, channel: str) -> None:
    """Submits what waits for an account, oldest first; what cannot be now is tried again."""
    account = Account.of(services, channel)
    if account is None:
        services.trouble(channel, "documents wait for its API, and no partner file has `sp_api` for it")
        return
    after = 0
    while waiting := services.store.deliveries([f"@{channel}"], 50, after):
        after = waiting[-1].seq
        for delivery in waiting:
            try:
                if not _submit(services, account, delivery):
                    return
            except RefusedError:
                continue  # another process does it


def _submit(services: Services, account: Account, delivery: Delivery) -> bool:
    """Submits one if it is its time; False if the others need not be tried now."""
    store, exchange = services.store, services.store.exchanges.of_delivery(delivery.seq)
    if exchange is not None and exchange.state != "sending":
        exchange = None  # a person asked for it once more
    if exchange is not None and (wait := _wait(services, delivery, exchange)) > timedelta(0):
        with store.transaction():
            services.wake_at(f"send:{delivery.channel}", services.clock() + wait)
        return True
    assert delivery.payload is not None
    with services.payloads.open(delivery.payload) as file:
        body = file.read()
    if delivery.state == SENDING and exchange is not None:
        answer = _found(services, account, delivery, exchange, body)
        if answer is not False:
            return answer is not None or _unknown(services, delivery, exchange)
    exchange = _begin(services, account, delivery, exchange)
    services.guard()
    try:
        with tracing.span("deliver", delivery.message_id, channel=delivery.channel):
            taken = account.client.call(delivery.box, body=body)
    except SpApiError as error:
        return _not_taken(services, account, delivery, exchange, error)
    services.well(delivery.channel)
    _taken(services, account, delivery, exchange, taken)
    return True


def _wait(services: Services, delivery: Delivery, exchange: Exchange) -> timedelta:
    """How long another try has to wait: what may have been taken until that can be looked up."""
    since, now = datetime.fromisoformat(exchange.at), services.clock()
    pause = services.settings.gateway.retries.pause(delivery.tries) if delivery.tries else timedelta(0)
    pause = _SETTLES if delivery.state == SENDING else pause
    return since + pause - now if since <= now else timedelta(0)  # later than now, if the clock was set back


def _begin(services: Services, account: Account, delivery: Delivery, exchange: Exchange | None) -> Exchange:
    """Commits the attempt."""
    store, now = services.store, services.store.now()
    facts = {"operation": delivery.box, "file": delivery.wanted, "sha256": delivery.payload}
    with store.transaction():
        if delivery.state == PENDING:
            store.mark_begun(delivery, services.new_id()[:8])
        if exchange is not None:
            store.exchanges.change(exchange.id, "sending", tries=exchange.tries + 1, at=now)
        else:
            known = {"sender": account.terms.vendor_code, "receiver": delivery.box, "as2_id": ""}
            exchange = deliver.exchange(services, delivery, account.partner.id, now, **known)
            store.exchanges.add(exchange)
        store.audit("submission.begun", delivery.message_id, partner=account.partner.id, **facts)
    return exchange


def _taken(
    services: Services, account: Account, delivery: Delivery, exchange: Exchange, answer: Answer | None
) -> None:
    """Amazon has it: by its answer, or as it was found there. The outcome is still to come, or known."""
    store, now = services.store, services.clock()
    receipt = None
    if answer is not None:
        receipt, _ = services.payloads.put(BytesIO(answer.received))
        services.payloads.flush()
    with store.transaction():
        if not store.settle_delivery(delivery.seq, DELIVERED):
            raise RefusedError(f"Delivery {delivery.seq} was settled meanwhile.")
        told: dict[str, Any] = {"channel": delivery.channel, "box": delivery.box, "file": delivery.wanted}
        told["sha256"] = delivery.payload
        if answer is not None:
            store.exchanges.change(
                exchange.id,
                "sending",
                state="waiting",
                as2_id=answer.transaction_id,
                receipt=receipt,
                error="",
            )
            told |= {"transaction_id": answer.transaction_id, "request_id": answer.request_id}
            due = now + timedelta(minutes=account.terms.outcome_minutes)
            store.expect("acknowledgment", exchange.message_id, due)
            services.enqueue([f"outcome:{exchange.id}"], now + FIRST_PAUSE)
        message = store.message(exchange.message_id)
        if message.delivery == Status.FAILED:
            lifecycle.advance(store, message, Status.DELIVERED)
        store.audit("file.delivered", exchange.message_id, **told)
        store.end_deliveries({exchange.message_id})
    if answer is None:
        _ended(services, exchange, Acknowledgment.ACCEPTED, ["Amazon has it, as a look-up shows."])


def _not_taken(
    services: Services, account: Account, delivery: Delivery, exchange: Exchange, error: SpApiError
) -> bool:
    """Plans what follows an error; whether others may be tried."""
    store, words, now = services.store, str(error)[:500], services.clock()
    if error.code == "SPAPI-INPUT":
        _refused(services, delivery, exchange, error)
        return True
    pause = services.settings.gateway.retries.pause(delivery.tries + 1)
    with store.transaction():
        if error.is_uncertain:
            pause = _SETTLES  # and it stays `sending`
            facts = {"file": delivery.wanted, "operation": delivery.box, "error": words}
            store.audit("submission.uncertain", delivery.message_id, partner=account.partner.id, **facts)
        elif not store.settle_delivery(delivery.seq, PENDING, words):
            raise RefusedError(f"Delivery {delivery.seq} was settled meanwhile.")
        store.exchanges.change(exchange.id, "sending", error=words, at=store.now())
        pause = max(pause, timedelta(seconds=error.retry_after))
        services.wake_at(f"send:{delivery.channel}", now + pause)
        if not error.is_uncertain:
            deliver.delayed(services, delivery, account.partner.id, words)
    services.trouble(delivery.channel, f"{delivery.wanted}: {words}", error)
    return error.is_uncertain


def _refused(services: Services, delivery: Delivery, exchange: Exchange, error: SpApiError) -> None:
    """Amazon did not take it, and never will as it is."""
    store, words = services.store, str(error)[:500]
    with store.transaction():
        _give_up(services, delivery, exchange, words)
        _judged(services, store.message(delivery.message_id), Acknowledgment.REJECTED, [words])


def _give_up(services: Services, delivery: Delivery, exchange: Exchange, words: str) -> None:
    """Leaves it to a person, in the transaction that is open."""
    store = services.store
    if not store.settle_delivery(delivery.seq, FAILED, words):
        raise RefusedError(f"Delivery {delivery.seq} was settled meanwhile.")
    store.exchanges.change(exchange.id, "sending", state="failed", error=words)
    message = store.message(delivery.message_id)
    lifecycle.advance(store, message, Status.FAILED)
    facts = {"channel": delivery.channel, "file": delivery.wanted, "error": words}
    store.audit("delivery.failed", delivery.message_id, partner=message.partner, **facts)


# --- what may have been taken ------------------------------------------------------------------------


def _found(
    services: Services, account: Account, delivery: Delivery, exchange: Exchange, body: bytes
) -> bool | None:
    """Whether Amazon has what may have been taken; None if that cannot be said now."""
    try:
        found = _looked_up(account, delivery.box, json.loads(body))
    except SpApiError as error:
        services.trouble(delivery.channel, f"{delivery.wanted} cannot be looked up: {error}", error)
        return None
    if found:
        _taken(services, account, delivery, exchange, None)
    return found


def _looked_up(account: Account, operation: str, body: Mapping[str, Any]) -> bool | None:
    """Whether Amazon shows what was submitted.

    Of invoices nothing is shown to the programs of vendors for days, so that not finding one says nothing.
    """
    client = account.client
    if operation == "submitAcknowledgement":
        (said,) = body["acknowledgements"]
        query = {"purchaseOrderNumber": said["purchaseOrderNumber"]}
        items = [
            item
            for status in client.call("getPurchaseOrdersStatus", query=query).items
            for item in status.get("itemStatus") or ()
        ]
        return all(_is_acknowledged(one, items) for one in said["items"])
    if operation == "submitInvoices":
        (said,) = body["invoices"]
        if account.terms.marketplace:
            query = {"marketplaceId": account.terms.marketplace, "fromIssueDate": said["date"][:10]}
            for page in client.pages("getInvoiceHeaders", query=query):
                if any(one.get("invoiceNumber") == said["id"] for one in page.items):
                    return True
        return None
    (said,) = body.get("shipmentConfirmations") or body["shipments"]
    number = said.get("shipmentIdentifier") or said["vendorShipmentIdentifier"]
    found = client.call("GetShipmentDetails", query={"vendorShipmentIdentifier": number}).items
    return any(one.get("vendorShipmentIdentifier") == number for one in found)


def _is_acknowledged(line: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the state of an order shows what was said of a line."""
    accepted = sum(
        one["acknowledgedQuantity"]["amount"]
        for one in line["itemAcknowledgements"]
        if one["acknowledgementCode"] == "Accepted"
    )
    for item in items:
        if item.get("itemSequenceNumber") == line.get("itemSequenceNumber"):
            said = item.get("acknowledgementStatus") or {}
            amount = (said.get("acceptedQuantity") or {}).get("amount", 0)
            is_said = said.get("confirmationStatus", "UNCONFIRMED") != "UNCONFIRMED"
            return is_said and bool(amount == accepted)
    return False


def _unknown(services: Services, delivery: Delivery, exchange: Exchange) -> bool:
    """Looks again later, or leaves it to a person."""
    store, now = services.store, services.clock()
    with store.transaction():
        if now - datetime.fromisoformat(delivery.planned_at) < _PERSON_AFTER:
            store.exchanges.change(exchange.id, "sending", at=store.now())
            services.wake_at(f"send:{delivery.channel}", now + _SETTLES)
            return True
        words = (
            "nobody knows whether Amazon took it, and it cannot be looked up. See in Vendor Central; if it is"
            " not there: edigw message resend"
        )
        _give_up(services, delivery, exchange, words)
    return True


# --- what became of it -------------------------------------------------------------------------------


def outcome(services: Services, exchange_id: str) -> None:
    """Asks what became of a transaction, and again later while it is worked on."""
    store = services.store
    exchange = store.exchanges.get(exchange_id)
    account = Account.of(services, exchange.channel)
    if exchange.state != "waiting" or account is None:
        return
    begun, now = datetime.fromisoformat(exchange.at), services.clock()
    late = now - begun > timedelta(minutes=account.terms.outcome_minutes)
    try:
        answer = account.client.call("getTransaction", key=exchange.as2_id)
        said = answer.payload.get("transactionStatus") or {}
        status = said.get("status")
        if status == "Success":
            _ended(services, exchange, Acknowledgment.ACCEPTED, ["Amazon accepts it."], answer)
        elif status == "Failure":
            words = [_sentence(one) for one in said.get("errors") or ()] or [
                "Amazon refuses it without a reason."
            ]
            _ended(services, exchange, Acknowledgment.REJECTED, words, answer)
        elif late and _confirmed(services, account, exchange):
            words = ["The transaction stays in work, but Amazon has it, as a look-up shows."]
            _ended(services, exchange, Acknowledgment.ACCEPTED, words)
        else:
            _again(services, exchange, now - begun)
    except SpApiError as error:
        services.trouble(exchange.channel, f"transaction {exchange.as2_id}: {error}", error)
        _again(services, exchange, now - begun)
    except RefusedError:
        pass  # another process told it


def _confirmed(services: Services, account: Account, exchange: Exchange) -> bool:
    message = services.store.message(exchange.message_id)
    if message.payload is None:
        return False
    with services.payloads.open(message.payload) as file:
        body = json.loads(file.read())
    return bool(_looked_up(account, exchange.receiver, body))


def _again(services: Services, exchange: Exchange, age: timedelta) -> None:
    """Asks again, the older it is the later; after days a person has been told for long."""
    if age < _FOLLOWED:
        pause = min(max(FIRST_PAUSE, age / 2), _LONGEST_PAUSE)
        with services.store.transaction():
            services.enqueue([f"outcome:{exchange.id}"], services.clock() + pause)


def _sentence(error: Mapping[str, Any]) -> str:
    return ": ".join(str(error[name])[:300] for name in ("code", "message", "details") if error.get(name))


def _ended(
    services: Services,
    exchange: Exchange,
    status: Acknowledgment,
    words: Sequence[str],
    answer: Answer | None = None,
) -> None:
    """Says what became of a document. Raises RefusedError if that is said already."""
    store, proof = services.store, None
    if answer is not None:
        proof, _ = services.payloads.put(BytesIO(answer.received))
        services.payloads.flush()
    with store.transaction():
        state = "confirmed" if status is Acknowledgment.ACCEPTED else "failed"
        kept = {"signed": exchange.receipt, "receipt": proof} if proof else {}
        told = words[0][:500] if state == "failed" else ""
        store.exchanges.change(exchange.id, ("sending", "waiting"), state=state, error=told, **kept)
        _judged(services, store.message(exchange.message_id), status, words, proof)


def _judged(
    services: Services, sent: Message, status: Acknowledgment, words: Sequence[str], proof: str | None = None
) -> None:
    """What Amazon says of a document, in the transaction that is open."""
    store = services.store
    acknowledge.judged(services, sent, status, words)
    store.add_acknowledgment("transaction", "", sent, "", status.value, words)
    facts: dict[str, Any] = {"file": sent.name, "status": status.value, "words": [*words][:20]}
    facts |= {"sha256": proof} if proof else {}
    store.audit("acknowledgment.received", sent.id, partner=sent.partner, **facts, by=sent.id)
    services.payloads.flush()
