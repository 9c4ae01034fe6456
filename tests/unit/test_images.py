"""The container images as written: pinned, not root, of files that exist, with health checks that can succeed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from controller.api.openapi import DOCUMENT
from controller.settings import ApiSettings, TritonSettings
from controller.stack.triton_container import PORTS
from export.setup.components import COMPONENTS
from export.setup.pins import OFFICIAL
from tests.images.dockerfile import FILES, FOLDER, ROOT, Ignore, environment, ignore, last, stages, whole

APP = "/opt/dragoman/app/"
"""Where the checkout lies in an image."""

IMAGES = [
    *((file, stages(file)[-1].name) for file in FILES),
    (FOLDER / "triton.Dockerfile", "server"),
]
"""What is started: a file and its stage."""

each_image = pytest.mark.parametrize(("file", "target"), IMAGES, ids=lambda one: getattr(one, "stem", one))
each_file = pytest.mark.parametrize("file", FILES, ids=lambda one: one.stem)


def test_there_is_an_image_for_each_part() -> None:
    assert [file.stem for file in FILES] == ["asterisk", "controller", "triton-gpu", "triton"]


@each_file
def test_bases_are_pinned(file: Path) -> None:
    names = {stage.name for stage in stages(file)}
    bases = [stage.base for stage in stages(file) if stage.base not in names]
    debian = [base for base in bases if base.startswith("debian:")]
    assert all(re.fullmatch(r"debian:bookworm-\d{8}-slim@sha256:[0-9a-f]{64}", base) for base in debian)
    assert len(set(bases)) == 1, "one base a file, so that stages share its layers"
    assert all(
        re.fullmatch(r"nvcr\.io/nvidia/tritonserver:\d\d\.\d\d-py3", base) for base in bases if base not in debian
    )


@each_image
def test_nobody_is_root(file: Path, target: str) -> None:
    user = last(whole(file, target), "USER")
    assert user is not None and user.text == "10001:10001"
    assert any("useradd --uid 10001" in one.text for one in whole(file, target) if one.name == "RUN")


@each_file
def test_what_is_copied_exists_and_may_be_seen(file: Path) -> None:
    seen = ignore()
    for stage in stages(file):
        for copy in stage.every("COPY"):
            *sources, _ = copy.words
            if sources[0].startswith("--from="):
                assert sources[0].removeprefix("--from=") in {one.name for one in stages(file)}
                continue
            for source in sources:
                assert (ROOT / source).exists(), f"{file.name} copies {source}"
                assert not seen.ignores(source), f".dockerignore hides {source}"


@each_image
def test_what_is_started_is_ours_and_is_there(file: Path, target: str) -> None:
    entry = last(whole(file, target), "ENTRYPOINT")
    assert entry is not None and entry.text.startswith("["), "a shell in front would swallow the signals"
    program, *words = entry.words
    if program == "python3":
        assert words[0] == "-m" and find_spec(words[1]) is not None
        assert find_spec(words[1]).origin.startswith(str(ROOT))  # type: ignore[union-attr]
        return
    script = ROOT / program.removeprefix(APP)
    assert program.startswith(APP) and script.stat().st_mode & 0o111
    copied = [
        word for one in whole(file, target) + stages(file)[0].instructions if one.name == "COPY" for word in one.words
    ]
    assert str(script.relative_to(ROOT)) in copied
    done = subprocess.run(["sh", "-n", script], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_health_checks_ask_what_exists_where_it_listens() -> None:
    checks = {}
    for file, target in IMAGES:
        found = last(whole(file, target), "HEALTHCHECK")
        assert found is not None, f"{file.name} {target} has no health check"
        checks[file.stem, target] = found.text.partition("CMD ")[2]
    api = checks["controller", "1"]
    assert (match := re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)", api))
    assert (int(match[1]), match[2] in DOCUMENT["paths"]) == (ApiSettings().port, True)
    assert environment(whole(FOLDER / "controller.Dockerfile"))["DRAGOMAN_API__PORT"] == match[1]
    for triton in (checks["triton", "server"], checks["triton-gpu", "0"]):
        assert f'"http://127.0.0.1:{PORTS["http"]}"' in triton and '"--models", "/model_repository"' in triton
    assert '"/run/asterisk/etc/asterisk.conf"' in checks["asterisk", "1"]
    assert checks["triton", "models"] == "", "it fills a folder and ends"


def test_ports_agree_with_the_settings() -> None:
    assert TritonSettings().grpc.endswith(f":{PORTS['grpc']}")
    for file, target in ((FOLDER / "triton.Dockerfile", "server"), (FOLDER / "triton-gpu.Dockerfile", "0")):
        exposed = last(whole(file, target), "EXPOSE")
        assert exposed is not None and {int(port) for port in exposed.words} == set(PORTS.values())


@each_file
def test_what_set_up_is_asked_for_is_what_it_has(file: Path) -> None:
    asked = [
        name
        for stage in stages(file)
        for run in stage.every("RUN")
        if (match := re.search(r"python3 -m export\.setup ([a-z -]+)", run.text))
        for name in match[1].split()
    ]
    assert set(asked) <= set(COMPONENTS)
    assert asked or file.stem == "triton-gpu", "pins of its own would be a second list"


def test_the_gpu_image_installs_what_was_pinned_for_its_python() -> None:
    text = (FOLDER / "triton-gpu.Dockerfile").read_text()
    assert f"python{OFFICIAL}-venv" in text and f"lib/python{OFFICIAL}/site-packages" in text
    assert "--require-hashes" in text and "-r export/setup/requirements/triton-gpu.txt" in text


@each_file
def test_no_secret_is_in_a_layer(file: Path) -> None:
    text = file.read_text()
    assert not re.search(r"(PASSWORD|SECRET|TOKEN|_KEY)\w*=", text)
    assert not re.search(r"^ARG ", text, re.MULTILINE), "an argument stays readable in the image's history"


@pytest.mark.parametrize(
    "hidden",
    [
        ".cache/env/controller/bin/python",
        ".git/config",
        "build/demo/report.html",
        "controller/__pycache__/cli.cpython-311.pyc",
        "docker/.env",
        "docker/conf/site.toml",
        "dragoman.toml",
        "model_repository/export.json",
        "model_repository/whisper/1/weights/whisper/model.bin",
        "recordings/call.flight",
        "tests/unit/test_images.py",
    ],
)
def test_builds_do_not_see_caches_weights_and_secrets(hidden: str) -> None:
    assert ignore().ignores(hidden)


def test_builds_see_the_glue_and_the_pins() -> None:
    seen = ignore()
    for needed in ("model_repository/whisper/1/model.py", "export/setup/requirements/triton.txt", "docker/serve"):
        assert not seen.ignores(needed)


def test_a_later_line_of_dockerignore_wins_also_below_folders() -> None:
    rules = Ignore("*\n!kept\n**/*.tmp\nkept/deep/*/gone\n")
    found = {
        path: rules.ignores(path) for path in ("other/a", "kept/a", "kept/b.tmp", "kept/deep/x/gone/y", "kept/deep/x")
    }
    assert list(found.values()) == [True, False, True, True, False]


@each_file
def test_hadolint_finds_nothing(file: Path) -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if hadolint is None:
        pytest.skip("hadolint is not there: `make setup` gets it")
    done = subprocess.run(
        [hadolint, "--no-color", "--failure-threshold", "style", file],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
