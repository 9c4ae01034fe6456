"""Every RUN step of each Dockerfile with a Debian base, in a bare Debian; then a call through what the images start.

Slow (minutes) and dear (downloads half a gigabyte): `make test-images` runs it, `make test` says that it did not.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from export.setup.cache import Cache
from tests.images import bare, building
from tests.images.bare import Root
from tests.images.dockerfile import FILES, FOLDER, ROOT, stages
from tests.requirements import require_or_skip, required

DEBIAN = [file for file in FILES if stages(file)[0].base.startswith("debian:")]
MOST_MB = {"asterisk": 250, "controller": 450, "triton": 800}
"""What an image may weigh at most, its base included."""


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Root:
    require_or_skip("images", required("images"), "`make test-images` runs the RUN steps of each Dockerfile (minutes)")
    require_or_skip("images", Cache.default().proot.exists(), "`python3 -m export.setup proot` gets PRoot")
    return bare.make(tmp_path_factory.mktemp("bare") / "root", Cache.default())


@pytest.fixture(scope="module")
def images(debian: Root, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, Root]]]:
    """The roots of each file's stages."""
    folder = tmp_path_factory.mktemp("images")
    yield {file.stem: building.build(file, debian, folder / file.stem) for file in DEBIAN}
    shutil.rmtree(folder)


def test_every_run_step_succeeds_on_a_bare_debian_and_images_stay_small(images: dict[str, dict[str, Root]]) -> None:
    assert sorted(images) == sorted(MOST_MB)
    sizes = {name: building.size_mb(made[_served(name, made)]) for name, made in images.items()}
    print("MB:", {name: round(size) for name, size in sizes.items()})
    assert [name for name, size in sizes.items() if size > MOST_MB[name]] == []


def test_what_the_images_start_is_well_and_carries_a_call(images: dict[str, dict[str, Root]], tmp_path: Path) -> None:
    alone = ["unshare", "--mount", "--net"]
    if not _may([*alone, "true"]):
        alone.append("--map-root-user")
    require_or_skip(
        "images", _may([*alone, "true"]), "a network of their own needs user namespaces, which are off here"
    )
    triton = images["triton"]
    roots = [
        images["asterisk"][_served("asterisk", images["asterisk"])],
        *(triton["server"], triton["models"]),
        images["controller"][_served("controller", images["controller"])],
    ]
    done = subprocess.run(
        [*alone, sys.executable, "-m", "tests.images.together", tmp_path, *(root.folder for root in roots)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stderr


def _served(name: str, made: dict[str, Root]) -> str:
    return "server" if "server" in made else stages(FOLDER / f"{name}.Dockerfile")[-1].name


def _may(words: list[str]) -> bool:
    return (
        shutil.which(words[0]) is not None and subprocess.run(words, capture_output=True, check=False).returncode == 0
    )
