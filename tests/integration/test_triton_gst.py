"""How somebody speaks, on the real Triton: lengths of all kinds in one execution, each as if it were alone."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from controller.errors import EngineRejected
from controller.stack.process import Run
from controller.stack.triton import TritonServer
from controller.triton.client import Array, TritonClient
from export.setup.cache import REPOSITORY, Cache
from tests.fakes.voices import voice
from tests.integration import xtts_rig
from tests.integration.asking import Samples, ask, metric, until

LENGTHS_S = (0.5, 0.73, 1.01, 1.5, 2.2, 3.0, 4.37, 29.9)
CLOSE = 1e-5


@pytest.fixture(scope="module")
def gst_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model repository of the style network with random weights, exported as a user would."""
    xtts_rig.require()
    folder = tmp_path_factory.mktemp("style")
    words = ["-m", "export", "gst", "--structural", "tiny", "--out", str(folder)]
    python = Cache.default().python("export")
    done = subprocess.run([python, *words], capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert done.returncode == 0, done.stderr
    config = folder / "gst" / "config.pbtxt"  # who come together within a second are one batch, on any machine
    text, count = re.subn(r"(max_queue_delay_microseconds: )\d+", r"\g<1>1000000", config.read_text())
    assert count == 1
    config.write_text(text)
    return folder


@pytest.fixture(scope="module")
def triton(gst_repository: Path) -> Iterator[TritonServer]:
    with Run() as run:
        server = TritonServer(run, gst_repository)
        server.start()
        assert server.failed == {}
        yield server


class Style(NamedTuple):
    vector: Array
    model_id: str


async def style(client: TritonClient, pcm: Samples) -> Style:
    found = await client.infer("gst", {"PCM": pcm[None]}, deadline_s=60)
    assert found["STYLE"].shape == (1, 64)
    assert found["STYLE"].dtype == np.float32
    return Style(found["STYLE"][0], found["MODEL_ID"][0, 0].decode())


def executions(triton: TritonServer) -> float:
    return metric(triton, "nv_inference_exec_count", 'model="gst"')


def test_eight_lengths_at_once_are_one_execution_and_each_is_as_alone(triton: TritonServer) -> None:
    clips = [voice(seconds, hz=100.0 + 20 * number) for number, seconds in enumerate(LENGTHS_S)]

    async def together(client: TritonClient) -> list[Style]:
        return list(await asyncio.gather(*(style(client, clip) for clip in clips)))

    before = executions(triton)
    answers = ask(triton, together)
    assert executions(triton) - before == 1
    until("the batch is counted", lambda: metric(triton, "dragoman_gst_clips_total") == len(clips))
    alone = [ask(triton, lambda client, clip=clip: style(client, clip)) for clip in clips]  # type: ignore[misc]
    for one, own in zip(answers, alone, strict=True):
        assert abs(np.linalg.norm(one.vector) - 1) < 1e-5
        assert np.abs(one.vector - own.vector).max() < CLOSE
        assert re.fullmatch(r"gst:[0-9a-f]{16}:structural", one.model_id)
    apart = [np.abs(one.vector - other.vector).max() for one in alone for other in alone if one is not other]
    assert min(apart) > 100 * CLOSE, "styles that differ, so that the bound says something"


@pytest.mark.parametrize(
    ("pcm", "said"),
    [
        (np.zeros(0, np.int16), "the recording lasts 0.00 s: give 0.5 to 30 s of one voice"),
        (voice(30.1), "the recording lasts 30.10 s"),
        (np.zeros(16_000, np.int16), "the recording is silent"),
    ],
)
def test_what_tells_no_style_is_refused(triton: TritonServer, pcm: Samples, said: str) -> None:
    with pytest.raises(EngineRejected, match=said):
        ask(triton, lambda client: style(client, pcm))
    assert ask(triton, lambda client: client.answers("gst")), "and it is none the worse for it"


def test_without_weights_it_says_what_to_run(gst_repository: Path, tmp_path: Path) -> None:
    (tmp_path / "gst/1").mkdir(parents=True)
    for name in ("config.pbtxt", "1/model.py"):
        (tmp_path / "gst" / name).write_bytes((gst_repository / "gst" / name).read_bytes())
    with Run() as run:
        server = TritonServer(run, tmp_path, models=[])
        server.start()
        assert server.failed == {"gst": f"gst has no weights: run `dragoman export gst --train --out {tmp_path}`"}
