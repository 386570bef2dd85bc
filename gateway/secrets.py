"""Secrets, of which settings say only where they are."""

from __future__ import annotations

import os
from pathlib import Path

from gateway.errors import ConfigurationError

_CONTAINER = "/run/secrets"


def secret(reference: str, home: Path) -> str:
    """The secret itself, which nothing may show or log.

    Args:
        reference: ``env:NAME`` (a variable of the environment), ``file:PATH`` (a file, whose last line end
            does not count; a relative path begins at the home) or ``credential:NAME`` (such a file of that
            name, from systemd's LoadCredential or a container's secrets).

    Raises:
        ConfigurationError: it is not there.
    """
    kind, _, name = reference.partition(":")
    if kind not in ("env", "file", "credential") or not name:
        raise ConfigurationError(
            "A secret is named by env:NAME, file:PATH or credential:NAME, and written nowhere else."
        )
    if kind == "credential":
        places = [Path(one) for one in (os.environ.get("CREDENTIALS_DIRECTORY"), _CONTAINER) if one]
        name = str(next((one / name for one in places if (one / name).exists()), places[0] / name))
    if kind == "env":
        where, value = f"The environment variable {name}", os.environ.get(name, "")
    else:
        where = f"The file {home / name}"
        try:
            value = (home / name).read_text("utf-8").removesuffix("\n")  # of CR LF too, which is read as LF
        except OSError as error:
            raise ConfigurationError(
                f"{where}, in which a secret should be, cannot be read: {error.strerror}. "
                "Make it, readable by the gateway alone, or correct the setting that names it."
            ) from None
        except ValueError:  # its words would show the bytes
            raise ConfigurationError(f"{where}, in which a secret should be, is no text in UTF-8.") from None
    if not value:
        raise ConfigurationError(
            f"{where}, in which a secret should be, is empty or not there. "
            "Set it where the gateway is started, or correct the setting that names it."
        )
    return value
