"""Calls of Amazon's Selling Partner API for vendors: tokens, rates, pages, and errors in words.

What a body means is not known here. A read may be repeated and is, some times. A document is sent again only
where it surely was not taken (429, no connection, a token that was too old); otherwise the outcome is told as
uncertain, for somebody to look it up (``SpApiError.is_uncertain``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from queue import SimpleQueue
from threading import Lock
from time import monotonic, sleep
from typing import Any, Self, TypeAlias
from urllib.parse import quote

import httpx
import stamina

from gateway import __version__
from gateway.errors import ConfigurationError, TransportError
from gateway.partners.sp_api import TOKEN_URL, SpApi
from gateway.transports.as2 import tls_context
from gateway.transports.sp_api_problems import CATALOGUE

Query: TypeAlias = Mapping[str, str | int]

WINDOW = timedelta(days=7)
"""The longest window of time that orders may be asked for."""

ANSWER_LIMIT = 32 << 20
"""Bytes of the longest answer that is read: a page of labels has some million."""

PAGES = 10_000
"""More of one list are a fault of the other side."""

_LONGEST_PAUSE = 30.0  # seconds that a call waits itself when it is told to; longer ones are for its caller
_SKEW = timedelta(minutes=5)
_FASTER = 1.001  # than ours Amazon's clock may run, as clocks that are being set do
_SANDBOX_RATE = 5.0
_GRANT = {"grant_type": "refresh_token"}
_AGAIN = ("SPAPI-THROTTLED", "SPAPI-UNAVAILABLE", "SPAPI-ANSWER", "SPAPI-PAGE")


@dataclass(frozen=True, slots=True)
class Operation:
    """One of the calls.

    Attributes:
        path: with ``{}`` for a key. rate: calls a second that Amazon grants an account.
        items: name of the list in the answer, where there is one. token: what asks for its next page.
    """

    name: str
    method: str
    path: str
    items: str = ""
    rate: float = 10
    token: str = "nextToken"  # noqa: S105 - the name of a parameter

    @property
    def submits(self) -> bool:
        """Whether a document is sent, which must not be there twice."""
        return self.method == "POST"


_ORDERS, _SHIPPING = "/vendor/orders/v1", "/vendor/shipping/v1"
_FINANCES = "/finances/invoices/2026-06-25/invoices"

OPERATIONS = {
    one.name: one
    for one in (
        Operation("getPurchaseOrders", "GET", f"{_ORDERS}/purchaseOrders", "orders"),
        Operation("getPurchaseOrder", "GET", f"{_ORDERS}/purchaseOrders/{{}}"),
        Operation("getPurchaseOrdersStatus", "GET", f"{_ORDERS}/purchaseOrdersStatus", "ordersStatus"),
        Operation("submitAcknowledgement", "POST", f"{_ORDERS}/acknowledgements"),
        Operation("SubmitShipmentConfirmations", "POST", f"{_SHIPPING}/shipmentConfirmations"),
        Operation("SubmitShipments", "POST", f"{_SHIPPING}/shipments"),
        Operation("GetShipmentDetails", "GET", f"{_SHIPPING}/shipments", "shipments"),
        Operation("GetShipmentLabels", "GET", f"{_SHIPPING}/transportLabels", "transportLabels"),
        Operation("submitInvoices", "POST", "/vendor/payments/v1/invoices"),
        Operation("getTransaction", "GET", "/vendor/transactions/v1/transactions/{}"),
        # The rate of these two is not published.
        Operation("getInvoiceHeaders", "GET", _FINANCES, "invoices", 0.5),
        Operation("getInvoice", "GET", f"{_FINANCES}/{{}}", "invoiceItems", 0.5, "nextTokenForLineItems"),
    )
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What Amazon answered: read, and as bytes for the audit.

    Attributes:
        payload: its JSON, without the ``payload`` that vendor operations have around it; numbers with a point
            are Decimals. request_id: Amazon's. sent, received: the bodies as bytes.
        items: of an operation with a list: this page of it. next_token: asks for the next page, or is empty.
    """

    operation: str
    status: int
    payload: Mapping[str, Any]
    request_id: str
    sent: bytes
    received: bytes
    items: tuple[Mapping[str, Any], ...] = ()
    next_token: str = ""

    @property
    def transaction_id(self) -> str:
        """Of what was submitted: under which its outcome is asked for (getTransaction)."""
        return str(self.payload.get("transactionId") or "")


