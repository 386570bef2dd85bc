"""The client of Amazon's API and the played Amazon, over real HTTP: every operation, and every fault."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from decimal import Decimal
from threading import Thread
from time import monotonic, sleep
from typing import Any

import httpx
import pytest
import stamina
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ConfigurationError
from gateway.errors import Fault as Move
from gateway.simulator.amazon import Amazon
from gateway.simulator.bodies import FORMS, check
from gateway.simulator.script import Change, Fault, Order, Outcome, Script
from gateway.transports import sp_api
from gateway.transports.sp_api import OPERATIONS, Answer, Client, SpApiError
from tests.amazon import (
    SECRETS,
    Rehearsal,
    acknowledgment,
    confirmation,
    invoice,
    pickup,
    rehearsal,
    settings,
)

GET = [name for name, one in OPERATIONS.items() if not one.submits]
SUBMISSIONS = {
    "submitAcknowledgement": acknowledgment("PO000001"),
    "SubmitShipmentConfirmations": confirmation("SHIP-1", "PO000001"),
    "SubmitShipments": pickup("PICK-1"),
    "submitInvoices": invoice("INV-1", "PO000001"),
}
PLACE = {"marketplaceId": "ATVPDKIKX0DER"}


@pytest.fixture(autouse=True)
def _no_pauses() -> Iterator[None]:
    """Tries without the pauses between them; their number stays."""
    with stamina.set_testing(True, attempts=9, cap=True):
        yield


def outcome(one: Rehearsal, answer: Answer) -> dict[str, Any]:
    found = one.client.call("getTransaction", key=answer.transaction_id).payload
    return dict(found["transactionStatus"])


def fails(one: Rehearsal, operation: str = "getPurchaseOrders", **said: Any) -> SpApiError:
    with pytest.raises(SpApiError) as error:
        one.client.call(operation, **said)
    return error.value


# --- what works ------------------------------------------------------------------------------------------


def test_orders_come_in_pages_that_end() -> None:
    with rehearsal(orders=250) as one:
        pages = list(one.client.orders(one.time.now() - timedelta(days=1)))
    assert [len(page.items) for page in pages] == [100, 100, 50]
    assert len({row["purchaseOrderNumber"] for page in pages for row in page.items}) == 250
    assert len({page.request_id for page in pages}) == 3
    assert json.loads(pages[0].received)["payload"]["orders"] == [*pages[0].items]


def test_long_times_are_asked_for_in_windows_of_a_week() -> None:
    daily = Order(number="PO000001", count=29, at_seconds=-29 * 86_400, every_seconds=86_400)
    with rehearsal(orders=(daily,)) as one:
        found = one.numbers(24 * 30)
        assert sorted(set(found)) == list(daily.numbers)
        assert one.called("getPurchaseOrders") == [200] * 5


def test_only_orders_of_our_vendor_code_are_asked_for() -> None:
    with rehearsal(vendor_code="OTHER") as one:
        assert one.numbers() == []
    with rehearsal(vendor_code="OTHER", terms={"vendor_code": "OTHER"}) as one:
        assert len(one.numbers()) == 3


def test_changed_orders_are_asked_for_by_when_they_changed() -> None:
    change = Change(after_seconds=100, quantity=4, ship_to="LAX9")
    orders = (Order(number="PO000001", changes=(change,)), Order(number="PO000002"))
    with rehearsal(orders=orders) as one:
        assert one.numbers(changed=True) == []
        one.time.wait(200)
        assert one.numbers() == ["PO000001", "PO000002"]
        assert one.numbers(changed=True) == ["PO000001"]
        details = one.client.call("getPurchaseOrder", key="PO000001").payload["orderDetails"]
        assert details["items"][0]["orderedQuantity"]["amount"] == 4
        assert details["shipToParty"] == {"partyId": "LAX9"}


def test_an_acknowledgment_is_in_the_status_feed_when_it_is_through_and_the_order_changes_after_it() -> None:
    change = Change(of="acknowledgment", after_seconds=50, quantity=0)
    with rehearsal(orders=(Order(number="PO000001", changes=(change,)),)) as one:
        answer = one.client.call("submitAcknowledgement", body=acknowledgment("PO000001", 6))
        assert answer.status == 202
        assert answer.sent == acknowledgment("PO000001", 6)
        assert outcome(one, answer)["status"] == "Processing"

        def line() -> Any:
            query = {"purchaseOrderNumber": "PO000001"}
            (row,) = one.client.call("getPurchaseOrdersStatus", query=query).items
            return row["itemStatus"][0]

        assert line()["acknowledgementStatus"]["confirmationStatus"] == "UNCONFIRMED"
        one.time.wait(3)
        assert outcome(one, answer)["status"] == "Success"
        said = line()["acknowledgementStatus"]
        assert (said["confirmationStatus"], said["acceptedQuantity"]["amount"]) == ("PARTIALLY_ACCEPTED", 6)
        one.time.wait(60)
        assert line()["orderedQuantity"]["orderedQuantity"]["amount"] == 0
        assert one.numbers(changed=True) == ["PO000001"]


@pytest.mark.parametrize(("status", "errors"), [("Failure", 1), ("Processing", 0), ("Success", 0)])
def test_a_submission_ends_as_the_script_says(status: str, errors: int) -> None:
    with rehearsal(outcomes=(Outcome(key="PO000001", status=status, code="NO"),)) as one:
        answer = one.client.call("submitAcknowledgement", body=acknowledgment("PO000001"))
        one.time.wait(3600)
        assert outcome(one, answer)["status"] == status
        assert len(outcome(one, answer).get("errors", [])) == errors


def test_what_does_not_fit_fails_after_it_was_taken() -> None:
    with rehearsal() as one:
        bodies = {
            "INVALID_ORDER_ID": ("submitAcknowledgement", acknowledgment("PO999999")),
            "UNKNOWN_ID": ("SubmitShipmentConfirmations", confirmation("SHIP-9", "PO000001", "Replace")),
        }
        for code, (operation, body) in bodies.items():
            answer = one.client.call(operation, body=body)
            one.time.wait(3)
            assert outcome(one, answer)["errors"][0]["code"] == code


def test_shipments_can_be_looked_up_and_are_not_there_twice() -> None:
    with rehearsal() as one:
        one.client.call("SubmitShipmentConfirmations", body=confirmation("SHIP-1", "PO000001"))
        one.client.call("SubmitShipments", body=pickup("PICK-1"))
        one.time.wait(3)
        query = {"vendorShipmentIdentifier": "SHIP-1"}
        (found,) = one.client.call("GetShipmentDetails", query=query).items
        assert found["purchaseOrders"][0]["purchaseOrderNumber"] == "PO000001"
        label = one.client.call("GetShipmentLabels", query={"vendorShipmentIdentifier": "PICK-1"}).items[0]
        assert label["labelData"][0]["labelFormat"] == "PDF"
        again = one.client.call("SubmitShipmentConfirmations", body=confirmation("SHIP-1", "PO000001"))
        one.time.wait(3)
        assert outcome(one, again)["errors"][0]["code"] == "DUPLICATE_ID"
        assert one.amazon.submissions["SubmitShipmentConfirmations", "SHIP-1"] == 2


def test_invoices_are_paid_later_and_their_amounts_are_exact() -> None:
    with rehearsal() as one:
        one.client.call("submitInvoices", body=invoice("INV-1", "PO000001"))
        assert one.client.call("getInvoiceHeaders", query=PLACE).items == ()
        one.time.wait(10)
        (head,) = one.client.call("getInvoiceHeaders", query=PLACE).items
        assert (head["invoiceIdentifier"], head["invoiceStatus"]) == ("INV-1~REHRS", "IN_PROGRESS")
        one.time.wait(100)
        answer = one.client.call("getInvoice", key="INV-1~REHRS", query=PLACE)
        assert answer.payload["invoiceHeader"]["invoiceStatus"] == "PAID"
        amount = answer.items[0]["unitCost"]["currencyAmount"]
        assert isinstance(amount, Decimal)
        assert amount == Decimal("12.50")


def test_every_operation_is_answered_and_every_submission_counted() -> None:
    with rehearsal() as one:
        for name, body in SUBMISSIONS.items():
            one.client.call(name, body=body)
        one.time.wait(10)
        keys = {"getPurchaseOrder": "PO000001", "getInvoice": "INV-1~REHRS"}
        keys["getTransaction"] = next(iter(one.amazon.transactions))
        for name in GET:
            query = PLACE if name.startswith("getInvoice") else {}
            one.client.call(name, key=keys.get(name, ""), query=query)
        assert {name for _, name, _ in one.amazon.calls} == {*OPERATIONS, "token"}
        assert set(one.amazon.submissions.values()) == {1}
        state = httpx.get(f"{one.amazon.url}/rehearsal", trust_env=False).json()
        assert {row["key"]: row["times"] for row in state["submissions"]}["INV-1"] == 1


# --- bodies ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "not JSON"),
        (b"[]", "`acknowledgements`"),
        (b'{"acknowledgements": []}', "`acknowledgements`"),
        (b'{"payload": {"acknowledgements": [{}]}}', "`acknowledgements`"),
        (acknowledgment("PO000001", marketplaceIds=["X"]), "/acknowledgements/0/marketplaceIds is unknown"),
        (acknowledgment("PO000001", sellingParty=None), "/sellingParty is null"),
        (acknowledgment("PO000001", acknowledgementDate="2026-11-02"), "no date and time with a zone"),
        (acknowledgment("PO000001").replace(b'"12.50"', b"12.50"), "netCost/amount is no decimal number"),
        (acknowledgment("PO000001").replace(b'"amount": 10', b'"amount": "10"'), "no whole number"),
        (
            acknowledgment("PO000001").replace(b"purchaseOrderNumber", b"poNumber"),
            "/purchaseOrderNumber is missing",
        ),
    ],
)
def test_a_wrong_body_is_refused_with_its_place_and_not_counted(body: bytes, words: str) -> None:
    with rehearsal() as one:
        error = fails(one, "submitAcknowledgement", body=body)
        assert (error.code, error.status, error.again, error.is_uncertain) == (
            "SPAPI-INPUT",
            400,
            False,
            False,
        )
        assert words in str(error)
        assert error.request_id in str(error)
        assert error.sent == body
        assert error.errors[0]["code"] == "InvalidInput"
        assert not one.amazon.submissions


def test_a_body_that_is_wrong_deeper_than_it_is_checked_fails_later_and_nothing_stops() -> None:
    body = acknowledgment("PO000001").replace(b"acknowledgedQuantity", b"quantity")
    with rehearsal() as one:
        answer = one.client.call("submitAcknowledgement", body=body)
        one.time.wait(3)
        assert outcome(one, answer)["errors"][0]["code"] == "INVALID_FORMAT"
        assert one.client.call("getPurchaseOrder", key="PO000001").payload["purchaseOrderState"] == "New"


_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["acknowledgements", "items", "amount", "partyId", "x"]), inner)
    ),
    max_leaves=12,
)


@given(_JSON)
def test_any_json_is_judged(body: Any) -> None:
    for name in FORMS:
        assert check(name, body)


# --- tokens ----------------------------------------------------------------------------------------------


def test_a_token_is_asked_for_once_and_again_before_it_ends() -> None:
    with rehearsal() as one:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda _: one.client.call("getPurchaseOrders"), range(8)))
        assert one.called("token") == [200]
        one.time.wait(3500)
        one.numbers()
        assert one.called("token") == [200]
        one.time.wait(50)
        one.numbers()
        assert one.called("token") == [200, 200]
        assert 403 not in one.called("getPurchaseOrders")


def test_a_token_that_ends_in_mid_poll_is_renewed_and_no_order_is_missing() -> None:
    with rehearsal(Fault(does="expire", operation="getPurchaseOrders", from_call=2), orders=250) as one:
        assert len(set(one.numbers())) == 250
        assert one.called("getPurchaseOrders") == [200, 403, 200, 200]
        assert one.called("token") == [200, 200]


def test_a_token_that_ends_as_a_document_is_submitted_is_renewed_and_the_document_is_there_once() -> None:
    with rehearsal(Fault(does="expire", operation="submitInvoices")) as one:
        one.client.call("submitInvoices", body=invoice("INV-1", "PO000001"))
        assert one.called("submitInvoices") == [403, 202]
        assert one.amazon.submissions["submitInvoices", "INV-1"] == 1


def test_a_token_that_is_refused_twice_is_an_error() -> None:
    with rehearsal(Fault(does="expire", operation="getPurchaseOrders", calls=9)) as one:
        error = fails(one)
        assert (error.code, error.again) == ("SPAPI-TOKEN", False)
        assert one.called("getPurchaseOrders") == [403, 403]


@pytest.mark.parametrize(
    ("reference", "code", "words"),
    [
        ("env:SECRET", "SPAPI-SECRET-EXPIRED", "sp_api.secret_made_on"),
        ("env:ID", "SPAPI-SECRET-EXPIRED", "client secret"),
        ("env:TOKEN", "SPAPI-REFRESH-TOKEN", "Authorise the application again"),
    ],
)
def test_a_wrong_secret_is_explained_and_never_shown(reference: str, code: str, words: str) -> None:
    with rehearsal() as one:
        one.secrets[reference] = "s3cr3t-of-mine"
        error = fails(one)
        assert (error.code, error.step, error.kind.fault) == (code, "token", Move.CONFIGURATION)
        assert words in error.hint
        assert "s3cr3t" not in f"{error} {error.sent!r} {error.received!r}"
        one.secrets[reference] = SECRETS[reference]  # a new secret needs no new start
        assert one.numbers()


def test_a_secret_that_ends_while_the_gateway_runs_is_told() -> None:
    with rehearsal(secret_ends_seconds=1800) as one:
        assert one.numbers()
        one.time.wait(4000)
        assert fails(one).code == "SPAPI-SECRET-EXPIRED"


def test_a_secret_that_is_not_there_is_our_move() -> None:
    def find(reference: str) -> str:
        raise ConfigurationError(f"{reference} is not there")

    with (
        Amazon(Script()) as amazon,
        Client(settings(amazon), find) as client,
        pytest.raises(SpApiError, match="is not there") as told,
    ):
        client.call("getPurchaseOrders")
    assert (told.value.code, told.value.step) == ("SPAPI-SECRET", "settings")


# --- the fault matrix ------------------------------------------------------------------------------------


def test_a_missing_role_names_the_operation() -> None:
    with rehearsal(denied=("GetShipmentLabels",)) as one:
        error = fails(one, "GetShipmentLabels")
        assert (error.code, error.kind.fault) == ("SPAPI-ROLE-MISSING", Move.CONFIGURATION)
        assert "may not use GetShipmentLabels" in str(error)
        assert one.called("GetShipmentLabels") == [403]
        assert one.numbers()


@pytest.mark.parametrize("name", SUBMISSIONS)
def test_a_storm_of_429_passes_and_every_document_is_there_once(name: str) -> None:
    with rehearsal(Fault(does="throttle", operation=name, calls=3)) as one:
        one.client.call(name, body=SUBMISSIONS[name])
        assert one.called(name) == [429, 429, 429, 202]
        assert set(one.amazon.submissions.values()) == {1}


def test_a_storm_of_429_that_does_not_pass_is_told_and_may_be_tried_later() -> None:
    with rehearsal(Fault(does="throttle", calls=99, operation="getPurchaseOrders")) as one:
        error = fails(one)
        assert (error.code, error.again, error.status) == ("SPAPI-THROTTLED", True, 429)
        assert one.called("getPurchaseOrders") == [429] * 4


def test_retry_after_is_waited_for_by_all_calls_of_the_operation_and_by_no_other() -> None:
    with rehearsal(Fault(does="throttle", operation="getPurchaseOrders", seconds=7)) as one:
        one.client.call("getPurchaseOrders")
        times = [at for at, name, _ in one.amazon.calls if name == "getPurchaseOrders"]
        assert times == [0, 7]
        one.client.call("GetShipmentDetails")
        assert one.time.seconds == 7


def test_a_long_retry_after_is_left_to_the_caller() -> None:
    with rehearsal(Fault(does="throttle", operation="getPurchaseOrders", seconds=300)) as one:
        error = fails(one)
        assert (error.retry_after, one.time.seconds) == (300, 0)


@pytest.mark.parametrize("does", ["error", "break", "truncate", "garbage"])
@pytest.mark.parametrize("operation", ["getPurchaseOrders", "token"])
def test_a_read_survives_what_passes(does: str, operation: str) -> None:
    with rehearsal(Fault(does=does, operation=operation, calls=2)) as one:
        if (does, operation) in (("truncate", "token"), ("garbage", "token")):
            assert fails(one).code == "SPAPI-TOKEN"
        else:
            assert len(one.numbers()) == 3


@pytest.mark.parametrize(
    ("does", "code"),
    [
        ("error", "SPAPI-UNAVAILABLE"),
        ("break", "SPAPI-UNAVAILABLE"),
        ("truncate", "SPAPI-ANSWER"),
        ("garbage", "SPAPI-ANSWER"),
    ],
)
def test_a_read_that_keeps_failing_says_how_and_may_be_tried_later(does: str, code: str) -> None:
    with rehearsal(Fault(does=does, operation="getPurchaseOrders", calls=99)) as one:
        error = fails(one)
        assert (error.code, error.again, error.is_uncertain) == (code, True, False)
        assert len(one.called("getPurchaseOrders")) == 4


@pytest.mark.parametrize("does", ["error", "break", "break_after", "truncate", "garbage"])
@pytest.mark.parametrize("name", SUBMISSIONS)
def test_a_document_without_a_clear_answer_is_uncertain_and_not_sent_again(does: str, name: str) -> None:
    with rehearsal(Fault(does=does, operation=name)) as one:
        error = fails(one, name, body=SUBMISSIONS[name])
        assert (error.code, error.is_uncertain, error.again) == ("SPAPI-UNCERTAIN", True, False)
        assert error.sent == SUBMISSIONS[name]
        assert len(one.called(name)) == 1
        taken = sum(one.amazon.submissions.values())
        assert taken == (does in ("break_after", "truncate", "garbage"))


def test_a_time_out_after_the_document_was_taken_is_uncertain_and_the_look_up_tells() -> None:
    fault = Fault(does="break_after", operation="submitAcknowledgement", seconds=30)
    with Amazon(Script(faults=(fault,), orders=(Order(number="PO000001"),), transaction_seconds=0)) as amazon:
        with Client(settings(amazon, timeout_seconds=1), SECRETS.__getitem__) as client:
            with pytest.raises(SpApiError) as error:
                client.call("submitAcknowledgement", body=acknowledgment("PO000001"))
            assert error.value.is_uncertain
        with Client(settings(amazon, timeout_seconds=30), SECRETS.__getitem__) as client:
            query = {"purchaseOrderNumber": "PO000001"}
            (row,) = client.call("getPurchaseOrdersStatus", query=query).items
            assert row["itemStatus"][0]["acknowledgementStatus"]["confirmationStatus"] == "ACCEPTED"
        assert amazon.submissions["submitAcknowledgement", "PO000001"] == 1


def test_no_connection_is_certain_also_for_a_document() -> None:
    with rehearsal() as one:
        one.client.call("getPurchaseOrders")  # has a token
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            gone = settings(one.amazon, base_url=f"http://127.0.0.1:{nobody.getsockname()[1]}")
            one.client.terms = gone
            error = fails(one, "submitInvoices", body=invoice("INV-1", "PO000001"))
        assert (error.code, error.again, error.is_uncertain) == ("SPAPI-UNAVAILABLE", True, False)


def test_a_page_token_that_is_refused_now_and_then_is_tried_again() -> None:
    with rehearsal(Fault(does="page", calls=3), orders=250) as one:
        assert len(set(one.numbers())) == 250


def test_a_page_token_that_stays_refused_says_to_ask_for_the_window_again() -> None:
    with rehearsal(Fault(does="page", calls=4), orders=250) as one:
        with pytest.raises(SpApiError) as error:
            one.numbers()
        assert (error.value.code, error.value.again) == ("SPAPI-PAGE", True)
        assert len(set(one.numbers())) == 250


def test_an_outage_of_empty_lists_loses_nothing_where_windows_overlap() -> None:
    with rehearsal(Fault(does="empty", operation="getPurchaseOrders", calls=5)) as one:
        found = [one.numbers() for _ in range(6)]
        assert found[:5] == [[]] * 5
        assert len(found[5]) == 3


@pytest.mark.parametrize("ahead", [600, -600])
def test_windows_are_by_the_clock_of_amazon(ahead: int) -> None:
    with rehearsal(clock_ahead_seconds=ahead) as one:
        one.client.call("getPurchaseOrders")
        assert one.client.now() == one.time.now() + timedelta(seconds=ahead)
        # Less than the difference ago: by our own clock it would lie in the future, or be too old.
        list(one.client.orders(one.client.now() - timedelta(seconds=60)))
        assert one.called("getPurchaseOrders") == [200, 200]


def test_a_window_in_the_future_is_refused() -> None:
    with rehearsal() as one:
        error = fails(one, query={"createdAfter": "2027-01-01T00:00:00Z"})
        assert error.code == "SPAPI-INPUT"
        assert "future" in str(error)


def test_what_is_not_known_is_not_found() -> None:
    with rehearsal() as one:
        error = fails(one, "getPurchaseOrder", key="PO/../9")
        assert (error.code, error.status, error.again) == ("SPAPI-NOT-FOUND", 404, False)
        assert "PO/../9" in str(error)


# --- answers of others -----------------------------------------------------------------------------------


@contextmanager
def answering(*answers: bytes, pause: float = 0) -> Iterator[str]:
    """A server that gives each connection the next of some answers, whatever it is asked."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):  # closed at the end
                for answer in answers:
                    with server.accept()[0] as connection:
                        connection.recv(65_536)
                        with suppress(OSError):
                            for piece in answer.split(b"|"):
                                connection.sendall(piece)
                                sleep(pause)

        Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", "connection: close", f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (http(b'{"payload": {"orders": {}}}'), "SPAPI-ANSWER"),
        (http(b'{"payload": {"orders": [], "pagination": {"nextToken": 4}}}'), "SPAPI-ANSWER"),
        (http(b"[" * 100_000), "SPAPI-ANSWER"),
        (http(b'{"a": NaN}'), "SPAPI-ANSWER"),
        (http(b"\xff\xfe"), "SPAPI-ANSWER"),
        (http(b"[]"), "SPAPI-ANSWER"),
        (http(b"", "302 Found", "location: https://elsewhere.example/"), "SPAPI-ANSWER"),
        (http(b'{"errors": "no"}', "400 Bad Request"), "SPAPI-INPUT"),
        (http(b'{"errors": [{"details": "not in this region"}]}', "403 Forbidden"), "SPAPI-REGION"),
        (http(b"{}", "413 Too Large"), "SPAPI-INPUT"),
        (b"nonsense\r\n\r\n", "SPAPI-UNAVAILABLE"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{", "SPAPI-UNAVAILABLE"),
    ],
)
def test_any_answer_is_an_error_with_a_code(answer: bytes, code: str) -> None:
    with rehearsal(tries=1) as one, answering(answer) as url:
        one.client.terms = settings(one.amazon, base_url=url)
        assert fails(one).code == code


