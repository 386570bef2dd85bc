"""A home and a retailer that trade over AS2: real HTTP, keys, store and files; the retailer is played."""

from __future__ import annotations

import json
import os
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from gateway import resources
from gateway.api.listener import Reply
from gateway.app import Gateway
from gateway.as2 import cms
from gateway.as2 import message as as2
from gateway.as2.headers import ReceiptRequest, write_receipt_request
from gateway.as2.mdn import Disposition
from gateway.as2.problems import As2Error
from gateway.as2.span import Span
from gateway.cli.commands.demo import segments_of
from gateway.cli.main import main
from gateway.services import accept
from gateway.services.check import statuses
from gateway.services.transmit import as2_headers
from gateway.settings import load
from gateway.store.database import reading
from gateway.transports.as2 import Client, Target
from tests.as2 import OURS, THEIRS, THEM, US, Trade, trading
from tests.certificates import PASSWORD, pair
from tests.homes import LINE, PARTNER, acknowledgment, change, database, put, rows
from tests.orders import interchange, order


def po(control: int = 1, number: str = "7KX2M41Q") -> bytes:
    return interchange(control, [order(1, number, [LINE])])


def drop_invoice(home: Path, number: str = "ES-1077") -> None:
    document = json.loads(resources.find("config/demo/invoice-7KX2M41Q.json").read_bytes())
    document["invoice_number"] = number
    put(home, f"invoice-{number}.json", json.dumps(document).encode(), "erp")


def names(home: Path, box: str, channel: str = PARTNER) -> list[str]:
    return sorted(one.name for one in (home / "folders" / channel / box).iterdir())


def status(home: Path, name: str) -> tuple[Any, ...]:
    return rows(home, "SELECT translation, delivery, acknowledgment FROM messages WHERE name LIKE ?", name)[0]


