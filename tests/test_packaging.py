"""The wheel: complete, nothing foreign in it, and working where there is no source tree."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("mappings", "schemas", "config")
# Left beside the settings by an operator; .gitignore names them and they must not travel.
SECRETS = (
    "config/secrets/database-password",
    "config/.env",
    "config/partner.key",
    "config/partners/own.local.yaml",
)

EPOCH = {"SOURCE_DATE_EPOCH": "1767225600"}
"""As the image and `make dist` set it."""

ORDER = (
    "ISA*00*          *00*          *ZZ*RETAILER       *ZZ*SUPPLIER       "
    "*260105*0830*U*00401*000000042*0*P*>~"
    "GS*PO*RETAILER*SUPPLIER*20260105*0830*42*X*004010~ST*850*0001~BEG*00*SA*PO-7001**20260105~"
    "PO1*1*12*EA*4.25*PE*VN*SKU-1~CTT*1~SE*5*0001~GE*1*42~IEA*1*000000042~"
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (ROOT / ".git").exists(), reason="needs the git checkout to know which files belong"
    ),
]


def run(*command: str | Path, cwd: Path, **more: str) -> str:
    own = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "EDIGW_"))}
    environment = own | more
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source tree as git sees it, with secrets beside the settings."""
    copy = tmp_path_factory.mktemp("tree")
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for relative in listed.split("\0"):
        if relative and (ROOT / relative).is_file():
            (copy / relative).parent.mkdir(parents=True, exist_ok=True)
            (copy / relative).write_bytes((ROOT / relative).read_bytes())
    for relative in SECRETS:
        assert not (copy / relative).exists()
        (copy / relative).parent.mkdir(exist_ok=True)
        (copy / relative).write_text("secret")
    return copy


@pytest.fixture(scope="module")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution."""
    return built(tree, tmp_path_factory.mktemp("dist"))


def built(tree: Path, output: Path) -> Path:
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", output, tree, cwd=tree, **EPOCH)
    (found,) = output.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of programs of an environment that holds the wheel and its locked requirements only."""
    home = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", home, cwd=home)
    # Pins without hashes: pip would want a hash of the wheel too.
    pins = re.findall(r"^[A-Za-z0-9._-]+==\S+", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE)
    constraints = home / "constraints.txt"
    constraints.write_text("\n".join(pins))
    run(home / "bin" / "python", "-m", "pip", "install", "-q", "-c", constraints, wheel, cwd=home)
    return home / "bin"


def test_the_wheel_holds_what_git_tracks_and_nothing_else(tree: Path, wheel: Path) -> None:
    expected = {
        path.relative_to(tree).as_posix()
        for kind in KINDS
        for path in (tree / kind).rglob("*")
        if path.is_file() and path.relative_to(tree).as_posix() not in SECRETS
    }
    prefix = "gateway/_bundled/"
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
    assert {name.removeprefix(prefix) for name in names if name.startswith(prefix)} == expected
    # Beside the code: templates, styles, scripts, help.
    package = {path.relative_to(tree).as_posix() for path in (tree / "gateway").rglob("*") if path.is_file()}
    assert {name for name in names if name.startswith("gateway/") and prefix not in name} == package
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"gateway"}
    assert "gateway/py.typed" in names


def test_the_source_distribution_holds_what_the_wheel_is_made_of(tree: Path, wheel: Path) -> None:
    (source,) = wheel.parent.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    tops = (tree / kind for kind in ("gateway", *KINDS, "tests"))
    files = {path.relative_to(tree).as_posix() for top in tops for path in top.rglob("*") if path.is_file()}
    assert files - set(SECRETS) <= names
    assert not set(SECRETS) & names
    assert {"pyproject.toml", "README.md", "LICENSE", "PKG-INFO"} <= names


def test_the_same_source_makes_the_same_bytes(tree: Path, wheel: Path, tmp_path: Path) -> None:
    for path in tree.rglob("*.py"):
        os.utime(path, (1, 1))
    assert built(tree, tmp_path).read_bytes() == wheel.read_bytes()


def test_what_is_installed_fits_together(installed: Path, tmp_path: Path) -> None:
    assert "No broken requirements" in run(installed / "python", "-m", "pip", "check", cwd=tmp_path)


def test_the_command_runs_outside_the_source_tree(installed: Path, tmp_path: Path) -> None:
    assert "0.1.0" in run(installed / "edigw", "--version", cwd=tmp_path)
    assert "0.1.0" in run(installed / "python", "-m", "gateway", "--version", cwd=tmp_path)


def test_the_installed_command_translates_an_order(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "order.edi").write_text(ORDER)
    document = json.loads(run(installed / "edigw", "translate", "order.edi", cwd=tmp_path))
    assert document["document_type"] == "purchase_order"
    assert document["po_number"] == "PO-7001"
    assert document["lines"][0]["quantity"]["value"] == "12"


def test_shipped_files_are_found_in_the_package(installed: Path, tmp_path: Path) -> None:
    program = "from gateway import resources; print(resources.find('mappings/x12/004010/850.yaml'))"
    assert "/gateway/_bundled/" in run(installed / "python", "-c", program, cwd=tmp_path)


def test_a_home_is_made_and_works_without_the_source_tree(installed: Path, tmp_path: Path) -> None:
    edigw, home = installed / "edigw", tmp_path / "home"
    assert "is ready" in run(edigw, "init", "home", cwd=tmp_path)
    order = Path(run(installed / "python", "-c", _DEMO, cwd=tmp_path).strip())
    (home / "folders/acme-retail/inbox/orders-1001.edi").write_bytes(order.read_bytes())
    run(edigw, "run-once", "--config", "home", cwd=tmp_path)
    assert len(list((home / "folders/erp/outbox").glob("*.json"))) == 1
    assert [one.read_bytes()[:3] for one in (home / "folders/acme-retail/outbox").glob("997*")] == [b"ISA"]
    run(edigw, "doctor", "--config", "home", cwd=tmp_path)


_DEMO = "from gateway import resources; print(resources.find('config/demo/orders-1001.edi'))"


def test_the_demo_plays_without_the_source_tree(installed: Path, tmp_path: Path) -> None:
    assert "All as expected." in run(installed / "edigw", "demo", "--once", cwd=tmp_path)
