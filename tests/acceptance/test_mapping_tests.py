"""The tests that stand beside the shipped mappings (``*.test.yaml``)."""

from __future__ import annotations

import pytest

from gateway import resources
from gateway.engine import library
from gateway.mapping.model import parse_mapping
from gateway.mapping.trial import Trial, parse_trials, run_trial

CASES = [
    pytest.param(name.removesuffix(".test.yaml"), trial, id=f"{name}: {trial.name}")
    for folder in ("mappings/x12", "mappings/partners")
    for name in resources.listing(folder, "*.test.yaml")
    for trial in parse_trials(resources.find(name).read_bytes())
]


@pytest.mark.parametrize(("name", "trial"), CASES)
def test_a_mapping_does_what_its_test_says(name: str, trial: Trial) -> None:
    guides = library()
    mapping = parse_mapping(resources.find(f"{name}.yaml").read_bytes(), name, guides.mapping_file)
    _, kind, owner, *_ = name.split("/")
    used = guides.of(owner) if kind == "partners" else guides
    assert run_trial(trial, used, mapping.guide, mapping.document_type) == []
