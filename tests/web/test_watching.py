"""``/livez``, ``/readyz`` and ``/metrics``."""

from __future__ import annotations

from tests.web.conftest import Served


def test_whether_it_lives_and_can_work_is_told_to_anybody_and_no_more(served: Served) -> None:
    with served.client() as nobody:
        assert nobody.get("/livez").json()["status"] == "ok"
        ready = nobody.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "ok"), ready.text
        names = {one["name"] for one in ready.json()["checks"]}
        assert {"database", "migrations"} <= names
        assert {one["words"] for one in ready.json()["checks"]} == {""}
        assert nobody.get("/metrics").status_code == 401


def test_metrics_are_for_who_may_read_everything(served: Served) -> None:
    with served.client("viewer") as viewer, served.client("acme-viewer") as some:
        told = viewer.get("/metrics")
        assert told.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert "edigw_database_up 1.0" in told.text
        assert some.get("/metrics").status_code == 403