def test_an_answer_that_is_too_long_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sp_api, "ANSWER_LIMIT", 1000)
    with rehearsal(tries=1) as one, answering(http(b" " * 5_000_000)) as url:
        one.client.terms = settings(one.amazon, base_url=url)
        assert "more than" in str(fails(one))


def test_an_answer_that_never_ends_is_given_up() -> None:
    drops = b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n" + b"|".join([b" "] * 998)
    with (
        Amazon(Script()) as amazon,
        answering(drops, pause=0.1) as url,
        Client(settings(amazon, timeout_seconds=30), SECRETS.__getitem__, tries=1) as client,
    ):
        client.call("getPurchaseOrders")
        client.terms = settings(amazon, base_url=url, timeout_seconds=1)
        began = monotonic()
        with pytest.raises(SpApiError, match="did not end in time"):
            client.call("getPurchaseOrders")
        assert monotonic() - began < 60


def test_a_list_whose_pages_go_round_ends() -> None:
    page = http(b'{"payload": {"orders": [], "pagination": {"nextToken": "a"}}}')
    with rehearsal(tries=1) as one, answering(page, page) as url:
        one.client.terms = settings(one.amazon, base_url=url)
        with pytest.raises(SpApiError, match="the pages do not end"):
            list(one.client.pages("getPurchaseOrders"))


