"""The Dockerfile, the compose file and the systemd units: well-formed, hardened, and about this program."""

from __future__ import annotations

import json
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gateway import __version__
from gateway.api.routes import watching
from gateway.cli.main import parser
from tests.images import ROOT, instructions

UNITS = sorted((ROOT / "config/systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "config/compose.yaml").read_text())
OURS = {name: one for name, one in COMPOSE["services"].items() if one["image"] == "edi-gateway"}
HARDENED = 1.5
"""The most exposure that `systemd-analyze security` may give a unit, of 10."""


def program(name: str) -> str:
    """A program beside that of Python."""
    return str(Path(sys.executable).with_name(name))


def ends_well(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# --- image -----------------------------------------------------------------------------------------------


def test_a_linter_finds_nothing_in_the_dockerfile() -> None:
    ends_well(program("hadolint"), "--failure-threshold", "info", ROOT / "Dockerfile")


def test_the_image_runs_as_nobody_in_particular_and_says_how_it_is() -> None:
    last = {one.cmd: one for one in instructions()[-1]}
    assert last["USER"].value == ("10001:10001",)
    assert last["STOPSIGNAL"].value == ("SIGTERM",)
    assert last["ENTRYPOINT"].value == ("edigw",)
    assert parser().parse_args(last["CMD"].value).command == "up"
    health = last["HEALTHCHECK"].value
    assert health[:3] == ("CMD", "python", "-c")
    compile(health[3], "HEALTHCHECK", "exec")
    (path,) = re.findall(r"127\.0\.0\.1:8080(/\w+)", health[3])
    assert path in {getattr(route, "path", "") for route in watching.router.routes}


def test_the_image_takes_the_wheel_and_no_source() -> None:
    copied = [one for one in instructions()[-1] if one.cmd == "COPY"]
    assert [one.flags for one in copied] == [("--from=build",)]


def test_the_lock_of_the_image_is_a_part_of_the_other_and_has_all_it_needs() -> None:
    image, everything = pinned("requirements-install.lock"), pinned("requirements.lock")
    assert image.items() <= everything.items()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(one for extra in extras.values() for one in extra)]
    assert {canonicalize_name(Requirement(one).name) for one in wanted} <= set(image)
    assert "pytest" not in image
    taken = set(re.findall(r"\)\[([a-z,-]+)\]", (ROOT / "Dockerfile").read_text())[0].split(","))
    assert taken == set(extras)


def pinned(lock: str) -> dict[str, str]:
    """The versions of a lock by the names of packages."""
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))


def test_what_the_image_is_made_of_is_not_ignored() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    taken = {line[1:] for line in lines if line.startswith("!")}
    assert lines[0] == "*"
    assert all((ROOT / one).exists() for one in taken)
    assert taken >= {
        "gateway",
        "mappings",
        "schemas",
        "config",
        "pyproject.toml",
        "requirements-install.lock",
    }
    assert "**/secrets" in lines


# --- compose ---------------------------------------------------------------------------------------------


