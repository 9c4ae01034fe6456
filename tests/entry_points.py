"""The entry points of this checkout's pyproject.toml, whatever the environment was linked to last."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from export.setup.link import entry_points

ROOT = Path(__file__).resolve().parents[1]


def write(folder: Path, more: Mapping[str, Mapping[str, str]] | None = None) -> Path:
    """A folder that has them, for the front of sys.path.

    Args:
        more: engines of a test's own, by group and name.
    """
    info = folder / "dragoman-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dragoman\nVersion: 0\n")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for group, engines in (more or {}).items():
        project["entry-points"][group].update(engines)
    (info / "entry_points.txt").write_text(entry_points(project))
    return folder
