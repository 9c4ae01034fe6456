"""What the tests on a real Triton share beyond the offline models."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration import xtts_rig


@pytest.fixture(scope="session")
def xtts_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model repository of the tiny XTTS with random weights."""
    xtts_rig.require()
    return xtts_rig.exported(tmp_path_factory.mktemp("xtts"))
