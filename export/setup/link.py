"""Makes the checkout importable in an environment, without building or copying it.

Run by the environment's own Python as `python link.py CHECKOUT`: a path file, the distribution's metadata
(so that entry points are found) and the command `dragoman`. Standard library only.
"""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from typing import Any

_COMMAND = """#!/bin/sh
'''exec' "$(dirname "$(readlink -f "$0")")/python" "$0" "$@"
' '''
import sys

from {module} import {function}

sys.argv[0] = "{name}"
sys.exit({function}())
"""


def entry_points(project: dict[str, Any]) -> str:
    """`entry_points.txt` for the `[project]` table of a pyproject.toml."""
    groups: dict[str, dict[str, str]] = dict(project.get("entry-points", {}))
    if project.get("scripts"):
        groups["console_scripts"] = project["scripts"]
    blocks = []
    for group, names in groups.items():
        blocks.append("\n".join([f"[{group}]", *(f"{name} = {target}" for name, target in names.items())]))
    return "\n\n".join(blocks) + "\n"


def link(checkout: Path, site: Path, scripts: Path) -> None:
    """Write the path file, the metadata and the commands; a second time replaces the first."""
    import tomllib

    project = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]
    (site / "dragoman-checkout.pth").write_text(f"{checkout}\n")
    info = site / f"{project['name']}-{project['version']}.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    (info / "INSTALLER").write_text("dragoman set-up\n")
    (info / "entry_points.txt").write_text(entry_points(project))
    commands = []
    for name, target in project.get("scripts", {}).items():
        module, _, function = target.partition(":")
        command = scripts / name
        command.write_text(_COMMAND.format(module=module, function=function, name=name))
        command.chmod(0o755)
        commands.append(f"../../../bin/{name},,")
    files = ["dragoman-checkout.pth,,", *(f"{info.name}/{n},," for n in ("METADATA", "INSTALLER", "RECORD"))]
    (info / "RECORD").write_text("\n".join([*files, f"{info.name}/entry_points.txt,,", *commands]) + "\n")


if __name__ == "__main__":
    link(Path(sys.argv[1]), Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("scripts")))
