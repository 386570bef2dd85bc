"""Write requirements.lock and requirements-install.lock, pinned with hashes.

The first has what run time and development need, the second its part that goes into the image: what the wheel
with every extra needs, and the tool that makes the wheel.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAME, INSTALL = "requirements.lock", "requirements-install.lock"
HEADER = "# {}, pinned with hashes. Written by `make lock`; do not edit.\n"
HEADERS = {
    NAME: HEADER.format("What the project and its development need"),
    INSTALL: HEADER.format("What the wheel with every extra needs, and the tool that makes it"),
}
OPTIONS = ("--quiet", "--generate-hashes", "--strip-extras", "--allow-unsafe", "--no-annotate", "--no-header")
OPTIONS += ("--no-emit-index-url", "--no-emit-find-links", "--no-emit-trusted-host")


def main() -> None:
    """Resolve with pip-tools and leave every address of a package index out of the result."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"].values()
    run = [*project["project"]["dependencies"], *chain(*extras), *project["build-system"]["requires"]]
    write(NAME, [*run, *project["dependency-groups"]["dev"]])
    write(INSTALL, [f"-c {ROOT / NAME}", *run])


def write(name: str, wanted: list[str]) -> None:
    """Resolve requirements into a lock."""
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder, "requirements.in"), Path(folder, name)
        source.write_text("\n".join(wanted) + "\n")
        subprocess.run(
            [sys.executable, "-m", "piptools", "compile", *OPTIONS, "-o", str(result), str(source)],
            check=True,
        )
        (ROOT / name).write_text(HEADERS[name] + result.read_text())


if __name__ == "__main__":
    main()
