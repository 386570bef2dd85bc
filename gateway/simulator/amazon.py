"""Amazon's Selling Partner API for vendors, played over real HTTP: with memory, a script, and mistakes.

It shares nothing with the client: what both say of the interface, each says for itself. Time comes from a
clock that is passed in, identifiers count up; so the same calls get the same answers.
"""

from __future__ import annotations

import json
import re
import zlib
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any, Self, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import UUID

from gateway.simulator.bodies import check, documents
from gateway.simulator.script import CALLS, TOKEN, Change, Fault, Order, Script

Row: TypeAlias = dict[str, Any]
Query: TypeAlias = dict[str, str]

_BODY_LIMIT = 4 << 20
_LISTS = {
    "getPurchaseOrders": ("orders", 100),
    "getPurchaseOrdersStatus": ("ordersStatus", 100),
    "GetShipmentDetails": ("shipments", 50),
    "GetShipmentLabels": ("transportLabels", 50),
    "getInvoiceHeaders": ("invoices", 100),
}
_WINDOWS = ("created", "changed", "updated", "labelCreated")
_ASKED = {f"{kind}{end}" for kind in _WINDOWS for end in ("After", "Before")} | {
    "limit", "sortOrder", "nextToken", "nextTokenForLineItems", "includeDetails", "isPOChanged",
    "orderingVendorCode", "purchaseOrderState", "purchaseOrderNumber", "vendorShipmentIdentifier",
    "marketplaceId", "fromIssueDate", "toIssueDate", "invoicesModifiedAfter",
}  # fmt: skip


class _Refusal(Exception):
    """An answer that says no."""

    def __init__(self, status: int, code: str, message: str, details: str = "", retry: float = 0) -> None:
        self.status, self.retry = status, retry
        self.body = {"errors": [{"code": code, "message": message, "details": details}]}


def _invalid(details: str) -> _Refusal:
    return _Refusal(400, "InvalidInput", "Request has missing or invalid parameters.", details)


def _denied(details: str = "") -> _Refusal:
    return _Refusal(403, "Unauthorized", "Access to requested resource is denied.", details)


def _unknown(what: str) -> _Refusal:
    return _Refusal(404, "NotFound", "The requested resource is not known.", what)


def _throttled(seconds: float = 0) -> _Refusal:
    return _Refusal(429, "QuotaExceeded", "You exceeded your quota for the requested resource.", "", seconds)


@dataclass(slots=True)
class _Bought:
    """An order with what became of it; ``answers``: accepted and rejected, by line."""

    body: Row
    made: datetime
    changes: list[Change]
    changed: datetime | None = None
    acknowledged: datetime | None = None
    answers: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(slots=True)
class _Transaction:
    operation: str
    documents: dict[str, Row]
    due: datetime
    status: str = "Processing"
    errors: list[Row] = field(default_factory=list)