@dataclass(frozen=True, slots=True)
class _Heard:
    """An answer before anybody judged it; ``read`` is its JSON, None if it is none."""

    status: int
    request_id: str
    retry_after: float
    received: bytes
    read: Any

    @classmethod
    def of(cls, answer: httpx.Response, received: bytes) -> _Heard:
        try:
            read = json.loads(received, parse_float=Decimal, parse_constant=_refuse)
        except (ValueError, RecursionError):
            read = None
        name, after = answer.headers.get("x-amzn-requestid", "")[:100], answer.headers.get("retry-after", "")
        seconds = float(after) if re.fullmatch(r"[0-9]{1,6}", after, re.ASCII) else 0.0
        return cls(answer.status_code, name, seconds, received, read)

    @property
    def errors(self) -> tuple[Mapping[str, Any], ...]:
        listed = self.read.get("errors") if isinstance(self.read, dict) else None
        return tuple(one for one in listed[:100] if isinstance(one, dict)) if isinstance(listed, list) else ()

    @property
    def words(self) -> str:
        """Status and Amazon's reasons."""
        told = (
            ", ".join(str(one[name]) for name in ("code", "message", "details") if one.get(name))
            for one in self.errors
        )
        return "; ".join((str(self.status), *told))[:1000].rstrip(".")

    @property
    def is_stale(self) -> bool:
        """Whether the access token is what was refused."""
        is_told = re.search("token|expired", self.words, re.IGNORECASE)
        return self.status == 401 or (self.status == 403 and is_told is not None)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


class SpApiError(TransportError):
    """A call failed.

    Attributes:
        kind: the entry of its code in the table. hint: what to do.
        step: of ``edigw partner test``: token, clock, role, vendor.
        operation: empty where it is about the token. status: of HTTP, 0 without an answer.
        request_id: Amazon's. errors: its list of ``code``, ``message`` and ``details``.
        sent, received: the bodies as bytes. retry_after: seconds until it may be tried again, 0 if not told.
        again: whether the same may be tried later, as nothing was done and it may pass.
        is_uncertain: whether a document may have been taken: it is looked up before it is sent again.
    """

    def __init__(
        self,
        code: str,
        heard: _Heard | None = None,
        *,
        step: str = "",
        operation: str = "",
        sent: bytes = b"",
        **words: str,
    ) -> None:
        self.kind = CATALOGUE[code]
        self.hint = self.kind.hint
        self.step, self.operation, self.sent = step or ("role" if operation else "token"), operation, sent
        heard = heard or _Heard(0, "", 0, b"", None)
        self.status, self.request_id, self.retry_after = heard.status, heard.request_id, heard.retry_after
        self.errors, self.received = heard.errors, heard.received
        self.again, self.is_uncertain = code in _AGAIN, code == "SPAPI-UNCERTAIN"
        said = self.kind.message.format_map({"operation": operation or "the token", **words})
        super().__init__(said + (f" Request id {self.request_id}." if self.request_id else ""), code=code)


class Bucket:
    """Keeps the rate of one operation, for any number of threads, as Amazon's clock has it: ``with`` a call.

    A call arrives at some time between when it leaves and when it is answered. So there are as many places as
    calls in a second, each is free again a second after the answer, and no second of Amazon's has more calls,
    however long they are on their way. Between two that leave lies an even part of the second: bursts, which
    Amazon lets pass, are left to other programs and processes of the account, not seen from here.
    """

    def __init__(self, rate: float, clock: Callable[[], float], wait: Callable[[float], None]) -> None:
        places = max(int(rate), 1)
        self._gap, self._span, self._clock, self._wait = 1 / rate, _FASTER * places / rate, clock, wait
        self._free = float("-inf")
        self._lock = Lock()
        self._places = SimpleQueue[float]()  # the times from which they are free
        for _ in range(places):
            self._places.put(self._free)

    def __enter__(self) -> None:
        place = self._places.get()
        with self._lock:
            now = self._clock()
            turn = max(self._free, place, now)
            self._free = turn + self._gap
        if turn > now:
            self._wait(turn - now)

    def __exit__(self, *_: object) -> None:
        self._places.put(self._clock() + self._span)

    def hold(self, seconds: float) -> None:
        """Lets nobody pass for some seconds, as Amazon asked for."""
        with self._lock:
            self._free = max(self._free, self._clock() + seconds)


