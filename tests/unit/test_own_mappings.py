"""Mappings and guides of a home are compiled before they are put to work."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import resources
from gateway.errors import ConfigurationError
from gateway.gateway_settings import Erp
from gateway.services.mapping import check_own

PO = "mappings/x12/004010/850.yaml"
NOTICE = "mappings/sp_api/shipment_confirmation.yaml"


def put(home: Path, name: str, text: str | None = None) -> None:
    (home / name).parent.mkdir(parents=True, exist_ok=True)
    (home / name).write_text(resources.find(name).read_text() if text is None else text)


@pytest.mark.parametrize("name", [PO, NOTICE, "mappings/x12/blocks.yaml", "mappings/sp_api/blocks.yaml"])
def test_what_is_as_it_came_can_be_used(tmp_path: Path, name: str) -> None:
    put(tmp_path, name)
    check_own(tmp_path, Erp())


@pytest.mark.parametrize("text", ["a: [", "{}\n"], ids=["no YAML", "nothing in it"])
@pytest.mark.parametrize("folder", ["x12", "sp_api"])
def test_broken_blocks_are_blamed_for_the_mappings_that_use_them(
    tmp_path: Path, folder: str, text: str
) -> None:
    name = f"mappings/{folder}/blocks.yaml"
    put(tmp_path, name, text)
    with pytest.raises(ConfigurationError, match=f"^{name} cannot be used: "):
        check_own(tmp_path, Erp())


def test_a_broken_mapping_is_named_itself(tmp_path: Path) -> None:
    put(tmp_path, "mappings/x12/blocks.yaml")
    put(tmp_path, PO, resources.find(PO).read_text().replace("po_number: BEG03", "po_number: BEG99"))
    with pytest.raises(ConfigurationError, match=f"^{PO} cannot be used: "):
        check_own(tmp_path, Erp())
