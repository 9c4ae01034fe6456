"""CI asks coqui-tts anew where what is compared with it has changed, and where nothing tells whether it has."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from export.setup.cache import REPOSITORY

AUTHOR = {f"GIT_{who}_{what}": "nobody" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


class Checkout:
    """A repository with our .ci/run in it, and a `make` that only notes what it is told to make."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "checkout"
        (self.root / ".ci").mkdir(parents=True)
        shutil.copy(REPOSITORY / ".ci" / "run", self.root / ".ci" / "run")
        self.notes = folder / "made"
        make = folder / "bin" / "make"
        make.parent.mkdir()
        make.write_text(f'#!/bin/sh\necho "$@" >>{self.notes}\n')
        make.chmod(0o755)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        self.env = {**kept, **AUTHOR, "PATH": f"{make.parent}:{os.environ['PATH']}", "GIT_CONFIG_GLOBAL": "/dev/null"}

    def git(self, *words: str) -> None:
        subprocess.run(["git", *words], cwd=self.root, env=self.env, check=True, capture_output=True)

    def commit(self, file: str, content: str) -> None:
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        self.git("add", "-A")
        self.git("commit", "-m", "a change")

    def run(self) -> list[str]:
        """What CI makes."""
        self.notes.unlink(missing_ok=True)
        subprocess.run(["bash", ".ci/run"], cwd=self.root, env=self.env, check=True, capture_output=True)
        return self.notes.read_text().splitlines()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path)
    made.git("init")
    made.commit("export/xtts/gpt.py", "1")
    made.commit("README.md", "1")
    return made


def test_what_has_not_changed_is_not_asked_for(checkout: Checkout) -> None:
    assert checkout.run() == ["check", "test"]


@pytest.mark.parametrize("file", ["export/xtts/gpt.py", "export/runtime/mel.py", "tests/xtts/material.py"])
def test_a_change_is_compared(checkout: Checkout, file: str) -> None:
    checkout.commit(file, "2")
    assert checkout.run() == ["check", "test", "parity-xtts"]


def test_the_first_commit_is_compared(checkout: Checkout, tmp_path: Path) -> None:
    shutil.rmtree(checkout.root / ".git")
    checkout.git("init")
    checkout.commit("README.md", "2")
    assert checkout.run()[-1] == "parity-xtts"


def test_a_clone_without_history_is_compared(checkout: Checkout) -> None:
    shallow = checkout.root.with_name("shallow")
    checkout.git("clone", "--depth=1", checkout.root.as_uri(), str(shallow))
    checkout.root = shallow
    assert checkout.run()[-1] == "parity-xtts"


def test_files_without_a_repository_are_compared(checkout: Checkout) -> None:
    shutil.rmtree(checkout.root / ".git")
    checkout.env["GIT_CEILING_DIRECTORIES"] = str(checkout.root.parent)
    assert checkout.run()[-1] == "parity-xtts"
