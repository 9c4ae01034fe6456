"""The voice that a caller is spoken with, clause by clause, by scripted encoders."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from controller.audio.vad import Endpointer, WebRtcDetector
from controller.engines.tts.timbre import Timbre
from controller.frames import FRAME_SAMPLES, AudioFrame
from controller.messages import SpeechStarted, VoiceEvent
from controller.triton.contracts import Latents
from controller.voices.caller_voice import CallerVoice
from controller.voices.library import Library
from controller.voices.profile import Clip, Profile
from controller.voices.standing import State
from controller.voices.turn import Turn, Turns
from tests.fakes.fake_encoders import FakeEncoders, somebody
from tests.quiet import quiet as silenced
from tests.unit.test_claim import quiet
from tests.unit.test_keeper import ANA, BOB, Rig, some
from tests.unit.test_live_style import CALM, FLAT, LIVELY, Told, style


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """One whose clips are spoken flatly, calmly and in a lively way."""
    made = Rig(tmp_path / "voices", encoders=Told(style(*LIVELY)))
    before = made.enrolled()
    clips = tuple(
        replace(one, style=np.stack([style(*moved)] * 2))
        for one, moved in zip(before.clips, (FLAT, CALM, LIVELY), strict=True)
    )
    made.store.update(replace(before, clips=clips))
    made.do(made.library.refresh())
    return made


def voice(rig: Rig, encoders: FakeEncoders | None = None) -> CallerVoice:
    return CallerVoice(rig.library, "ana", encoders or rig.encoders)


async def speak(voice: CallerVoice, pitch: float = ANA, times: int = 1) -> None:
    for seed in range(20, 20 + times):
        voice.hear(Turn(somebody(pitch, seed=seed)))
        await quiet()


def same(one: Timbre | None, gpt: np.ndarray, speaker: np.ndarray) -> bool:
    return (
        one is not None
        and np.array_equal(one.latents.gpt_conditioning, gpt)
        and np.array_equal(one.latents.speaker, speaker)
    )


def test_a_caller_is_neutral_until_known_and_then_speaks_as_they_do(rig: Rig) -> None:
    caller, profile = voice(rig), rig.store.get("ana")

    async def act() -> None:
        assert caller.timbre() is None
        assert caller.standing.state is State.NOT_YET
        await speak(caller)
        timbre = caller.timbre()
        assert timbre is not None
        assert timbre.key == "ana@2/3", "the lively clip"
        assert same(timbre, profile.clips[2].latents.gpt_conditioning, profile.speaker)

    rig.do(act())


def test_the_mean_speaks_where_nobody_tells_how(rig: Rig) -> None:
    caller, profile = voice(rig, FakeEncoders()), rig.store.get("ana")
    rig.do(speak(caller))
    timbre = caller.timbre()
    assert timbre is not None
    assert timbre.key == "ana@2/mean"
    assert same(timbre, profile.latents.gpt_conditioning, profile.speaker)


def test_another_never_speaks_in_it(rig: Rig) -> None:
    caller = voice(rig)

    async def act() -> None:
        for _ in range(5):
            await speak(caller, BOB)
            assert caller.timbre() is None

    rig.do(act())
    assert caller.standing.state is State.REFUSED


def test_a_revocation_holds_from_the_next_clause_on(rig: Rig) -> None:
    caller = voice(rig)
    rig.do(speak(caller))
    assert caller.timbre() is not None
    rig.do(rig.keeper.revoke("ana"))
    assert caller.timbre() is None
    rig.encoders.asked.clear()
    rig.do(speak(caller))
    assert caller.timbre() is None
    assert caller.standing.state is State.REFUSED
    assert rig.encoders.asked == [], "neither who speaks nor how"


def test_a_new_version_speaks_once_it_is_known_to_be_theirs(rig: Rig) -> None:
    caller = voice(rig)
    rig.do(speak(caller))
    rig.do(rig.keeper.calibrate("ana", some(ANA, first=5)))
    assert caller.timbre() is None
    rig.do(speak(caller))
    timbre = caller.timbre()
    assert timbre is not None
    assert timbre.key.startswith("ana@3/")


def test_no_copy_of_a_voice_is_kept(rig: Rig) -> None:
    """Whatever hangs on it, but for the library, which forgets by itself."""
    caller = voice(rig)
    rig.do(speak(caller, times=3))
    assert caller.timbre() is not None
    kept = [one for one in reached(caller) if isinstance(one, Latents | Profile | Clip | Timbre)]
    assert kept == []
    rig.do(caller.close())
    assert [one for one in reached(caller) if isinstance(one, np.ndarray)] == [], "nor of what was said"


def reached(root: Any) -> Iterator[Any]:
    """Everything that can be reached from an object by what it holds, but for libraries and encoders."""
    seen: set[int] = set()
    todo = [root]
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, Library | FakeEncoders | type | types.ModuleType | types.FunctionType):
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, dict):
            todo += [*one, *one.values()]
        elif isinstance(one, str | bytes | np.ndarray):
            continue
        elif hasattr(one, "__iter__"):
            todo += list(one)
        todo += vars(one).values() if hasattr(one, "__dict__") else []
        todo += [getattr(one, name, None) for name in getattr(type(one), "__slots__", ())]


def test_after_the_call_it_is_neutral(rig: Rig) -> None:
    caller = voice(rig)

    async def act() -> None:
        await speak(caller)
        await caller.close()
        await speak(caller, times=2)
        assert caller.timbre() is None

    rig.do(act())


# Turns of what a recogniser is fed


def fed(endpointer: Endpointer, pcm: np.ndarray) -> Iterator[Any]:
    for index in range(len(pcm) // FRAME_SAMPLES):
        frame = AudioFrame(pcm[index * FRAME_SAMPLES : (index + 1) * FRAME_SAMPLES], index)
        yield from endpointer.feed(frame, index / 50)


@pytest.mark.parametrize("most_s", [27.0, 2.0])
def test_turns_hold_every_frame_once(most_s: float) -> None:
    """Also where somebody does not pause, and frames are given again behind a cut."""
    talk = np.concatenate([somebody(ANA, seed=3), np.zeros(16_000, np.int16), somebody(ANA, seed=4)[:48_000]])
    line = np.concatenate([talk, np.zeros(16_000, np.int16)])
    turns, said, spans = Turns(), [], []
    for event in fed(Endpointer(WebRtcDetector(), max_utterance_s=most_s), line):
        if (turn := turns.push(event)) is not None:
            said.append(turn.pcm)
            spans.append(event.span)
    assert len(said) >= (2 if most_s > 20 else 4)
    for pcm, span in zip(said, spans, strict=True):
        assert np.array_equal(pcm, line[round(span.start_s * 16_000) : round(span.end_s * 16_000)])


def test_it_is_fed_as_a_recogniser_is(rig: Rig) -> None:
    caller = voice(rig)
    line = np.concatenate([somebody(ANA, seed=21), somebody(ANA, seed=22), np.zeros(16_000, np.int16)])

    async def act() -> None:
        for event in fed(Endpointer(WebRtcDetector()), line):
            caller.push(event)
            await quiet()

    rig.do(act())
    assert caller.standing.state is State.CONFIRMED


def test_a_fault_in_what_hears_them_costs_no_call(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        own = CallerVoice(rig.library, "ana", rig.encoders)

        def fails(_: Turns, event: VoiceEvent) -> Turn | None:
            raise ArithmeticError

        monkeypatch.setattr(Turns, "push", fails)
        with silenced("controller.voices.caller_voice"):
            own.push(SpeechStarted(0))
        assert own.timbre() is None
        await own.close()

    rig.do(main())
