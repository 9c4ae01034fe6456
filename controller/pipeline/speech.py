"""The speech stage of a speaker and a target language: translations in, sound into every listener's playback."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing

from controller.engines.tts import Voice
from controller.engines.tts.timbre import Timbre
from controller.errors import EngineError
from controller.frames import SAMPLE_RATE
from controller.messages import Reason, Translation
from controller.pipeline.ledger import Ledger
from controller.pipeline.pace import LOOK_S, Pace
from controller.pipeline.playback import STALE_S, Playback
from controller.pipeline.queues import BoundedQueue
from controller.pipeline.utterance import END, Utterance
from controller.telemetry.waterfall import Mark


class SpeechStage:
    """Speaks one translation at a time, when its listeners are about to be ready for it.

    It is synthesised once, however many listen, but for those who asked for another speed.
    """

    def __init__(
        self,
        tts: BoundedQueue[Translation],
        engine: Voice,
        ledger: Ledger,
        pace: Pace,
        now: Callable[[], float],
        playbacks: Callable[[Sequence[str]], list[Playback]],
        on_failure: Callable[[EngineError], None],
        timbre: Callable[[], Timbre | None] = lambda: None,
        on_spoken: Callable[[Timbre | None], None] = lambda _: None,
    ) -> None:
        """
        Args:
            playbacks: the playback of each listener named, those who have left aside.
            timbre: what the speaker is spoken with at this moment; None is the neutral voice.
            on_spoken: told in which voice a translation is going to be spoken, or its rest.
        """
        self._tts = tts
        self._engine = engine
        self._ledger = ledger
        self._pace = pace
        self._now = now
        self._playbacks = playbacks
        self._on_failure = on_failure
        self._timbre = timbre
        self._on_spoken = on_spoken

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            translation = await self._tts.get()
            await self._turn(translation)
            await self._speak(translation)

    async def _turn(self, translation: Translation) -> None:
        """Wait until it is to be spoken, or nobody waits for it any more."""
        clause, language = translation.clause, translation.language
        while listeners := self._ledger.listeners(clause, language):
            wait_s = self._pace.wait_s(clause, listeners)
            if wait_s <= 0:
                return
            await asyncio.sleep(min(wait_s, LOOK_S))

    async def _speak(self, translation: Translation) -> None:
        clause, language = translation.clause, translation.language
        if self._now() - clause.span.end_s > STALE_S:  # its listeners were on hold
            self._ledger.drop_all(clause, language, Reason.DEADLINE)
        listeners = self._ledger.listeners(clause, language)
        self._ledger.mark(clause, language, Mark.SYNTHESIS_BEGAN, self._now())
        for asked, group in self._pace.groups(listeners):
            speed = self._pace.speed(translation.text, language, asked, group)
            self._pace.begun(group, speed)
            await self._speak_to(translation, group, speed)

    async def _speak_to(self, translation: Translation, listeners: Sequence[str], speed: float) -> None:
        """Speak it to them. Where the voice breaks off, what they have not heard yet is asked for once more: all of it,
        or, where it sounds already, the rest."""
        utterances: list[Utterance] = []
        text, language = translation.text, translation.language
        try:
            try:
                await self._synthesise(translation, text, listeners, speed, utterances)
            except EngineError as error:
                if not utterances:
                    raise
                self._on_failure(error)
                if any(one.started for one in utterances):
                    text = self._pace.rest(text, language, utterances[0].fed_s, speed)
                else:
                    for utterance in utterances:
                        utterance.renew()
                await self._synthesise(translation, text, listeners, speed, utterances)
        except EngineError as error:
            for utterance in utterances:
                utterance.abandon(Reason.ENGINE_FAILED)
            for listener in listeners:
                self._ledger.drop(translation.clause, listener, Reason.ENGINE_FAILED)
            self._on_failure(error)
        finally:  # cancelled: the speaker has left
            for utterance in utterances:
                utterance.abandon(Reason.HANGUP)

    async def _synthesise(
        self,
        translation: Translation,
        text: str,
        listeners: Sequence[str],
        speed: float,
        utterances: list[Utterance],
    ) -> None:
        """Feed the sound of `text`, all of the translation or its rest, into `utterances`.

        Where they are not there yet they are begun with its first chunk.
        """
        clause, language = translation.clause, translation.language
        samples, timbre = 0, self._timbre()
        self._on_spoken(timbre)
        async with aclosing(self._engine.synthesize(text, language, speed=speed, timbre=timbre)) as chunks:
            async for chunk in chunks:
                if not utterances:
                    present = [one for one in self._ledger.listeners(clause, language) if one in listeners]
                    for listener in present:
                        self._ledger.mark_listener(clause, listener, Mark.FIRST_CHUNK, self._now())
                    utterances += [one.begin(clause) for one in self._playbacks(present)]
                for utterance in utterances:
                    utterance.feed(chunk)
                samples += len(chunk.pcm)
        for utterance in utterances:  # the end is the end, whether the last chunk said so or not
            utterance.feed(END)
        if samples and text != translation.text:
            return  # a rest is short, and the silence around it long: nothing is to be learned from it
        if samples:
            self._pace.learn(text, language, samples / SAMPLE_RATE, speed)
        elif not utterances:
            for listener in listeners:
                self._ledger.drop(clause, listener, Reason.TOO_SHORT)
