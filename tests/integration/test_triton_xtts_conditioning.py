"""A voice out of a recording, on the real Triton: by value, and one sentence where it is none."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from controller.errors import EngineRejected, EngineUnavailable
from controller.stack.process import Run
from controller.stack.triton import TritonServer
from controller.triton.client import Array, TritonClient
from controller.triton.contracts import condition
from tests.integration import xtts_direct, xtts_rig
from tests.integration.asking import Samples, ask
from tests.integration.xtts_rig import hum

RATE = 22_050


@pytest.fixture(scope="module")
def triton(xtts_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    folder = tmp_path_factory.mktemp("conditioning")
    (folder / "xtts_conditioning").symlink_to(xtts_repository / "xtts_conditioning")
    with Run() as run:
        server = TritonServer(run, folder)
        server.start()
        yield server


async def conditioned(client: TritonClient, pcm: Samples, rate: int) -> tuple[Array, Array]:
    inputs: dict[str, Array] = {"PCM": pcm, "SAMPLE_RATE": np.array([rate], np.int32)}
    found = await client.infer("xtts_conditioning", inputs, deadline_s=60)
    return found["GPT_COND_LATENT"], found["SPEAKER_EMBEDDING"]


@pytest.mark.parametrize(("seconds", "rate"), [(3, RATE), (9, 48_000)])
def test_it_answers_as_the_runtime_does(triton: TritonServer, xtts_repository: Path, seconds: float, rate: int) -> None:
    pcm = hum(seconds, rate)
    latents, speaker = ask(triton, lambda client: conditioned(client, pcm, rate))
    assert (latents.shape, speaker.shape) == ((32, xtts_rig.WIDTH), (512,))
    expected = xtts_direct.voice(xtts_repository, pcm, rate)
    assert np.array_equal(latents, expected[0])
    assert np.array_equal(speaker, expected[1])


def test_it_says_whose_weights_made_a_voice(triton: TritonServer) -> None:
    made = ask(triton, lambda client: condition(client, hum(3), 16_000))
    assert re.fullmatch("xtts_conditioning:[0-9a-f]{16}:structural", made.model)


def test_each_gets_their_own_voice_and_one_too_many_is_told_to_wait(triton: TritonServer) -> None:
    clips = [hum(3, seed=seed) for seed in range(4)]
    sounds = clips * 8

    async def together(client: TritonClient) -> list[object]:
        asked = [conditioned(client, pcm, 16_000) for pcm in sounds]
        return list(await asyncio.gather(*asked, return_exceptions=True))

    answers = ask(triton, together)
    alone = [ask(triton, lambda client, pcm=pcm: conditioned(client, pcm, 16_000)) for pcm in clips]  # type: ignore[misc]
    refused = [one for one in answers if isinstance(one, EngineUnavailable)]
    served = [(one, alone[i % len(clips)]) for i, one in enumerate(answers) if isinstance(one, tuple)]
    assert len(served) + len(refused) == len(sounds)
    assert len(served) >= 8
    assert refused
    assert all("xtts_conditioning is busy: try again" in str(one) for one in refused)
    for (latents, speaker), (own_latents, own_speaker) in served:
        assert np.array_equal(latents, own_latents)
        assert np.array_equal(speaker, own_speaker)
    assert len({speaker.tobytes() for _, speaker in alone}) == len(clips)


@pytest.mark.parametrize(
    ("pcm", "rate", "said"),
    [
        (hum(2.9), 16_000, "the recording lasts 2.90 s: give 3 to 30 s of one voice"),
        (hum(31), 16_000, "the recording lasts 31.00 s"),
        (np.zeros(64_000, np.int16), 16_000, "is silent"),
        (hum(6), -1, "the sample rate is -1 Hz"),
        (hum(6, 47_999), 47_999, "resample the recording to 48000 Hz first"),
    ],
)
def test_what_is_no_voice_is_refused(triton: TritonServer, pcm: Samples, rate: int, said: str) -> None:
    with pytest.raises(EngineRejected, match=said):
        ask(triton, lambda client: conditioned(client, pcm, rate))
    assert ask(triton, lambda client: client.models()) == ["xtts_conditioning"]


def test_without_weights_it_says_what_to_run(xtts_repository: Path, tmp_path: Path) -> None:
    (tmp_path / "xtts_conditioning/1").mkdir(parents=True)
    for name in ("config.pbtxt", "1/model.py"):
        (tmp_path / "xtts_conditioning" / name).write_bytes((xtts_repository / "xtts_conditioning" / name).read_bytes())
    with Run() as run:
        server = TritonServer(run, tmp_path, models=[])
        server.start()
        said = f"xtts_conditioning has no weights: run `dragoman export xtts --checkpoint FOLDER --out {tmp_path}`"
        assert server.failed == {"xtts_conditioning": said}
