"""A whole gateway and mock-edi trade over AS2 without protection: receipts at once and later, both ways."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest

from gateway.app import Gateway
from gateway.cli.commands.demo import drop
from gateway.cli.commands.home import make_home
from gateway.settings import load
from tests.homes import PARTNER, rows, set_in
from tests.interop.mockedi import AS2_ID, MockEdi
from tests.ports import free_port

pytestmark = pytest.mark.needs_system

_AS2 = "\nas2:\n  id: ACME\n  listen: 127.0.0.1:{port}\n  public_url: http://127.0.0.1:{port}/as2\n"
_PARTNER = """
as2:
  id: {theirs}
  url: {url}
  sign: none
  encrypt: none
  receipt: {{mode: {mode}, signed: false}}
  require: {{signed: false, encrypted: false}}
  private_addresses: true
"""


def home_with(path: Path, mock: MockEdi, mode: str) -> int:
    """A home that is the customer of mock-edi; returns the port it listens at."""
    make_home(path)
    port = free_port()
    set_in(path, "gateway.yaml", "stable_seconds: 1 ", "stable_seconds: 0 ")
    set_in(path, "gateway.yaml", "id: EXAMPLESUPPLIER", "id: ACME")
    set_in(path, f"partners/{PARTNER}.yaml", "id: ACMERETAIL", f"id: {AS2_ID}")
    set_in(path, f"partners/{PARTNER}.yaml", '  - set: "855"', '  - set: "850"\n  - set: "855"')
    set_in(path, f"partners/{PARTNER}.yaml", '  - set: "850" ', '  - set: "855"\n  - set: "850" ')
    texts = {
        "gateway.yaml": _AS2.format(port=port),
        f"partners/{PARTNER}.yaml": _PARTNER.format(theirs=AS2_ID, url=mock.url, mode=mode),
    }
    for file, text in texts.items():
        with (path / file).open("a") as out:
            out.write(text)
    return port


ORDER = {
    "document_type": "purchase_order",
    "schema_version": "1",
    "partner_id": PARTNER,
    "purpose": "original",
    "po_number": "4711",
    "po_type": "regular",
    "ordered_at": "2026-03-02",
    "lines": [
        {
            "line_no": "1",
            "quantity": {"value": "24", "uom": "EA"},
            "unit_price": {"amount": "12.50"},
            "ids": {"asin": "B0EXAMPLE1", "vendor_sku": "SKU-1"},
        }
    ],
}


def until(found: Callable[[], bool], gateway: Gateway) -> None:
    """Works until something is so; the peer answers when it likes."""
    end = time.monotonic() + 30
    while not found():
        assert time.monotonic() < end
        gateway.run_once(patient=False)
        time.sleep(0.05)


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_an_order_goes_out_and_its_answers_come_in(tmp_path: Path, mockedi: MockEdi, mode: str) -> None:
    home = tmp_path / "home"
    port = home_with(home, mockedi, mode)
    mockedi.settings(as2_url=f"http://127.0.0.1:{port}/as2")
    with Gateway(home, load(home)) as gateway:
        listener, stop = gateway.listener(), Event()
        thread = Thread(target=listener.run, args=(stop,))
        thread.start()
        try:
            assert listener.ready.wait(30)
            drop(home / "folders/erp/inbox", "order.json", json.dumps(ORDER).encode())
            gateway.run_once()

            def is_told() -> bool:
                found = rows(home, "SELECT delivery, acknowledgment FROM messages WHERE name LIKE '850%'")
                return found[0][0] == "delivered" and str(found[0][1]).startswith("accepted")

            def is_over() -> bool:
                left = (
                    "SELECT 1 FROM messages WHERE delivery IN ('waiting', 'sent') OR translation = 'received'"
                )
                return len(rows(home, "SELECT 1 FROM exchanges")) > 3 and not rows(home, left)

            until(is_told, gateway)
            until(is_over, gateway)
        finally:
            stop.set()
            thread.join()
    assert [one["po_number"] for one in mockedi.list("orders")].count("4711") == 1
    came = rows(home, "SELECT payload FROM messages WHERE channel = 'acme-retail' AND direction = 'in'")
    assert len(came) >= 2  # its 997 and its 855
    out = rows(home, "SELECT state, receipt_url FROM exchanges WHERE direction = 'out'")
    assert {one[0] for one in out} == {"confirmed"}
    assert rows(home, "SELECT state FROM exchanges WHERE direction = 'in' AND state <> 'answered'") == []
