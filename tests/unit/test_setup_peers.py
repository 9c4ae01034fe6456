"""The environments of coqui-tts and speechbrain: whichever build of torch there is, and faults of packages mended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from export.setup import environment, peers, training
from export.setup.errors import SetupError, Unreachable


class Pips:
    """Stands for pip and the environment's Python: remembers what was installed and what had to run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, absent: dict[Path, SetupError]) -> None:
        self.installed: list[Path] = []
        self.ran: list[str] = []
        self.absent = absent
        monkeypatch.setattr(environment, "make", self.make)
        monkeypatch.setattr(environment, "add", self.add)
        monkeypatch.setattr(environment, "check", lambda programs, env, imports: self.ran.append(imports))

    def make(self, kit: Any, env: Path, pins: Path, imports: str) -> str:
        compiled = env / "lib/python3.11/site-packages" / peers.COMPILED
        compiled.parent.mkdir(parents=True)
        compiled.write_bytes(b"linked against another torch")
        self.installed.append(pins)
        return "105 packages"

    def add(self, kit: Any, env: Path, pins: Path, imports: str) -> str:
        if pins in self.absent:
            raise self.absent[pins]
        self.installed.append(pins)
        return "1 package"


class AnyKit:
    programs = None


def make(env: Path) -> str:
    return peers.make(AnyKit(), env)  # type: ignore[arg-type]


def test_its_faults_are_mended_before_it_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pips = Pips(monkeypatch, {})
    assert make(tmp_path) == "105 packages"
    site = tmp_path / "lib/python3.11/site-packages"
    assert not (site / peers.COMPILED).exists()
    assert (site / "torchcodec/__init__.py").is_file()
    assert pips.installed == [peers.PINS, peers.WITHOUT_CUDA]
    assert pips.ran == [peers.IMPORTS]


def test_where_no_torch_without_cuda_is_found_the_index_s_own_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pips = Pips(monkeypatch, {peers.WITHOUT_CUDA: Unreachable("pip's index does not have it")})
    make(tmp_path)
    assert pips.installed == [peers.PINS, peers.WITH_CUDA]


def test_a_torch_that_does_not_work_is_not_covered_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Pips(monkeypatch, {peers.WITHOUT_CUDA: SetupError("the environment does not work")})
    with pytest.raises(SetupError, match="does not work"):
        make(tmp_path)


def test_speechbrain_s_is_made_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pips = Pips(monkeypatch, {peers.WITHOUT_CUDA: Unreachable("pip's index does not have it")})
    assert peers.make_speechbrain(AnyKit(), tmp_path) == "105 packages"  # type: ignore[arg-type]
    site = tmp_path / "lib/python3.11/site-packages"
    assert not (site / peers.COMPILED).exists()
    assert pips.installed == [peers.SPEECHBRAIN_PINS, peers.WITH_CUDA]
    assert pips.ran == [peers.SPEECHBRAIN_IMPORTS]


@pytest.mark.parametrize(
    ("absent", "torch"), [({}, peers.WITHOUT_CUDA), ({peers.WITHOUT_CUDA: Unreachable("no")}, peers.WITH_CUDA)]
)
def test_what_trains_gets_either_torch_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, absent: dict[Path, SetupError], torch: Path
) -> None:
    pips = Pips(monkeypatch, absent)
    assert training.make(AnyKit(), tmp_path) == "105 packages"  # type: ignore[arg-type]
    assert pips.installed == [training.PINS, torch]
