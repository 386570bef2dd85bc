"""Whatever is wrong with a document: its answer is clean, to us and to pyx12, and no more than is true."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gateway
from gateway import resources
from gateway.cli import opinion as _pyx12
from gateway.documents.validation import explain
from gateway.engine import library
from gateway.mapping.writer import body, write_set
from gateway.x12.acknowledgment import Acknowledger, Form
from gateway.x12.answer import FunctionalAcknowledgment, read_acknowledgment
from gateway.x12.delimiters import Delimiters
from gateway.x12.envelope import TransactionSet, Verdict
from gateway.x12.parser import GROUP_OF_SET
from tests.property import lawful, mutation
from tests.property.test_hypothesis_documents import Draft

NOW = datetime(2026, 1, 6, 9, 15, tzinfo=UTC)
FORMS: tuple[Form, ...] = ("997", "999")
RELEASES = ("004010", "005010")
SETS = ("810", "820", "850", "855", "856")


def group(release: str, set_id: str, seed: int, *, count: int = 2) -> str:
    """A functional group of sets that follow their guide but for a few changes; some are left as they are."""
    table = library().table(release, set_id)
    assert table is not None
    choices = Random(seed)
    out = f"GS*{GROUP_OF_SET[set_id]}*NORTHWIND*SUPPLIER*20260105*0830*{seed % 1000 + 1}*X*{release}~"
    for number in range(1, count + 1):
        parts = tuple(map(tuple, lawful.transaction(table, choices, share=0.05)))
        spoiled = [list(part) for part in parts]
        if choices.random() < 0.8:
            spoiled = mutation.mutant(mutation.Origin("", parts, Delimiters()), choices)
        begin = ["ST", set_id, f"{number:04d}", *(["005010X1"] if release == "005010" else [])]
        inner = mutation.texts([begin, *spoiled[1:]], Delimiters(repetition="^"))
        out += "".join(f"{text}~" for text in inner)
    return f"{out}GE*{count}*{seed % 1000 + 1}~"


def interchange(*groups: str) -> bytes:
    head = "ISA*00*          *00*          *ZZ*NORTHWIND      *ZZ*SUPPLIER       *260105*0830"
    head += "*^*00501*000000101*0*P*>~"
    return f"{head}{''.join(groups)}IEA*{len(groups)}*000000101~".encode("latin-1")


def answers(data: bytes, form: Form) -> Iterator[bytes]:
    acknowledger = Acknowledger()
    for event in gateway.read(data, documents=False):
        acknowledger.add(event, form)
    yield from (answer for _, answer in acknowledger.interchanges(lambda: 7, NOW, form))


def said(data: bytes, form: Form) -> list[FunctionalAcknowledgment]:
    """Every answer read back, when it is clean and its documents come back as they are written."""
    found = []
    for answer in answers(data, form):
        for event in gateway.read(answer):
            assert not getattr(event, "problems", ()), answer
            if isinstance(event, TransactionSet):
                assert event.document is not None
                assert "extensions" not in str(event.document)
                assert explain(event.document) == ()
                written = gateway.write(event.document, now=NOW)
                again = next(gateway.translate(written))
                assert again == event.document
                read = read_acknowledgment(event)
                assert read is not None
                assert [one["control_number"] for one in event.document["sets"]] == [
                    one.control_number for one in read.sets
                ]
                found.append(read)
    return found


@given(st.sampled_from(RELEASES), st.sampled_from(SETS), st.integers(0, 2**32))
@settings(max_examples=250)
def test_an_answer_is_clean_and_true(release: str, set_id: str, seed: int) -> None:
    data = interchange(group(release, set_id, seed))
    verdicts = {
        event.control_number: event.verdict
        for event in gateway.read(data, documents=False)
        if isinstance(event, TransactionSet)
    }
    short, long = (said(data, form) for form in FORMS)
    (one,), (other,) = short, long
    assert (one.status, one.received, one.accepted) == (other.status, other.received, other.accepted)
    for first, second in zip(one.sets, other.sets, strict=True):
        assert (first.control_number, first.status) == (second.control_number, second.status)
        assert len(first.errors) == len(second.errors)
        # A number that is none (of an ST that was moved) is told as far as AK202 can hold it.
        if verdicts.get(first.control_number) is Verdict.REJECTED:
            assert first.status == "rejected"
            assert first.errors


@pytest.mark.parametrize(
    ("release", "set_id"), [("004010", "997"), ("005010", "997"), ("005010", "999"), ("004010", "TA1")]
)
@given(seed=st.integers(0, 2**32), share=st.sampled_from([0.2, 0.5, 0.9]))
@settings(max_examples=60)
def test_documents_drawn_from_a_mapping_come_back(release: str, set_id: str, seed: int, share: float) -> None:
    engine = library().engine(release, set_id, documents=True)
    assert engine is not None
    assert engine.plan is not None
    document = Draft(engine.plan, Random(seed), share).document()
    segments = write_set(engine, document, Delimiters())
    again: dict[str, Any] = {}
    frame = [f"ST*{set_id}*0001", *segments, f"SE*{len(segments) + 2}*0001"]
    assert engine.check(frame, Delimiters(), again) == ()
    assert explain(again) == ()
    assert body(again) == document
    assert write_set(engine, again, Delimiters()) == segments


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("release", RELEASES)
def test_pyx12_finds_answers_clean(release: str, form: Form) -> None:
    pytest.importorskip("pyx12")
    maps = resources.find(f"schemas/x12/{'005010' if form == '999' else release}/maps.xml").parent
    groups = [group(release, set_id, seed, count=8) for seed, set_id in enumerate(SETS * 6)]
    (answer,) = answers(interchange(*groups), form)
    assert answer.count(b"K4*") > 50
    opinion = _pyx12.judge(answer, str(maps))
    assert opinion.trouble == ""
    assert opinion.accepted
    assert not _pyx12.judge(answer.replace(b"~AK9*", b"~AK8*", 1), str(maps)).accepted
