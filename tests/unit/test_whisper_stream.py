"""The streaming face of Whisper: partials, the final begun at a pause, order, failures. The model is scripted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from controller.engines.stt.whisper import WhisperStream
from controller.errors import EngineRejected, EngineTimeout
from controller.frames import FRAME_S, SILENCE, AudioFrame, Pcm
from controller.messages import Span, SpeechEnded, SpeechPaused, SpeechResumed, SpeechStarted, Transcript
from controller.triton.contracts import Recognition, TimedWord
from controller.virtual_time import run
from tests.fakes.fake_phone import tone_frame
from tests.quiet import quiet


class Script:
    """Answers `N samples` after `delay_s`; keeps what it was asked."""

    def __init__(self, delay_s: float = 0.2) -> None:
        self.delay_s = delay_s
        self.asked: list[tuple[int, bool]] = []
        self.cancelled = 0
        self.failing = False
        self.texts: list[str] = []
        """Said instead of the number of samples, one an answer."""
        self.words: tuple[TimedWord, ...] = ()

    async def __call__(self, pcm: Pcm, language: str, urgent: bool) -> Recognition:
        self.asked.append((len(pcm), urgent))
        try:
            await asyncio.sleep(self.delay_s)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.failing:
            raise EngineTimeout("late", engine="whisper")
        text = self.texts.pop(0) if self.texts else f"{len(pcm)} samples"
        return Recognition(text, self.words, language, 1.0, -0.2, 0.1)


class Speaker:
    """Feeds a stream in time with the clock."""

    def __init__(self, script: Script, **options: bool) -> None:
        loop = asyncio.get_running_loop()
        self.stream = WhisperStream("a", "en", loop.time, script, **options)
        self.index = 0

    async def frames(self, count: int, *, loud: bool = False) -> None:
        for _ in range(count):
            self.stream.push(AudioFrame(tone_frame() if loud else SILENCE, self.index))
            self.index += 1
            await asyncio.sleep(FRAME_S)

    def start(self) -> None:
        self.begin = self.index
        self.stream.push(SpeechStarted(self.index))

    def span(self, voiced: int) -> Span:
        return Span(self.begin * FRAME_S, (self.begin + voiced) * FRAME_S)

    def end(self, voiced: int) -> None:
        now = asyncio.get_running_loop().time()
        self.stream.push(SpeechEnded(self.span(voiced), now, pause=True))


def virtual(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    def wrapped() -> None:
        run(test())  # type: ignore[arg-type]

    wrapped.__name__ = test.__name__
    return wrapped


async def next_final(stream: WhisperStream) -> Transcript:
    while not (transcript := await stream.receive()).final:
        pass
    return transcript


@virtual
async def test_the_final_is_begun_at_the_pause_and_ready_when_the_end_is_decided() -> None:
    script = Script(delay_s=0.2)
    speaker = Speaker(script, partials=False)
    speaker.start()
    await speaker.frames(57)
    speaker.stream.push(SpeechPaused(speaker.span(50)))
    await speaker.frames(11)
    decided = asyncio.get_running_loop().time()
    speaker.end(50)
    final = await next_final(speaker.stream)
    assert asyncio.get_running_loop().time() - decided < 0.001
    assert script.asked == [((50 + 7) * 320, True)], "asked once, with 140 ms after the voice: all there was then"
    assert final.span == speaker.span(50)
    assert final.speech_final
    await speaker.stream.aclose()


@virtual
async def test_where_speech_was_cut_nothing_behind_the_cut_is_heard_twice() -> None:
    script = Script()
    speaker = Speaker(script, partials=False)
    speaker.start()
    await speaker.frames(60)
    now = asyncio.get_running_loop().time()
    speaker.stream.push(SpeechEnded(speaker.span(50), now, pause=False))
    speaker.index = 50
    speaker.start()
    await speaker.frames(30)
    speaker.stream.push(SpeechEnded(speaker.span(0), now, pause=False))
    first, second = await next_final(speaker.stream), await next_final(speaker.stream)
    assert [samples for samples, _ in script.asked] == [50 * 320], "no tail; of nothing nobody is asked"
    assert (second.text, second.speech_final) == ("", False)
    assert first.span.end_s == second.span.start_s == second.span.end_s
    await speaker.stream.aclose()


@virtual
async def test_what_the_end_would_be_is_told_while_the_pause_lasts() -> None:
    script = Script(delay_s=0.1)
    speaker = Speaker(script, partials=False)
    speaker.start()
    await speaker.frames(57)
    speaker.stream.push(SpeechPaused(speaker.span(50)))
    await speaker.frames(3)
    speaker.stream.push(SpeechResumed())  # too early for an answer: nothing is told
    await speaker.frames(20, loud=True)
    speaker.stream.push(SpeechPaused(speaker.span(80)))
    paused = asyncio.get_running_loop().time()
    draft = await speaker.stream.receive()
    assert asyncio.get_running_loop().time() - paused == pytest.approx(0.1)
    assert (draft.draft, draft.final, draft.span) == (True, False, speaker.span(80))
    speaker.end(80)
    final = await speaker.stream.receive()
    assert (final.draft, final.final, final.text) == (False, True, draft.text)
    await speaker.stream.aclose()


@virtual
async def test_an_answer_that_comes_after_the_end_is_told_once_as_final() -> None:
    speaker = Speaker(Script(delay_s=0.4), partials=False)
    speaker.start()
    await speaker.frames(57)
    speaker.stream.push(SpeechPaused(speaker.span(50)))
    await speaker.frames(11)
    speaker.end(50)
    assert (await speaker.stream.receive()).final
    await speaker.stream.aclose()


@virtual
async def test_going_on_after_a_pause_the_end_is_a_final_of_all() -> None:
    script = Script(delay_s=1.0)
    speaker = Speaker(script, partials=False)
    speaker.start()
    await speaker.frames(30)
    speaker.stream.push(SpeechPaused(speaker.span(23)))
    await speaker.frames(3)
    speaker.stream.push(SpeechResumed())
    await speaker.frames(30)
    speaker.end(40)
    final = await next_final(speaker.stream)
    assert final.text == f"{(40 + 10) * 320} samples"
    assert script.cancelled == 1, "nobody needs the answer of the pause any more"
    await speaker.stream.aclose()


@virtual
async def test_a_sentence_that_ended_in_a_pause_is_committed_by_the_first_partial_that_goes_on() -> None:
    script = Script(delay_s=0.1)
    script.texts = ["Good", "Goodbye.", "Goodbye. Thank you"]
    script.words = (TimedWord("Goodbye.", 0.0, 2.0),)
    speaker = Speaker(script)
    speaker.start()
    await speaker.frames(57, loud=True)
    await speaker.frames(7)
    speaker.stream.push(SpeechPaused(speaker.span(57)))
    await speaker.frames(3)
    speaker.stream.push(SpeechResumed())  # before the answer is there
    await speaker.frames(60, loud=True)
    first = await next_final(speaker.stream)
    assert (first.text, first.speech_final) == ("Goodbye.", False)
    assert first.span == speaker.span((57 + 67) // 2), "cut in the pause, whatever the words' times"
    asked = [count // 320 for count, _ in script.asked[:3]]
    assert asked == [40, 64, 102], "0.8 s after the pause, not after the partial before it"
    assert script.cancelled == 0
    await speaker.stream.aclose()


async def goodbye_and_on(first_partial: str) -> tuple[Script, Speaker]:
    """Somebody who says one sentence, pauses for 120 ms, and is 1.6 s into the next."""
    script = Script(delay_s=0.1)
    script.texts = [first_partial, "Goodbye. Thank you", "Goodbye. Thank you for"]
    script.words = (TimedWord("Goodbye.", 0.0, 1.0),)
    speaker = Speaker(script)
    speaker.start()
    await speaker.frames(50, loud=True)
    await speaker.frames(6)
    await speaker.frames(80, loud=True)
    return script, speaker


@virtual
async def test_a_sentence_on_which_two_partials_agree_is_committed_while_one_speaks_on() -> None:
    _, speaker = await goodbye_and_on("Goodbyes. Thank you")
    heard = []
    while not (first := await speaker.stream.receive()).final:
        heard.append((first.text, first.draft))
    assert ("Goodbye.", True) in heard, "told as likely when it was heard once, committed when it was heard twice"
    assert (first.text, first.speech_final) == ("Goodbye.", False)
    assert first.span.start_s == 0.0
    assert first.span.end_s == pytest.approx(53 * FRAME_S, abs=0.041), "cut in the pause"
    assert first.decided_s == pytest.approx(2.4 + 0.1, abs=0.03), "three partials, 0.8 s apart"
    cut = round(first.span.end_s / FRAME_S)
    speaker.end(136)
    second = await next_final(speaker.stream)
    assert second.text == f"{(136 - cut) * 320} samples", "what was committed is not recognised again"
    assert second.span == Span(first.span.end_s, 136 * FRAME_S)
    await speaker.stream.aclose()


@virtual
async def test_what_was_committed_beyond_a_cut_is_not_heard_again() -> None:
    script, speaker = await goodbye_and_on("Goodbye. Thank you")
    first = await next_final(speaker.stream)
    committed = round(first.span.end_s / FRAME_S)
    assert committed > 45
    asked = len(script.asked)
    speaker.stream.push(SpeechEnded(speaker.span(45), asyncio.get_running_loop().time(), pause=False))
    last, speaker.index = speaker.index, 45
    speaker.start()
    while speaker.index < last:
        speaker.stream.push(AudioFrame(tone_frame(), speaker.index))
        speaker.index += 1
    speaker.end(last - 45)
    second, third = await next_final(speaker.stream), await next_final(speaker.stream)
    assert (second.text, second.span.seconds, second.speech_final) == ("", 0.0, False), "the cut ends it"
    assert script.asked[asked:] == [((last - committed) * 320, True)]
    assert third.span == Span(first.span.end_s, last * FRAME_S)
    await speaker.stream.aclose()


@virtual
async def test_only_one_who_has_said_much_is_committed_at_a_comma() -> None:
    class Comma(Script):
        async def __call__(self, pcm: Pcm, language: str, urgent: bool) -> Recognition:
            self.texts = ["To save it," if len(pcm) < (voiced + 15) * 320 else "To save it, press one"]
            return await super().__call__(pcm, language, urgent)

    finals = []
    for voiced in (100, 200):
        speaker = Speaker(Comma(delay_s=0.1))
        speaker.start()
        await speaker.frames(voiced, loud=True)
        await speaker.frames(7)
        speaker.stream.push(SpeechPaused(speaker.span(voiced)))
        await speaker.frames(3)
        speaker.stream.push(SpeechResumed())
        await speaker.frames(60, loud=True)
        speaker.end(voiced + 70)
        first = await next_final(speaker.stream)
        finals.append((first.text, first.span, first.speech_final))
        await speaker.stream.aclose()
    assert finals[0] == ("To save it, press one", Span(0.0, 170 * FRAME_S), True)
    assert finals[1] == ("To save it,", Span(0.0, 205 * FRAME_S), False), "cut in the pause"


@virtual
async def test_partials_come_while_one_speaks_and_never_two_at_once() -> None:
    script = Script(delay_s=0.5)
    speaker = Speaker(script)
    speaker.start()
    await speaker.frames(300)
    speaker.end(300)
    partials = []
    while not (transcript := await speaker.stream.receive()).final:
        partials.append(transcript)
    assert len(partials) >= 4
    assert [one.span.end_s for one in partials] == sorted(one.span.end_s for one in partials)
    assert [urgent for _, urgent in script.asked] == [False] * (len(script.asked) - 1) + [True]
    await speaker.stream.aclose()


@virtual
async def test_no_partial_is_begun_while_the_speaker_may_be_about_to_end() -> None:
    script = Script(delay_s=0.3)
    speaker = Speaker(script)
    speaker.start()
    await speaker.frames(36, loud=True)
    await speaker.frames(11)
    assert script.asked == [], "one was due, but it would stand in the final's way"
    await speaker.frames(1, loud=True)
    assert [urgent for _, urgent in script.asked] == [False], "they went on"
    await speaker.stream.aclose()


@virtual
async def test_finals_keep_their_order_and_a_failure_costs_one() -> None:
    script = Script(delay_s=0.3)
    speaker = Speaker(script, partials=False)
    got: list[str] = []
    for number in range(3):
        script.failing = number == 1
        speaker.start()
        await speaker.frames(10 + number)
        speaker.end(10 + number)
        await asyncio.sleep(0.35)
    for _ in range(3):
        try:
            got.append((await next_final(speaker.stream)).text)
        except EngineTimeout:
            got.append("failed")
    assert got == ["3200 samples", "failed", "3840 samples"]
    await speaker.stream.aclose()


@virtual
async def test_an_answer_that_cannot_be_read_costs_one_utterance() -> None:
    class Odd(Script):
        async def __call__(self, pcm: Pcm, language: str, urgent: bool) -> Recognition:
            if len(self.asked) == 0:
                self.asked.append((len(pcm), urgent))
                raise KeyError("TEXT")
            return await super().__call__(pcm, language, urgent)

    speaker = Speaker(Odd(), partials=False)
    with quiet("controller.engines.stt.whisper"):
        for count in (10, 12):
            speaker.start()
            await speaker.frames(count)
            speaker.end(count)
        with pytest.raises(EngineRejected, match="could not be read"):
            await next_final(speaker.stream)
    assert (await next_final(speaker.stream)).text == "3840 samples"
    await speaker.stream.aclose()


@virtual
async def test_a_cancelled_partial_does_not_forget_the_next() -> None:
    speaker = Speaker(Script(delay_s=5.0))
    speaker.start()
    for _ in range(45):
        speaker.stream.push(AudioFrame(SILENCE, 0))
    await asyncio.sleep(0.1)
    speaker.end(40)
    speaker.start()
    for _ in range(45):  # all in one burst, before the cancelled one has been run
        speaker.stream.push(AudioFrame(SILENCE, 0))
    await asyncio.sleep(0.1)
    assert speaker.stream._partial is not None and not speaker.stream._partial.done()
    await speaker.stream.aclose()


@virtual
async def test_closing_gives_up_what_is_under_way() -> None:
    script = Script(delay_s=5.0)
    speaker = Speaker(script)
    speaker.start()
    await speaker.frames(60)
    speaker.end(60)
    await asyncio.sleep(0)
    await speaker.stream.aclose()
    await asyncio.sleep(10)
    assert script.cancelled == len(script.asked)


@virtual
async def test_a_stream_without_frames_asks_nobody() -> None:
    script = Script()
    speaker = Speaker(script)
    speaker.start()
    speaker.end(0)
    final = await next_final(speaker.stream)
    assert (final.text, final.language, script.asked) == ("", None, [])
    await speaker.stream.aclose()
