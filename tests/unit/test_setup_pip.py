"""pip, for real, on wheels in a local folder: what is pinned is taken, anything else refused and deleted."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from controller.stack.ports import free_ports
from export.setup import python
from export.setup.cache import Cache
from export.setup.errors import Unreachable, WrongDigest
from export.setup.pip import Pip, wrong_digest
from export.setup.programs import Programs

NAME = "dragoman_probe-1.0-py3-none-any.whl"


def write_wheel(folder: Path, content: str = "") -> str:
    """A small wheel; returns its SHA-256."""
    folder.mkdir(exist_ok=True)
    info = "dragoman_probe-1.0.dist-info"
    with zipfile.ZipFile(folder / NAME, "w") as wheel:
        wheel.writestr("dragoman_probe.py", content)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: dragoman-probe\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return hashlib.sha256((folder / NAME).read_bytes()).hexdigest()


@pytest.fixture
def pip(tmp_path: Path) -> Pip:
    base = python.base(Cache(tmp_path))
    if base is None:
        pytest.skip("this Python brings no pip for its environments")
    home = tmp_path / "pip"
    with zipfile.ZipFile(base.pip_wheel) as wheel:
        wheel.extractall(home)
    offers = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "offered"), "PIP_CONFIG_FILE": "/dev/null"}
    return Pip(base.program, home, Programs(), {**base.env, **offers})


def requirements(tmp_path: Path, digest: str) -> Path:
    path = tmp_path / "pins.txt"
    path.write_text(f"dragoman-probe==1.0 --hash=sha256:{digest}\n")
    return path


def test_what_is_pinned_is_taken(pip: Pip, tmp_path: Path) -> None:
    digest = write_wheel(tmp_path / "offered")
    (wheel,) = pip.download([requirements(tmp_path, digest)], tmp_path / "got")
    assert wheel == tmp_path / "got" / NAME
    assert sorted(one.name for one in tmp_path.iterdir()) == ["got", "offered", "pins.txt", "pip"]


def test_another_digest_is_refused_with_both_named(pip: Pip, tmp_path: Path) -> None:
    found = write_wheel(tmp_path / "offered", "import os")
    with pytest.raises(WrongDigest) as refused:
        pip.download([requirements(tmp_path, "0" * 64)], tmp_path / "got")
    assert (refused.value.file, refused.value.expected, refused.value.found) == (NAME, "0" * 64, found)
    assert list((tmp_path / "got").iterdir()) == []


def test_a_file_that_was_damaged_after_its_download_is_fetched_again(pip: Pip, tmp_path: Path) -> None:
    digest = write_wheel(tmp_path / "offered")
    pins = requirements(tmp_path, digest)
    (wheel,) = pip.download([pins], tmp_path / "got")
    wheel.write_bytes(b"cut off")
    (wheel,) = pip.download([pins], tmp_path / "got")
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() == digest


def test_what_the_index_does_not_have_is_said(pip: Pip, tmp_path: Path) -> None:
    (tmp_path / "offered").mkdir()
    with pytest.raises(Unreachable, match="does not have it"):
        pip.download([requirements(tmp_path, "0" * 64)], tmp_path / "got")


def test_an_index_that_cannot_be_reached_is_asked_once(pip: Pip, tmp_path: Path, closed_port: int) -> None:
    env = {
        "PIP_INDEX_URL": f"http://127.0.0.1:{closed_port}/simple",
        "PIP_RETRIES": "1",
        "PIP_CONFIG_FILE": "/dev/null",
    }
    pip.env = {**env, "PIP_FIND_LINKS": ""}
    pins = requirements(tmp_path, "0" * 64)
    with pytest.raises(Unreachable, match="cannot be reached"):
        pip.download([pins], tmp_path / "got")
    pip.python = tmp_path / "no such program"
    with pytest.raises(Unreachable, match="cannot be reached"):
        pip.download([pins], tmp_path / "got")


@pytest.fixture
def closed_port() -> int:
    return free_ports(1)[0]


def test_a_digest_among_several_pinned_ones_is_told_apart() -> None:
    said = f"""ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. Examine them.
    numpy==1.26.4 from http://localhost/files/numpy-1.26.4-cp311.whl#sha256={"c" * 64} (from -r x.txt (line 1)):
        Expected sha256 {"a" * 64}
        Expected     or {"b" * 64}
             Got        {"d" * 64}
"""
    wrong = wrong_digest(said)
    assert wrong is not None
    assert wrong.file == "numpy-1.26.4-cp311.whl"
    assert wrong.expected == f"one of 2 pinned ones, such as {'a' * 64}"
    assert wrong.found == "d" * 64
    assert wrong_digest("ERROR: something else") is None