class Client:
    """One vendor account, for any number of threads.

    Args:
        find: gives the secret of a reference.
        clock: seconds that only grow. wait: sleeps for seconds. now: the time of this machine, UTC.
        tries: how often a call is made before it fails, where it may be repeated.

    Attributes:
        ahead: by how much Amazon's clock is before this machine's, as its last answer told.
    """

    def __init__(
        self,
        terms: SpApi,
        find: Callable[[str], str],
        *,
        clock: Callable[[], float] = monotonic,
        wait: Callable[[float], None] = sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        tries: int = 4,
    ) -> None:
        self.terms, self.ahead = terms, timedelta()
        self._find, self._clock, self._now = find, clock, now
        seconds = terms.timeout_seconds
        self._retry = stamina.RetryingCaller(tries, 2 * seconds, wait_initial=0.5, wait_max=8.0)
        most = _SANDBOX_RATE if terms.sandbox else float("inf")
        self._buckets = {name: Bucket(min(one.rate, most), clock, wait) for name, one in OPERATIONS.items()}
        self._lock = Lock()
        self._access, self._until = "", float("-inf")
        # Over a connection that was kept, a document may meet a server that just closed it: nobody could say
        # whether it was taken. So each gets a connection of its own.
        self._kept, self._fresh = (
            httpx.Client(
                verify=tls_context("", None),
                timeout=seconds,
                limits=httpx.Limits(max_connections=terms.connections, max_keepalive_connections=kept),
                headers={
                    "user-agent": f"edigw/{__version__} (Language=Python)",
                    "accept-encoding": "identity",
                },
                trust_env=False,
            )
            for kept in (terms.connections, 0)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes all connections."""
        self._kept.close()
        self._fresh.close()

    def now(self) -> datetime:
        """The time as Amazon's clock has it, for windows."""
        return self._now() + self.ahead

    # --- calls ---------------------------------------------------------------------------------------

    def call(
        self, operation: str, *, key: str = "", query: Query | None = None, body: bytes | None = None
    ) -> Answer:
        """Makes a call of :data:`OPERATIONS`, and again where that is safe and makes sense.

        Args:
            key: the number in its path. body: JSON of what is submitted, archived before.

        Raises:
            SpApiError: it failed, or nobody knows.
        """
        known = OPERATIONS[operation]
        assert (body is not None) == known.submits
        path = known.path.format(quote(key, safe="~"))
        return self._retry(_passes, self._call, known, path, query or {}, body)

    def pages(self, operation: str, *, key: str = "", query: Query | None = None) -> Iterator[Answer]:
        """All pages of a list. Raises as :meth:`call` does, also between pages."""
        asked, seen = dict(query or {}), set[str]()
        while True:
            answer = self.call(operation, key=key, query=asked)
            yield answer
            if not (token := answer.next_token):
                return
            if token in seen or len(seen) >= PAGES:
                what = f"the pages do not end, after {len(seen) + 1}"
                raise SpApiError("SPAPI-PAGE", operation=operation, what=what)
            seen.add(token)
            asked[OPERATIONS[operation].token] = token

    def orders(
        self, since: datetime, until: datetime | None = None, *, changed: bool = False
    ) -> Iterator[Answer]:
        """Pages of the orders of our vendor code that were made in a time, or changed in it.

        Args:
            since, until: by Amazon's clock, which :meth:`now` has and which ``until`` is by default. Longer
                times are asked for in windows of :data:`WINDOW`, the oldest first.
        """
        end, kind = until or self.now(), "changed" if changed else "created"
        fixed: dict[str, str | int] = {"limit": 100, "includeDetails": "true"}
        fixed |= {"orderingVendorCode": self.terms.vendor_code} | ({"isPOChanged": "true"} if changed else {})
        while since < end:
            to = min(since + WINDOW, end)
            window = {f"{kind}After": _written(since), f"{kind}Before": _written(to)}
            yield from self.pages("getPurchaseOrders", query=fixed | window)
            since = to

    def _call(self, known: Operation, path: str, query: Query, body: bytes | None) -> Answer:
        token, sent = "", body or b""
        for _ in range(2):  # only an answer tells that a token is too old; nothing was done then
            token = self._token(stale=token)
            http, url = self._fresh if known.submits else self._kept, self.terms.base + path
            with self._buckets[known.name]:
                headers = {"x-amz-access-token": token, "x-amz-date": f"{self.now():%Y%m%dT%H%M%SZ}"}
                headers |= {"content-type": "application/json"} if known.submits else {}
                request = http.build_request(known.method, url, params=query, headers=headers, content=body)
                heard = self._heard(http, request, known)
            if not heard.is_stale:
                break
        if heard.status == 429:
            self._buckets[known.name].hold(min(heard.retry_after or 1 / known.rate, _LONGEST_PAUSE))
        code, words, answer = _code(known, heard, known.token in query), heard.words, None
        if not code:
            answer = _answer(known, heard, sent)
            code, end = _lost(known, "SPAPI-ANSWER"), heard.received[-40:].decode("ascii", "replace")
            words = f"{heard.status} with {len(heard.received)} bytes, which end with {end!r}"
        if answer is None:
            region = self.terms.region
            raise SpApiError(code, heard, operation=known.name, sent=sent, what=words, region=region)
        return answer

    def _heard(self, http: httpx.Client, request: httpx.Request, known: Operation | None) -> _Heard:
        """Sends and reads whatever comes. Raises SpApiError."""
        name, sent = ("", b"") if known is None else (known.name, request.content)
        deadline, received = self._clock() + self.terms.timeout_seconds, bytearray()
        try:
            answer = http.send(request, stream=True)
            try:
                self._compare(answer.headers.get("date", ""))
                for chunk in answer.iter_raw():
                    received += chunk
                    if len(received) > ANSWER_LIMIT:
                        what = f"it has more than {ANSWER_LIMIT >> 20} MiB"
                        raise SpApiError(_lost(known, "SPAPI-ANSWER"), operation=name, sent=sent, what=what)
                    if self._clock() > deadline:
                        raise httpx.ReadTimeout("it did not end in time")
            finally:
                answer.close()
        except httpx.TransportError as error:
            why = f"{request.url.host}: {str(error) or type(error).__name__}"
            unsent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
            code = "SPAPI-UNAVAILABLE" if unsent else _lost(known, "SPAPI-UNAVAILABLE")
            raise SpApiError(code, operation=name, sent=sent, what=why) from error
        return _Heard.of(answer, bytes(received))

    def _compare(self, told: str) -> None:
        try:
            ahead = parsedate_to_datetime(told) - self._now()
        except (TypeError, ValueError):  # no date, or one without a zone
            return
        # It is told in whole seconds; less than that is no difference.
        self.ahead = ahead if abs(ahead) > timedelta(seconds=2) else timedelta()

    # --- the token -----------------------------------------------------------------------------------

    def _token(self, stale: str = "") -> str:
        """An access token other than a stale one; it is asked for by one thread only."""
        with self._lock:
            if self._access == stale or self._clock() >= self._until:
                self._access, seconds = self._granted()
                self._until = self._clock() + max(seconds - 60, seconds / 2)
            return self._access

    def _granted(self) -> tuple[str, float]:
        terms, names = self.terms, ("client_id", "client_secret", "refresh_token")
        try:
            form = {name: self._find(getattr(terms, name)) for name in names}
        except ConfigurationError as error:
            raise SpApiError("SPAPI-SECRET", step="settings", what=str(error).rstrip(".")) from None
        request = self._kept.build_request("POST", terms.token_url or TOKEN_URL, data=form | _GRANT)
        heard = self._heard(self._kept, request, None)
        said = heard.read if isinstance(heard.read, dict) else {}
        token, seconds = said.get("access_token"), said.get("expires_in", 3600)
        is_usable = isinstance(token, str) and re.fullmatch(r"[!-~]{1,8192}", token)
        if heard.status == 200 and is_usable and isinstance(seconds, int) and 0 < seconds <= 86_400:
            return str(token), seconds
        codes = {"invalid_client": "SPAPI-SECRET-EXPIRED", "invalid_grant": "SPAPI-REFRESH-TOKEN"}
        code = codes.get(str(said.get("error")), "SPAPI-TOKEN")
        if heard.status == 429 or heard.status >= 500:
            code = "SPAPI-THROTTLED" if heard.status == 429 else "SPAPI-UNAVAILABLE"
        told = (str(said[one])[:200].rstrip(".") for one in ("error", "error_description") if one in said)
        heard = replace(heard, received=b"")  # it may hold a token
        raise SpApiError(code, heard, what=", ".join((str(heard.status), *told)))

    # --- a test --------------------------------------------------------------------------------------

    def probe(self, told: Callable[[str, str], None]) -> None:
        """Tries token, clock, the role for each operation that only reads, and the vendor code.

        Raises:
            SpApiError: its ``step`` failed; the steps before it were told.
        """
        self._token()
        ends, now = self.terms.secret_ends, self.now()
        told("token", f"given; the client secret ends {ends:%Y-%m-%d}, in {(ends - now).days} days")
        what = f"{abs(self.ahead).total_seconds():.0f} s"
        if abs(self.ahead) > _SKEW:
            raise SpApiError("SPAPI-CLOCK", step="clock", what=what)
        told("clock", f"differs from Amazon's by {what}")
        # Amazon counts an open window up to the time at which it hears of it, by its own clock.
        week, day = _written(now - WINDOW + _SKEW), _written(now - timedelta(days=1))
        reads: dict[str, Query] = {
            "getPurchaseOrders": {"createdAfter": week, "limit": 100, "includeDetails": "true"},
            "getPurchaseOrdersStatus": {"updatedAfter": day, "limit": 1},
            "GetShipmentDetails": {"createdAfter": day, "limit": 1},
            "GetShipmentLabels": {"labelCreatedAfter": day, "limit": 1},
            "getTransaction": {},
        }
        if place := self.terms.marketplace:
            reads["getInvoiceHeaders"] = {"marketplaceId": place, "fromIssueDate": day}
        refused, codes, ours = list[SpApiError](), set[str](), self.terms.vendor_code
        for name, query in reads.items():
            try:
                answer = self.call(name, key="test", query=query)
            except SpApiError as error:
                if error.code in ("SPAPI-ROLE-MISSING", "SPAPI-REGION"):
                    refused.append(error)
                    continue
                # The sandbox knows fixed requests only, and refuses these after it saw the role.
                is_asked = name != "getTransaction" and not self.terms.sandbox
                if is_asked or error.code not in ("SPAPI-NOT-FOUND", "SPAPI-INPUT"):
                    raise
            else:
                parties = (_at(one, "orderDetails", "sellingParty") for one in answer.items)
                codes |= {one["partyId"] for one in parties if isinstance(one, dict) and "partyId" in one}
            told("role", f"{name} is allowed")
        if refused:
            code = "SPAPI-REGION" if len(refused) == len(reads) else refused[0].code
            names = ", ".join(one.operation for one in refused)
            raise SpApiError(code, operation=names, what=str(refused[0].status), region=self.terms.region)
        if codes and ours not in codes:
            what = ", ".join(sorted(codes)[:5])
            raise SpApiError("SPAPI-VENDOR-CODE", step="vendor", ours=ours, what=what)
        seen = "has orders of the last 7 days" if codes else "has no order of the last 7 days to compare with"
        told("vendor", f"{ours} {seen}")


def _passes(error: Exception) -> bool:
    return isinstance(error, SpApiError) and error.again and error.retry_after <= _LONGEST_PAUSE


def _written(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _at(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _answer(known: Operation, heard: _Heard, sent: bytes) -> Answer | None:
    """The answer, None if it lacks what it is asked for."""
    if not isinstance(heard.read, dict):
        return None
    inner = heard.read.get("payload", heard.read)
    items: Any = _at(inner, known.items) if known.items else None
    token = _at(inner, known.token) or _at(inner, "pagination", known.token) or ""
    listed = [] if items is None else items
    if not isinstance(inner, dict) or not isinstance(token, str) or not isinstance(listed, list):
        return None
    if known.submits and not isinstance(inner.get("transactionId"), str):
        return None
    where = (heard.request_id, sent, heard.received)
    return Answer(known.name, heard.status, inner, *where, tuple(listed), token)


def _lost(known: Operation | None, code: str) -> str:
    """The code of an answer that was not heard: of a document, nobody knows what became of it."""
    return "SPAPI-UNCERTAIN" if known is not None and known.submits else code


def _code(known: Operation, heard: _Heard, is_page: bool) -> str:
    """The code of an answer that says no, empty for the others."""
    status = heard.status
    if 200 <= status < 300:
        return ""
    if heard.is_stale:
        return "SPAPI-TOKEN"
    if status == 403:
        is_told = re.search("region|endpoint", heard.words, re.IGNORECASE)
        return "SPAPI-REGION" if is_told else "SPAPI-ROLE-MISSING"
    if status in (404, 429):
        return "SPAPI-NOT-FOUND" if status == 404 else "SPAPI-THROTTLED"
    if 400 <= status < 500 and status != 408:
        return "SPAPI-PAGE" if is_page else "SPAPI-INPUT"
    return _lost(known, "SPAPI-UNAVAILABLE" if status >= 400 else "SPAPI-ANSWER")
