from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gateway.errors import ConfigurationError
from gateway.services.erp import Forms
from gateway.settings import load

CONFIG = Path(__file__).parents[2] / "config"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "partners").mkdir()
    shutil.copy(CONFIG / "gateway.yaml", tmp_path)
    shutil.copy(CONFIG / "partners/example.yaml", tmp_path / "partners/acme-retail.yaml")
    return tmp_path


def problems(home: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(home)
    return [f"{problem.message} {problem.hint}".strip() for problem in caught.value.problems]


def test_shipped_examples_are_valid_and_state_the_defaults(home: Path) -> None:
    settings = load(home)
    assert settings.channels == ("erp", "acme-retail")
    (partner,) = settings.partners.values()
    (home / "gateway.yaml").write_text(
        "company: {name: Example Supplier, identifier: {qualifier: ZZ, id: EXAMPLESUPPLIER}}"
    )
    (home / "partners/acme-retail.yaml").write_text(
        "name: Acme Retail\nidentifiers: [{qualifier: ZZ, id: ACMERETAIL}]\n"
        'receive: [{set: "850"}, {set: "860"}, {set: "820"}, {set: "824"}]\n'
        'send: [{set: "855"}, {set: "856"}, {set: "810"}]'
    )
    plain = load(home)
    assert plain.gateway == settings.gateway
    (same,) = plain.partners.values()
    assert same.folder == partner.folder == "acme-retail"
    assert (same.receive, same.send, same.writing) == (partner.receive, partner.send, partner.writing)


def test_numbers_stay_the_text_they_are(home: Path) -> None:
    (home / "partners/p.yaml").write_text(
        "name: P\nidentifiers: [{qualifier: 01, id: 0012345}]\nreceive: [{set: 850, acknowledge: false}]\n"
        "writing: {interchange_version: 00401}"
    )
    partner = load(home).partners.get("p")
    assert partner is not None
    assert (partner.identifiers[0].qualifier, partner.identifiers[0].id) == ("01", "0012345")
    assert partner.receives("850") is not None
    assert partner.receive[0].acknowledge is False
    assert partner.writing.interchange_version == "00401"


@pytest.mark.parametrize(
    ("written", "answer"),
    [("true", "997"), ("997", "997"), ('"997"', "997"), ("999", "999"), ("false", None)],
)
def test_what_answers_a_group(home: Path, written: str, answer: str | None) -> None:
    (home / "partners/p.yaml").write_text(
        f"name: P\nidentifiers: [{{qualifier: ZZ, id: X}}]\nreceive: [{{set: 850, acknowledge: {written}}}]\n"
    )
    partner = load(home).partners.get("p")
    assert partner is not None
    assert partner.answers("PO") == answer
    assert partner.answers("IN") == "997", "what was not agreed is answered"
    assert partner.answers("FA") is None, "an acknowledgment is not"


def test_unknown_keys_are_errors_with_the_nearest_known_name_and_a_line(home: Path) -> None:
    (home / "partners/p.yaml").write_text(
        "name: P\nidentifers: []\nidentifiers:\n  - {qualifer: ZZ, id: X}\n"
    )
    found = problems(home)
    assert "partners/p.yaml, line 2: identifers is not a setting. Did you mean 'identifiers'?" in found
    assert (
        "partners/p.yaml, line 4: identifiers.1.qualifer is not a setting. Did you mean 'qualifier'?" in found
    )


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("gateway.yaml", "company: [", "gateway.yaml:"),
        ("gateway.yaml", "just words", "settings are written as"),
        ("gateway.yaml", "company: {name: X}\n", "company.identifier is missing"),
        (
            "partners/p.yaml",
            "name: P\nidentifiers: [{qualifier: ZZ, id: X}]\nreceive: [{set: 850, acknowledge: ta1}]\n",
            "write 997, 999 or false (true is 997)",
        ),
        ("gateway.yaml", "company: {name: X}\ncompany: {name: Y}\n", "'company' is given twice"),
        (
            "partners/p.yaml",
            "id: p\nname: P\nidentifiers: [{qualifier: ZZ, id: X}]\n",
            "is the name of the file",
        ),
        ("partners/p.yaml", "name: P\nidentifiers: []\n", "at least one is needed"),
        ("partners/p.yaml", "name: P\nidentifiers: [{qualifier: Z, id: X}]\n", "write two characters"),
        (
            "partners/p.yaml",
            "name: P\nidentifiers: [{qualifier: ZZ, id: 1234567890123456}]\n",
            "1 to 15 characters",
        ),
        (
            "partners/p.yaml",
            "name: P\nidentifiers: [{qualifier: ZZ, id: X}]\nreceive: [{set: PO}]\n",
            "three digits",
        ),
        (
            "partners/p.yaml",
            "name: P\nidentifiers: [{qualifier: ZZ, id: X}]\nsend: [{set: 850, usage: X}]\n",
            "write P",
        ),
        (
            "partners/p.yaml",
            "name: P\nidentifiers: [{qualifier: ZZ, id: X}]\nsend: [{set: 850}, {set: 850}]\n",
            "twice",
        ),
        (
            "partners/p.yaml",
            "name: P\nidentifiers: [{qualifier: ZZ, id: X}]\nchannel: ../x\n",
            "no usable name",
        ),
        (
            "partners/p.yaml",
            "name: P\nidentifiers: [{qualifier: ZZ, id: X}]\nchannel: erp\n",
            "in use already",
        ),
        (
            "partners/p.yaml",
            "name: P\nidentifiers: [{qualifier: ZZ, id: ACMERETAIL}]\n",
            "both claim ZZ/ACMERETAIL",
        ),
        ("partners/P P.yaml", "name: P\nidentifiers: [{qualifier: ZZ, id: X}]\n", "no usable name"),
        (
            "partners/p.yaml",
            'name: P\nidentifiers: [{qualifier: ZZ, id: X}]\nwriting: {element: "~"}\n',
            "three different",
        ),
        *(
            ("partners/p.yaml", f"name: P\nidentifiers: [{{qualifier: ZZ, id: X}}]\n{line}\n", words)
            for line, words in (
                ("duplicates: {by: [bytes]}", "duplicates by 'bytes': choose of content, interchange"),
                ("duplicates: {then: ignore}", "duplicates then 'ignore': choose one of quarantine, reject"),
                ("duplicates: {on: number}", "duplicates.on is not a setting. Known here: by, then."),
                (
                    "receive: [{set: 850, duplicates: {then: no}}]",
                    "receive.1.duplicates: duplicates then",
                ),
                ("send: [{set: 850, batch: {count: 0}}]", "count is 1 to 10000"),
                ("send: [{set: 850, batch: {size_kb: -1}}]", "size_kb not negative"),
                ("send: [{set: 850, batch: {seconds: 604801}}]", "seconds 1 to 604800"),
                ("send: [{set: 850, acknowledged_within_hours: 0}]", "more than 0, at most 8760"),
                ("send: [{set: 850, file_name: '{what}_{control}'}]", "there is no {what}"),
                ("send: [{set: 850, file_name: '../{control}'}]", "without folders"),
                ("send: [{set: 850, file_name: '{number}.edi'}]", "with {control} in it"),
                ("send: [{set: 850, acknowledged_within_hours: 9000}]", "more than 0, at most 8760"),
                ("first_control_number: 0", "first_control_number: 1 to 999999999"),
                ("first_control_number: 1000000000", "first_control_number: 1 to 999999999"),
            )
        ),
        *(
            ("gateway.yaml", f"company: {{name: X, identifier: {{qualifier: ZZ, id: X}}}}\n{line}\n", words)
            for line, words in (
                ("erp: {test_channel: ../x}", "no usable name"),
                ("erp: {test_channel: acme-retail}", "channel 'acme-retail' is in use already"),
                ("storage: {database: 'postgresql://me:secret@host/edi'}", "a password does not belong"),
                ("storage: {databse: x}", "storage.databse is not a setting. Did you mean 'database'?"),
                ("retries: {attempts: 0}", "attempts at least 1"),
                ("retries: {first_pause_seconds: 0}", "0 < first_pause_seconds"),
                ("retries: {first_pause_seconds: 9, longest_pause_seconds: 8}", "<= longest_pause_seconds"),
                ("retries: {longest_pause_seconds: 3601}", "<= 3600"),
                ("schedule: {poll_seconds: 0.1}", "poll_seconds is 0.2 to 3600"),
                ("schedule: {workers: 65}", "workers 1 to 64"),
                ("schedule: {senders: 0}", "senders 1 to 64"),
                ("schedule: {senders: 65}", "senders 1 to 64"),
                ("retention: {years: 0}", "years are more than 0 and at most 100"),
                ("retention: {types: {invoice: 101}}", "years are more than 0 and at most 100"),
                ("retention: {types: {poem: 1}}", "'poem' is no type of document; known: purchase_order"),
            )
        ),
    ],
)
def test_every_mistake_is_told_in_words(home: Path, file: str, text: str, words: str) -> None:
    (home / file).write_text(text)
    assert any(words in problem for problem in problems(home)), problems(home)


