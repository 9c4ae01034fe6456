"""A weights folder whose making is killed at any of its steps: nothing is lost, and nothing half is taken for whole."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from controller.errors import UsageError
from export.folder import Folder, alone

OLD, NEW, OTHER = ({"source": name} for name in ("old", "new", "other"))


def written(repository: Path, identity: dict[str, Any]) -> Folder:
    """A folder with its one file, whole but not in place; what lies there of it already is gone on with."""
    folder = Folder(repository, "model", identity)
    folder.recover()
    folder.resume()
    if not folder.has(["file"]):
        (folder.fresh / "file").write_text(identity["source"])
        folder.done(["file"], {"relative_rms": 0.0})
    return folder


def put(folder: Folder) -> None:
    folder.seal()
    folder.put_in_place()


def killed_at(step: int, monkeypatch: pytest.MonkeyPatch, do: Callable[[], None]) -> bool:
    """Whether `do` got as far as its `step`th change of the file system, which it does not survive."""
    steps = count()

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if next(steps) == step:
                raise KeyboardInterrupt
            return real(*args, **kwargs)

        return call

    with monkeypatch.context() as patched:
        for owner, name in ((Path, "rename"), (Path, "unlink"), (Path, "write_text"), (shutil, "rmtree")):
            patched.setattr(owner, name, counted(getattr(owner, name)))
        try:
            do()
        except KeyboardInterrupt:
            return True
    return False


@pytest.mark.parametrize("then", [NEW, OTHER], ids=lambda identity: identity["source"])
@pytest.mark.parametrize("before", [None, OLD], ids=["first", "again"])
def test_killed_at_any_step_of_putting_it_in_place(
    before: dict[str, Any] | None, then: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in count():
        repository = tmp_path / str(step)
        if before:
            put(written(repository, before))
        folder = written(repository, NEW)
        if not killed_at(step, monkeypatch, partial(put, folder)):
            break
        after = Folder(repository, "model", then)
        after.recover()
        if before:
            assert (after.target / "file").read_text() in ("old", "new")
        if then == NEW and not after.is_ready():
            after.resume()
            assert after.has(["file"]), "what was whole is not written again"
        if not after.is_ready():
            put(written(repository, then))
        assert after.is_ready()
        assert (after.target / "file").read_text() == then["source"]
        assert sorted(path.name for path in after.target.iterdir()) == ["export.json", "file"]
        if then == NEW:
            assert [path.name for path in after.target.parent.iterdir()] == ["weights"]
    assert step > 4, "there were steps to be killed at"


def test_a_file_left_out_is_remembered(tmp_path: Path) -> None:
    folder = written(tmp_path, NEW)
    for name in ("b", "c"):
        (folder.fresh / name).touch()
    folder.leave_out(["b", "c"], "It could not be had.")
    folder = written(tmp_path, NEW)
    assert folder.has(["b", "c"])
    put(folder)
    assert folder.is_ready()
    assert folder.left_out() == ["It could not be had."]
    assert sorted(path.name for path in folder.target.iterdir()) == ["export.json", "file"]


def test_a_record_has_no_numbers_that_json_has_not(tmp_path: Path) -> None:
    folder = written(tmp_path, NEW)
    with pytest.raises(ValueError, match="JSON"):
        folder.done(["file"], {"relative_rms": float("nan")})


def test_one_at_a_time(tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(UsageError, match="by another process: wait for it"), alone(tmp_path):
        pytest.fail("two were let in")
    with alone(tmp_path):
        handle = os.open(tmp_path, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(handle)


def test_an_empty_repository_does_not_stay(tmp_path: Path) -> None:
    with alone(tmp_path / "new"):
        assert (tmp_path / "new").is_dir()
    assert not (tmp_path / "new").exists()
    with alone(tmp_path):
        pass
    assert tmp_path.exists()
