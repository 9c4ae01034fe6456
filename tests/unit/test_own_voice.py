"""A participant with a voice of their own: asked what to speak them with once a clause, heard without echo, let go of
when they leave."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from controller.audio.vad import Endpointer
from controller.engines import Engines
from controller.engines.tts.timbre import Timbre
from controller.frames import AudioFrame, Pcm
from controller.media_clock import MediaClock
from controller.messages import Fate, SpeechEnded, SpeechStarted, VoiceEvent
from controller.observer import Observers
from controller.pipeline.ahead import Ahead
from controller.pipeline.capture import Capture
from controller.pipeline.conversation import Conversation
from controller.telemetry.calls import CallFigures
from controller.telemetry.metrics import Registry
from controller.telemetry.recorder import Recorder
from controller.telemetry.voices import VoiceFigures
from controller.ticker import Ticker
from controller.triton.contracts import Latents
from controller.voices.standing import Because, Standing, State
from tests.fakes.fake_call import SPEECH, bench, virtual
from tests.fakes.fake_chain import voice
from tests.fakes.fake_engines import FakeRecogniser, FakeTranslator, FakeVoice
from tests.fakes.fake_phone import FakePhone, LoudDetector, tone_frame

LATENTS = Latents(np.zeros((32, 64), np.float16), np.zeros(512, np.float32))
CONFIRMED = Standing(State.CONFIRMED, Because.ALIKE, "they are alike")
NOT_YET = Standing(State.NOT_YET, Because.TOO_LITTLE, "too little was heard")


class FakeOwnVoice:
    """Speaks with what a test says."""

    def __init__(self, key: str = "") -> None:
        self.key = key
        self.asked = 0
        self.pushed: list[VoiceEvent] = []
        self.closed = False

    @property
    def standing(self) -> Standing:
        return CONFIRMED if self.key else replace(NOT_YET, why=f"{len(self.pushed)} frames were heard")

    def push(self, event: VoiceEvent) -> None:
        self.pushed.append(event)

    def timbre(self) -> Timbre | None:
        self.asked += 1
        return Timbre(LATENTS, self.key) if self.key else None

    async def close(self) -> None:
        self.closed = True


@virtual
async def test_each_clause_is_spoken_with_what_the_voice_says_then() -> None:
    own, tts = FakeOwnVoice(), FakeVoice()
    async with bench(tts=tts) as b:
        b.phone("a", "en", (0.5, 1.0), (4.0, 4.5), (8.0, 8.5), own_voice=own)
        b.phone("b", "es", (12.0, 12.5))
        await asyncio.sleep(3)
        own.key = "ana@1/mean"
        await asyncio.sleep(4)
        own.key = ""  # revoked
        await asyncio.sleep(9)
        assert tts.timbres == ["", "ana@1/mean", "", ""], "the last is the other one's, who has none"
        assert b.seen.voices == [("a", ""), ("a", "ana@1/mean"), ("a", "")]
        assert b.seen.claims == [("a", "not_yet"), ("a", "confirmed"), ("a", "not_yet")]
        assert [one.reason for one in b.seen.deliveries] == [None] * 4
    assert own.closed


@virtual
async def test_the_rest_of_a_clause_whose_voice_was_taken_back_is_spoken_in_another() -> None:
    cloud, pico = FakeVoice(seconds=2.0, gap_s=0.2), FakeVoice(seconds=1.0)
    cloud.name = "cloud"
    cloud.fail_at_chunk = 2
    own = FakeOwnVoice("ana@1/mean")
    async with bench(tts=voice(cloud, pico)) as b:  # type: ignore[arg-type]
        b.phone("a", "en", (0.5, 1.0), own_voice=own)
        b.phone("b", "es")
        while not own.asked:
            await asyncio.sleep(0.02)
        own.key = ""
        await asyncio.sleep(6)
        assert [one.reason for one in b.seen.deliveries] == [None]
        assert (cloud.timbres, pico.timbres) == (["ana@1/mean"], [""])


@pytest.mark.parametrize(("later", "used"), [("ana@1/mean", 1), ("ana@1/2", 0), ("", 0)])
def test_what_was_begun_ahead_in_a_voice_is_not_heard_in_place_of_another(later: str, used: int) -> None:
    own, tts, fates = FakeOwnVoice("ana@1/mean"), FakeVoice(0.05), list[Fate]()

    @virtual
    async def main() -> None:
        ahead = Ahead(
            FakeTranslator(0.01), tts, lambda text, language: 1.0, lambda kind, fate: fates.append(fate), own.timbre
        )
        ahead.foresee(["Hello."], (), "en", ["es"])
        await asyncio.sleep(1)
        own.key = later
        async for _ in ahead.voice.synthesize("es: Hello.", "es", timbre=own.timbre()):
            pass
        ahead.settle()

    main()
    assert tts.timbres == ["ana@1/mean", *([] if used else [later])]
    assert fates.count(Fate.USED) == used


def test_it_is_given_what_the_recogniser_is_given() -> None:
    own = FakeOwnVoice()
    capture = Capture(MediaClock(0.0), Endpointer(LoudDetector(), endpoint_ms=300), None, own.push)
    for number in range(100):
        capture.push(tone_frame(2000 if 20 <= number < 60 else 0))
        capture.tick(number * 0.02)
    given = []
    while (event := capture.asr.get_nowait()) is not None:
        given.append(event)
    assert own.pushed == given
    assert {type(one) for one in given} >= {SpeechStarted, AudioFrame, SpeechEnded}


@virtual
async def test_what_a_recording_keeps_of_a_call_has_no_number_of_a_voice_in_it() -> None:
    kept: list[object] = []

    class Kept(Recorder):
        def __init__(self) -> None: ...

        def put(self, *what: Any, pcm: Pcm | None = None) -> None:
            kept.append(what)

    tts = FakeVoice()
    async with bench(tts=tts, recorder=Kept()) as b:
        b.phone("a", "en", (0.5, 1.0), own_voice=FakeOwnVoice("ana@1/mean"))
        b.phone("b", "es")
        await asyncio.sleep(4)
        assert tts.timbres == ["ana@1/mean"]
    assert kept
    assert "Latents" not in repr(kept)


@virtual
async def test_what_watches_a_call_tells_whose_voice_it_is() -> None:
    figures, registry, ticker = CallFigures(), Registry(), Ticker()
    engines = Engines(FakeRecogniser(), FakeTranslator(), FakeVoice())
    call = Conversation("x", engines, SPEECH, ticker, Observers([figures, VoiceFigures(registry)]))
    ticking = asyncio.create_task(ticker.run())
    FakePhone(call, "a", "en", [(1.0, 2.0)], own_voice=FakeOwnVoice("ana@1/mean"))
    FakePhone(call, "b", "es", [])
    await asyncio.sleep(5)
    (told,) = figures.snapshot([call])
    assert told["parties"] == [
        {"leg": "a", "language": "en", "voice": "confirmed", "because": "alike"},
        {"leg": "b", "language": "es"},
    ]
    await call.close()
    ticking.cancel()
    counted = {one["name"]: one["samples"] for one in registry.snapshot()}
    assert [one for one in counted["dragoman_voice_claims_total"] if one[1]] == [[["confirmed", "alike"], 1]]
    assert counted["dragoman_own_voice_total"] == [[["own"], 1], [["neutral"], 0]]
