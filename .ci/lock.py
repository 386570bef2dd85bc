"""Write requirements.lock: run-time and development requirements of pyproject.toml, pinned with hashes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADER = (
    "# What the project and its development need, pinned with hashes. Written by `make lock`; do not edit.\n"
)


def main() -> None:
    """Resolve with pip-tools and leave every address of a package index out of the result."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"].values()
    wanted = [*project["project"]["dependencies"], *chain(*extras), *project["dependency-groups"]["dev"]]
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder, "requirements.in"), Path(folder, "requirements.lock")
        source.write_text("\n".join(wanted) + "\n")
        options = [
            "--quiet",
            "--generate-hashes",
            "--strip-extras",
            "--allow-unsafe",
            "--no-annotate",
            "--no-header",
        ]
        options += ["--no-emit-index-url", "--no-emit-find-links", "--no-emit-trusted-host"]
        command = [sys.executable, "-m", "piptools", "compile", *options, "-o", str(result), str(source)]
        subprocess.run(command, check=True)
        (ROOT / "requirements.lock").write_text(HEADER + result.read_text())


if __name__ == "__main__":
    main()
