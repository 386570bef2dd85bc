"""Write dist/sbom.json (CycloneDX): what an installation with every extra is made of, versions and licences.

It is told of the environment this runs in, which `make` fills from requirements.lock; what only development
needs is left out.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from importlib.metadata import distribution, metadata
from itertools import chain
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent


def parts(wanted: list[str]) -> set[str]:
    """The names of all packages that requirements lead to."""
    found: set[str] = set()
    left = [(Requirement(one), "") for one in wanted]
    while left:
        one, extra = left.pop()
        name = canonicalize_name(one.name)
        if one.marker and not one.marker.evaluate({"extra": extra}):
            continue
        for more in {"", *one.extras} if name not in found else one.extras:
            left += [(Requirement(text), more) for text in distribution(name).requires or ()]
        found.add(name)
    return found


def main(file: Path) -> None:
    """Writes it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    tool = Path(sys.executable).with_name("cyclonedx-py")
    command = [
        tool,
        "environment",
        "--pyproject",
        ROOT / "pyproject.toml",
        "--no-validate",
        "--output-reproducible",
        sys.executable,
    ]
    told = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    names = parts(wanted)
    kept = [one for one in told["components"] if canonicalize_name(one["name"]) in names]
    for one in kept:  # where the words are none of the known licences, they are left out
        if not one.get("licenses"):
            one["licenses"] = [{"license": {"name": metadata(one["name"])["License"]}}]
    references = {one["bom-ref"] for one in kept}
    root = told["metadata"]["component"]["bom-ref"]
    told["components"] = kept
    told["dependencies"] = [
        {
            **one,
            **(
                {"dependsOn": [ref for ref in one["dependsOn"] if ref in references]}
                if "dependsOn" in one
                else {}
            ),
        }
        for one in told["dependencies"]
        if one["ref"] in references | {root}
    ]
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(told, indent=2) + "\n")
    sys.stdout.write(f"{file}: {len(kept)} packages\n")


def check(file: Path) -> None:
    """Ends with what is wrong with it, by the schema of CycloneDX."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    if wrong := JsonStrictValidator(SchemaVersion.V1_6).validate_str(file.read_text()):
        sys.exit(str(wrong))


if __name__ == "__main__":
    main(ROOT / "dist" / "sbom.json")
    check(ROOT / "dist" / "sbom.json")
