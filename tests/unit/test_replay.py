"""A recorded call is played again, and decides the same; where something was changed, the change is told."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from controller.audio.mix import Ducker
from controller.audio.vad import Endpointer
from controller.cli import main
from controller.engines import Engines
from controller.errors import EngineTimeout, RecordingError
from controller.flight.recording import FlightRecording, begin
from controller.flight.replay import Replayed, replay
from controller.flight.score import Score
from controller.frames import FRAME_S, SILENCE
from controller.messages import Delivery
from controller.pipeline.conversation import SpeechSettings
from controller.settings import from_tables, load
from controller.telemetry.flight import Flight, read
from controller.telemetry.recorder import Recorder
from controller.virtual_time import run
from tests.fakes.fake_call import SPEECH, Bench, bench
from tests.fakes.fake_engines import FakeRecogniser, FakeTranslator, FakeVoice, fake_engines
from tests.fakes.fake_phone import LoudDetector, tone_frame
from tests.quiet import quiet
from tests.unit.test_any_call import CHANNEL, DIGITS, ENGINES, MOST, Action, any_call
from tests.unit.test_any_call import SPEECH as any_speech

Scene = Callable[[Bench], Awaitable[None]]


async def two_talk(b: Bench) -> None:
    b.phone("a", "en", (1.0, 3.0), (6.0, 7.0))
    b.phone("b", "es", (4.0, 5.5))
    await asyncio.sleep(10)


async def three_talk_and_one_leaves(b: Bench) -> None:
    a = b.phone("a", "en", (0.5, 1.0), (3.0, 4.0))
    b.phone("b", "es", (1.5, 2.0), (2.2, 2.6))
    await asyncio.sleep(1.0)
    b.phone("c", "fr", (0.3, 0.8), (4.0, 5.0))
    await asyncio.sleep(3.5)
    a.hang_up()
    await b.conversation.leave("a")
    await asyncio.sleep(5)


async def one_holds(b: Bench) -> None:
    a = b.phone("a", "en", (0.5, 1.0), (3.0, 4.0))
    b.phone("b", "es", (1.5, 2.0))
    await asyncio.sleep(1.2)
    b.recording.leg(a.leg).held(True)
    await asyncio.sleep(1.0)
    b.recording.leg(a.leg).held(False)
    await asyncio.sleep(6)


async def one_is_cut_off_in_mid_word(b: Bench) -> None:
    b.phone("a", "en", (0.5, 1.0), (1.4, 9.0))
    b.phone("b", "es")
    await asyncio.sleep(2.2)


def record(path: Path, scene: Scene, key: str = "", **engines: object) -> list[Delivery]:
    """A scene on the virtual clock, recorded into `path`; what was delivered."""

    async def call() -> tuple[Recorder, list[Delivery]]:
        recorder = Recorder(path, key, asyncio.get_running_loop().time, most=10**7)
        async with bench(recorder=recorder, **engines) as b:  # type: ignore[arg-type]
            await scene(b)
        recorder.finish()
        return recorder, b.seen.deliveries

    recorder, deliveries = run(call())
    recorder.wait()
    return deliveries


def again(path: Path, speech: SpeechSettings = SPEECH, key: str = "") -> Replayed:
    return replay(Score(read(path, key)), speech)


@pytest.mark.parametrize("scene", [two_talk, three_talk_and_one_leaves, one_holds, one_is_cut_off_in_mid_word])
def test_a_recorded_call_decides_the_same_twice(scene: Scene, tmp_path: Path) -> None:
    deliveries = record(tmp_path / "x.flight", scene)
    first, second = again(tmp_path / "x.flight"), again(tmp_path / "x.flight")
    assert first.same, first
    assert first == second
    clauses = {delivery.clause.id for delivery in deliveries}
    assert len(first.commits) == len(clauses) + len(deliveries) > 0


def any_script(seed: int) -> list[tuple[int, Action]]:
    """What happens in a call, by chance."""
    chance = random.Random(seed)
    ways = {
        "press": ("1", "2", "3", "0", "#"),
        "digit": DIGITS,
        "channel": CHANNEL,
        "engines": ENGINES,
        "hold": ("",),
        "join": ("en", "es", "fr"),
        "leave": ("",),
    }
    kinds = chance.choices(list(ways), k=22)
    return [(chance.randint(1, 8), (kind, chance.randrange(MOST), chance.choice(ways[kind]))) for kind in kinds]


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_in_a_call_is_decided_the_same_again(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "x.flight"
    with quiet("controller.pipeline.conversation"):

        def recording(engines: Engines) -> FlightRecording:
            recorder = Recorder(path, "", asyncio.get_running_loop().time, most=10**7)
            return FlightRecording(recorder, "call", datetime.now(UTC), engines, None)

        call = run(any_call(any_script(seed), recording))
        assert isinstance(call.recording, FlightRecording)
        call.recording.recorder.finish()
        call.recording.recorder.wait()
        result = again(path, any_speech)
    assert result.same, [one for one in result.commits if one.difference] + result.differences
    assert len(result.commits) == len(call.seen.clauses) + len(call.seen.deliveries)


def test_failing_and_slow_engines_are_played_again_as_they_were(tmp_path: Path) -> None:
    tts = FakeVoice(seconds=3.0, gap_s=0.05)
    tts.fail_at_chunk = 3
    stt = FakeRecogniser(delay_s=0.7, script=[EngineTimeout("no answer", engine="fake-stt"), "two", "three"])
    deliveries = record(tmp_path / "x.flight", two_talk, stt=stt, mt=FakeTranslator(delay_s=0.9), tts=tts)
    assert {delivery.reason for delivery in deliveries} == {"engine_failed"}
    assert again(tmp_path / "x.flight").same


def test_another_endpoint_is_a_difference(tmp_path: Path) -> None:
    async def a_short_pause(b: Bench) -> None:
        b.phone("a", "en", (1.0, 2.0), (2.36, 3.0))
        b.phone("b", "es")
        await asyncio.sleep(8)

    record(tmp_path / "x.flight", a_short_pause)
    assert again(tmp_path / "x.flight").same
    longer = again(tmp_path / "x.flight", SpeechSettings(lambda: Endpointer(LoudDetector(), endpoint_ms=500), Ducker))
    assert not longer.same
    assert any("speech is cut otherwise for the recogniser: end" in one for one in longer.differences)


def test_what_the_pipeline_decides_otherwise_is_told_commit_by_commit(tmp_path: Path) -> None:
    record(tmp_path / "x.flight", two_talk)
    score = Score(read(tmp_path / "x.flight"))
    (stream,) = score.streams["a"]
    moment, heard = stream.answers[0]
    assert not isinstance(heard, Exception)
    stream.answers[0] = moment, replace(heard, text="something else")
    result = replay(score, SPEECH)
    told = {one.what.split()[0]: one.difference for one in result.commits}
    assert told["a-1"] == "text was 'heard 1', is 'something else'"
    assert told["b-1"] == "", "the rest is the same"
    assert any("'something else' from en to es was not asked in the recording" in one for one in result.differences)


def test_an_encrypted_recording_replays_with_its_key(tmp_path: Path) -> None:
    record(tmp_path / "x.flight", two_talk, key="k")
    assert again(tmp_path / "x.flight", key="k").same
    with pytest.raises(RecordingError, match="encrypted"):
        again(tmp_path / "x.flight")


def test_a_recording_that_was_cut_short_replays_as_far_as_it_goes(tmp_path: Path) -> None:
    deliveries = record(tmp_path / "x.flight", two_talk)
    whole = read(tmp_path / "x.flight").records
    seen = set()
    for count in range(len(whole) // 10, len(whole), len(whole) // 20):
        score = Score(Flight(whole[:count], whole=False))
        result = replay(score, SPEECH)
        assert result.same, (count, result)
        seen.add(len(result.commits))
    assert len(seen) > 3
    assert max(seen) <= 2 * len(deliveries)


def test_a_recording_without_a_call_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="nothing to replay"):
        Score(Flight([], whole=False))


@pytest.mark.parametrize(
    ("enabled", "consent", "options", "recorded"),
    [
        (False, "always", {"record": "yes"}, False),
        (True, "call", {}, False),
        (True, "call", {"record": "no"}, False),
        (True, "call", {"record": "yes"}, True),
        (True, "always", {}, True),
    ],
)
def test_nothing_is_recorded_without_consent(
    enabled: bool, consent: str, options: dict[str, str], recorded: bool, tmp_path: Path
) -> None:
    folder = tmp_path / "recordings"
    wanted = load(recorder={"enabled": enabled, "consent": consent, "folder": folder})
    engines = fake_engines()

    async def call() -> None:
        with quiet("controller.flight.recording"):
            recording = begin(wanted, "call", options, engines, asyncio.get_running_loop().time)
        assert (recording.engines(engines) is not engines) == recorded
        await recording.close()

    asyncio.run(call())
    assert len(list(tmp_path.rglob("*.flight"))) == recorded


def test_the_kept_settings_hold_no_secret(tmp_path: Path) -> None:
    secrets: dict[str, dict[str, Any]] = {
        "asterisk": {"password": "s3cret"},
        "engines": {"options": {"deepgram": {"key": "s3cret"}}},
        "recorder": {"enabled": True, "consent": "always", "folder": tmp_path},
        "languages": {"directory": {"0123456789": "es"}},
        "vad": {"endpoint_ms": 432},
    }

    async def call() -> None:
        with quiet("controller.flight.recording"):
            recording = begin(load(None, **secrets), "call", {}, fake_engines(), asyncio.get_running_loop().time)
        await recording.close()

    asyncio.run(call())
    (file,) = tmp_path.glob("*.flight")
    about = read(file).records[0].what[1]
    assert "s3cret" not in str(about)
    assert "0123456789" not in str(about)
    assert from_tables(about["settings"]).vad.endpoint_ms == 432


def test_the_command_tells_each_commit_and_its_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(tmp_path / "x.flight", two_talk)
    # Its voices are tones, which the real detector takes for no speech: a difference, clause by clause.
    assert main(["replay", str(tmp_path / "x.flight"), "--set", "vad.endpoint_ms=500"]) == 1
    said = capsys.readouterr().out
    assert "a-1 [en] heard 1  (" in said
    assert "differs: the recogniser is given 2 less of the starts and ends of b's speech\n" in said
    assert main(["replay", str(tmp_path / "x.flight"), "--set", "vad.endpoint=500"]) == 1
    assert "vad.endpoint of the call cannot be used" in capsys.readouterr().err
    assert main(["replay", str(tmp_path / "x.flight"), "--key-file", str(tmp_path / "no.key")]) == 1
    assert "no.key cannot be read: No such file" in capsys.readouterr().err
    assert main(["replay", str(tmp_path / "none")]) == 1
    assert "none cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("stall_s", [0.2, 0.3, 0.4])
def test_a_burst_after_a_stall_of_the_network_is_taken_in_as_it_was(stall_s: float, tmp_path: Path) -> None:
    async def stalled(b: Bench) -> None:
        a = b.phone("a", "en")
        b.phone("b", "es")
        wire = b.recording.leg(a.leg)
        a.hang_up()
        frames = [tone_frame() if 50 <= number < 97 or 150 <= number < 200 else SILENCE for number in range(300)]
        held_up = round(stall_s / FRAME_S)
        for number, frame in enumerate(frames):
            if not 90 <= number < 90 + held_up:
                for one in frames[90:number] if number == 90 + held_up else ():
                    wire.push(one)
                wire.push(frame)
            await asyncio.sleep(FRAME_S)
        await asyncio.sleep(4)

    deliveries = record(tmp_path / "x.flight", stalled)
    assert len(deliveries) == 2
    first, second = again(tmp_path / "x.flight"), again(tmp_path / "x.flight")
    assert first.same, first
    assert first == second