def verified(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The audit and the database are whole."""
    assert main(["audit", "verify", "--config", str(home)]) == 0, capsys.readouterr()
    with Gateway(home, load(home), works=False) as gateway, reading(gateway.engine) as connection:
        assert [one for one in statuses(connection) if not one.ok] == []


def test_an_order_comes_in_and_its_acknowledgment_and_the_invoice_go_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with trading(tmp_path / "home") as trade:
        receipt = trade.retailer.send(trade.url, "po-1.edi", po())
        assert receipt is not None
        assert receipt.signed is not None
        assert trade.retailer.got == []  # nothing but the receipt yet
        trade.run()
        (order_file,) = names(trade.home, "outbox", "erp")
        assert order_file.startswith("purchase_order_7KX2M41Q")
        (answer,) = trade.retailer.got
        assert (answer.name, answer.signed, answer.cipher) == ("997_1.edi", True, "aes256-cbc")
        drop_invoice(trade.home)
        trade.run()
        invoice = trade.retailer.got[1]
        assert invoice.name.startswith("810_ES-1077")
        assert status(trade.home, "810%") == ("written", "delivered", "waiting")
        (sent,) = [one for one in trade.said("receipt.received") if one["as2_id"] == invoice.message_id]
        assert sent["signed_by"] == THEM.certificate.fingerprint
        (tmp_path / "810.edi").write_bytes(invoice.content)
        group = next(one[6] for one in segments_of(tmp_path / "810.edi") if one[0] == "GS")
        trade.retailer.send(trade.url, "997.edi", acknowledgment(5, int(group)))
        trade.run()
        assert status(trade.home, "810%") == ("written", "delivered", "accepted")
        assert names(trade.home, "outbox") == []
        assert list((trade.home / "data/spool").iterdir()) == []
    verified(tmp_path / "home", capsys)


def test_the_bytes_of_a_message_are_kept_until_its_receipt_is_here_and_the_evidence_for_good(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with trading(tmp_path / "home") as trade:
        trade.retailer.send(trade.url, "po-1.edi", po())
        trade.run()
    home = tmp_path / "home"
    found = rows(home, "SELECT direction, state, wire, signed, receipt FROM exchanges ORDER BY seq")
    assert [one[:3] for one in found] == [("in", "answered", None), ("out", "confirmed", None)]
    kept = {
        path.parent.name + path.name.removesuffix(".gz") for path in (home / "data/payloads").rglob("*.gz")
    }
    referred = {one for row in found for one in row[3:]}
    assert None not in referred
    assert referred <= kept
    named = rows(home, "SELECT payload FROM messages UNION SELECT payload FROM deliveries")
    assert kept == referred | {one for (one,) in named if one}
    capsys.readouterr()
    (message,) = rows(home, "SELECT id FROM messages WHERE direction = 'in'")[0]
    assert main(["message", "raw", message, "--signed", "--config", str(home)]) == 0
    assert "multipart/signed" in capsys.readouterr().out


# --- receiving ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("receipt", ["signed", "unsigned", ""])
def test_the_receipt_is_as_it_was_asked_for(tmp_path: Path, receipt: str) -> None:
    with trading(tmp_path / "home") as trade:
        found = trade.retailer.send(trade.url, "po.edi", po(), receipt=receipt)
        assert (found is not None and found.signed is not None) == (receipt == "signed")
        assert (found is None) == (receipt == "")
        trade.run()
        assert len(names(trade.home, "outbox", "erp")) == 1


def test_an_asynchronous_receipt_is_sent_by_a_job_to_a_host_of_the_partners_file(tmp_path: Path) -> None:
    with trading(tmp_path / "home") as trade:
        assert trade.retailer.send(trade.url, "po.edi", po(), receipt_url=trade.retailer.url) is None
        assert trade.retailer.receipts == []
        trade.run()
        (receipt,) = trade.retailer.receipts
        assert receipt.signed is not None
        assert receipt.report.disposition.is_positive
        assert trade.said("receipt.sent")[0]["url"] == trade.retailer.url


def test_ssrf_receipts_go_to_no_host_that_the_partners_file_does_not_name(tmp_path: Path) -> None:
    """Security list 1.6.6: Receipt-Delivery-Option is not signed, anybody can write it."""
    with trading(tmp_path / "home", more="  receipts_to: [as2.acme.example]\n") as trade:
        trade.retailer.send(trade.url, "po.edi", po(), receipt_url=trade.retailer.url)
        trade.run()
        assert trade.retailer.receipts == []
        assert "not among those allowed" in trade.said("receipt.failed")[0]["error"]
        assert len(names(trade.home, "outbox", "erp")) == 1  # the order counts all the same


def test_ssrf_receipts_go_to_no_private_address_unless_that_is_configured(tmp_path: Path) -> None:
    with trading(tmp_path / "home") as trade:
        partner = trade.gateway.settings.partners[PARTNER]
        assert partner.as2 is not None
        object.__setattr__(partner.as2, "private_addresses", False)
        trade.retailer.send(trade.url, "po.edi", po(), receipt_url=trade.retailer.url)
        trade.run()
        assert trade.retailer.receipts == []
        assert "not on the public internet" in trade.said("receipt.failed")[0]["error"]


def test_the_same_message_again_is_answered_as_before_and_not_processed(tmp_path: Path) -> None:
    """Security list 1.6.11."""
    with trading(tmp_path / "home") as trade:
        first = trade.retailer.send(trade.url, "po.edi", po(), message_id="<1@acme>")
        trade.run()
        again = trade.retailer.send(trade.url, "po.edi", po(), message_id="<1@acme>")
        trade.run()
        assert first is not None
        assert again is not None
        assert first.report == again.report
        assert len(rows(trade.home, "SELECT 1 FROM messages WHERE direction = 'in'")) == 1
        assert len(names(trade.home, "outbox", "erp")) == 1
        assert len(trade.said("as2.repeated")) == 1


def test_atomic_dedup_the_same_message_many_times_at_once_is_taken_once(tmp_path: Path) -> None:
    """Security list 1.6.11: the claim and the bytes are one transaction."""
    with trading(tmp_path / "home") as trade:
        found: list[object] = []

        def send() -> None:
            try:
                found.append(trade.retailer.send(trade.url, "po.edi", po(), message_id="<1@acme>"))
            except As2Error as error:  # 503: the first is not done yet; a partner tries again
                found.append(error)

        threads = [Thread(target=send) for _ in range(8)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert len(found) == 8
        assert all(isinstance(one, as2.Receipt) or "503" in str(one) for one in found)
        assert any(isinstance(one, as2.Receipt) for one in found)
        trade.run()
        assert len(rows(trade.home, "SELECT 1 FROM messages WHERE direction = 'in'")) == 1
        assert len(names(trade.home, "outbox", "erp")) == 1


def test_what_was_refused_may_come_again_under_the_same_message_id(tmp_path: Path) -> None:
    with trading(tmp_path / "home") as trade:
        trade.retailer.terms = as2.Terms("", "")
        with pytest.raises(As2Error, match="insufficient-message-security"):
            trade.retailer.send(trade.url, "po.edi", po(), message_id="<1@acme>")
        trade.retailer.terms = as2.Terms()
        assert trade.retailer.send(trade.url, "po.edi", po(), message_id="<1@acme>") is not None
        trade.run()
        assert len(names(trade.home, "outbox", "erp")) == 1


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        (as2.Terms("", ""), "insufficient-message-security"),
        (as2.Terms("sha256", ""), "insufficient-message-security"),
        (as2.Terms("", "aes256-cbc"), "decryption-failed"),
    ],
)
def test_policy_of_the_partner_not_of_the_message(tmp_path: Path, terms: as2.Terms, code: str) -> None:
    """Security list 1.6.4. The file stands in quarantine, with the reason in words."""
    with trading(tmp_path / "home") as trade:
        trade.retailer.terms = terms
        with pytest.raises(As2Error, match=code):
            trade.retailer.send(trade.url, "po.edi", po())
        trade.run()
        assert names(trade.home, "outbox", "erp") == []
        words = [one for one in names(trade.home, "quarantine") if one.endswith(".problem.txt")]
        text = (trade.home / f"folders/{PARTNER}/quarantine/{words[0]}").read_text()
        assert "AS2-" in text
        assert code in text  # what the partner was told


def test_a_message_encrypted_for_a_key_we_do_not_have_tells_our_people_for_which(tmp_path: Path) -> None:
    stranger = pair("an old certificate of ours")
    with trading(tmp_path / "home") as trade:
        trade.retailer.ours = stranger.certificate
        with pytest.raises(As2Error):
            trade.retailer.send(trade.url, "po.edi", po(), receipt="unsigned")
        trade.run()
        (report,) = [one for one in names(trade.home, "quarantine") if one.endswith(".problem.json")]
        found = json.loads((trade.home / f"folders/{PARTNER}/quarantine/{report}").read_bytes())
        assert f"{stranger.certificate.serial:X}" in found["problems"][0]["message"]


def raw_post(trade: Trade, headers: list[tuple[str, str]], body: bytes = b"x") -> Any:
    with closing(Client()) as client:
        return client.post(Target(trade.url, public_only=False), headers, Span.of(body))


def head(sender: str = THEIRS, receiver: str = OURS, message_id: str = "<9@acme>") -> list[tuple[str, str]]:
    return [*as2_headers(sender, receiver, message_id, datetime(2026, 3, 2, tzinfo=UTC))]


def test_limits_unknown_pairs_are_told_before_any_key_is_used(tmp_path: Path) -> None:
    """Security list 1.6.12."""
    with trading(tmp_path / "home") as trade:
        trade.gateway.services.keyring.decrypt_keys = None  # type: ignore[assignment, method-assign]
        asked = [("Disposition-Notification-To", "x@y")]
        answer = raw_post(trade, [*head("acme as2"), *asked])  # capitals count
        assert answer.status == 200
        assert b"unknown-trading-relationship" in answer.body
        assert b"multipart/signed" not in answer.body
        assert raw_post(trade, head("STRANGER")).status == 403
        assert raw_post(trade, [("X", "y")]).status == 400
        assert raw_post(trade, [*head(), ("AS2-From", "another")]).status == 400
        assert rows(trade.home, "SELECT 1 FROM messages") == []


def test_limits_a_partner_whose_messages_fail_and_fail_is_told_to_wait(tmp_path: Path) -> None:
    """Security list 1.6.5: an oracle needs thousands of answers."""
    with trading(tmp_path / "home") as trade:
        answers = [raw_post(trade, head(message_id=f"<{n}@a>")).status for n in range(accept.MAX_REFUSED + 2)]
        assert answers == [400] * accept.MAX_REFUSED + [503, 503]
        assert len(rows(trade.home, "SELECT 1 FROM messages")) == accept.MAX_REFUSED


@pytest.mark.parametrize("message_id", ["", "<a b@c>", "<" + "x" * 1000 + ">"])
def test_messages_without_a_usable_message_id_are_refused(tmp_path: Path, message_id: str) -> None:
    with trading(tmp_path / "home") as trade:
        headers = [one for one in head() if one[0] != "Message-ID"] + [("Message-ID", message_id)]
        assert raw_post(trade, headers).status == 400


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ('"po 1.edi"', "po 1.edi"),
        (".hidden", "hidden"),
        ('""', "as2-1.edi"),
        ("UTF-8''%C3%A4%2F%00%0D.edi", None),
    ],
)
def test_path_traversal_a_file_name_of_the_sender_is_only_a_name(
    tmp_path: Path, sent: str, kept: str | None
) -> None:
    """Security list 1.6.9."""
    with trading(tmp_path / "home") as trade:
        trade.retailer.send(trade.url, sent, po())
        ((name,),) = rows(trade.home, "SELECT name FROM messages")
        assert name == kept if kept else not set(name) & set('/\\\0\r\n"')
        trade.run()
        assert len(names(trade.home, "outbox", "erp")) == 1


def test_several_attachments_become_several_messages(tmp_path: Path) -> None:
    with trading(tmp_path / "home") as trade:
        parts = b"".join(
            b"--m\r\nContent-Disposition: attachment; filename=%b\r\n\r\n%b\r\n" % (name, content)
            for name, content in ((b"one.edi", po(1, "7KX2M41Q")), (b"two.edi", po(2, "7KX2M42R")))
        )
        entity = b'Content-Type: multipart/related; boundary="m"\r\n\r\n' + parts + b"--m--\r\n"
        _, pieces = as2.signed([Span.of(entity)], THEM, "sha256", datetime.now(UTC), "b")
        out = BytesIO()
        cms.encrypt(pieces, out, [US.certificate], "aes256-gcm", os.urandom)
        asked = write_receipt_request(ReceiptRequest(True, ("sha256",)), to="x")
        kind = ("Content-Type", "application/pkcs7-mime; smime-type=authEnveloped-data")
        assert raw_post(trade, [*head(), kind, *asked], out.getvalue()).status == 200
        trade.run()
        assert len(names(trade.home, "outbox", "erp")) == 2


# --- sending -----------------------------------------------------------------------------------------------


def sent(trade: Trade) -> tuple[str, str]:
    """Delivery of the message and state of its exchange."""
    ((delivery, state),) = rows(
        trade.home, "SELECT m.delivery, x.state FROM messages m JOIN exchanges x ON x.message_id = m.id"
    )
    return str(delivery), str(state)


def test_an_asynchronous_receipt_of_the_partner_is_waited_for_and_counts(tmp_path: Path) -> None:
    with trading(tmp_path / "home", more="  receipt: {mode: async}\n", holds=True) as trade:
        drop_invoice(trade.home)
        trade.run()
        assert sent(trade) == ("sent", "waiting")
        again = list(trade.retailer._held)
        trade.retailer.release(trade.url)
        assert sent(trade) == ("delivered", "confirmed")
        trade.retailer._held += again  # a second receipt is only told
        trade.retailer.release(trade.url)
        assert sent(trade) == ("delivered", "confirmed")
        assert "has its receipt already" in trade.said("receipt.ignored")[0]["reason"]


def overdue(trade: Trade) -> None:
    """The time of what is expected is over."""
    change(
        trade.home, "UPDATE expectations SET due_at = '2020-01-01' WHERE kind = 'receipt' AND state = 'open'"
    )


def test_a_receipt_that_does_not_come_is_asked_for_again_and_may_come_late(tmp_path: Path) -> None:
    more = "  receipt: {mode: async, resends: 1}\n"
    with trading(tmp_path / "home", more=more, holds=True) as trade:
        drop_invoice(trade.home)
        trade.run()
        overdue(trade)
        later(trade)
        trade.run()
        assert trade.retailer.asks == 2
        assert len(trade.retailer.got) == 1  # the same Message-ID
        assert sent(trade) == ("sent", "waiting")
        overdue(trade)
        trade.run()
        assert sent(trade) == ("failed", "failed")
        assert "did not answer with a receipt" in trade.said("delivery.failed")[0]["error"]
        trade.retailer.release(trade.url)
        assert sent(trade) == ("delivered", "confirmed")


def test_a_receipt_that_cannot_be_read_is_kept_for_people(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with trading(
        tmp_path / "home", change=lambda _: Reply(200, [("Content-Type", "text/html")], b"fine")
    ) as trade:
        drop_invoice(trade.home)
        trade.run()
        later(trade)
        trade.run()
        assert sent(trade) == ("waiting", "sending")
        ((message,),) = rows(trade.home, "SELECT id FROM messages WHERE direction = 'out'")
        capsys.readouterr()
        assert main(["message", "raw", message, "--receipt", "--config", str(trade.home)]) == 0
        assert capsys.readouterr().out.endswith("fine")


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(404, [], b"no such page"), "404"),
        (Reply(401), "401"),
    ],
)
def test_an_answer_that_says_no_needs_a_person(tmp_path: Path, reply: Reply, words: str) -> None:
    with trading(tmp_path / "home", change=lambda _: reply) as trade:
        drop_invoice(trade.home)
        trade.run()
        assert sent(trade) == ("failed", "failed")
        assert words in trade.said("delivery.failed")[0]["error"]
        assert trade.retailer.asks == 1


@pytest.mark.parametrize(
    "reply",
    [Reply(503), Reply(500), Reply(408), Reply(425), Reply(200), Reply(200, [], b"<html>fine</html>")],
)
def test_what_may_pass_is_tried_again_with_the_same_bytes_under_the_same_message_id(
    tmp_path: Path, reply: Reply
) -> None:
    replies = [reply]

    def answer(good: Reply) -> Reply:
        return replies.pop() if replies else good

    with trading(tmp_path / "home", change=answer) as trade:
        drop_invoice(trade.home)
        trade.run()
        assert sent(trade) == ("waiting", "sending")
        later(trade)
        trade.run()
        assert sent(trade) == ("delivered", "confirmed")
        assert trade.retailer.asks == 2
        assert len(trade.retailer.got) == 1  # the same Message-ID
        ((tries,),) = rows(trade.home, "SELECT tries FROM exchanges")
        assert tries == 1


def later(trade: Trade) -> None:
    """Makes the next try due."""
    with database(trade.home) as connection:
        connection.execute("UPDATE exchanges SET at = '2020-01-01T00:00:00.000000+00:00'")
        connection.execute("UPDATE jobs SET due_at = ''")


def test_a_partner_that_is_away_gets_it_when_it_is_back(tmp_path: Path) -> None:
    with trading(tmp_path / "home") as trade:
        trade.retailer.__exit__()
        drop_invoice(trade.home)
        drop_invoice(trade.home, "ES-1078")
        done = trade.run()
        assert "refused the connection" in done.trouble[0]
        trade.retailer.__enter__()
        later(trade)
        trade.run()
        assert len(trade.retailer.got) == 2


@pytest.mark.parametrize(
    "report",
    [
        lambda one: replace(one, mic=(bytes(32), "sha256")),
        lambda one: replace(one, mic=None),
        lambda one: replace(one, disposition=Disposition("processed", "error", "decryption-failed")),
        lambda one: replace(one, disposition=Disposition("failed", "failure", "unsupported format")),
        lambda one: replace(one, original_message_id="<another@message>"),
        lambda one: replace(one, final_recipient="SOMEBODY"),
    ],
    ids=["another digest", "no digest", "an error", "a failure", "another message", "another partner"],
)
def test_mdn_binding_a_receipt_that_proves_nothing_is_no_delivery(tmp_path: Path, report: object) -> None:
    """Security list 1.6.10."""
    with trading(tmp_path / "home", report=report) as trade:
        drop_invoice(trade.home)
        trade.run()
        assert sent(trade) == ("failed", "failed")
        assert trade.retailer.asks == 1  # none after a signed failure
        ((receipt, disposition),) = rows(trade.home, "SELECT receipt, disposition FROM exchanges")
        assert receipt
        assert disposition


@pytest.mark.parametrize("signer", ["nobody", "a stranger"])
def test_mdn_binding_an_unsigned_receipt_or_one_of_a_stranger_is_asked_for_again(
    tmp_path: Path, signer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with trading(tmp_path / "home", signs_as=None if signer == "nobody" else pair(signer)) as trade:
        drop_invoice(trade.home)
        trade.run()
        assert sent(trade) == ("waiting", "sending")
        ((error,),) = rows(trade.home, "SELECT error FROM exchanges")
        assert "not signed by the partner" in error
        later(trade)
        trade.run()
        trade.retailer.signs_as = THEM
        trade.retailer._answers.clear()
        later(trade)
        trade.run()
        assert sent(trade) == ("delivered", "confirmed")
    verified(tmp_path / "home", capsys)  # receipts that proved nothing are no evidence


def test_a_missing_certificate_leaves_the_file_waiting_and_tells(tmp_path: Path) -> None:
    with trading(tmp_path / "home") as trade:
        for path in (trade.home / "keys/as2/partners").rglob("*.pem"):
            path.unlink()
        drop_invoice(trade.home)
        assert "no certificate to encrypt" in trade.run().trouble[0]
        ((delivery,),) = rows(trade.home, "SELECT delivery FROM messages WHERE direction = 'out'")
        assert delivery == "waiting"
        assert trade.retailer.asks == 0


def test_a_message_sent_again_by_a_person_is_a_new_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with trading(tmp_path / "home") as trade:
        drop_invoice(trade.home)
        trade.run()
        ((message,),) = rows(trade.home, "SELECT id FROM messages WHERE direction = 'out'")
        arguments = ["message", "resend", message, "--reason", "they lost it", "--config", str(trade.home)]
        assert main(arguments) == 0, capsys.readouterr()
        trade.run()
        first, second = trade.retailer.got
        assert first.content == second.content
        assert first.message_id != second.message_id


def test_no_secret_is_written_anywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Security list 1.6.13: passwords and keys are not in logs, audit or database."""
    login = "  login: {user: me, password: file:keys/acme}\n"
    with trading(tmp_path / "home", more=login) as trade:
        (trade.home / "keys/acme").write_text("a-very-secret-word")
        drop_invoice(trade.home)
        trade.retailer.send(trade.url, "po.edi", po())
        trade.run()
        assert sent_all(trade) == {"delivered"}
    said = "".join(capsys.readouterr())
    database = b"".join(path.read_bytes() for path in (tmp_path / "home/data").glob("gateway.db*"))
    for word in ("a-very-secret-word", PASSWORD, "PRIVATE KEY"):
        assert word not in said
        assert word.encode() not in database


def sent_all(trade: Trade) -> set[str]:
    return {str(one) for (one,) in rows(trade.home, "SELECT delivery FROM messages WHERE direction = 'out'")}


# --- partner test ------------------------------------------------------------------------------------------


def test_partner_test_shows_each_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with trading(tmp_path / "home") as trade:
        capsys.readouterr()
        assert main(["partner", "test", PARTNER, "--config", str(trade.home)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[0] for line in lines] == [
            "name",
            "connection",
            "HTTP",
            "receipt",
            "signature",
            "digest",
        ]
        assert "processed" in lines[3]
        assert "Acme Retail" in lines[4]
        assert rows(trade.home, "SELECT 1 FROM exchanges") == []


def test_partner_test_says_where_it_ends_and_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with trading(tmp_path / "home", signs_as=pair("a stranger")) as trade:
        capsys.readouterr()
        assert main(["partner", "test", PARTNER, "--json", "--config", str(trade.home)]) == 1
        found = json.loads(capsys.readouterr().out)
        assert not found["ok"]
        assert found["steps"][-1]["step"] == "receipt"
        assert "not signed by the partner" in found["steps"][-1]["words"]
        trade.retailer.__exit__()
        assert main(["partner", "test", PARTNER, "--config", str(trade.home)]) == 5
        assert "connection failed" in capsys.readouterr().out.replace("  ", " ").replace("  ", " ")
