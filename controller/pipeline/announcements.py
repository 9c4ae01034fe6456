"""What is said to a listener about the interpreting itself, in their own language. It is no delivery of anything.

Spoken by the voice engine, outside the tick; where the engine cannot, a short tone says that the key was taken.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from enum import Enum

import numpy as np

from controller.engines.tts import Voice
from controller.errors import EngineError
from controller.frames import SAMPLE_RATE, Pcm
from controller.messages import Reason, SpeechChunk
from controller.pipeline.playback import Playback
from controller.pipeline.utterance import END, Utterance

log = logging.getLogger(__name__)

FIRST_S = 1.5
"""Whoever pressed a key is not left waiting longer than this for the voice: then it is the tone."""


class Sentence(Enum):
    """What can be said."""

    AGAIN = "again"
    NOTHING = "nothing"
    SLOWER = "slower"
    NORMAL = "normal"
    ORIGINAL = "original"
    TRANSLATED = "translated"
    OFF = "off"
    ON = "on"
    HELP = "help"
    DISCLOSURE = "disclosure"


FALLBACK = "en"
"""For a listener whose language is not in the table."""

TEXTS: dict[str, dict[Sentence, str]] = {
    "en": {
        Sentence.AGAIN: "Once more.",
        Sentence.NOTHING: "There is nothing to repeat yet.",
        Sentence.SLOWER: "I will speak more slowly.",
        Sentence.NORMAL: "I will speak at normal speed.",
        Sentence.ORIGINAL: "You hear the original only.",
        Sentence.TRANSLATED: "You hear the translation again.",
        Sentence.OFF: "Interpreting is off.",
        Sentence.ON: "Interpreting is on.",
        Sentence.HELP: "Star one: repeat. Star two: slower. Star three: original only. "
        "Star zero: interpreting off and on.",
        Sentence.DISCLOSURE: "This call is interpreted by a machine. You hear a computer's voice.",
    },
    "es": {
        Sentence.AGAIN: "Otra vez.",
        Sentence.NOTHING: "Todavía no hay nada que repetir.",
        Sentence.SLOWER: "Hablaré más despacio.",
        Sentence.NORMAL: "Hablaré a velocidad normal.",
        Sentence.ORIGINAL: "Ahora oye solo el original.",
        Sentence.TRANSLATED: "Ahora oye de nuevo la traducción.",
        Sentence.OFF: "La interpretación está desactivada.",
        Sentence.ON: "La interpretación está activada.",
        Sentence.HELP: "Asterisco uno: repetir. Asterisco dos: más despacio. Asterisco tres: solo el original. "
        "Asterisco cero: desactivar y activar la interpretación.",
        Sentence.DISCLOSURE: "Una máquina interpreta esta llamada. Oirá la voz de un ordenador.",
    },
    "fr": {
        Sentence.AGAIN: "Encore une fois.",
        Sentence.NOTHING: "Il n'y a encore rien à répéter.",
        Sentence.SLOWER: "Je vais parler plus lentement.",
        Sentence.NORMAL: "Je vais parler à vitesse normale.",
        Sentence.ORIGINAL: "Vous n'entendez plus que l'original.",
        Sentence.TRANSLATED: "Vous entendez de nouveau la traduction.",
        Sentence.OFF: "L'interprétation est désactivée.",
        Sentence.ON: "L'interprétation est activée.",
        Sentence.HELP: "Étoile un : répéter. Étoile deux : plus lentement. Étoile trois : l'original seulement. "
        "Étoile zéro : désactiver et activer l'interprétation.",
        Sentence.DISCLOSURE: "Cet appel est interprété par une machine. Vous entendez la voix d'un ordinateur.",
    },
    "de": {
        Sentence.AGAIN: "Noch einmal.",
        Sentence.NOTHING: "Es gibt noch nichts zu wiederholen.",
        Sentence.SLOWER: "Ich spreche jetzt langsamer.",
        Sentence.NORMAL: "Ich spreche jetzt wieder normal.",
        Sentence.ORIGINAL: "Sie hören jetzt nur das Original.",
        Sentence.TRANSLATED: "Sie hören jetzt wieder die Übersetzung.",
        Sentence.OFF: "Das Dolmetschen ist ausgeschaltet.",
        Sentence.ON: "Das Dolmetschen ist eingeschaltet.",
        Sentence.HELP: "Stern eins: wiederholen. Stern zwei: langsamer. Stern drei: nur das Original. "
        "Stern null: Dolmetschen aus und ein.",
        Sentence.DISCLOSURE: "Dieses Gespräch wird von einer Maschine gedolmetscht. Sie hören eine Computerstimme.",
    },
    "it": {
        Sentence.AGAIN: "Ancora una volta.",
        Sentence.NOTHING: "Non c'è ancora niente da ripetere.",
        Sentence.SLOWER: "Parlerò più lentamente.",
        Sentence.NORMAL: "Parlerò a velocità normale.",
        Sentence.ORIGINAL: "Adesso sente solo l'originale.",
        Sentence.TRANSLATED: "Adesso sente di nuovo la traduzione.",
        Sentence.OFF: "L'interpretazione è disattivata.",
        Sentence.ON: "L'interpretazione è attivata.",
        Sentence.HELP: "Asterisco uno: ripetere. Asterisco due: più lentamente. Asterisco tre: solo l'originale. "
        "Asterisco zero: disattivare e attivare l'interpretazione.",
        Sentence.DISCLOSURE: "Questa chiamata è interpretata da una macchina. Sente la voce di un computer.",
    },
}


def _tone() -> Pcm:
    """0.2 s of 880 Hz at -20 dBFS, faded in and out over 10 ms so that it does not click."""
    count = SAMPLE_RATE // 5
    times = np.arange(count) / SAMPLE_RATE
    fade = np.minimum(1.0, np.minimum(times, times[::-1]) / 0.01)
    pcm: Pcm = np.rint(fade * 3277 * np.sin(2 * np.pi * 880 * times)).astype(np.int16)
    return pcm


TONE = _tone()


class Announcer:
    """Says things to the listeners of one call. To each, the newest counts: one that waits is superseded."""

    def __init__(self, voice: Voice, on_failure: Callable[[EngineError], None]) -> None:
        self._voice = voice
        self._on_failure = on_failure
        self._tasks: dict[Playback, asyncio.Task[None]] = {}

    def say(self, sentence: Sentence, language: str, to: Playback, then: Utterance | None = None) -> None:
        """Begin to say it, before all translations that wait; `then` is played right after it."""
        self.hush(to)
        self._tasks[to] = asyncio.create_task(self._say(sentence, language, to, then), name="announcement")

    def hush(self, to: Playback) -> None:
        """Take back what has not been said to them yet."""
        if task := self._tasks.pop(to, None):
            task.cancel()
        to.drop_interjections()

    async def _say(self, sentence: Sentence, language: str, to: Playback, then: Utterance | None) -> None:
        if language not in TEXTS or not self._voice.speaks(language):
            language = FALLBACK
        utterance: Utterance | None = None
        rest = SpeechChunk(TONE, last=True)
        try:
            sound = self._voice.synthesize(TEXTS[language][sentence], language, speed=to.preferences.speed)
            first_s = None if sentence is Sentence.DISCLOSURE else FIRST_S  # a tone would not say it
            async with asyncio.timeout(first_s) as patience, aclosing(sound) as chunks:
                async for chunk in chunks:
                    patience.reschedule(None)  # from here on the engine's own deadlines hold
                    utterance = utterance or to.interject(Utterance())
                    utterance.feed(chunk)
            if utterance is not None:
                rest = END
        except asyncio.CancelledError:
            if utterance is not None:
                utterance.abandon(Reason.SUPERSEDED)
            raise
        except TimeoutError:
            log.debug("the voice is not there after %.1f s: a tone is sounded", FIRST_S)
        except EngineError as error:
            self._on_failure(error)
        except Exception:  # the boundary between a voice and the call: a key that was pressed is answered
            log.exception("an announcement failed: a tone is sounded")
        utterance = utterance or to.interject(Utterance())
        utterance.feed(rest)
        if then is not None:
            to.interject(then)
