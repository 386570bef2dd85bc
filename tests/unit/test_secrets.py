from __future__ import annotations

import traceback
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import make_url

from gateway import secrets
from gateway.cli.commands.home import make_home
from gateway.errors import ConfigurationError
from gateway.secrets import secret
from gateway.settings import database_url, load
from gateway.store.database import open_engine


def test_a_variable_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_PASSWORD", " pass:word \n")
    assert secret("env:ACME_PASSWORD", tmp_path) == " pass:word \n"


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"word", "word"),
        (b"word\n", "word"),
        (b"word\r\n", "word"),
        (b" word \n\n", " word \n"),
        ("wört: ✓\n".encode(), "wört: ✓"),
    ],
)
def test_a_file_without_its_last_line_end(tmp_path: Path, content: bytes, value: str) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/password").write_bytes(content)
    assert secret("file:keys/password", tmp_path) == value
    assert secret(f"file:{tmp_path}/keys/password", Path("/elsewhere")) == value


def test_a_credential_of_systemd_is_taken_before_that_of_a_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("systemd", "container"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "both").write_text(f"of {folder}\n")
    (tmp_path / "container/one").write_text("of the container")
    monkeypatch.setattr(secrets, "_CONTAINER", str(tmp_path / "container"))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "systemd"))
    assert secret("credential:both", Path("/elsewhere")) == "of systemd"
    assert secret("credential:one", Path("/elsewhere")) == "of the container"
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    assert secret("credential:both", Path("/elsewhere")) == "of container"


def test_the_password_of_the_database_stands_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_home(tmp_path)
    settings = load(tmp_path)
    monkeypatch.setenv("EDIGW_DATABASE_URL", "postgresql://edigw@db.example/edigw?sslmode=require")
    assert "@" not in database_url(tmp_path, settings).partition("@")[2]
    (tmp_path / "password").write_text("p@ss w/rd:%\n")
    monkeypatch.setenv("EDIGW_DATABASE_PASSWORD_FILE", str(tmp_path / "password"))
    url = database_url(tmp_path, settings)
    assert make_url(url).password == "p@ss w/rd:%"
    assert conninfo_to_dict(url)["password"] == "p@ss w/rd:%"
    assert make_url(url).query == {"sslmode": "require"}
    monkeypatch.setenv("EDIGW_DATABASE_URL", "no url")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        open_engine(database_url(tmp_path, settings))
    monkeypatch.setenv("EDIGW_DATABASE_URL", "postgresql://edigw@db.example/edigw")
    (tmp_path / "password").unlink()
    with pytest.raises(ConfigurationError, match="in which a secret should be"):
        database_url(tmp_path, settings)


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        (
            "env:EDIGW_NOT_THERE",
            "The environment variable EDIGW_NOT_THERE, in which a secret should be, is empty",
        ),
        ("env:EDIGW_EMPTY", "EDIGW_EMPTY, in which a secret should be, is empty or not there"),
        ("file:keys/none", "keys/none, in which a secret should be, cannot be read: No such file"),
        ("file:keys", "keys, in which a secret should be, cannot be read: Is a directory"),
        ("file:keys/empty", "keys/empty, in which a secret should be, is empty"),
        ("file:keys/bytes", "keys/bytes, in which a secret should be, is no text in UTF-8"),
        ("credential:none", "/none, in which a secret should be, cannot be read: No such file"),
        ("credential:", "env:NAME, file:PATH or credential:NAME"),
        ("file:", "env:NAME, file:PATH or credential:NAME"),
        ("env:", "env:NAME, file:PATH or credential:NAME"),
        ("hunter2", "env:NAME, file:PATH or credential:NAME"),
        ("vault:hunter2", "env:NAME, file:PATH or credential:NAME"),
    ],
)
def test_what_is_not_there_is_told_and_no_secret_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str, words: str
) -> None:
    monkeypatch.setenv("EDIGW_EMPTY", "")
    monkeypatch.delenv("EDIGW_NOT_THERE", raising=False)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/empty").write_text("\n")
    (tmp_path / "keys/bytes").write_bytes(b"hunter2\xff")
    with pytest.raises(ConfigurationError) as caught:
        secret(reference, tmp_path)
    assert words in str(caught.value)
    shown = "".join(traceback.format_exception_only(caught.value)) + repr(caught.value.__cause__)
    assert "hunter2" not in shown
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