def test_a_document_never_meets_a_connection_that_its_server_just_closed() -> None:
    answers = [http(b'{"payload": {}}'), http(b'{"payload": {"transactionId": "1"}}', "202 Accepted")]
    with rehearsal(tries=1) as one, socket.create_server(("127.0.0.1", 0)) as server:
        open_ones: list[socket.socket] = []

        def once(connection: socket.socket, answer: bytes) -> None:
            connection.recv(65_536)
            connection.sendall(answer.replace(b"connection: close\r\n", b""))  # it may be used again, but
            connection.recv(65_536)
            connection.close()  # whatever comes next gets no answer

        def serve() -> None:
            for answer in answers:
                open_ones.append(server.accept()[0])
                Thread(target=once, args=(open_ones[-1], answer), daemon=True).start()

        Thread(target=serve, daemon=True).start()
        one.client.terms = settings(one.amazon, base_url=f"http://127.0.0.1:{server.getsockname()[1]}")
        one.client.call("getPurchaseOrders")
        assert one.client.call("submitInvoices", body=b"{}").transaction_id == "1"


# --- the test of a partner -------------------------------------------------------------------------------


def probed(one: Rehearsal) -> tuple[list[str], SpApiError | None]:
    steps: list[str] = []
    try:
        one.client.probe(lambda step, words: steps.append(f"{step}: {words}"))
    except SpApiError as error:
        return steps, error
    return steps, None


