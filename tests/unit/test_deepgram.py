"""Deepgram's stream on the scripted stand-in, in memory, on virtual time: whatever breaks, every word is told once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from controller.engines.stt.deepgram.session import REFUSED_S
from controller.errors import EngineBarred, EngineRejected, EngineTimeout
from controller.frames import FRAME_S, SILENCE, AudioFrame
from controller.messages import Span, SpeechEnded, SpeechStarted, Transcript
from controller.virtual_time import run
from tests.fakes.deepgram_rig import Rig, rig, scripted
from tests.fakes.fake_deepgram import FakeDeepgram, Fault
from tests.fakes.fake_deepgram.ears import code
from tests.fakes.fake_deepgram.service import PASSING

pytestmark = pytest.mark.virtual_time

EVERY_S = 30.0
BREAKING = len(PASSING) - 1
"""Of those, all but the unknown message cost a connection."""


def striking(service: FakeDeepgram, every_s: float = EVERY_S) -> Callable[[int], Awaitable[None]]:
    """One fault after another."""
    step = round(every_s / FRAME_S)

    async def at_frame(index: int) -> None:
        if index and index % step == 0:
            await service.strike(PASSING[(index // step - 1) % len(PASSING)])

    return at_frame


def closing(one: Rig) -> list[Transcript]:
    """Those that answer an end; others commit what came before."""
    ends = {(end.span.end_s, end.decided_s) for end in one.ends}
    return [final for final in one.finals if (final.span.end_s, final.decided_s) in ends]


def law(one: Rig) -> None:
    """What holds of every run."""
    assert one.errors == []
    assert one.words == one.dialogue.words
    assert [(final.span.end_s, final.decided_s, final.speech_final) for final in closing(one)] == [
        (end.span.end_s, end.decided_s, end.pause) for end in one.ends
    ]
    for before, after in zip(one.finals, one.finals[1:], strict=False):
        assert before.span.end_s <= after.span.start_s + 1e-6
    for final in one.finals:
        for word in final.words:
            number = one.dialogue.words.index(word.text)
            middle = one.dialogue.frames[round((word.start_s + word.end_s) / 2 / FRAME_S)]
            assert middle[0] == code(number)[0], "a word is where it was said"


@pytest.mark.parametrize("model", ["nova-3", "flux-general-en"])
def test_a_dialogue_is_told_word_for_word(model: str) -> None:
    async def main() -> None:
        service, dialogue = scripted(120.0)
        async with rig(service, dialogue, model=model) as one:
            await one.speak()
            law(one)
            assert len(service.asked) == 1
            assert not all(end.pause for end in one.ends), "some were cut in mid-speech"
            assert any(told.draft for told in one.told)

    run(main())


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("model", ["nova-3", "flux-general-en"])
def test_every_word_of_ten_minutes_is_told_once_through_a_fault_every_half_minute(model: str, seed: int) -> None:
    async def main() -> None:
        service, dialogue = scripted(600.0, seed)
        async with rig(service, dialogue, model=model) as one:
            await one.speak(striking(service))
            law(one)
            assert one.reconnects >= 600 / EVERY_S * BREAKING / len(PASSING) - 2

    run(main())


def test_faults_at_any_moment() -> None:
    """Every 7.3 s, so that they meet words, pauses, ends and replays."""

    async def main() -> None:
        service, dialogue = scripted(300.0, seed=7)
        async with rig(service, dialogue, deadline_s=20.0) as one:
            await one.speak(striking(service, 7.3))
            law(one)

    run(main())


def test_a_frozen_peer_is_noticed_within_three_seconds_of_speech() -> None:
    """In mid-utterance, so that no end of it could tell."""

    async def main() -> None:
        service, dialogue = scripted(20.0)
        async with rig(service, dialogue) as one:
            await asyncio.sleep(1.0)
            one.push(SpeechStarted(0))
            spoken = 0
            for index in range(400):
                if index == 100:
                    await service.strike(Fault.FREEZE)
                one.push(AudioFrame(code(index // 20), index))
                spoken += index >= 100 and len(service.asked) == 1
                await asyncio.sleep(FRAME_S)
            assert len(service.asked) == 2
            assert spoken * FRAME_S < 3.0
            one.push(SpeechEnded(Span(0.0, 8.0), 8.0, pause=True))
            await asyncio.sleep(1.0)
            assert one.words == dialogue.words[:20]
            assert one.errors == []

    run(main())


@pytest.mark.parametrize("model", ["nova-3", "flux-general-en"])
def test_ten_minutes_of_silence_cause_no_reconnect(model: str) -> None:
    async def main() -> None:
        service, dialogue = scripted(10.0)
        async with rig(service, dialogue, model=model) as one:
            await asyncio.sleep(600.0)
            assert len(service.asked) == 1
            assert one.reconnects == 0
            assert not service.peers[0].audio_s or model != "nova-3", "silence is not paid for where it need not be"
            await one.speak()
            law(one)

    run(main())


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault.UNAUTHORISED, EngineBarred),
        (Fault.UNPAID, EngineBarred),
        (Fault.FORBIDDEN, EngineBarred),
        (Fault.UNREADABLE, EngineRejected),
    ],
)
def test_who_is_refused_is_told_at_once_and_does_not_insist(fault: Fault, kind: type[Exception]) -> None:
    async def main() -> None:
        service, dialogue = scripted(20.0)
        service.always = fault
        async with rig(service, dialogue) as one:
            await asyncio.sleep(0.5)
            assert [type(error) for error in one.errors] == [kind], "before anybody has said anything"
            await one.speak()
            assert [type(error) for error in one.errors] == [kind] * (1 + len(one.ends))
            assert one.finals == []
            assert len(service.asked) == 1
            service.always = None
            await asyncio.sleep(REFUSED_S)
            assert len(service.peers) == 1, "somebody may have mended the key"

    run(main())


def test_a_refusal_in_mid_speech_is_told_once_and_for_that_utterance() -> None:
    async def main() -> None:
        service, dialogue = scripted(20.0)
        async with rig(service, dialogue) as one:
            await asyncio.sleep(1.0)
            one.push(SpeechStarted(0))
            for index in range(30):
                one.push(AudioFrame(code(0), index))
            service.always = Fault.UNAUTHORISED
            await service.strike(Fault.RESET)
            await asyncio.sleep(1.0)
            assert [type(error) for error in one.errors] == [EngineBarred]
            one.push(SpeechEnded(Span(0.0, 0.6), 1.0, pause=True))
            await asyncio.sleep(10.0)
            assert len(one.errors) == 1, "each utterance is answered once"

    run(main())


def test_an_utterance_without_an_answer_is_lost_within_its_deadline_and_no_other_is() -> None:
    async def main() -> None:
        service, dialogue = scripted(60.0)
        async with rig(service, dialogue, deadline_s=2.0) as one:
            service.always = None

            async def at_frame(index: int) -> None:
                if index == 500:
                    service.always = Fault.UNAVAILABLE
                    await service.strike(Fault.RESET)
                if index == 1000:
                    service.always = None

            await one.speak(at_frame)
            assert one.errors
            assert all(isinstance(error, EngineTimeout) for error in one.errors)
            assert len(closing(one)) + len(one.errors) == len(one.ends)
            assert one.words == [word for word in dialogue.words if word in set(one.words)], "in order, each once"
            assert one.words[-1] == dialogue.words[-1]

    run(main())


def test_frames_that_are_given_again_are_not_sent_again() -> None:
    async def main() -> None:
        service, dialogue = scripted(10.0)
        async with rig(service, dialogue) as one:
            await asyncio.sleep(1.0)
            one.push(SpeechStarted(0))
            for index in range(50):
                one.push(AudioFrame(code(0) if 5 < index < 30 else SILENCE, index))
            one.push(SpeechEnded(Span(0.0, 0.6), 1.0, pause=True))
            one.push(SpeechStarted(40))
            for index in range(40, 90):
                one.push(AudioFrame(code(1) if 55 < index < 70 else SILENCE, index))
            one.push(SpeechEnded(Span(0.8, 1.4), 1.8, pause=True))
            await asyncio.sleep(1.0)
            assert service.peers[0].audio_s == pytest.approx(90 * FRAME_S)
            assert [final.text for final in one.finals] == dialogue.words[:2]

    run(main())


def test_nothing_to_understand_is_an_empty_final() -> None:
    async def main() -> None:
        for model in ("nova-3", "flux-general-en"):
            service, dialogue = scripted(10.0)
            async with rig(service, dialogue, model=model) as one:
                await asyncio.sleep(1.0)
                one.push(SpeechStarted(0))
                for index in range(60):
                    one.push(AudioFrame(SILENCE, index))
                one.push(SpeechEnded(Span(0.0, 0.8), 1.2, pause=True))
                await asyncio.sleep(3.0)
                assert [final.text for final in one.finals] == [""]
                assert one.reconnects == 0

    run(main())


def test_it_ends_in_good_order() -> None:
    async def main() -> None:
        service, dialogue = scripted(10.0)
        async with rig(service, dialogue) as one:
            await asyncio.sleep(30.0)
            peer = service.peers[0]
        assert set(peer.got[:-1]) == {"KeepAlive"}
        assert peer.got[-1] == "CloseStream"
        assert service.peers == []
        assert len(service.asked) == 1
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert one.errors == []

    run(main())


def test_a_probe_opens_a_connection_where_nothing_was_heard_lately() -> None:
    async def main() -> None:
        service, dialogue = scripted(10.0)
        async with rig(service, dialogue) as one:
            await one.speak()
            await one.engine.probe()
            assert len(service.asked) == 1
            await asyncio.sleep(100.0)
            await one.engine.probe()
            assert len(service.asked) == 2
            service.always = Fault.UNPAID
            await asyncio.sleep(100.0)
            with pytest.raises(EngineBarred):
                await one.engine.probe()

    run(main())
