"""Several workers on PostgreSQL and one SFTP channel: no file is taken twice, none is sent twice."""

from __future__ import annotations

import json
import select
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import text

from tests import ssh
from tests.homes import LINE, PARTNER
from tests.integration.crashing import Node
from tests.integration.killing import plain_home
from tests.integration.traffic import opened
from tests.orders import interchange, order

pytestmark = [pytest.mark.needs_system, pytest.mark.slow]

ROUND, ROUNDS = 20, 40


def test_two_workers_share_a_server_and_do_nothing_twice(tmp_path: Path, postgres_url: str) -> None:
    home, there = tmp_path / "home", ssh.folders(tmp_path / "there")
    plain_home(home, 2, 3600)
    nodes: list[Node] = []
    with ssh.sshd(tmp_path / "sshd", options=("MaxStartups 100:30:200",)) as server:
        said: dict[str, Any] = {"inboxes": [f"{there}/inbox"], "outbox": f"{there}/outbox", "poll_seconds": 1}
        path = home / f"partners/{PARTNER}.yaml"
        settings = server.settings(**said, host_keys=[server.host_key])
        path.write_text(path.read_text() + yaml.safe_dump({"sftp": settings}))
        try:
            for command in ("serve", "serve", "worker", "worker"):
                environment = {"EDIGW_DATABASE_URL": postgres_url}
                nodes.append(Node(command, home, home / f"log-{len(nodes)}", environment))
                nodes[-1].wait_started()
            number, workers = 0, nodes[2:]
            while not all(_spoke(one, ("received", "delivered")) for one in workers) or number < 100:
                assert number < ROUND * ROUNDS, "one of them does all the work"
                for _ in range(ROUND):
                    number += 1
                    hidden = there / f"inbox/.{number}.tmp"
                    hidden.write_bytes(interchange(number, [order(1, f"PO{number}", [LINE])]))
                    hidden.rename(there / f"inbox/{number}.edi")
                _wait(there, number, nodes)
        finally:
            codes = [one.kill(signal.SIGTERM) for one in nodes if one.is_alive]
    assert codes == [0] * 4
    answered = Counter(
        path.read_text().split("AK1*PO*")[1].split("~")[0] for path in (there / "outbox").iterdir()
    )
    assert answered == Counter(str(one) for one in range(1, number + 1))
    with opened(home, postgres_url) as engine, engine.connect() as connection:
        counted = "SELECT translation, count(*) FROM messages WHERE direction = 'in' GROUP BY translation"
        assert [tuple(row) for row in connection.execute(text(counted))] == [("translated", number)]
        states = connection.execute(text("SELECT DISTINCT state FROM deliveries"))
        assert [state for (state,) in states] == ["delivered"]
    for one in nodes:
        assert "channel.trouble" not in one.told


def _spoke(node: Node, events: tuple[str, ...]) -> bool:
    """Whether this process fetched and sent over SFTP."""
    known = {
        one["event"].removeprefix("file.")
        for one in node.events()
        if one.get("channel") == PARTNER and one["event"].startswith("file.")
    }
    return set(events) <= known


def _wait(there: Path, number: int, nodes: list[Node]) -> None:
    """Until so many answers are there."""
    for _ in range(1200):
        if len([one for one in (there / "outbox").iterdir() if one.name[0] != "."]) >= number:
            return
        assert all(one.is_alive for one in nodes), [json.dumps(one.events()[-3:]) for one in nodes]
        select.select([], [], [], 0.05)
    raise AssertionError("not all files came back")