def test_a_gateway_without_further_settings_has_those_of_the_manual(home: Path) -> None:
    gateway = load(home).gateway
    assert (gateway.storage.database, gateway.storage.payloads, gateway.erp.test_channel) == ("", "", "")
    retries = gateway.retries
    assert (retries.attempts, retries.first_pause_seconds, retries.longest_pause_seconds) == (5, 1, 300)
    assert retries.give_up_after_hours == 24
    assert (gateway.schedule.poll_seconds, gateway.schedule.workers, gateway.schedule.senders) == (2, 4, 8)
    assert (gateway.retention.years, gateway.retention.types) == (7, {})


def test_everything_that_can_be_agreed_is_read(home: Path) -> None:
    (home / "gateway.yaml").write_text(
        "company: {name: X, identifier: {qualifier: ZZ, id: X}}\n"
        "erp: {channel: sap, test_channel: sap-test}\n"
        "storage: {database: postgresql://me@host/edi, payloads: s3://bucket/edi}\n"
        "retries: {attempts: 3, first_pause_seconds: 0.5, longest_pause_seconds: 9, give_up_after_hours: 1}\n"
        "schedule: {poll_seconds: 0.2, workers: 8}\n"
        "retention: {years: 10, types: {text_message: 0.5}}\n"
    )
    (home / "partners/acme-retail.yaml").write_text(
        "name: P\nidentifiers: [{qualifier: ZZ, id: ACME}]\nfirst_control_number: 5000\n"
        "duplicates: {by: [content], then: pass}\n"
        "receive: [{set: 850, duplicates: {by: [set, number], then: reject}}, {set: 860}]\n"
        "send: [{set: 810, acknowledged_within_hours: 0.5, batch: {count: 2, size_kb: 9, seconds: 60}}]\n"
    )
    settings = load(home)
    (partner,) = settings.partners.values()
    assert settings.channels == ("sap", "sap-test", "acme-retail")
    assert settings.gateway.storage.payloads == "s3://bucket/edi"
    assert settings.gateway.retention.types == {"text_message": 0.5}
    assert partner.first_control_number == 5000
    assert partner.duplicates_of("850").by == ("set", "number")
    assert (partner.duplicates_of("860").then, partner.duplicates_of("999").then) == ("pass", "pass")
    agreed = partner.sends("810")
    assert agreed is not None
    assert agreed.batch is not None
    assert (agreed.batch.count, agreed.batch.size_kb, agreed.batch.seconds) == (2, 9, 60)
    assert agreed.acknowledged_within_hours == 0.5


