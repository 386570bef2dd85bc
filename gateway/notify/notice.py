"""What is sent to a target: one notice about some alerts, as JSON for programs and as text for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gateway.notify.events import SEVERITIES, TEST, alert, clean

DIGEST = "alert.digest"
"""Type of a notice about several alerts."""


def notice(
    rule: str, alerts: Sequence[Mapping[str, Any]], at: datetime, *, escalated: bool
) -> dict[str, Any]:
    """The JSON of a notice, in the form of Standard Webhooks: type, timestamp and data."""
    kind = alerts[0]["event"] if len(alerts) == 1 else DIGEST
    severity = max((one["severity"] for one in alerts), key=SEVERITIES.index)
    data = {"rule": rule, "severity": severity, "escalated": escalated, "alerts": [*alerts]}
    return {"type": kind, "timestamp": at.isoformat(), "data": data}


def test(at: datetime) -> dict[str, Any]:
    """A notice that only tries whether a target can be told."""
    one = {"alert": 0, **alert(TEST, {}), "times": 1, "at": at.isoformat()}
    return notice("test", [one], at, escalated=False)


def subject(said: Mapping[str, Any]) -> str:
    """The subject of a mail, one line."""
    data = said["data"]
    first, more = data["alerts"][0], len(data["alerts"]) - 1
    words = first["words"] if not more else f"{more + 1} alerts, the first: {first['words']}"
    return clean(f"[{data['severity']}]{' not acknowledged:' * data['escalated']} {words}")[:200]


def text(said: Mapping[str, Any]) -> str:
    """The text of a mail."""
    lines = ["Nobody has acknowledged this yet.", ""] if said["data"]["escalated"] else []
    for one in said["data"]["alerts"]:
        times = f" ({one['times']} times)" if one["times"] > 1 else ""
        lines += [f"{one['severity']}: {one['words']}{times}"]
        facts = {"event": one["event"], "at": one["at"][:19] + " UTC", **one.get("facts", {})}
        facts |= {key: one[key] for key in ("message_id", "document_id") if one.get(key)}
        lines += [f"  {key}: {value}" for key, value in facts.items()]
        lines += [f"  edigw alert acknowledge {one['alert']} --reason ...", ""] if one["alert"] else [""]
    return "\n".join([*lines, f"Told by the rule {said['data']['rule']} of alerts.yaml.", ""])
