"""The speech stage of a speaker and a target language: translations in, sound into every listener's playback."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing

from controller.engines.tts import Voice
from controller.errors import EngineError
from controller.messages import Reason, Translation
from controller.pipeline.ledger import Ledger
from controller.pipeline.playback import Playback, Utterance
from controller.pipeline.queues import BoundedQueue
from controller.telemetry.waterfall import Mark

BACKLOG_S = 15.0
"""A listener with more translation waiting than this is given no more: what they would hear is too old to follow."""


class SpeechStage:
    """Speaks one translation at a time; it is synthesised once, however many listen."""

    def __init__(
        self,
        tts: BoundedQueue[Translation],
        engine: Voice,
        ledger: Ledger,
        now: Callable[[], float],
        playbacks: Callable[[Sequence[str]], list[Playback]],
        on_failure: Callable[[EngineError], None],
    ) -> None:
        """`playbacks`: the playback of each listener named, those who have left aside."""
        self._tts = tts
        self._engine = engine
        self._ledger = ledger
        self._now = now
        self._playbacks = playbacks
        self._on_failure = on_failure

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._speak(await self._tts.get())

    async def _speak(self, translation: Translation) -> None:
        clause, language = translation.clause, translation.language
        self._ledger.mark(clause, language, Mark.SYNTHESIS_BEGAN, self._now())
        if not self._may_speak(translation):
            return
        utterances: list[Utterance] = []
        try:
            async with aclosing(self._engine.synthesize(translation.text, language)) as chunks:
                async for chunk in chunks:
                    if not utterances:
                        self._ledger.mark(clause, language, Mark.FIRST_CHUNK, self._now())
                        listeners = self._ledger.listeners(clause, language)
                        utterances = [one.begin(clause) for one in self._playbacks(listeners)]
                    for utterance in utterances:
                        utterance.feed(chunk)
        except EngineError as error:
            for utterance in utterances:
                utterance.abandon(Reason.ENGINE_FAILED)
            self._ledger.drop_all(clause, language, Reason.ENGINE_FAILED)
            self._on_failure(error)
        finally:  # cancelled: the speaker has left
            for utterance in utterances:
                utterance.abandon(Reason.HANGUP)

    def _may_speak(self, translation: Translation) -> bool:
        """Drop those who are too far behind; False where nobody is left to speak to."""
        clause, language = translation.clause, translation.language
        for listener in self._ledger.listeners(clause, language):
            if any(one.backlog_s > BACKLOG_S for one in self._playbacks([listener])):
                self._ledger.drop(clause, listener, Reason.BACKLOG)
        return bool(self._ledger.listeners(clause, language))
