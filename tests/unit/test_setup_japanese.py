"""The dictionary for Japanese is what lies in the pinned archive, and nothing half of it."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from export.setup import environment, japanese
from export.setup.errors import SetupError


class Kit:
    """A pip that has one archive."""

    programs = None

    def __init__(self, archive: Path) -> None:
        self._archive = archive

    def pip(self) -> Kit:
        return self

    def download_sources(self, *_: Path) -> list[Path]:
        return [self._archive]


def packed(folder: Path, *names: str) -> Any:
    archive = folder / "unidic-lite-1.0.8.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        for name in names:
            entry = tarfile.TarInfo(f"unidic-lite-1.0.8/{name}")
            entry.size = len(name)
            file.addfile(entry, io.BytesIO(name.encode()))
    return Kit(archive)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(environment, "check", lambda *_: None)
    made = tmp_path / "env" / "lib" / "python3.11" / "site-packages"
    made.mkdir(parents=True)
    return made


def test_its_package_is_put_in_place(tmp_path: Path, site: Path) -> None:
    kit = packed(tmp_path, "setup.py", "unidic_lite/__init__.py", "unidic_lite/dicdir/sys.dic")
    (site / "unidic_lite").mkdir()
    (site / "unidic_lite" / "old").write_text("from before")
    assert japanese.add(kit, tmp_path / "env", tmp_path) == "1.0.8"
    found = sorted(str(one.relative_to(site)) for one in site.rglob("*") if one.is_file())
    assert found == ["unidic_lite/__init__.py", "unidic_lite/dicdir/sys.dic"]


def test_an_archive_without_it_is_refused(tmp_path: Path, site: Path) -> None:
    with pytest.raises(SetupError, match="has no unidic_lite in it"):
        japanese.add(packed(tmp_path, "setup.py"), tmp_path / "env", tmp_path)
    assert list(site.iterdir()) == []
