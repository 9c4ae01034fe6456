"""The command itself, cut off from every network: a sentence for each missing component, and its exit codes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from export.setup.cache import REPOSITORY, Cache
from export.setup.components import COMPONENTS, GROUPS, ensure, missing
from export.setup.errors import SetupError

CUT_OFF = ["unshare", "-r", "-n", "--"]


def cut_off_works() -> bool:
    return bool(shutil.which("unshare")) and subprocess.run([*CUT_OFF, "true"], check=False).returncode == 0


def environment(cache: Path, home: Path) -> dict[str, str]:
    """What the command runs with: nothing of the caller's own package settings."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
    return {**kept, "DRAGOMAN_CACHE": str(cache), "HOME": str(home), "PIP_RETRIES": "0", "PIP_CONFIG_FILE": "/dev/null"}


def setup(*words: str, cache: Path, home: Path, cut_off: bool = True) -> subprocess.CompletedProcess[str]:
    argv = [*(CUT_OFF if cut_off else []), sys.executable, "-m", "export.setup", *words]
    return subprocess.run(
        argv, cwd=REPOSITORY, env=environment(cache, home), capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(not cut_off_works(), reason="this machine allows no network namespace of one's own")
@pytest.mark.parametrize(("options", "code"), [((), 1), (("--keep-going",), 0)])
def test_without_a_network_each_missing_component_is_a_sentence(
    tmp_path: Path, options: tuple[str, ...], code: int
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    names = ("phone", "apertium", "silero", "whisper")
    done = setup(*names, *options, cache=tmp_path / "cache", home=home)
    said = [line for line in done.stderr.splitlines() if line.startswith("set-up: ")]
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    for name in names:
        (sentence,) = [line for line in said if line.startswith(f"set-up: {COMPONENTS[name].what} is missing: ")]
        assert "DRAGOMAN_CACHE" in sentence
        assert ("DRAGOMAN_DEBIAN_MIRROR" in sentence) is (name in ("phone", "apertium"))
    assert list(home.iterdir()) == []


def test_offline_lists_everything_and_fetches_nothing(tmp_path: Path) -> None:
    done = setup("demo", "--offline", cache=tmp_path / "cache", home=tmp_path, cut_off=False)
    assert done.returncode == 1
    assert done.stderr.count(" is missing: ") == len(GROUPS["demo"])


def test_a_cache_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = setup("demo", cache=tmp_path / "file" / "cache", home=tmp_path, cut_off=False)
    assert done.returncode == 1
    assert "cannot be made" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not cut_off_works(), reason="this machine allows no network namespace of one's own")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_it_says_so_and_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    """A pip that waits before its next try is what a user interrupts most often."""
    env = environment(tmp_path / "cache", tmp_path)
    env["PIP_RETRIES"] = "9"
    env["DRAGOMAN_TEST_MARK"] = str(tmp_path)
    # A job in a shell's background is started deaf to Ctrl-C, and so are all that it starts: these tests, maybe.
    hearing = ["env", "--default-signal=INT,TERM"]
    running = subprocess.Popen(
        [*hearing, *CUT_OFF, sys.executable, "-m", "export.setup", "silero"],
        cwd=REPOSITORY,
        env=env,
        stderr=subprocess.PIPE,
        text=True,
    )
    with running:
        assert running.stderr is not None
        assert running.stderr.readline() == "silero: getting it\n"
        wait_for(lambda: len(marked(str(tmp_path))) >= 2)
        running.send_signal(number)
        said = running.stderr.read()
    assert running.returncode == 130
    assert "stopped; what is complete is kept" in said
    assert "Traceback" not in said
    wait_for(lambda: marked(str(tmp_path)) == [])


@pytest.mark.skipif(not cut_off_works(), reason="this machine allows no network namespace of one's own")
def test_killed_it_takes_what_it_started_with_it(tmp_path: Path) -> None:
    env = {**environment(tmp_path / "cache", tmp_path), "PIP_RETRIES": "9", "DRAGOMAN_TEST_MARK": str(tmp_path)}
    running = subprocess.Popen(
        [*CUT_OFF, sys.executable, "-m", "export.setup", "silero"], cwd=REPOSITORY, env=env, stderr=subprocess.DEVNULL
    )
    with running:
        wait_for(lambda: len(marked(str(tmp_path))) >= 2)
        running.kill()
    wait_for(lambda: marked(str(tmp_path)) == [])


def test_missing_names_what_is_not_there(tmp_path: Path) -> None:
    assert [one.name for one in missing(Cache(tmp_path))] == list(GROUPS["all"])
    (one,) = missing(Cache(tmp_path), ["whisper"])
    assert "make setup" in one.sentence


def test_what_benches_compare_with_is_got_only_when_it_is_named(tmp_path: Path) -> None:
    peers = set(GROUPS["peers"])
    assert {"env-pipecat", "env-coqui-tts", "env-speechbrain", "japanese-coqui-tts"} <= peers
    assert not peers & {name for group, names in GROUPS.items() if group != "peers" for name in names}
    (one,) = missing(Cache(tmp_path), ["env-pipecat"])
    assert one.name == "env-pipecat"


def test_what_few_need_is_got_only_when_it_is_named() -> None:
    few = {"japanese-triton", "env-loadtest", "sipp"}
    assert not [group for group, names in GROUPS.items() if few & set(names)]
    assert [group for group, names in GROUPS.items() if "campplus" in names] == ["test"]
    assert [group for group, names in GROUPS.items() if "prometheus" in names] == ["test"], "what tests alone need"
    assert COMPONENTS["japanese-triton"].place == COMPONENTS["env-triton"].place


def test_ensure_offline_raises_a_sentence_for_each(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"Whisper's weights is missing.*Silero's voice detector is missing"):
        ensure(Cache(tmp_path), ["whisper", "silero"], offline=True)


def marked(mark: str) -> list[int]:
    """Processes, zombies left out, with this test's mark in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state = (entry / "stat").read_bytes().rpartition(b")")[2].split()[0]
            if state != b"Z" and f"DRAGOMAN_TEST_MARK={mark}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def wait_for(condition: object) -> None:
    """Wait until `condition()` holds; half a minute is for ever here."""
    assert callable(condition)
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
