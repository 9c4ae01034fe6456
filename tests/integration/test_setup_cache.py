"""The cache folder that set-up built: whole, self-contained, and silent."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from asterisk import debian, get
from export.setup import components, folders
from export.setup.cache import REPOSITORY, Cache
from export.setup.component import is_ready
from export.setup.programs import Programs
from tests.requirements import require_or_skip

CACHE = Cache.default()


def need(*names: str, requirement: str = "offline") -> None:
    absent = [name for name in names if not is_ready(CACHE, components.COMPONENTS[name])]
    require_or_skip(requirement, not absent, f"{', '.join(absent)} not in {CACHE.root}; run `make setup`")


def run_in(env: str, code: str, **variables: str) -> str:
    """Standard output of `code` in an environment, with these variables and no others of ours."""
    kept = {key: value for key, value in os.environ.items() if key not in ("ORT_DISABLE_TELEMETRY", "PYTHONPATH", "CI")}
    done = subprocess.run(
        [CACHE.python(env), "-c", code], env={**kept, **variables}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("variables", [{}, {"ORT_DISABLE_TELEMETRY": "1"}], ids=["bare", "as we run it"])
def test_onnxruntime_writes_nothing_into_an_empty_home(tmp_path: Path, variables: dict[str, str]) -> None:
    """Since 1.29 its import leaves a device id and a telemetry database below the home folder."""
    need("env-triton")
    code = "import onnxruntime; onnxruntime.SessionOptions(); print(onnxruntime.__version__)"
    version = run_in("triton", code, HOME=str(tmp_path), XDG_CACHE_HOME=str(tmp_path / "cache"), **variables)
    assert tuple(int(part) for part in version.split(".")[:2]) < (1, 29)
    assert list(tmp_path.rglob("*")) == []


def test_the_environments_keep_their_numpy_and_see_this_checkout() -> None:
    need("env-controller", "env-triton", "env-export")
    code = "import numpy, export.runtime; print(numpy.__version__[0], export.runtime.__file__)"
    for env, major in (("controller", "2"), ("triton", "1"), ("export", "1")):
        found, where = run_in(env, code, PYTHONPATH=str(REPOSITORY)).split()
        assert (env, found) == (env, major)
        assert Path(where).is_relative_to(REPOSITORY)


def test_the_controllers_environment_has_no_model_runtime() -> None:
    need("env-controller")
    code = "import importlib.util as u; print([n for n in ('torch', 'onnxruntime', 'ctranslate2') if u.find_spec(n)])"
    assert run_in("controller", code).strip() == "[]"


def test_the_environment_that_exports_is_there() -> None:
    """Skipped, it also stands for tests/xtts, which cannot run then."""
    need("env-export", requirement="xtts")
    code = "import sys, onnx, onnxruntime; print(not {'torch', 'transformers'} & set(sys.modules))"
    assert run_in("export", code).strip() == "True"


@pytest.mark.parametrize(
    ("name", "root", "folder"),
    [
        ("phone", CACHE.phone_root, folders.PHONE),
        ("apertium", CACHE.apertium_root, folders.APERTIUM),
    ],
)
def test_every_library_lies_in_the_components_own_folder(name: str, root: Path, folder: folders.DebianFolder) -> None:
    need(name)
    assert debian.unresolved(root, [root / file for file in folder.checked], Programs()) == []


def test_a_library_that_is_gone_is_noticed(tmp_path: Path) -> None:
    need("phone")
    root = tmp_path / "root"
    shutil.copytree(CACHE.phone_root, root, symlinks=True)
    for library in (root / debian.LIBRARIES).glob("librem.so*"):
        library.unlink()
    assert "librem.so.0" in debian.unresolved(root, [root / "usr/bin/baresip"], Programs())


def test_asterisk_is_recorded_with_its_modules() -> None:
    need("asterisk", requirement="asterisk")
    found = get.installed(CACHE.asterisk)
    assert get.new_enough(found.version)
    assert all((found.modules / name).is_file() for name in get.needed_modules())
    assert found.data.is_dir()


def test_the_wrappers_run_from_a_moved_folder(tmp_path: Path) -> None:
    need("phone", "apertium")
    shutil.copytree(CACHE.root / "phone", tmp_path / "phone", symlinks=True)
    said = subprocess.run([tmp_path / "phone/run/baresip", "-h"], capture_output=True, text=True, check=False)
    assert "baresip v1" in said.stdout + said.stderr
    path = f"{CACHE.apertium_run}:/usr/bin:/bin"
    said = subprocess.run(["sh", "-c", "lt-proc -v"], env={"PATH": path}, capture_output=True, text=True, check=False)
    assert "lt-proc" in said.stdout + said.stderr


def test_a_complete_cache_needs_no_network() -> None:
    need(*components.GROUPS["demo"])
    cut_off = ["unshare", "-r", "-n", "--"]
    if not shutil.which("unshare") or subprocess.run([*cut_off, "true"], check=False).returncode:
        pytest.skip("this machine allows no network namespace of one's own")
    done = subprocess.run(
        [*cut_off, sys.executable, "-m", "export.setup", "demo"],
        cwd=REPOSITORY,
        env={**os.environ, "DRAGOMAN_CACHE": str(CACHE.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("set-up: all there in ")
