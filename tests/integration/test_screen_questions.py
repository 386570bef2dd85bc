"""The questions of the screens of audit, alerts and reconciliation, on both databases."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.app import Gateway
from gateway.cli.commands.home import make_home
from gateway.errors import NotFoundError, RefusedError
from gateway.services import alert, history, proof, statement
from gateway.services.history import Asked
from gateway.settings import load
from gateway.store import alerts
from gateway.store.database import reading
from tests.databases import Server
from tests.homes import set_in
from tests.remittances import invoice, line, remittance, take


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_they_are_answered_the_same(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    make_home(home)
    set_in(home, "partners/acme-retail.yaml", "name: Acme", "reconciliation: amazon\nname: Acme")
    rules = [{"name": "all", "events": ["*"], "to": ["log"]}]
    (home / "alerts.yaml").write_text(json.dumps({"rules": rules}))
    if kind == "postgres":
        server: Server = request.getfixturevalue("postgres")
        monkeypatch.setenv("EDIGW_DATABASE_URL", server.database())
    day = (datetime.now(UTC) - timedelta(days=2)).date().isoformat()
    with Gateway(home, load(home), works=False) as gateway, closing(gateway.services.store):
        bills = [invoice("A-1", "100.00", "2026-01-02"), invoice("A-2", "50.00", "2026-01-02")]
        parts = [line("A-1", "100.00"), line("A-1SC", "-20.00"), line("ZZTOP", "-1.00")]
        take(gateway, [*bills, remittance("9001", day, parts)])
        services = gateway.services
        for one in [str(row) for row in services.store.alerts.due_rules(gateway.now())]:
            alert.tell(services, one)
        with reading(gateway.engine) as connection:
            owed = statement.accounts(connection, "", "owed", limit=9)
            assert [one["number"] for one in owed] == ["A-1", "A-2"]
            assert len(statement.accounts(connection, "acme-retail", limit=1, skip=1)) == 1
            assert statement.accounts(connection, "", partners={"other"}) == []
            (age,) = statement.ageing(connection)
            assert (age["past_due"], age["invoices"], age["amount"]) == ("over 90 days", 2, 70)
            (paid,) = statement.payments(connection, "")
            assert {kind: each["parts"] for kind, each in paid["kinds"].items()} == {
                "payment": 1,
                "shortage_claim": 1,
                "unclassified": 1,
            }
            (claim,) = statement.disputes(connection, "", limit=9)
            assert (claim["number"], claim["account"], claim["amount"]) == ("A-1SC", "A-1", "-20.00")
            (clear,) = statement.unclassified(connection, "", limit=9)
            assert clear["reference"] == "ZZTOP"
            newest = history.entries(connection, Asked(event="claim.*")).rows[0]
            assert newest["facts"]["number"] == "A-1SC"
            assert history.one(connection, newest["seq"], None)["fits"] is True
            with pytest.raises(NotFoundError):
                history.one(connection, newest["seq"], frozenset({"other"}))
            now, day_long = gateway.now(), timedelta(days=1)
            times: dict[str, Any] = {"since": now - day_long, "until": now + day_long}
            asked = Asked(**times, po="POA-1", actor="gateway", message="x")
            assert history.entries(connection, asked).rows == []
            assert proof.verified(home, connection, None)["problems"] == []
            (told,) = [one for one in alerts.alerts(connection).rows if one["event"] == "claim.received"]
            (notice, *_) = alerts.notices(connection, "pending", 1).rows
        with pytest.raises(RefusedError, match="being sent already"):
            alert.resend(services, notice["id"], "lost")
        alert.send(services, notice["id"])
        assert alert.resend(services, notice["id"], "lost") == "log"
        alert.acknowledge(services, told["seq"], "on it")
        with reading(gateway.engine) as connection:
            assert told["seq"] not in [one["seq"] for one in alerts.alerts(connection, is_open=True).rows]
