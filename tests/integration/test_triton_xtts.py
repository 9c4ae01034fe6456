"""XTTS on the real Triton: everybody hears what they would alone, and whatever befalls one is theirs alone.

The model is tiny but for its vocoder, and its weights are random: noise, but the same noise each time.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from controller.errors import EngineRejected, EngineTimeout, EngineUnavailable
from controller.stack.process import Run
from controller.stack.triton import TritonServer
from controller.stack.triton_http import TritonHttp
from controller.triton.client import TritonClient
from controller.triton.contracts import Latents, forget
from export.setup.cache import REPOSITORY, Cache
from export.setup.components import missing
from tests.integration import xtts_direct, xtts_rig
from tests.integration.asking import Samples, ask, metric, until
from tests.integration.xtts_rig import Asked, Listening

SLOTS, WAITING = 8, 24
"""So many speak, and so many wait: 32 in all."""

VARIOUS = (
    Asked("Yes", who=1, seed=1),
    Asked("It costs 20 euros.", who=2, seed=2, rate=24_000),
    Asked("Sí, claro", who=1, seed=3, language="es"),
    Asked("No", who=3, seed=4, speed=1.6, rate=24_000),
    Asked("Yes", who=1, seed=9),
    Asked("Nein, danke", who=4, seed=2**40, language="de"),
    Asked("Yes", who=5, seed=1),
    Asked("One, two", who=2, seed=5, speed=1.7),
)
"""Different texts, lengths, languages, voices, seeds, speeds and rates; and the same, but for one thing."""

SHORT = Asked("Hm", who=7, seed=7)
LONG = Asked(
    "It goes on and on, one word after the other, and nobody knows when it will come to its end. " * 8, speed=1.0
)


def server(run: Run, repository: Path) -> TritonServer:
    made = TritonServer(run, repository)
    made.start()
    return made


@pytest.fixture(scope="module", params=["8bit", "fp32"])
def precise(
    request: pytest.FixtureRequest, xtts_repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[TritonServer, str]]:
    folder = xtts_rig.variant(tmp_path_factory.mktemp(request.param), xtts_repository, precision=request.param)
    with Run() as run:
        yield server(run, folder), request.param


@pytest.fixture(scope="module")
def triton(xtts_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    """As it is served by default, but for who may wait."""
    folder = xtts_rig.variant(tmp_path_factory.mktemp("usual"), xtts_repository, most_waiting=str(WAITING))
    with Run() as run:
        yield server(run, folder)


async def together(client: TritonClient, asked: list[Asked], *, staggered: bool) -> list[Samples]:
    """What each hears; `staggered`: each asks when the one before has begun to hear."""
    listening: list[Listening] = []
    for one in asked:
        listening.append(Listening(client, one))
        if staggered:
            await listening[-1].heard(1)
    return [await one.end() for one in listening]


def alone(triton: TritonServer, asked: Asked) -> Samples:
    async def hear(client: TritonClient) -> Samples:
        return await Listening(client, asked).end()

    return ask(triton, hear)


def assert_same(heard: Samples, expected: Samples) -> None:
    """The same sound, but for what rounds the other way."""
    assert len(heard) == len(expected)
    assert np.abs(heard.astype(int) - expected).max() <= 1


def count(triton: TritonServer, how: str) -> float:
    return metric(triton, "dragoman_xtts_ended_total", f'how="{how}"')


def under_way(triton: TritonServer) -> tuple[float, float]:
    return metric(triton, "dragoman_xtts_active"), metric(triton, "dragoman_xtts_waiting")


def until_idle(triton: TritonServer) -> None:
    until("nobody speaks or waits", lambda: under_way(triton) == (0, 0))


def test_everybody_hears_what_they_would_alone(precise: tuple[TritonServer, str], xtts_repository: Path) -> None:
    triton, precision = precise
    asked = list(VARIOUS) if precision == "8bit" else list(VARIOUS[3::-1])
    expected = {one: alone(triton, one) for one in asked}
    assert len({pcm.tobytes() for pcm in expected.values()}) == len(asked)
    assert all(np.square(pcm.astype(float)).mean() > 100**2 for pcm in expected.values())
    for company, staggered in ((asked, True), (asked[-1:-3:-1], False)):
        heard = ask(triton, lambda client, c=company, s=staggered: together(client, c, staggered=s))  # type: ignore[misc]
        for one, pcm in zip(company, heard, strict=True):
            assert_same(pcm, expected[one])
    if precision == "fp32":
        # No server between: the same parts, put together for one speaker.
        one = VARIOUS[3]
        assert_same(expected[one], xtts_direct.speech(xtts_repository, one))


@pytest.mark.parametrize("stage", ["sent", "admitted", "begun", "going on"])
def test_a_listener_who_leaves_stops_it_at_every_stage(triton: TritonServer, stage: str) -> None:
    dropped = count(triton, "dropped")

    async def leave(client: TritonClient) -> None:
        listening = Listening(client, LONG)
        if stage == "sent":
            await asyncio.sleep(0)
        elif stage == "admitted":
            await asyncio.to_thread(until, "it has a slot", lambda: under_way(triton)[0] == 1)
        else:
            await listening.heard(1 if stage == "begun" else 2)
        await listening.leave()

    ask(triton, leave)
    until_idle(triton)
    if stage != "sent":  # it may not even have reached the model
        until("it is told", lambda: count(triton, "dropped") == dropped + 1)


def test_who_waits_for_a_slot_may_leave_and_the_engine_answers_meanwhile(triton: TritonServer) -> None:
    dropped = count(triton, "dropped")

    async def numbers(active: int, waiting: int) -> None:
        await asyncio.to_thread(until, f"{waiting} wait", lambda: under_way(triton) == (active, waiting))

    async def crowd(client: TritonClient) -> None:
        speaking = [Listening(client, replace(LONG, who=who)) for who in range(SLOTS)]
        await numbers(SLOTS, 0)
        waiting = [Listening(client, SHORT) for _ in range(2)]
        await numbers(SLOTS, 2)
        await client.probe("xtts_v2")
        await waiting[0].leave()
        await numbers(SLOTS, 1)
        more = [Listening(client, SHORT) for _ in range(WAITING - 1)]
        await numbers(SLOTS, WAITING)
        with pytest.raises(EngineUnavailable, match="xtts_v2 is busy: 8 utterances are being spoken and 24 wait"):
            await Listening(client, SHORT).end()
        await asyncio.gather(*(one.leave() for one in more))
        assert not waiting[1].chunks
        await speaking[0].leave()
        await waiting[1].heard(1)
        await asyncio.gather(*(one.leave() for one in speaking[1:]))
        await waiting[1].end()

    refused = metric(triton, "dragoman_xtts_refused_total", 'reason="busy"')
    ask(triton, crowd)
    until_idle(triton)
    until("all are told", lambda: count(triton, "dropped") == dropped + WAITING + SLOTS)
    assert metric(triton, "dragoman_xtts_refused_total", 'reason="busy"') == refused + 1


CLIENT = """
import asyncio, sys
from controller.triton.client import TritonClient
from tests.integration.test_triton_xtts import LONG