def test_a_test_tells_token_clock_roles_and_vendor_code() -> None:
    with rehearsal() as one:
        steps, error = probed(one)
        assert error is None
        assert steps[:2] == [
            "token: given; the client secret ends 2027-02-28, in 117 days",
            "clock: differs from Amazon's by 0 s",
        ]
        assert [step for step in steps if step.startswith("role")] == [
            f"role: {name} is allowed" for name in GET if name not in ("getPurchaseOrder", "getInvoice")
        ]
        assert steps[-1] == "vendor: REHRS has orders of the last 7 days"
        assert not one.amazon.submissions


def test_a_test_may_take_its_time_on_the_way() -> None:
    """Amazon counts the days up to when it hears of the question."""
    with rehearsal() as one:
        one.client.probe(lambda *_: one.time.wait(9))


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        (
            {"denied": ("GetShipmentDetails", "GetShipmentLabels")},
            "SPAPI-ROLE-MISSING",
            "GetShipmentDetails, GetS",
        ),
        ({"denied": tuple(OPERATIONS)}, "SPAPI-REGION", "in the region na"),
        ({"clock_ahead_seconds": 900}, "SPAPI-CLOCK", "by 900 s"),
        ({"vendor_code": "OTHER"}, "SPAPI-VENDOR-CODE", "OTHER"),
        ({"client_secret": "changed"}, "SPAPI-SECRET-EXPIRED", "Client authentication failed"),
    ],
)
def test_a_test_says_which_step_fails_and_why(script: dict[str, Any], code: str, words: str) -> None:
    with rehearsal(**script) as one:
        _, error = probed(one)
        assert error is not None
        assert error.code == code
        assert words in str(error)


