from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from gateway.errors import ConfigurationError
from gateway.secrets import secret


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
        ("file:", "env:NAME or file:PATH"),
        ("env:", "env:NAME or file:PATH"),
        ("hunter2", "env:NAME or file:PATH"),
        ("vault:hunter2", "env:NAME or file:PATH"),
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
