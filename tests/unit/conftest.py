"""What unit tests share."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

from export.setup.link import entry_points

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def own_entry_points(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of this checkout's pyproject.toml, whatever the environment was linked to last."""
    folder = tmp_path_factory.mktemp("linked")
    info = folder / "dragoman-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dragoman\nVersion: 0\n")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (info / "entry_points.txt").write_text(entry_points(project))
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