def test_a_test_without_orders_does_not_judge_the_vendor_code() -> None:
    with rehearsal(orders=()) as one:
        steps, error = probed(one)
        assert error is None
        assert "no order of the last 7 days" in steps[-1]


def test_the_sandbox_refuses_what_it_has_no_example_of_and_shows_the_role_all_the_same() -> None:
    fault = Fault(does="error", operation="getPurchaseOrders", status=400)
    with rehearsal(fault, terms={"sandbox": True}) as one:
        steps, error = probed(one)
        assert error is None
        assert "role: getPurchaseOrders is allowed" in steps
        assert "no order of the last 7 days" in steps[-1]
    with rehearsal(fault) as one:
        _, error = probed(one)
        assert error is not None
        assert error.code == "SPAPI-INPUT"


def test_headers_are_what_amazon_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[httpx.Request] = []
    send = httpx.Client.send

    def spy(self: httpx.Client, request: httpx.Request, **said: Any) -> httpx.Response:
        sent.append(request)
        return send(self, request, **said)

    monkeypatch.setattr(httpx.Client, "send", spy)
    with rehearsal() as one:
        one.client.call("submitInvoices", body=invoice("INV-1", "PO000001"))
    token, call = sent
    assert token.content.startswith(b"client_id=rehearsal-client&")
    assert call.headers["x-amz-access-token"] == "Atza|rehearsal-1"
    assert call.headers["x-amz-date"] == "20261102T080000Z"
    assert call.headers["user-agent"].startswith("edigw/")
    assert call.headers["content-type"] == "application/json"
    assert "authorization" not in call.headers
