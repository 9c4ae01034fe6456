"""Whisper on Triton as a streaming recogniser: partials of the growing utterance, and one urgent final.

Whisper itself does not stream. A final is begun at each short pause, so that it is ready when the end is decided.
A sentence on which two answers agree is committed while the speaker goes on, and its audio is cut off the buffer; what
was heard until a pause over which they went on is one such answer, and the pause is where to cut.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace

import numpy as np

from controller.audio.levels import dbfs, loudest_dbfs
from controller.engines.registry import EngineContext
from controller.engines.stt import RecogniserStream
from controller.engines.stt.commit import LONG_S, Pause, cut_behind, firm_at_pause, firm_prefix
from controller.errors import EngineError, EngineRejected, SettingsError
from controller.frames import FRAME_S, AudioFrame, Pcm
from controller.messages import (
    Span,
    SpeechEnded,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    Transcript,
    VoiceEvent,
    Word,
)
from controller.triton.client import TritonClient
from controller.triton.contracts import Recognition, recognise

log = logging.getLogger(__name__)

_CODES = (
    "af ar az be bg bs ca cs cy da de el en es et fa fi fr gl he hi hr hu hy id is it ja kk kn ko lt lv mk mr ms ne nl "
    "no pl pt ro ru sk sl sr sv sw ta th tl tr uk ur vi zh"
)
LANGUAGES = frozenset(_CODES.split())
"""Those that the multilingual models were trained on to a usable error rate, by their authors' own list."""

PARTIAL_S = 0.8
"""New audio that makes a new partial worth its cost; for long utterances it takes a fifth of their length."""

HUSH_DB = 24.0
HUSH_FRAMES = 3
"""So many frames so far below the loudest one: the speaker may be about to end. A partial begun now would keep the
final waiting, for a model does not stop in the middle; it waits until they go on. (240 recorded prompts played through:
of the finals 3 % wait for a partial instead of 26 %.)"""

TAIL_S = 0.2
"""Audio kept after the last voiced frame: a final consonant often falls under the detector. None where speech was cut:
what follows is the next utterance's."""


NOTHING = Recognition("", (), language="", language_probability=0.0, logprob=0.0, no_speech=1.0)
"""The answer where there is nothing to ask about."""


class Whisper:
    """The recogniser."""

    name = "whisper"

    def __init__(self, triton: TritonClient, deadline_s: float, *, partials: bool = True) -> None:
        self._triton = triton
        self._deadline_s = deadline_s
        self._partials = partials

    def hears(self, language: str) -> bool:
        return all(one in LANGUAGES for one in language.split(","))

    def open(self, speaker: str, language: str, now: Callable[[], float]) -> RecogniserStream:
        return WhisperStream(speaker, language, now, self.recognise, partials=self._partials)

    async def recognise(self, pcm: Pcm, language: str, urgent: bool) -> Recognition:
        """One answer for one stretch of audio, int16[n] at the controller's rate."""
        return await recognise(self._triton, pcm, language, urgent=urgent, deadline_s=self._deadline_s)

    async def probe(self) -> None:
        await self._triton.probe(self.name)


@dataclass(frozen=True, slots=True)
class _Final:
    """An answer that will be good if the speech ends, or a sentence ended, at the end of `span`."""

    span: Span
    work: asyncio.Task[Recognition]