def test_documents_of_tests_go_where_it_was_agreed(home: Path) -> None:
    def outlets() -> list[str]:
        forms = Forms.load(load(home).gateway.erp)
        found = [forms.outlet("purchase_order", test) for test in (False, True)]
        return [one.channel.channel for one in found if one]

    assert outlets() == ["erp", "erp"]
    (home / "gateway.yaml").write_text(
        "company: {name: X, identifier: {qualifier: ZZ, id: X}}\nerp: {test_channel: erp-test}\n"
    )
    assert outlets() == ["erp", "erp-test"]


def test_pauses_double_from_try_to_try_and_have_an_end(home: Path) -> None:
    retries = load(home).gateway.retries
    assert [retries.pause(tries).total_seconds() for tries in (1, 2, 3, 9, 10, 10_000)] == [
        1,
        2,
        4,
        256,
        300,
        300,
    ]


def test_all_files_are_checked_in_one_go(home: Path) -> None:
    (home / "gateway.yaml").write_text("company: {name: X}\nerb: {}\n")
    (home / "partners/p.yaml").write_text("nam: P\n")
    assert len(problems(home)) == 4


def test_a_folder_that_is_no_home_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="edigw init"):
        load(tmp_path)


def test_a_document_names_its_partner_and_nothing_is_guessed(home: Path) -> None:
    partners = load(home).partners
    acme = partners.get("acme-retail")
    receiver = {"qualifier": "ZZ", "id": "ACMERETAIL"}
    assert partners.of_document({"partner_id": "acme-retail"}) is acme
    assert partners.of_document({"partner": "acme-retail", "control": {"receiver": {"id": "OTHER"}}}) is acme
    assert partners.of_document({"control": {"receiver": receiver}}) is acme
    assert partners.of_document({"partner_id": "acme-retial"}) == (
        "There is no partner 'acme-retial' in partners/. Did you mean 'acme-retail'?"
    )
    assert "No partner in partners/ has" in str(partners.of_document({"control": {"receiver": {"id": "X"}}}))
    assert "does not say whom" in str(partners.of_document({}))


@pytest.mark.parametrize("levels", [400, 950, 5_000, 200_000])
@pytest.mark.parametrize("end", ["", "]"])
def test_settings_of_too_many_levels_are_refused_in_words(home: Path, levels: int, end: str) -> None:
    (home / "partners/acme-retail.yaml").write_text(f"name: {'[' * levels}{end * levels}")
    assert any(one.startswith("partners/acme-retail.yaml") for one in problems(home))
