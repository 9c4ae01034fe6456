"""Environments: which Python makes them, how they lead to the checkout, and what happens when they are moved."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from export.setup import environment, python
from export.setup.cache import REPOSITORY, Cache
from export.setup.link import entry_points
from export.setup.pins import names
from export.setup.programs import Programs


def make_environment(cache: Cache, name: str = "controller") -> Path:
    env = cache.env(name)
    base = python.base(cache)
    if base is None:
        pytest.skip("this Python cannot make environments")
    subprocess.run([base.program, "-m", "venv", "--without-pip", env], check=True)
    return env


def test_the_checkout_is_importable_with_its_metadata_and_command(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    env = make_environment(cache)
    assert environment.link_needed(cache, "controller")
    environment.link(cache, "controller", Programs())
    assert not environment.link_needed(cache, "controller")
    said = subprocess.run(
        [
            env / "bin" / "python",
            "-I",
            "-c",
            "import importlib.metadata as m, controller; print(controller.__file__, m.version('dragoman'), "
            "*(e.value for e in m.distribution('dragoman').entry_points if e.name == 'dragoman'))",
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert said == [str(REPOSITORY / "controller" / "__init__.py"), "0.1.0", "controller.cli:main"]
    assert (env / "bin" / "dragoman").stat().st_mode & 0o111


def test_the_command_starts_the_environments_python_through_a_link(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    env = make_environment(cache)
    environment.link(cache, "controller", Programs())
    command = env / "bin" / "dragoman"
    command.write_text(
        command.read_text().replace("from controller.cli import main", "main = lambda: print(sys.prefix)")
    )
    (tmp_path / "short").symlink_to(command)
    said = subprocess.run([tmp_path / "short"], check=True, capture_output=True, text=True).stdout
    assert said.strip() == str(env)


def test_a_moved_cache_folder_is_mended(tmp_path: Path) -> None:
    before, after = Cache(tmp_path / "before"), Cache(tmp_path / "after")
    env = make_environment(before)
    environment.link(before, "controller", Programs())
    script = env / "bin" / "tool"
    script.write_text(f"#!{env}/bin/python\nimport sys; print(sys.prefix)\n")
    script.chmod(0o755)
    before.root.rename(after.root)
    assert environment.link_needed(after, "controller")
    environment.link(after, "controller", Programs())
    said = subprocess.run([after.env("controller") / "bin" / "tool"], check=True, capture_output=True, text=True).stdout
    assert said.strip() == str(after.env("controller"))


def test_entry_points_of_plug_ins_are_written() -> None:
    text = entry_points({"scripts": {"x": "a:b"}, "entry-points": {"dragoman.stt": {"whisper": "c:D"}}})
    assert text == "[dragoman.stt]\nwhisper = c:D\n\n[console_scripts]\nx = a:b\n"


def test_another_python_than_3_11_is_told_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 13, 0))
    assert python.lacking() == "the machine's python3 is 3.13 and not 3.11"
    assert python.base(Cache(tmp_path)) is None


def test_a_python_without_ensurepip_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python, "own_pip_wheel", lambda: None)
    assert python.lacking() == "the machine's python3 comes without venv or ensurepip"


def test_every_pin_has_a_hash_and_no_file_names_a_host() -> None:
    for path in environment.REQUIREMENTS.glob("*.txt"):
        text = path.read_text()
        blocks = text.replace("\\\n", " ").splitlines()
        pinned = [line for line in blocks if line and not line.startswith("#")]
        assert pinned, path
        assert all("==" in line and "--hash=sha256:" in line for line in pinned), path
        assert "://" not in text, path


def test_the_two_numpy_worlds() -> None:
    def pinned(name: str) -> str:
        (line,) = [
            one for one in (environment.REQUIREMENTS / name).read_text().splitlines() if one.startswith("numpy==")
        ]
        return line.split()[0]

    assert pinned("triton.txt").startswith("numpy==1.")
    assert pinned("controller.txt").startswith("numpy==2.")
    assert not set(names(environment.REQUIREMENTS / "controller.txt")) & {"torch", "onnxruntime", "ctranslate2"}
    assert "huggingface-hub" not in names(environment.REQUIREMENTS / "triton.txt")


@pytest.mark.skipif(sys.platform != "linux", reason="set-up is for Linux")
def test_set_up_needs_nothing_but_the_standard_library() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); import export.setup.cli",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
