"""What unit tests share."""

from __future__ import annotations

import sys

import pytest

from tests import entry_points


@pytest.fixture
def own_entry_points(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of this checkout's pyproject.toml, whatever the environment was linked to last."""
    folder = entry_points.write(tmp_path_factory.mktemp("linked"))
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
