from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway import resources
from gateway.errors import NotFoundError

NAME = "mappings/x12/004010/850.yaml"


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package with empty layers around it."""
    package = tmp_path / "site" / "gateway"
    (package / "_bundled" / "mappings").mkdir(parents=True)
    monkeypatch.setattr(resources, "_PACKAGE", package)
    monkeypatch.setattr(resources, "_SYSTEM", tmp_path / "etc")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    return package / "_bundled" / "mappings"


def put(directory: Path, below: str = "x12/004010/850.yaml") -> Path:
    path = directory / below
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(path))
    return path


def test_shipped_file_is_found(shipped: Path) -> None:
    path = put(shipped)
    assert resources.find(NAME) == path


def test_layers_hide_one_another_in_order(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    monkeypatch.setenv("EDIGW_MAPPINGS_DIR", os.pathsep.join([str(first), "", str(second)]))
    home = tmp_path / "home" / "mappings"
    user, system = tmp_path / "user" / "edi-gateway" / "mappings", tmp_path / "etc" / "mappings"
    for path in [put(layer) for layer in (home, first, second, user, system, shipped)]:
        assert resources.find(NAME, [home]) == path
        path.unlink()
    with pytest.raises(NotFoundError):
        resources.find(NAME, [home])


def test_an_override_hides_single_files_only(shipped: Path, tmp_path: Path) -> None:
    override = tmp_path / "home"
    put(shipped)
    other = put(shipped, "x12/004010/855.yaml")
    own = put(override)
    assert resources.find(NAME, [override]) == own
    assert resources.find("mappings/x12/004010/855.yaml", [override]) == other


def test_listing_is_the_union_of_the_layers(shipped: Path, tmp_path: Path) -> None:
    override = tmp_path / "home"
    put(shipped)
    put(shipped, "x12/004010/855.yaml")
    put(shipped, "x12/004010/notes.txt")
    put(override)
    put(override, "x12/004010/940.yaml")
    assert resources.listing("mappings/x12", "*.yaml", [override]) == [
        f"mappings/x12/004010/{number}.yaml" for number in (850, 855, 940)
    ]
    assert resources.listing("mappings/nothing") == []


def test_layers_that_do_not_exist_are_left_out(shipped: Path, tmp_path: Path) -> None:
    assert resources.layers("mappings", [tmp_path / "absent"]) == [shipped]


def test_source_tree_serves_when_nothing_is_bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "gateway")
    path = put(tmp_path / "mappings")
    assert resources.find(NAME) == path


def test_relative_user_directory_is_ignored(shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    monkeypatch.setenv("HOME", str(shipped))
    path = put(shipped / ".config" / "edi-gateway" / "mappings")
    assert resources.find(NAME) == path


@pytest.mark.parametrize("name", ["/etc/passwd", "mappings/../../secret", "", "data/x", "mappings"])
def test_names_outside_the_layers_are_refused(shipped: Path, name: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        resources.find(name)
    assert caught.value.code == "RESOURCE-NOT-FOUND"


def test_the_error_names_what_was_searched(shipped: Path) -> None:
    with pytest.raises(NotFoundError, match=r"850\.yaml was not found; searched in .*_bundled"):
        resources.find(NAME)
