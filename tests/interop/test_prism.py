"""Amazon's own models judge both sides: Prism stands between the client and the played Amazon.

The models are no part of the project; without them (``EDIGW_SHARED``, or beside the samples) or without Prism
it is skipped.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep

import httpx
import pytest

from gateway.simulator.amazon import Amazon
from gateway.simulator.script import Change, Order, Script
from gateway.transports.sp_api import OPERATIONS, Client, SpApiError
from tests.amazon import SECRETS, acknowledgment, confirmation, invoice, pickup, settings
from tests.interop.environments import ENVIRONMENT, Unavailable, prism
from tests.ports import free_port
from tests.samples import directory

SHARED = os.environ.get("EDIGW_SHARED") or ((samples := directory()) and samples.parent)
MODELS = Path(SHARED or "absent") / "domain" / "sp-api"
PLACE = {"marketplaceId": "ATVPDKIKX0DER"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not MODELS.is_dir(), reason="Amazon's models are absent: set EDIGW_SHARED"),
]


@contextmanager
def judged(model: str, url: str) -> Iterator[str]:
    """Where calls go that are judged; one that breaks the model, or whose answer does, gets 4xx or 500."""
    try:
        program = prism()
    except Unavailable as error:
        pytest.skip(f"no Prism: {error}")
    port = free_port()
    command = [*program, "proxy", "--errors", "-h", "127.0.0.1", "-p", str(port), MODELS / model, url]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=ENVIRONMENT, stdin=quiet, stdout=quiet, stderr=quiet) as process:
        try:
            end = monotonic() + 60
            with httpx.Client(trust_env=False) as http:
                while monotonic() < end and process.poll() is None:
                    try:
                        http.get(f"http://127.0.0.1:{port}/")
                        break
                    except httpx.TransportError:
                        sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


@pytest.fixture(scope="module")
def amazon() -> Iterator[Amazon]:
    changes = (Change(quantity=4, ship_to="LAX9"),)
    orders = (
        Order(number="PO000001", count=3, at_seconds=-3600),
        Order(number="PX000001", at_seconds=-1800, changes=changes),
    )
    with Amazon(Script(orders=orders, transaction_seconds=0, paid_seconds=0)) as played:
        yield played


def test_every_call_of_a_vendor_and_its_answer_fit_the_models(amazon: Amazon) -> None:
    with judged("derived/vendor-merged.oas3.json", amazon.url) as url:
        terms = settings(amazon, base_url=url, timeout_seconds=60, marketplace="")
        with Client(terms, SECRETS.__getitem__) as client:
            since = amazon.start - timedelta(days=1)
            pages = [*client.orders(since), *client.orders(since, changed=True)]
            assert [len(page.items) for page in pages] == [4, 1]
            bodies = {
                "submitAcknowledgement": acknowledgment("PO000001", 6),
                "SubmitShipmentConfirmations": confirmation("SHIP-1", "PO000001"),
                "SubmitShipments": pickup("PICK-1"),
                "submitInvoices": invoice("INV-1", "PO000001"),
            }
            for name, body in bodies.items():
                number = client.call(name, body=body).transaction_id
                found = client.call("getTransaction", key=number).payload["transactionStatus"]
                assert found["status"] == "Success"
            client.call("getPurchaseOrder", key="PO000001")
            for name in ("getPurchaseOrdersStatus", "GetShipmentDetails", "GetShipmentLabels"):
                assert client.call(name, query={"limit": 10}).items
            client.probe(lambda *_: None)
    called = {name for _, name, status in amazon.calls if status < 300}
    assert called >= {name for name in OPERATIONS if not name.startswith("getInvoice")}


def test_invoices_of_finances_fit_their_model(amazon: Amazon) -> None:
    with judged("models/financesInvoices_2026-06-25.json", amazon.url) as url:
        direct = settings(amazon, timeout_seconds=60)
        with Client(direct, SECRETS.__getitem__) as client:
            client.call("submitInvoices", body=invoice("INV-2", "PO000002"))
        with Client(settings(amazon, base_url=url, timeout_seconds=60), SECRETS.__getitem__) as client:
            heads = client.call("getInvoiceHeaders", query=PLACE).items
            assert "INV-2~REHRS" in {one["invoiceIdentifier"] for one in heads}
            assert client.call("getInvoice", key="INV-2~REHRS", query=PLACE).items


def test_prism_notices_what_is_wrong(amazon: Amazon) -> None:
    wrong = acknowledgment("PO000001").replace(b"Accepted", b"Agreed")
    with judged("derived/vendor-merged.oas3.json", amazon.url) as url:
        terms = settings(amazon, base_url=url, timeout_seconds=60)
        with Client(terms, SECRETS.__getitem__, tries=1) as client:
            with pytest.raises(SpApiError):
                client.call("getPurchaseOrders", query={"limit": 101})
            with pytest.raises(SpApiError):
                client.call("submitAcknowledgement", body=wrong)