class Amazon(AbstractContextManager["Amazon"]):
    """The played Amazon; while it is entered it listens on loopback.

    Args:
        now: the time, UTC. wait: sleeps for the delays of the script.

    Attributes:
        calls: every call: seconds since the start, operation, status (0 without an answer).
        submissions: how often each number was taken by an operation; more than 1 is a duplicate.
    """

    def __init__(
        self,
        script: Script,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        wait: Callable[[float], object] | None = None,
        port: int = 0,
    ) -> None:
        self.script, self.now, self.start, self._stop = script, now, now(), Event()
        self._wait = wait or self._stop.wait
        self.calls: list[tuple[float, str, int]] = []
        self.submissions: Counter[tuple[str, str]] = Counter()
        self.transactions: dict[str, _Transaction] = {}
        self._lock, self._numbers, self._seen = Lock(), Counter[str](), Counter[int]()
        self._tokens: dict[str, datetime] = {}
        self._buckets: dict[str, tuple[float, datetime]] = {}
        self._orders: dict[str, _Bought] = {}
        for told in script.orders:
            self.publish(told, self.start)
        self._shipments: dict[str, Row] = {}
        self._invoices: dict[str, tuple[datetime, Row, list[Row]]] = {}
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.amazon = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), name="played-amazon")
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def publish(self, told: Order, since: datetime | None = None) -> None:
        """Makes orders; their times count from then, by default from now."""
        for n, number in enumerate(told.numbers):
            at = (since or self.now()) + timedelta(seconds=told.at_seconds + n * told.every_seconds)
            body = _order(told, number, at, self.script.vendor_code)
            self._orders[number] = _Bought(body, at, [*told.changes])

    # --- calls ---------------------------------------------------------------------------------------

    def answer(self, handler: _Handler, sent: bytes) -> None:
        """Answers one request, or does what the script says instead."""
        parts = urlsplit(handler.path)
        above, _, key = parts.path.rpartition("/")
        names = (f"{handler.command} {parts.path}", f"{handler.command} {above}/*")
        operation = CALLS.get(names[0]) or CALLS.get(names[1], "")
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        with self._lock:
            seconds = (self.now() - self.start).total_seconds()
            fault = self._fault(operation, query, seconds) or Fault(does="delay")
        breaks = fault.does in ("break", "break_after")
        if fault.does == "delay":
            self._wait(fault.seconds)
        with self._lock:
            self._settle()
            status, retry, body = 200, 0.0, self.state
            try:
                if parts.path != "/rehearsal":
                    status, body = self._done(handler, operation, unquote(key), query, sent, fault)
            except _Refusal as refusal:
                status, retry, body = refusal.status, refusal.retry, refusal.body
            self.calls.append((seconds, operation, 0 if breaks else status))
            self._numbers["request"] += 1
            request_id, content = str(UUID(int=self._numbers["request"])), json.dumps(body).encode()
        if breaks:
            self._wait(fault.seconds)
            handler.close_connection = True
            return
        content = content[: len(content) // 2] if fault.does == "truncate" else content
        handler.reply(status, request_id, retry, b"<html></html>" if fault.does == "garbage" else content)

    def _fault(self, operation: str, query: Query, seconds: float) -> Fault | None:
        """What goes wrong with this call. Each fault counts the calls that it could concern."""
        found = None
        for number, one in enumerate(self.script.faults):
            concerns = one.operation in ("", operation) and (one.does != "page" or "nextToken" in query)
            if not operation or not concerns:
                continue
            self._seen[number] += 1
            hit = one.from_call <= self._seen[number] < one.from_call + one.calls
            if one.until_seconds:
                hit = one.from_seconds <= seconds < one.until_seconds
            found = found or (one if hit else None)
        return found

    def _done(
        self, handler: _Handler, operation: str, key: str, query: Query, sent: bytes, fault: Fault
    ) -> tuple[int, Row]:
        if not operation:
            raise _unknown(handler.path)
        if fault.does == "expire":
            self._tokens = dict.fromkeys(self._tokens, self.now())
        if fault.does in ("break", "error"):
            raise _Refusal(fault.status, "InternalFailure", "We encountered an internal error.")
        if fault.does in ("deny", "throttle"):
            raise _denied() if fault.does == "deny" else _throttled(fault.seconds)
        if operation == TOKEN:
            return self._granted(dict(parse_qsl(sent.decode("latin-1"))))
        self._admit(operation, handler.headers.get("x-amz-access-token", ""))
        if fault.does == "page" or not set(query) <= _ASKED:
            raise _invalid(f"Unknown: {sorted(set(query) - _ASKED) or 'nextToken'}.")
        if handler.command == "POST":
            return 202, {"payload": {"transactionId": self._taken(handler, operation, sent)}}
        if operation in _LISTS:
            rows = self._rows(operation, query)
            found = self._page(operation, query, [] if fault.does == "empty" else rows)
        else:
            found = self._one(operation, key, query)
        return 200, found if operation.startswith("getInvoice") else {"payload": found}

    def _granted(self, form: Query) -> tuple[int, Row]:
        script, seconds = self.script, (self.now() - self.start).total_seconds()
        known = (form.get("client_id"), form.get("client_secret")) == (script.client_id, script.client_secret)
        if not known or 0 < script.secret_ends_seconds <= seconds:
            return 401, {"error": "invalid_client", "error_description": "Client authentication failed"}
        if (form.get("grant_type"), form.get("refresh_token")) != ("refresh_token", script.refresh_token):
            return 400, {"error": "invalid_grant", "error_description": "The refresh token is not valid"}
        self._numbers[TOKEN] += 1
        token = f"Atza|rehearsal-{self._numbers[TOKEN]}"
        self._tokens[token] = self.now() + timedelta(seconds=script.token_seconds)
        return 200, {"access_token": token, "token_type": "bearer", "expires_in": script.token_seconds}

    def _admit(self, operation: str, token: str) -> None:
        """Looks at token, role and rate. Raises _Refusal."""
        now, script = self.now(), self.script
        if token not in self._tokens or self._tokens[token] <= now:
            why = "has expired" if token in self._tokens else "is revoked, malformed or invalid"
            raise _denied(f"The access token you provided {why}.")
        if operation in script.denied:
            raise _denied()
        left, since = self._buckets.get(operation, (script.burst, now))
        left = min(script.burst, left + (now - since).total_seconds() * script.rate)
        self._buckets[operation] = (left - (left >= 1), now)
        if left < 1:
            raise _throttled()

    def _taken(self, handler: _Handler, operation: str, sent: bytes) -> str:
        try:
            body = json.loads(sent)
        except (ValueError, RecursionError):
            raise _invalid("The body is not JSON.") from None
        if handler.headers.get_content_type() != "application/json":
            raise _Refusal(415, "InvalidInput", "The content type is not application/json.")
        if wrong := check(operation, body):
            raise _invalid("; ".join(wrong[:20]))
        held, now = documents(operation, body), self.now()
        self.submissions.update((operation, key) for key in held)
        number = f"{now:%Y%m%d%H%M%S}-{UUID(int=len(self.transactions) + 1)}"
        due = now + timedelta(seconds=self.script.transaction_seconds)
        self.transactions[number] = _Transaction(operation, held, due)
        return number

    @property
    def state(self) -> Row:
        """What was submitted how often, and what became of it."""
        taken = [{"operation": one, "key": key, "times": n} for (one, key), n in self.submissions.items()]
        known = {number: one.status for number, one in self.transactions.items()}
        return {"submissions": taken, "transactions": known}

    # --- what time brings ----------------------------------------------------------------------------

    def _settle(self) -> None:
        now = self.now()
        for one in self.transactions.values():
            if one.status == "Processing" and one.due <= now:
                self._judge(one)
        for bought in self._orders.values():
            for change in [*bought.changes]:
                begin = bought.made if change.of == "order" else bought.acknowledged
                if begin and (at := begin + timedelta(seconds=change.after_seconds)) <= now:
                    bought.changes.remove(change)
                    _change(bought, change, at)

    def _judge(self, one: _Transaction) -> None:
        said = next((told for told in self.script.outcomes if told.key in one.documents), None)
        wrong = [self._wrong(one.operation, key, each) for key, each in one.documents.items()]
        one.errors = [{"code": word.partition(":")[0], "message": word} for word in wrong if word]
        if said:
            one.errors = [{"code": said.code, "message": said.message}] if said.status == "Failure" else []
        one.status = said.status if said else "Failure" if one.errors else "Success"
        try:
            for key, each in one.documents.items() if one.status == "Success" else ():
                self._keep(one, key, each)
        except (AttributeError, KeyError, TypeError, ValueError) as error:  # deeper than bodies are checked
            one.status, one.errors = "Failure", [{"code": "INVALID_FORMAT", "message": repr(error)}]

    def _keep(self, one: _Transaction, key: str, each: Row) -> None:
        if one.operation == "submitInvoices":
            lines = [_billed(line) for line in each.get("items", [])]
            self._invoices[key] = (one.due, _header(each, one.due), lines)
        elif one.operation != "submitAcknowledgement":
            self._shipments[key] = _shipment(one.operation, key, each, one.due)
        elif bought := self._orders.get(key):
            numbered = ((line.get("itemSequenceNumber", n), line) for n, line in enumerate(each["items"], 1))
            bought.answers |= {str(number): _counted(line) for number, line in numbered}
            bought.acknowledged, bought.body["purchaseOrderState"] = one.due, "Acknowledged"
            bought.body["orderDetails"]["purchaseOrderStateChangedDate"] = _text(one.due)

    def _wrong(self, operation: str, key: str, each: Row) -> str:
        """Why Amazon refuses a document after it took the submission; empty if it does not."""
        if operation == "submitAcknowledgement":
            if (bought := self._orders.get(key)) is None or bought.made > self.now():
                return "INVALID_ORDER_ID: Invalid order ID."
            known = {one["itemSequenceNumber"] for one in bought.body["orderDetails"]["items"]}
            lines = {str(one.get("itemSequenceNumber", n)) for n, one in enumerate(each["items"], 1)}
            return f"INVALID_LINE_ITEM: not on the order: {sorted(lines - known)}" if lines - known else ""
        there = key in (self._invoices if operation == "submitInvoices" else self._shipments)
        replaces = "Replace" in each.values() or "Cancel" in each.values()
        word = "UNKNOWN_ID" if replaces else "DUPLICATE_ID"
        return f"{word}: {key}" if there != replaces else ""

    # --- reads ---------------------------------------------------------------------------------------

    def _page(self, operation: str, query: Query, rows: list[Row]) -> Row:
        """A page of a list; its token is of the same question only."""
        name, most = _LISTS[operation]
        limit = query.get("limit", str(most))
        asked = json.dumps({name: one for name, one in query.items() if name != "nextToken"}, sort_keys=True)
        mark, token = f"{zlib.crc32(asked.encode()):08x}.", query.get("nextToken", "")
        begin = token.removeprefix(mark) if token else "0"
        if not re.fullmatch("[0-9]{1,9}", begin) or not re.fullmatch("[0-9]{1,9}", limit):
            raise _invalid("nextToken or limit is invalid.")
        if not 1 <= int(limit) <= most:
            raise _invalid(f"limit is 1 to {most}.")
        end = int(begin) + int(limit)
        page, more = {name: rows[int(begin) : end]}, {"nextToken": f"{mark}{end}"}
        if operation == "getInvoiceHeaders":
            return page | {"numOfRecords": len(rows)} | (more if end < len(rows) else {})
        return page | ({"pagination": more} if end < len(rows) else {})

    def _within(self, query: Query, kind: str, at: datetime | None) -> bool:
        """Whether a time is in the window that is asked for. Raises _Refusal."""
        since, until = (_time(query.get(f"{kind}{end}")) for end in ("After", "Before"))
        now, week = self.now() + timedelta(seconds=self.script.clock_ahead_seconds), timedelta(days=7)
        if since is None and until is None:
            return True
        if since and since > now:
            raise _invalid(f"{kind}After is in the future.")
        if (until or now) - (since or now - week) > week + timedelta(seconds=1):
            raise _invalid(f"{kind}After to {kind}Before is more than 7 days.")
        return at is not None and (since is None or since <= at) and (until is None or at <= until)

    def _rows(self, operation: str, query: Query) -> list[Row]:
        for kind in _WINDOWS:
            self._within(query, kind, None)
        if operation == "getInvoiceHeaders":
            since = query.get("invoicesModifiedAfter")
            return [one for one in self._headers(query) if not since or one["lastUpdatedDate"] >= since]
        if operation.startswith("GetShipment"):
            wanted, is_label = query.get("vendorShipmentIdentifier"), operation == "GetShipmentLabels"
            ships = [one for number, one in self._shipments.items() if wanted in (None, number)]
            kind = "labelCreated" if is_label else "created"
            ships = [one for one in ships if self._within(query, kind, _time(one["shipmentCreateDate"]))]
            return [_label(one) for one in ships] if is_label else ships
        ours = query.get("orderingVendorCode", self.script.vendor_code) == self.script.vendor_code
        found = [one for one in self._orders.values() if ours and one.made <= self.now()]
        found = [one for one in found if self._within(query, "created", one.made)]
        found.sort(key=lambda one: (one.made, one.body["purchaseOrderNumber"]))
        if operation == "getPurchaseOrdersStatus":
            wanted = query.get("purchaseOrderNumber")
            found = [one for one in found if wanted in (None, one.body["purchaseOrderNumber"])]
            return [_status(one) for one in found if self._within(query, "updated", _updated(one))]
        changed, state = query.get("isPOChanged"), query.get("purchaseOrderState")
        found = [one for one in found if self._within(query, "changed", one.changed)]
        found = [one for one in found if changed is None or (changed == "true") == bool(one.changed)]
        return [one.body for one in found if state in (None, one.body["purchaseOrderState"])]

    def _one(self, operation: str, key: str, query: Query) -> Row:
        if operation == "getPurchaseOrder":
            bought = self._orders.get(key)
            if bought and bought.made <= self.now():
                return bought.body
        elif operation == "getTransaction":
            if one := self.transactions.get(key):
                errors = {"errors": one.errors} if one.errors else {}
                return {"transactionStatus": {"transactionId": key, "status": one.status, **errors}}
        else:
            for head in self._headers(query):
                if head["invoiceIdentifier"] == key:
                    return {"invoiceHeader": head, "invoiceItems": self._invoices[head["invoiceNumber"]][2]}
        raise _unknown(key)

    def _headers(self, query: Query) -> list[Row]:
        if "marketplaceId" not in query:
            raise _invalid("marketplaceId is missing.")
        now, later = self.now(), timedelta(seconds=self.script.paid_seconds)
        known = self._invoices.values()
        return [_paid(head, at + later) if at + later <= now else head for at, head, _ in known]


# --- what Amazon writes ----------------------------------------------------------------------------------


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S.}{at.microsecond // 1000:03d}Z"


def _time(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if text is not None else None
    except ValueError:
        raise _invalid(f"{text} is no time.") from None
    if found and found.tzinfo is None:
        raise _invalid(f"{text} has no zone.")
    return found


def _eaches(number: int) -> Row:
    return {"amount": number, "unitOfMeasure": "Eaches", "unitSize": 1}


def _order(told: Order, number: str, at: datetime, vendor: str) -> Row:
    lines = []
    for place, one in enumerate(told.lines, 1):
        ids = {"amazonProductIdentifier": one.asin, "vendorProductIdentifier": one.sku}
        cost = {"currencyCode": told.currency, "amount": one.cost}
        line = {"itemSequenceNumber": str(place), **ids, "orderedQuantity": _eaches(one.quantity)}
        lines.append(line | {"isBackOrderAllowed": one.backorder, "netCost": cost})
    details: Row = dict.fromkeys(("purchaseOrderDate", "purchaseOrderStateChangedDate"), _text(at))
    details |= {"purchaseOrderType": "RegularOrder", "paymentMethod": "Invoice"}
    details |= {f"{role}Party": {"partyId": told.ship_to} for role in ("buying", "shipTo", "billTo")}
    details["sellingParty"] = {"partyId": vendor}
    window = (f"{one:%Y-%m-%dT%H:%M:%SZ}" for one in (at, at + timedelta(days=7)))
    details |= {"deliveryWindow": "--".join(window), "items": lines}
    return {"purchaseOrderNumber": number, "purchaseOrderState": "New", "orderDetails": details}


def _change(bought: _Bought, change: Change, at: datetime) -> None:
    details, bought.changed = bought.body["orderDetails"], at
    details["purchaseOrderChangedDate"] = _text(at)
    if change.ship_to:
        details["shipToParty"] = {"partyId": change.ship_to}
    for line in details["items"]:
        if change.line in (0, int(line["itemSequenceNumber"])):
            if change.quantity is not None:
                line["orderedQuantity"] = _eaches(change.quantity)
            if change.cost:
                line["netCost"] = line["netCost"] | {"amount": change.cost}


def _updated(one: _Bought) -> datetime:
    return max(filter(None, (one.made, one.changed, one.acknowledged)))


def _counted(line: Row) -> tuple[int, int]:
    """How much of a line was accepted, now or later, and how much rejected."""
    found = Counter[bool]()
    for one in line["itemAcknowledgements"]:
        found[one["acknowledgementCode"] == "Rejected"] += one["acknowledgedQuantity"].get("amount", 0)
    return found[False], found[True]


def _status(one: _Bought) -> Row:
    details, rows = one.body["orderDetails"], []
    for line in details["items"]:
        accepted, rejected = one.answers.get(line["itemSequenceNumber"], (0, 0))
        word = "PARTIALLY_ACCEPTED" if accepted else "REJECTED" if rejected else "UNCONFIRMED"
        word = "ACCEPTED" if accepted and accepted >= line["orderedQuantity"]["amount"] else word
        both = {"acceptedQuantity": _eaches(accepted), "rejectedQuantity": _eaches(rejected)}
        row = {name: line[name] for name in ("itemSequenceNumber", "vendorProductIdentifier", "netCost")}
        row["buyerProductIdentifier"] = line["amazonProductIdentifier"]
        row["orderedQuantity"] = {"orderedQuantity": line["orderedQuantity"]}
        row["acknowledgementStatus"] = {"confirmationStatus": word, **both}
        row["receivingStatus"] = {"receiveStatus": "NOT_RECEIVED", "receivedQuantity": _eaches(0)}
        rows.append(row)
    found = {name: details[name] for name in ("purchaseOrderDate", "sellingParty", "shipToParty")}
    found |= {"purchaseOrderNumber": one.body["purchaseOrderNumber"], "purchaseOrderStatus": "OPEN"}
    return found | {"lastUpdatedDate": _text(_updated(one)), "itemStatus": rows}


def _shipment(operation: str, key: str, each: Row, at: datetime) -> Row:
    if operation == "SubmitShipments":
        return {"currentShipmentStatus": "Created", **each, "shipmentCreateDate": _text(at)}
    orders: dict[str, list[Row]] = {}
    for line in each["shippedItems"]:
        number = line.get("itemDetails", {}).get("purchaseOrderNumber", "")
        orders.setdefault(number, []).append({k: line[k] for k in ("itemSequenceNumber", "shippedQuantity")})
    found = {"vendorShipmentIdentifier": key, "transactionType": "New", "currentShipmentStatus": "Shipped"}
    found["transactionDate"] = each["shipmentConfirmationDate"]
    found |= dict.fromkeys(("shipmentCreateDate", "shipmentConfirmDate"), _text(at))
    parties = {name: each[name] for name in ("sellingParty", "shipFromParty", "shipToParty")}
    rows = [{"purchaseOrderNumber": number, "items": lines} for number, lines in orders.items()]
    return found | parties | {"purchaseOrders": rows}


def _label(one: Row) -> Row:
    ours = {"vendorShipmentIdentifier": one["vendorShipmentIdentifier"], "sellingParty": one["sellingParty"]}
    label = {"labelSequenceNumber": 1, "labelFormat": "PDF", "label": "JVBERi0xLjQgcmVoZWFyc2Fs"}
    found = {"labelCreateDateTime": one["shipmentCreateDate"], "labelData": [label]}
    return found | {"shipmentInformation": {"vendorDetails": ours, "shipMode": "SmallParcel"}}


def _money(one: Row, times: int = 1) -> Row:
    return {"currencyCode": one.get("currencyCode", "USD"), "currencyAmount": float(one["amount"]) * times}


def _header(one: Row, at: datetime) -> Row:
    payee = one["remitToParty"]["partyId"]
    orders = sorted({line.get("purchaseOrderNumber", "") for line in one.get("items", [])})
    found = {"invoiceNumber": one["id"], "invoiceIdentifier": f"{one['id']}~{payee}"}
    found |= {"issueDate": one["date"], "invoiceStatus": "IN_PROGRESS", "invoiceType": "AP_INVENTORY"}
    found["payer"] = {"partnerId": "AMAZON", "partnerType": "AMAZON"}
    found["payee"] = {"partnerId": payee, "partnerType": "VENDOR"}
    found["relatedIdentifiers"] = [_related("PURCHASE_ORDER_IDS", orders)]
    found["invoiceAmount"] = _money(one["invoiceTotal"])
    return found | dict.fromkeys(("creationDate", "lastUpdatedDate"), _text(at))


def _paid(head: Row, at: datetime) -> Row:
    related = [*head["relatedIdentifiers"], _related("UNIQUE_PAYMENT_IDS", [f"PAY-{head['invoiceNumber']}"])]
    settled = [{"breakdownType": "AmountPaid", "breakdownAmount": head["invoiceAmount"]}]
    found = {"invoiceStatus": "PAID", "lastUpdatedDate": _text(at), "relatedIdentifiers": related}
    return head | found | {"invoiceSettlementBreakdowns": settled}


def _related(name: str, values: list[str]) -> Row:
    return {"relatedIdentifierName": name, "relatedIdentifierValue": values}


def _billed(line: Row) -> Row:
    quantity = line["invoicedQuantity"]["amount"]
    total = _money(line["netCost"], quantity)
    matched = {"matchedQuantity": quantity, "matchedAmount": total}
    context = {"lineItemType": "GOODS", "matchingContext": matched}
    found = {"lineItemId": str(line["itemSequenceNumber"]), "unitCost": _money(line["netCost"])}
    return found | {"quantity": quantity, "totalAmount": total, "lineItemContext": context}


# --- HTTP ------------------------------------------------------------------------------------------------


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    amazon: Amazon


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    server: _Server

    def do_GET(self) -> None:
        length = self.headers.get("content-length", "0")
        if not re.fullmatch("[0-9]{1,9}", length) or int(length) > _BODY_LIMIT:
            self.close_connection = True
            self.reply(
                413, "", 0, b'{"errors": [{"code": "RequestTooLarge", "message": "It is too large."}]}'
            )
            return
        with suppress(ConnectionError):
            self.server.amazon.answer(self, self.rfile.read(int(length)))

    do_POST = do_GET  # noqa: N815

    def reply(self, status: int, request_id: str, retry: float, content: bytes) -> None:
        """Sends an answer."""
        self.send_response(status)
        fields = {"content-type": "application/json", "content-length": len(content)}
        fields |= {"x-amzn-RequestId": request_id} | ({"retry-after": f"{retry:.0f}"} if retry else {})
        for name, value in fields.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(content)

    def date_time_string(self, timestamp: float | None = None) -> str:  # noqa: ARG002
        """The Date header, by the clock of the script."""
        ahead = timedelta(seconds=self.server.amazon.script.clock_ahead_seconds)
        return format_datetime((self.server.amazon.now() + ahead).replace(microsecond=0), usegmt=True)

    def log_message(self, *_: object) -> None:
        """Says nothing: what was called is kept by the stand-in."""