def test_the_compose_file_is_as_its_specification_says() -> None:
    ends_well(
        program("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", ROOT / "config/compose.yaml"
    )


def test_the_services_run_commands_that_there_are() -> None:
    assert {name: parser().parse_args(one["command"]).command for name, one in OURS.items()} == {
        "serve": "serve",
        "worker": "worker",
    }
    assert OURS["worker"]["deploy"]["replicas"] == 2
    assert "healthcheck" not in OURS["serve"]  # that of the image


def test_no_service_can_do_more_than_it_needs() -> None:
    for one in COMPOSE["services"].values():
        assert one["read_only"]
        assert one["cap_drop"] == ["ALL"]
        assert one["security_opt"] == ["no-new-privileges:true"]
        assert set(one["secrets"]) <= set(COMPOSE["secrets"])
        assert not re.search("PASSWORD: (?!/)", yaml.dump(one["environment"]))


def test_the_page_is_offered_to_this_machine_alone() -> None:
    assert "127.0.0.1:8080:8080" in OURS["serve"]["ports"]


# --- variables -------------------------------------------------------------------------------------------


def variables() -> Iterator[tuple[str, str]]:
    for file in (ROOT / "Dockerfile", ROOT / "config/compose.yaml", *UNITS):
        for name in re.findall(r"\bEDIGW_\w+", file.read_text()):
            yield file.name, name


def test_every_variable_is_one_of_the_program() -> None:
    code = "".join(path.read_text() for path in (ROOT / "gateway").rglob("*.py"))
    assert {name for _, name in variables()} <= set(re.findall(r"\bEDIGW_\w+", code))


# --- systemd ---------------------------------------------------------------------------------------------


def words(unit: Path) -> list[str]:
    """The words of the command a unit runs."""
    (line,) = re.findall(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE)
    found = shlex.split(line)
    return shlex.split(found[-1].replace("$(", "").replace(")", "")) if found[0] == "/bin/sh" else found


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_units_run_commands_that_there_are(unit: Path) -> None:
    found = words(unit)
    found = found[found.index("/opt/edi-gateway/bin/edigw") + 1 :]
    end = found.index("+%%u.tar") if "+%%u.tar" in found else len(found)
    assert parser().parse_args(found[:end]).run


def test_a_timer_starts_a_unit_that_there_is() -> None:
    for unit in UNITS:
        assert unit.suffix == ".service" or unit.with_suffix(".service") in UNITS


@pytest.mark.needs_system
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze") or pytest.skip("no systemd-analyze")
    for unit in UNITS:
        text = unit.read_text().replace("/opt/edi-gateway/bin/edigw", "/bin/true")
        (tmp_path / unit.name.replace("@", "@1")).write_text(text)
    said = ends_well(analyze, "verify", "--man=no", *sorted(tmp_path.iterdir()))
    assert said == ""


@pytest.mark.needs_system
@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_systemd_finds_the_units_hardened(unit: Path) -> None:
    analyze = shutil.which("systemd-analyze") or pytest.skip("no systemd-analyze")
    limit = f"--threshold={HARDENED * 10:.0f}"
    assert "Overall exposure" in ends_well(analyze, "security", "--offline=true", limit, unit)


def test_all_units_are_hardened_alike() -> None:
    """What a sandbox is made of stands in each unit, as each is copied by itself."""
    found = []
    for unit in SERVICES:
        section = ConfigParser(strict=False, interpolation=None)
        section.optionxform = str  # type: ignore[assignment,method-assign]
        section.read(unit)
        service = dict(section["Service"])
        for own in (
            "Type",
            "ExecStart",
            "Restart",
            "RestartSec",
            "TimeoutStopSec",
            "TimeoutStartSec",
            "Nice",
        ):
            service.pop(own, None)
        service["StateDirectory"] = service["StateDirectory"].split()[0]
        found.append(service)
    assert all(one == found[0] for one in found)


def test_a_gateway_works_where_no_memory_becomes_a_program(tmp_path: Path) -> None:
    """MemoryDenyWriteExecute=true, by the same rule of the kernel."""
    script = (
        "import ctypes, sys; from gateway.cli.main import main\n"
        "if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0): sys.exit(77)\n"
        "sys.exit(main(['init', sys.argv[1]]) or main(['run-once', '--config', sys.argv[1]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "home"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    if done.returncode == 77:
        pytest.skip("a kernel before 6.3")
    assert done.returncode == 0, done.stderr


# --- what a release is made of ---------------------------------------------------------------------------


def test_the_list_of_parts_is_that_of_the_lock_with_licences(tmp_path: Path) -> None:
    file = tmp_path / "sbom.json"
    sbom = runpy.run_path(str(ROOT / ".ci/sbom.py"))
    sbom["main"](file)
    told = json.loads(file.read_text())
    own, parts = told["metadata"]["component"], told["components"]
    assert (told["bomFormat"], own["name"], own["version"]) == ("CycloneDX", "edi-gateway", __version__)
    assert own["licenses"][0]["license"]["id"] == "Apache-2.0"
    versions = {canonicalize_name(one["name"]): one["version"] for one in parts}
    image = pinned("requirements-install.lock")
    assert versions.items() <= image.items()
    assert image.keys() - versions.keys() == sbom["parts"](["hatchling"]) - versions.keys()  # makes the wheel
    assert [one["name"] for one in parts if not one["licenses"]] == []
    assert all(one["purl"].startswith("pkg:pypi/") for one in parts)
    known = {own["bom-ref"], *(one["bom-ref"] for one in parts)}
    assert {ref for one in told["dependencies"] for ref in (one["ref"], *one.get("dependsOn", ()))} == known
