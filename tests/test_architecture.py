"""What the dependency contracts of pyproject.toml cannot see: calls, sizes, and who may use which library."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "gateway").rglob("*.py"))
CORE = (
    "errors.py",
    "x12/",
    "as2/",
    "documents/",
    "partners/",
    "mapping/",
    "shapes/",
    "sp_api/",
    "rules/",
    "routing/",
    "reconciliation/",
)

# Below the store text, time and identifiers come in as arguments, and what happened goes out as values.
FORBIDDEN_CALLS = {
    "open", "print", "input", "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time",
    "uuid4", "uuid.uuid4", "uuid1", "uuid.uuid1", "os.environ.get", "os.getenv", "os.urandom",
    "logging.getLogger", "structlog.get_logger",
}  # fmt: skip
FORBIDDEN_NAMES = {"os.environ"}
FORBIDDEN_IMPORTS = {"random", "secrets", "uuid", "logging", "structlog", "sqlite3", "socket", "subprocess"}

# One module answers for each library that is easily used everywhere.
ONLY_IN = {
    "pyx12": {"cli/opinion.py"},
    "lxml": {"shapes/xml.py", "shapes/xslt.py"},
    "yaml": {"mapping/", "shapes/model.py", "settings_file.py"},
    "sqlite3": {"store/", "services/backup.py"},
    "sqlalchemy": {
        "store/",
        "services/",
        "worker/clock.py",
        "app.py",
        "api/site.py",
        "api/models.py",
        "cli/commands/",
    },
    "alembic": {"store/"},
    "procrastinate": {"store/procrastinate.py"},
    "psycopg": {"store/procrastinate.py"},
    "obstore": {"store/payloads.py"},
    "cryptography": {"as2/", "store/audit.py", "store/keyring.py", "transports/as2.py"},
    "httpcore": {"transports/as2.py"},
    "httpx": {"transports/oidc.py", "transports/sp_api.py", "cli/commands/demo.py"},
    "stamina": {"transports/sp_api.py"},
    "paramiko": {"transports/ssh.py", "transports/sftp.py"},
    "uvicorn": {"api/listener.py", "api/server.py"},
    "fastapi": {"api/", "web/"},
    "starlette": {"api/", "web/"},
    "jinja2": {"web/render.py"},
    "argon2": {"services/access.py"},
    "asyncssh": {"api/sftp_server.py"},
    "opentelemetry": {"observability/tracing.py"},
    "prometheus_client": {"observability/metrics.py"},
    "apscheduler": {"worker/", "cli/commands/demo.py"},
}


def name(path: Path) -> str:
    return path.relative_to(ROOT / "gateway").as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imported(path: Path) -> frozenset[str]:
    """Top-level packages a module imports, inside functions too."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return frozenset(found)


@pytest.mark.parametrize("path", [path for path in MODULES if name(path).startswith(CORE)], ids=name)
def test_the_core_does_no_input_or_output(path: Path) -> None:
    module = tree(path)
    calls = {ast.unparse(node.func) for node in ast.walk(module) if isinstance(node, ast.Call)}
    names = {ast.unparse(node) for node in ast.walk(module) if isinstance(node, ast.Attribute)}
    assert calls & FORBIDDEN_CALLS == set()
    assert names & FORBIDDEN_NAMES == set()
    assert imported(path) & FORBIDDEN_IMPORTS == set()


@pytest.mark.parametrize(("library", "places"), ONLY_IN.items(), ids=ONLY_IN)
def test_a_library_is_used_in_its_place_only(library: str, places: set[str]) -> None:
    users = {name(path) for path in MODULES if library in imported(path)}
    assert {user for user in users if not user.startswith(tuple(places))} == set()


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_is_neither_too_long_nor_empty(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 1_000
    body = ast.parse(text).body
    assert body, "empty module"
    assert isinstance(body[0], ast.Expr), "a module begins with a docstring"
    if path.name != "__init__.py":
        assert any(not isinstance(node, ast.Expr | ast.Import | ast.ImportFrom) for node in body), (
            "empty module"
        )


def test_every_folder_of_the_package_is_a_package() -> None:
    folders = {path.parent for path in MODULES}
    assert [name(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_nothing_imports_the_folders_beside_the_package() -> None:
    # An editable install puts the top of the source tree on the import path; a wheel brings no such names.
    beside = {"config", "mappings", "schemas", "tests", "benchmarks"}
    assert {name(path) for path in MODULES if imported(path) & beside} == set()