async def main():
    async with TritonClient(sys.argv[1]) as client:
        async for _ in LONG.stream(client):
            print("heard", flush=True)

asyncio.run(main())
"""


def test_a_client_that_vanishes_stops_it(triton: TritonServer) -> None:
    dropped = count(triton, "dropped")
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT, triton.addresses.grpc], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    )
    with client:
        assert client.stdout is not None
        assert client.stdout.readline() == "heard\n"
        client.kill()
    until_idle(triton)
    until("it is told", lambda: count(triton, "dropped") == dropped + 1)


def test_thirty_two_on_eight_slots(triton: TritonServer) -> None:
    """Who stays is heard as alone, whenever their turn comes, and who leaves makes room."""
    expected, done = alone(triton, SHORT), count(triton, "done")
    most = 0.0

    async def taste(client: TritonClient, who: int) -> None:
        nonlocal most
        listening = Listening(client, replace(LONG, who=who % 4))
        await listening.heard(1)
        most = max(most, under_way(triton)[0])
        await listening.leave()

    async def stay(client: TritonClient) -> None:
        assert_same(await Listening(client, SHORT).end(), expected)

    async def crowd(client: TritonClient) -> None:
        asked = [stay(client) if who % 10 == 0 else taste(client, who) for who in range(SLOTS + WAITING)]
        await asyncio.gather(*asked)

    ask(triton, crowd)
    until_idle(triton)
    assert most == SLOTS
    until("who stayed is counted", lambda: count(triton, "done") == done + 4)


SOMEBODY = xtts_rig.voice(1)


@pytest.mark.parametrize(
    ("asked", "latents", "said"),
    [
        (replace(SHORT, text="x" * 10_000), SOMEBODY, "the text has 10000 characters: give 5000 at most"),
        (replace(SHORT, language="xx"), SOMEBODY, "XTTS does not speak 'xx': it speaks ar, cs"),
        (replace(SHORT, rate=8_000), SOMEBODY, "there is no rate of 8000 Hz"),
        (replace(SHORT, speed=0.49), SOMEBODY, r"the speed is 0\.49: give 0\.5 to 2"),
        (replace(SHORT, speed=float("nan")), SOMEBODY, "the speed is nan"),
        (replace(SHORT, seed=-1), SOMEBODY, "the seed is -1: give 0 or more"),
        (SHORT, None, "send GPT_COND_LATENT and SPEAKER_EMBEDDING"),
        (
            SHORT,
            Latents(SOMEBODY.gpt_conditioning[:31], SOMEBODY.speaker),
            r"latents are float32\[31, 64\], this model takes float32\[32, 64\]",
        ),
        (
            SHORT,
            Latents(SOMEBODY.gpt_conditioning * np.float16(np.nan), SOMEBODY.speaker),
            "latents are not all numbers",
        ),
        (
            SHORT,
            Latents(SOMEBODY.gpt_conditioning, SOMEBODY.speaker[:192]),
            r"unexpected shape for input 'SPEAKER_EMBEDDING'",
        ),
        (
            SHORT,
            Latents(SOMEBODY.gpt_conditioning, SOMEBODY.speaker * np.float32(np.inf)),
            "speaker vector are not all numbers",
        ),
    ],
)
def test_what_cannot_be_spoken_is_refused(
    triton: TritonServer, asked: Asked, latents: Latents | None, said: str
) -> None:
    async def hear(client: TritonClient) -> Samples:
        return await Listening(client, asked, latents=latents).end()

    with pytest.raises(EngineRejected, match=said):
        ask(triton, hear)


def test_what_is_refused_hurts_nobody_else(triton: TritonServer) -> None:
    expected = [alone(triton, one) for one in VARIOUS[:2]]

    async def poison(client: TritonClient) -> list[Samples]:
        listening = [Listening(client, one) for one in VARIOUS[:2]]
        nan = Latents(SOMEBODY.gpt_conditioning * np.float16(np.nan), SOMEBODY.speaker)
        for one in listening:
            await one.heard(1)
            bad = [
                Listening(client, SHORT, latents=nan),
                Listening(client, replace(SHORT, text="x" * 10_000)),
                Listening(client, replace(SHORT, language="xx")),
            ]
            ends = await asyncio.gather(*(one.task for one in bad), return_exceptions=True)
            assert all(isinstance(end, EngineRejected) for end in ends), ends
        return [await one.end() for one in listening]

    for heard, alone_heard in zip(ask(triton, poison), expected, strict=True):
        assert_same(heard, alone_heard)


def test_a_language_whose_package_is_missing_is_refused_alone(triton: TritonServer) -> None:
    if not missing(Cache.default(), ["japanese-triton"]):
        pytest.skip("the dictionary for Japanese is here")
    with pytest.raises(EngineRejected, match="Text in 'ja' needs unidic-lite"):
        alone(triton, replace(SHORT, text="はい", language="ja"))


@pytest.mark.parametrize("text", ["", "...", "🙂"])
def test_nothing_to_say_ends_at_once(triton: TritonServer, text: str) -> None:
    assert len(alone(triton, replace(SHORT, text=text))) == 0


def test_it_tells_how_it_goes(triton: TritonServer) -> None:
    names = (
        "first_audio_ms_count",
        "rtf_count",
        "steps_total",
        "tokens_total",
        "prompt_positions_total",
        "frames_total",
    )
    before = [metric(triton, f"dragoman_xtts_{name}") for name in names]
    done = count(triton, "done")
    alone(triton, SHORT)
    until("its end is counted", lambda: count(triton, "done") == done + 1)
    until(
        "all of it is",
        lambda: all(metric(triton, f"dragoman_xtts_{name}") > was for name, was in zip(names, before, strict=True)),
    )


def test_unloaded_while_it_speaks_it_speaks_to_the_end(triton: TritonServer) -> None:
    """And whoever left before, or was refused, holds it no longer."""
    expected = alone(triton, VARIOUS[1])
    http = TritonHttp(triton.addresses.http)

    async def unload(client: TritonClient) -> Samples:
        listening = Listening(client, VARIOUS[1])
        await listening.heard(1)
        await asyncio.to_thread(http.unload, "xtts_v2", 30.0)
        with pytest.raises(EngineUnavailable, match="xtts_v2 is not loaded"):
            await Listening(client, SHORT).end()
        return await listening.end()

    assert_same(ask(triton, unload), expected)
    until("it is gone", lambda: http.index()["xtts_v2"][0] == "UNAVAILABLE")
    http.load("xtts_v2", 60.0)
    assert_same(alone(triton, VARIOUS[1]), expected)


def test_a_dead_process_is_noticed_by_who_listens_and_comes_back(triton: TritonServer) -> None:
    expected = alone(triton, SHORT)

    async def kill(client: TritonClient) -> list[object]:
        listening = [Listening(client, replace(LONG, who=who), gap_s=1.0) for who in range(2)]
        for one in listening:
            await one.heard(1)
        pid = triton.stub_pid("xtts_v2")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        ends = await asyncio.gather(*(one.task for one in listening), return_exceptions=True)
        with pytest.raises(EngineUnavailable, match="process has died"):
            await Listening(client, SHORT).end()
        await client.reload("xtts_v2")
        return list(ends)

    ends = ask(triton, kill)
    assert all(isinstance(end, EngineTimeout) for end in ends), ends
    assert_same(alone(triton, SHORT), expected)


def test_a_voice_that_is_to_be_forgotten_is(triton: TritonServer) -> None:
    def speak(known: bool, who: int = 41) -> None:
        counted = f'known="{str(known).lower()}"'
        before = metric(triton, "dragoman_xtts_voices_total", counted)
        alone(triton, replace(SHORT, who=who))
        until("it is counted", lambda: metric(triton, "dragoman_xtts_voices_total", counted) == before + 1)

    speak(known=False)
    speak(known=True)
    speak(known=False, who=42)
    ask(triton, lambda client: forget(client, xtts_rig.voice(41)))
    speak(known=False)
    speak(known=False)  # nothing is kept of it any more
    speak(known=True, who=42)
    ask(triton, lambda client: forget(client, None))
    speak(known=False, who=42)


def test_what_cannot_be_served_is_one_sentence(xtts_repository: Path, tmp_path: Path) -> None:
    xtts_rig.variant(tmp_path, xtts_repository, weights=False)
    xtts_rig.variant(tmp_path, xtts_repository, "xtts_slotless", slots="0")
    with Run() as run:
        crippled = TritonServer(run, tmp_path, models=[])
        crippled.start()
        assert crippled.failed == {
            "xtts_v2": f"xtts_v2 has no weights: run `dragoman export xtts --checkpoint FOLDER --out {tmp_path}`",
            "xtts_slotless": "xtts_v2 cannot serve as config.pbtxt says: slots is 0: give 1 or more",
        }
