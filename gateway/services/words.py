"""What people read of the three statuses: the same on the command line and on the pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WORDS: dict[str, dict[str, str]] = {
    "translation": {
        "received": "not translated yet",
        "translated": "everything in it was processed",
        "partly_translated": "part of it was processed, the rest is in quarantine",
        "rejected": "it breaks rules of its guide or partner; nothing of it was processed",
        "unreadable": "it is not what this inbox takes, or cannot be read",
        "unprocessed": "nothing is agreed about it, so it was not processed",
        "duplicate": "it came before, and was not processed again",
        "failed": "an error of the gateway itself stopped it; a person is needed",
        "cancelled": "given up by a person before anything came of it",
        "written": "the gateway wrote it itself",
    },
    "delivery": {
        "not_expected": "it has no files for anybody",
        "waiting": "not everything made from it is where it belongs yet",
        "sent": "it was sent, the partner's receipt is not here yet",
        "delivered": "everything made from it is where it belongs",
        "failed": "given up after many tries; a person is needed",
        "cancelled": "given up by a person before anybody saw it",
    },
    "acknowledgment": {
        "not_expected": "the partner owes no answer to it",
        "waiting": "the partner has not answered yet",
        "overdue": "the partner should have answered by now",
        "accepted": "the partner's system took it; that is not yet a business agreement",
        "accepted_with_errors": "the partner took it and found mistakes",
        "partial": "the partner took a part of it",
        "rejected": "the partner refused it; nothing of it counts",
    },
}
"""The three statuses, and what their values mean."""

TONES: dict[str, dict[str, str]] = {
    "translation": {
        "received": "busy",
        "translated": "ok",
        "partly_translated": "warn",
        "rejected": "error",
        "unreadable": "error",
        "unprocessed": "warn",
        "duplicate": "off",
        "failed": "error",
        "cancelled": "off",
        "written": "ok",
    },
    "delivery": {
        "not_expected": "none",
        "waiting": "busy",
        "sent": "busy",
        "delivered": "ok",
        "failed": "error",
        "cancelled": "off",
    },
    "acknowledgment": {
        "not_expected": "none",
        "waiting": "wait",
        "overdue": "late",
        "accepted": "ok",
        "accepted_with_errors": "warn",
        "partial": "warn",
        "rejected": "refused",
    },
}
"""How a status is drawn. ``error`` is ours to mend; ``refused`` is what the partner did not accept."""

LABELS = {
    ("translation", "received"): "Received",
    ("translation", "failed"): "Error",
    ("translation", "rejected"): "Error: breaks rules",
    ("translation", "unreadable"): "Error: unreadable",
    ("delivery", "failed"): "Error: not delivered",
    ("acknowledgment", "rejected"): "Not accepted",
    ("acknowledgment", "accepted_with_errors"): "With errors",
    ("acknowledgment", "partial"): "Partly accepted",
}
"""Short labels that say more than the status itself."""


def settled(message: Mapping[str, Any]) -> list[Any]:
    """Its problems that are none any more: names that were not known, of documents that went on since."""
    went_on = any(one["event"] == "document.continues" for one in message["history"])
    if not went_on or any(one["state"] == "waits" for one in message["deliveries"]):
        return []
    found = [one for report in message["problems"] for one in report["problems"]]
    return [one for one in found if one["code"].startswith("HOME-UNKNOWN-")]


def whose_move(message: Mapping[str, Any]) -> tuple[str, str]:
    """Whose move it is with a message, with its ``problems``, and what is to be done."""
    waits = [one for one in message["deliveries"] if one["state"] == "waits"]
    done = settled(message)
    told = [one for one in message["problems"] if any(each not in done for each in one["problems"])]
    answer = message["acknowledgment"]
    if message["hold"]:
        return "Yours", f"It is on hold: {message['hold']}. Release it, or cancel it."
    if message["translation"] == "received":
        return "The gateway’s", "It is about to be translated."
    if message["delivery"] == "failed":
        return "Yours", "Mend what the delivery says, and resend it."
    if waits:
        return "Yours", f"A document waits for {waits[0]['error']}."
    if answer in ("rejected", "partial"):
        return "Yours", "Correct what the partner refused, and send it as a new document."
    if told and not message["closed_at"]:
        return str(told[0]["move"]).capitalize(), " ".join(told[0]["what_to_do"][:2])
    if message["delivery"] in ("waiting", "sent"):
        return "The gateway’s", "It is being delivered."
    if answer == "overdue":
        return "Yours", "Ask the partner whether it got this, or resend it."
    if answer == "waiting":
        return "The partner’s", "It owes an acknowledgment."
    return "Nobody’s", "There is nothing left to do."


def words(status: str) -> str:
    """A status or type as words."""
    return "-" if status == "not_expected" else status.replace("_", " ")


def label(kind: str, status: str) -> str:
    """A status as a short label, such as ``Not accepted``."""
    return LABELS.get((kind, status)) or words(status).capitalize()
