"""One speaker: input -> asr -> mt -> tts -> playback. What is said is recognised once, and translated and spoken
once for each other language in the call; where the recogniser foresees a clause, both are begun before it is one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from controller.audio.vad import Endpointer
from controller.engines import Engines
from controller.engines.tts.timbre import Timbre
from controller.errors import EngineError
from controller.frames import AudioFrame
from controller.media_clock import MediaClock
from controller.messages import Clause, Fate, Reason, Transcript, Translation, VoiceEvent
from controller.observer import Observer
from controller.pipeline.ahead import Ahead
from controller.pipeline.capture import Capture
from controller.pipeline.clauses import ClauseBuilder
from controller.pipeline.ledger import Ledger
from controller.pipeline.own_voice import OwnVoice
from controller.pipeline.pace import Pace, Playbacks
from controller.pipeline.queues import BoundedQueue, Overflow
from controller.pipeline.recognition import Recognition
from controller.pipeline.speech import SpeechStage
from controller.pipeline.translation import Request, TranslationStage, following
from controller.telemetry.waterfall import Mark

MT_CLAUSES = 32
TTS_TRANSLATIONS = 32
"""Capacities: more clauses than a speaker makes in a minute."""


class Listener(NamedTuple):
    """Someone else in the call, at this moment."""

    name: str
    language: str
    interpreted: bool
    """False where they are to hear the original only."""


Listeners = Callable[[], Sequence[Listener]]


class Orchestrator:
    """The stages of one speaker and what runs between them."""

    def __init__(
        self,
        call: str,
        speaker: str,
        language: str,
        *,
        engines: Engines,
        endpointer: Endpointer,
        ledger: Ledger,
        now: Callable[[], float],
        listeners: Listeners,
        playbacks: Playbacks,
        pace: Pace,
        observer: Observer,
        tap: Callable[[AudioFrame], None] | None = None,
        candidates: tuple[str, ...] = (),
        on_language: Callable[[], None] = lambda: None,
        is_echo: Callable[[Clause], bool] = lambda _: False,
        own_voice: OwnVoice | None = None,
    ) -> None:
        """
        Args:
            candidates: languages among which the speaker is identified; `language` is assumed until then.
            on_language: called when they have been.
            is_echo: says of a clause that it was not said, but played to the speaker.
            own_voice: what the speaker's translations are spoken with, as far as it is known to be theirs.
        """
        self.speaker = speaker
        self.language = language
        self.candidates = candidates
        self._on_language = on_language
        self._is_echo = is_echo
        self.own_voice = own_voice
        self.taken_over = False
        """Somebody else speaks here now: the voice is not theirs, and does not listen to them."""
        self.capture = Capture(MediaClock(now()), endpointer, tap, self._show_own if own_voice else None)
        self._call = call
        self._engines = engines
        self._clauses = ClauseBuilder(speaker, endpointer.last_voiced_s)
        self._ledger = ledger
        self._now = now
        self._listeners = listeners
        self._playbacks = playbacks
        self._pace = pace
        self._observer = observer
        self._targets: dict[str, tuple[BoundedQueue[Request], BoundedQueue[Translation]]] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._recognition: Recognition | None = None
        self._said: tuple[str, ...] = ()
        """The latest clauses: the next one's context."""
        self._ahead = Ahead(engines.mt, engines.tts, self._speed_at_once, self._speculated, self._timbre)

    async def run(self) -> None:
        """Until cancelled."""
        self._targets.clear()
        stream = self._engines.listen(self.speaker, self.language, self.candidates, self._now, self._identified)
        recognition = self._recognition = Recognition(
            self.capture.asr, stream, self._on_transcript, self._ahead.settle, self._failed("stt")
        )
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._tasks.create_task(recognition.run())
        finally:
            self._recognition = None
            self._ahead.settle()

    def take_in(self, now_s: float) -> None:
        """Take what has come off the wire as far as the recogniser. Never waits."""
        self.capture.tick(now_s)
        if self._recognition is not None:
            self._recognition.feed()

    def queue_depths(self) -> dict[str, int]:
        """Items that wait in each kind of queue of this speaker."""
        return {
            "input": len(self.capture.input),
            "asr": len(self.capture.asr),
            "mt": sum(len(mt) for mt, _ in self._targets.values()),
            "tts": sum(len(tts) for _, tts in self._targets.values()),
        }

    def _identified(self, language: str) -> None:
        self.language, self.candidates = language, ()
        self._on_language()

    def _on_transcript(self, transcript: Transcript) -> None:
        self._observer.transcript(self._call, transcript)
        language = transcript.language or self.language
        if foreseen := self._clauses.foresee(transcript):
            self._ahead.foresee(foreseen, self._said, language, self._targets_of(language))
        clauses = self._clauses.feed(transcript, language)
        for clause in clauses:
            self._commit(clause, transcript)
        if transcript.final:
            self._ahead.settle(clause.text for clause in clauses)

    def _targets_of(self, language: str) -> list[str]:
        """What `language` is translated into at this moment."""
        return sorted({one.language for one in self._listeners() if one.interpreted} - {language})

    def _commit(self, clause: Clause, transcript: Transcript) -> None:
        self._observer.clause(self._call, clause)
        marks = {
            Mark.SPEECH_ENDED: clause.span.end_s,
            Mark.ENDPOINTED: transcript.decided_s,
            Mark.RECOGNISED: self._now(),
        }
        echo = self._is_echo(clause)
        for listener, language, interpreted in self._listeners():
            if language != clause.language:
                self._ledger.open(clause, listener, language, marks)
                if echo:
                    self._ledger.drop(clause, listener, Reason.ECHO)
                elif not interpreted:
                    self._ledger.drop(clause, listener, Reason.SWITCHED_OFF)
        if echo:
            return
        for language in self._targets_of(clause.language):
            self._target(language).put_nowait(Request(clause, self._said))
        self._said = following(self._said, [clause.text])

    def _target(self, language: str) -> BoundedQueue[Request]:
        """The `mt` queue of a target language; its stages are started when the language is first needed."""
        if language not in self._targets:
            assert self._tasks is not None
            mt: BoundedQueue[Request] = BoundedQueue("mt", MT_CLAUSES, Overflow.REFUSE, self._refused(language))
            tts: BoundedQueue[Translation] = BoundedQueue(
                "tts", TTS_TRANSLATIONS, Overflow.REFUSE, self._refused(language)
            )

            def on_translation(translation: Translation) -> None:
                self._observer.translated(self._call, translation)
                tts.put_nowait(translation)
                self._pace.trim(self._ledger.listeners(translation.clause, language))

            translation = TranslationStage(
                mt, self._ahead.translator, language, self._ledger, self._now, on_translation, self._failed("mt")
            )
            speech = SpeechStage(
                tts,
                self._ahead.voice,
                self._ledger,
                self._pace,
                self._now,
                self._playbacks,
                self._failed("tts"),
                self._timbre,
                self._spoken,
            )
            self._tasks.create_task(translation.run())
            self._tasks.create_task(speech.run())
            self._targets[language] = mt, tts
        return self._targets[language][0]

    def _refused(self, language: str) -> Callable[[Request | Translation], None]:
        return lambda item: self._ledger.drop_all(item.clause, language, Reason.BACKLOG)

    def _speed_at_once(self, text: str, language: str) -> float | None:
        listeners = [one.name for one in self._listeners() if one.interpreted and one.language == language]
        return self._pace.at_once(text, language, listeners)

    def _timbre(self) -> Timbre | None:
        return self.own_voice.timbre() if self.own_voice and not self.taken_over else None

    def _show_own(self, event: VoiceEvent) -> None:
        if self.own_voice is not None and not self.taken_over:
            self.own_voice.push(event)

    def _spoken(self, timbre: Timbre | None) -> None:
        if self.own_voice is not None and not self.taken_over:
            self._observer.voiced(self._call, self.speaker, "" if timbre is None else timbre.key)

    def _speculated(self, kind: str, fate: Fate) -> None:
        self._observer.speculated(self._call, kind, fate)

    def _failed(self, kind: str) -> Callable[[EngineError], None]:
        return lambda error: self._observer.engine_failed(self._call, kind, error)
