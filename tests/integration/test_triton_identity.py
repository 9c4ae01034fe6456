"""Who is speaking, on the real Triton: lengths of all kinds in one execution, each as if it were alone."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from controller.errors import EngineRejected, EngineUnavailable
from controller.stack.process import Run
from controller.stack.triton import TritonServer
from controller.triton.client import Array, TritonClient
from export.setup.cache import REPOSITORY, Cache
from tests.integration import xtts_rig
from tests.integration.asking import Samples, ask, metric, until
from tests.integration.xtts_rig import hum

MODELS = ("ecapa_tdnn", "campplus")
LENGTHS_S = (0.5, 0.73, 1.01, 1.5, 2.2, 3.0, 4.37, 6.0)
CLOSE = 1e-4


@pytest.fixture(scope="module")
def identity_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model repository of both encoders, tiny, with random weights, exported as a user would."""
    xtts_rig.require()
    folder = tmp_path_factory.mktemp("identity")
    for command in ("ecapa", "campplus"):
        words = ["-m", "export", command, "--structural", "tiny", "--out", str(folder)]
        done = subprocess.run(
            [Cache.default().python("export"), *words], capture_output=True, text=True, check=False, cwd=REPOSITORY
        )
        assert done.returncode == 0, done.stderr
    for model in MODELS:  # who come together within a second are one batch, however slow the machine is
        config = folder / model / "config.pbtxt"
        text, count = re.subn(r"(max_queue_delay_microseconds: )\d+", r"\g<1>1000000", config.read_text())
        assert count == 1
        config.write_text(text)
    return folder


@pytest.fixture(scope="module")
def triton(identity_repository: Path) -> Iterator[TritonServer]:
    with Run() as run:
        server = TritonServer(run, identity_repository)
        server.start()
        assert server.failed == {}
        yield server


class Identity(NamedTuple):
    vector: Array
    model_id: str


async def identify(client: TritonClient, pcm: Samples, model: str) -> Identity:
    found = await client.infer(model, {"PCM": pcm[None]}, deadline_s=60)
    assert found["IDENTITY"].shape == (1, 256)
    assert found["IDENTITY"].dtype == np.float32
    return Identity(found["IDENTITY"][0], found["MODEL_ID"][0, 0].decode())


def executions(triton: TritonServer, model: str) -> float:
    return metric(triton, "nv_inference_exec_count", f'model="{model}"')


@pytest.mark.parametrize("model", MODELS)
def test_eight_lengths_at_once_are_one_execution_and_each_is_as_alone(triton: TritonServer, model: str) -> None:
    clips = [hum(seconds, seed=number) for number, seconds in enumerate(LENGTHS_S)]

    async def together(client: TritonClient) -> list[Identity]:
        return list(await asyncio.gather(*(identify(client, clip, model) for clip in clips)))

    before, batches = executions(triton, model), metric(triton, f"dragoman_{model}_batches_total")
    answers = ask(triton, together)
    assert executions(triton, model) - before == 1
    until("the batch is counted", lambda: metric(triton, f"dragoman_{model}_batches_total") == batches + 1)
    alone = [ask(triton, lambda client, clip=clip: identify(client, clip, model)) for clip in clips]  # type: ignore[misc]
    assert executions(triton, model) - before == 1 + len(clips)
    for one, own in zip(answers, alone, strict=True):
        assert abs(np.linalg.norm(one.vector) - 1) < 1e-5
        assert np.abs(one.vector - own.vector).max() < CLOSE
    apart = [np.abs(one.vector - other.vector).max() for one in alone for other in alone if one is not other]
    assert min(apart) > CLOSE, "vectors that differ, so that the bound says something"


@pytest.mark.parametrize("model", MODELS)
def test_random_weights_are_called_so(triton: TritonServer, model: str) -> None:
    answer = ask(triton, lambda client: identify(client, hum(1.0), model))
    assert re.fullmatch(rf"{model}:192:[0-9a-f]{{16}}:structural", answer.model_id)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("pcm", "said"),
    [
        (np.zeros(0, np.int16), "the recording lasts 0.00 s: give 0.5 to 30 s of one voice"),
        (hum(0.49), "the recording lasts 0.49 s"),
        (hum(30.01), "the recording lasts 30.01 s"),
        (np.zeros(16_000, np.int16), "the recording is silent"),
    ],
)
def test_what_tells_nobody_is_refused(triton: TritonServer, model: str, pcm: Samples, said: str) -> None:
    with pytest.raises(EngineRejected, match=said):
        ask(triton, lambda client: identify(client, pcm, model))
    assert ask(triton, lambda client: client.answers(model)), "and it is none the worse for it"


def test_one_too_many_is_told_to_wait_and_nobody_is_lost(identity_repository: Path, tmp_path: Path) -> None:
    made = xtts_rig.variant(tmp_path, identity_repository, "ecapa_tdnn", most_waiting="4", largest_batch="2")
    with Run() as run:
        server = TritonServer(run, made)
        server.start()

        async def crowd(client: TritonClient) -> list[object]:
            asked = [identify(client, hum(6, seed=seed), "ecapa_tdnn") for seed in range(40)]
            return list(await asyncio.gather(*asked, return_exceptions=True))

        answers = ask(server, crowd)
        served = [one for one in answers if isinstance(one, Identity)]
        refused = [one for one in answers if isinstance(one, EngineUnavailable)]
        assert len(served) + len(refused) == 40
        assert served
        assert refused
        assert all("ecapa_tdnn is busy: try again" in str(one) for one in refused)
        until("nobody waits", lambda: metric(server, "dragoman_ecapa_tdnn_queue_depth") == 0)


@pytest.mark.parametrize(("model", "command"), [("ecapa_tdnn", "ecapa --checkpoint FILE"), ("campplus", "campplus")])
def test_without_weights_it_says_what_to_run(
    model: str, command: str, identity_repository: Path, tmp_path: Path
) -> None:
    (tmp_path / model / "1").mkdir(parents=True)
    for name in ("config.pbtxt", "1/model.py"):
        (tmp_path / model / name).write_bytes((identity_repository / model / name).read_bytes())
    with Run() as run:
        server = TritonServer(run, tmp_path, models=[])
        server.start()
        assert server.failed == {model: f"{model} has no weights: run `dragoman export {command} --out {tmp_path}`"}
