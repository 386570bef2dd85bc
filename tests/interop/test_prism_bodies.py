"""Prism, which checks requests by Amazon's own description of its API, takes what we send."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from random import Random
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

from gateway import engine
from gateway.mapping.body import encode
from gateway.sp_api import KINDS, packing, read_body, write_body
from tests import payloads
from tests.bodies import Draft, ship_notice
from tests.interop.environments import ENVIRONMENT, Unavailable, prism
from tests.ports import free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs_system,
    pytest.mark.skipif(not payloads.MERGED.is_file(), reason=payloads.ABSENT),
]

LIBRARY = engine.library()
PATHS = {
    "submitAcknowledgement": "/vendor/orders/v1/acknowledgements",
    "SubmitShipmentConfirmations": "/vendor/shipping/v1/shipmentConfirmations",
    "SubmitShipments": "/vendor/shipping/v1/shipments",
    "submitInvoices": "/vendor/payments/v1/invoices",
}


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    try:
        command = prism()
    except Unavailable as error:
        pytest.skip(f"no Prism: {error}")
    port = free_port()
    arguments = ["mock", "-h", "127.0.0.1", "-p", str(port), str(payloads.MERGED)]
    with (
        subprocess.Popen(
            [*command, *arguments], env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as server,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as made,
    ):
        try:
            _wait(server, made)
            yield made
        finally:
            server.terminate()


def _wait(server: subprocess.Popen[bytes], client: httpx.Client) -> None:
    until = monotonic() + 120
    while monotonic() < until and server.poll() is None:
        try:
            client.get("/")
        except httpx.TransportError:
            sleep(0.2)
            continue
        return
    pytest.fail("Prism did not start")


def answer(client: httpx.Client, operation: str, body: Any) -> httpx.Response:
    headers = {"content-type": "application/json", "accept": "application/json"}
    return client.post(PATHS[operation], content=encode(body), headers=headers)


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.operation])
def test_bodies_are_taken(client: httpx.Client, kind: str) -> None:
    for seed, share in ((1, 0.1), (2, 0.5), (3, 0.9), (4, 1.0)):
        (document,) = read_body(kind, Draft(Random(seed), share).body(kind), LIBRARY).documents
        written = write_body(document, LIBRARY, kind=kind)
        said = answer(client, written.operation, written.body)
        assert said.status_code in (200, 202), said.headers.get("sl-violations")


@pytest.mark.parametrize("structure", packing.STRUCTURES)
def test_shipments_of_every_structure_are_taken(client: httpx.Client, structure: str) -> None:
    written = write_body(ship_notice(structure, Random(5)), LIBRARY)
    said = answer(client, written.operation, written.body)
    assert said.status_code == 202, said.headers.get("sl-violations")


def test_it_would_refuse_what_is_wrong(client: httpx.Client) -> None:
    written = write_body(ship_notice("MasterCase", Random(5)), LIBRARY)
    del written.body["shipmentConfirmations"][0]["shipFromParty"]
    assert answer(client, written.operation, written.body).status_code == 400