class WhisperStream:
    """One speaker's utterances, in order."""

    def __init__(
        self,
        speaker: str,
        language: str,
        now: Callable[[], float],
        recognise: Callable[[Pcm, str, bool], Coroutine[None, None, Recognition]],
        *,
        partials: bool = True,
    ) -> None:
        self._speaker = speaker
        self._language = language
        self._now = now
        self._recognise = recognise
        self._partials = partials
        self._frames: list[Pcm] = []
        self._loudest = -math.inf
        """Level of the utterance's loudest frame, in dBFS, among those that were `_measured`."""
        self._measured = 0
        """So many of the frames: the others are when it is asked how loud they are."""
        self._start_s = 0.0
        self._start = 0
        """Index of the frame there."""
        self._committed_s = 0.0
        """The end of what was committed: what the endpointer gives again from before it is not heard again."""
        self._partial: asyncio.Task[None] | None = None
        self._partial_frames = 0
        self._heard = ""
        """The last partial."""
        self._final: _Final | None = None
        """Begun at the pause that lasts now."""
        self._passing: _Final | None = None
        """Begun at a pause over which the speaker went on: what it hears until there is worth as much as a partial."""
        self._pauses: list[Pause] = []
        self._results: asyncio.Queue[Transcript | EngineError] = asyncio.Queue()
        self._finals: asyncio.Queue[tuple[SpeechEnded, _Final]] = asyncio.Queue()
        self._finisher = asyncio.create_task(self._finish(), name=f"whisper-{speaker}")

    def push(self, event: VoiceEvent) -> None:
        match event:
            case AudioFrame():
                if event.index >= self._start:
                    self._frames.append(event.pcm)
                    self._maybe_partial()
            case SpeechStarted():
                self._restart(max(event.index * FRAME_S, self._committed_s), [])
            case SpeechPaused():
                self._cancel_partial()
                self._begin_final(event.span)
            case SpeechResumed():
                self._pass_over()
            case SpeechEnded():
                self._cancel_partial()
                self._begin_final(event.span, TAIL_S if event.pause else 0.0)
                assert self._final is not None
                self._finals.put_nowait((event, self._final))
                self._final = None
                self._restart(event.span.end_s, [])

    async def receive(self) -> Transcript:
        result = await self._results.get()
        if isinstance(result, EngineError):
            raise result
        return result

    async def aclose(self) -> None:
        self._cancel_partial()
        self._cancel_final()
        self._cancel_passing()
        self._finisher.cancel()
        while not self._finals.empty():
            self._finals.get_nowait()[1].work.cancel()

    def _restart(self, start_s: float, frames: list[Pcm]) -> None:
        self._cancel_passing()
        self._pauses = []
        self._heard = ""
        if frames:
            self._measure()
        else:
            self._loudest = -math.inf
        self._frames = frames
        self._measured = len(frames)
        self._partial_frames = 0
        self._start_s = start_s
        self._start = round(start_s / FRAME_S)

    def _maybe_partial(self) -> None:
        new_s = (len(self._frames) - self._partial_frames) * FRAME_S
        if new_s < PARTIAL_S or not self._partials:
            return
        soon = self._pauses and self._pauses[-1].frame >= self._partial_frames  # a sentence may have ended there
        due = soon or new_s >= len(self._frames) * FRAME_S / 5
        busy = self._partial or self._final or self._passing
        if due and not busy and not self._hushed():
            self._partial_frames = len(self._frames)
            end_s = self._start_s + len(self._frames) * FRAME_S
            self._partial = asyncio.create_task(self._tell_partial(np.concatenate(self._frames), end_s))

    def _hushed(self) -> bool:
        self._measure()
        return max(map(dbfs, self._frames[-HUSH_FRAMES:])) < self._loudest - HUSH_DB

    def _measure(self) -> None:
        if unheard := self._frames[self._measured :]:
            self._loudest = max(self._loudest, loudest_dbfs(unheard))
            self._measured = len(self._frames)

    async def _tell_partial(self, pcm: Pcm, end_s: float) -> None:
        span = Span(self._start_s, end_s)
        try:
            heard = await self._recognise(pcm, self._language, False)
        except EngineError as error:  # the final will tell
            log.debug("a partial failed: %s", error)
        else:
            if heard.text:
                self._results.put_nowait(self._transcript(heard, span))
                self._commit(heard)
        finally:
            if self._partial is asyncio.current_task():  # a newer one may have taken its place
                self._partial = None

    def _commit(self, heard: Recognition) -> bool:
        """Commit the sentences that are firm, if there are, and go on with the audio behind them."""
        long = len(self._frames) * FRAME_S > LONG_S
        firm = firm_at_pause(self._pauses, heard.text, long=long) or self._firm_again(heard)
        self._heard = heard.text
        if firm is None:
            self._tell_likely(heard)
            return False
        text, cut = firm
        now, span = self._now(), Span(self._start_s, self._start_s + cut * FRAME_S)
        words = heard.words[: len(text.split())]
        end = SpeechEnded(span, decided_s=now, pause=False)
        self._results.put_nowait(self._transcript(replace(heard, text=text, words=words), span, end))
        self._committed_s = span.end_s
        self._restart(span.end_s, self._frames[cut:])
        return True

    def _firm_again(self, heard: Recognition) -> tuple[str, int] | None:
        """The sentences that the partial before had too, and where to cut behind them."""
        text = firm_prefix(self._heard, heard.text)
        count = len(text.split()) if text else 0
        if not text or count > len(heard.words):
            return None
        cut = cut_behind(text, self._pauses, self._frames, heard.words[count - 1].end_s)
        return None if cut is None else (text, cut)

    def _tell_likely(self, heard: Recognition) -> None:
        """Tell the sentences that the next partial will probably agree on."""
        if likely := firm_prefix(heard.text, heard.text):
            span = Span(self._start_s, self._start_s + len(self._frames) * FRAME_S)
            self._results.put_nowait(self._transcript(replace(heard, text=likely, words=()), span, draft=True))

    def _cancel_partial(self) -> None:
        if self._partial is not None:
            self._partial.cancel()
            self._partial = None

    def _cancel_final(self) -> None:
        if self._final is not None:
            self._final.work.cancel()
            self._final = None

    def _cancel_passing(self) -> None:
        if self._passing is not None:
            self._passing.work.cancel()
            self._passing = None

    def _pass_over(self) -> None:
        """They go on: the answer of the pause is kept, or waited for, as what was said until there."""
        final, self._final = self._final, None
        if final is None:
            return
        if not self._partials:
            final.work.cancel()
            return
        self._cancel_passing()
        self._passing = final
        paused = round((final.span.end_s - self._start_s) / FRAME_S)
        frame = (paused + len(self._frames)) // 2
        final.work.add_done_callback(lambda work: self._keep_pause(final, frame))

    def _keep_pause(self, final: _Final, frame: int) -> None:
        work = final.work
        if self._passing is not final:
            return
        self._passing = None
        if work.cancelled() or work.exception() is not None or not work.result().text:
            return
        if self._final is not None or not self._commit(work.result()):  # a final under way is of all the audio
            self._pauses.append(Pause(work.result().text, frame))
            self._partial_frames = max(self._partial_frames, frame)

    def _begin_final(self, span: Span, tail_s: float = TAIL_S) -> None:
        span = Span(self._start_s, max(self._start_s, span.end_s))  # a commit may have come further than a cut
        if self._final is not None and self._final.span == span:
            return
        self._cancel_final()
        voiced, tail = round(span.seconds / FRAME_S), round(tail_s / FRAME_S)
        frames = self._frames[: voiced + tail] if voiced else []
        self._final = final = _Final(span, asyncio.create_task(self._ask(frames)))
        final.work.add_done_callback(lambda work: self._tell_draft(final))

    async def _ask(self, frames: list[Pcm]) -> Recognition:
        return await self._recognise(np.concatenate(frames), self._language, True) if frames else NOTHING

    def _tell_draft(self, final: _Final) -> None:
        """The answer is there before the end is decided: tell what it will be.

        Its full stop is no sign of an end: Whisper set one at 38 of 41 pauses of 180 ms and more in mid-prompt.
        """
        work = final.work
        if self._final is final and not work.cancelled() and work.exception() is None and work.result().text:
            self._results.put_nowait(self._transcript(work.result(), final.span, draft=True))

    async def _finish(self) -> None:
        while True:
            end, final = await self._finals.get()
            try:
                heard = await final.work
            except EngineError as error:
                self._results.put_nowait(error)
            except Exception as error:  # an answer that cannot be read: the stream must go on to the next
                log.exception("whisper's answer could not be read")
                self._results.put_nowait(
                    EngineRejected(f"whisper's answer could not be read: {error}", engine="whisper")
                )
            else:
                self._results.put_nowait(self._transcript(heard, final.span, end))

    def _transcript(
        self, heard: Recognition, span: Span, end: SpeechEnded | None = None, *, draft: bool = False
    ) -> Transcript:
        words = tuple(Word(one.word, span.start_s + one.start_s, span.start_s + one.end_s) for one in heard.words)
        return Transcript(
            speaker=self._speaker,
            text=heard.text,
            words=words,
            span=span,
            final=end is not None,
            speech_final=end is not None and end.pause,
            decided_s=end.decided_s if end else span.end_s,
            language=heard.language or None if "," in self._language else None,
            language_probability=heard.language_probability,
            draft=draft,
        )


def make(context: EngineContext) -> Whisper:
    """The engine from its settings.

    Raises:
        SettingsError: an option is unknown or wrong.
    """
    options = dict(context.options)
    partials = options.pop("partials", True)
    if options or not isinstance(partials, bool):
        raise SettingsError("The engine whisper takes one option: partials = true or false.")
    return Whisper(context.triton, context.deadlines.stt_deadline_s, partials=partials)
