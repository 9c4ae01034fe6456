"""Pico as a stream: text of any length in, sound piece by piece out.

Knows languages and rates; knows nothing of who listens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from export.runtime.pico import sound
from export.runtime.pico import text as fit
from export.runtime.pico.sound import Samples

VOICES = {
    "en": "en-US",
    "en-US": "en-US",
    "en-GB": "en-GB",
    "es": "es-ES",
    "fr": "fr-FR",
    "de": "de-DE",
    "it": "it-IT",
}
"""Which of Pico's voices speaks a language."""

RATES = (16_000, 24_000)
PICO_RATE = 16_000
SPEEDS = (0.5, 2.0)

PICO_VOLUME = 0.5
"""At its own level Pico clips up to 2 % of its samples; at half of it none. `sound.levelled` sets the final level."""

Synthesize = Callable[[str, str, float], Samples]
"""(text, Pico's voice, speed) to int16 at PICO_RATE."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """What is to be said; wrong values raise ValueError with a sentence for the caller."""

    text: str
    language: str
    sample_rate: int
    """Hz."""
    speed: float = 1.0

    def __post_init__(self) -> None:
        if self.language not in VOICES:
            raise ValueError(f"pico has no language {self.language!r}: it speaks {', '.join(sorted(VOICES))}")
        if self.sample_rate not in RATES:
            raise ValueError(f"pico has no rate of {self.sample_rate} Hz: ask for 16000 or 24000")
        if not SPEEDS[0] <= self.speed <= SPEEDS[1]:
            raise ValueError(f"pico has no speed {self.speed:g}: ask for {SPEEDS[0]:g} to {SPEEDS[1]:g}")


class Pico:
    """The voices; used by one thread at a time."""

    def __init__(self, synthesize: Synthesize | None = None) -> None:
        self._synthesize = synthesize or _nanotts()

    def speak(self, utterance: Utterance) -> Iterator[tuple[Samples, bool]]:
        """The utterance in chunks of int16, each with whether it is the last; none where nothing can be said.

        Each step computes at most one piece of the text.
        """
        return sound.chunks(self._parts(utterance), utterance.sample_rate)

    def _parts(self, utterance: Utterance) -> Iterator[Samples]:
        pieces = (piece for piece in fit.split(fit.clean(utterance.text)) if fit.speakable(piece.text))
        voice = VOICES[utterance.language]
        pause_s = 0.0
        for piece in pieces:
            raw = self._synthesize(fit.spell_numbers(piece.text), voice, utterance.speed)
            spoken = sound.trimmed(sound.levelled(raw, PICO_RATE), PICO_RATE, lead_s=sound.LEAD_S, tail_s=sound.TAIL_S)
            if not len(spoken):
                continue
            if utterance.speed > 1.0:
                spoken = sound.without_pauses(spoken, PICO_RATE, longest_s=sound.HURRIED_PAUSE_S)
                pause_s = min(pause_s, sound.HURRIED_PAUSE_S)
            if pause_s:
                silence_s = max(0.0, pause_s - sound.LEAD_S - sound.TAIL_S)
                yield np.zeros(int(silence_s * utterance.sample_rate), np.int16)
            yield _at_rate(spoken, utterance.sample_rate)
            pause_s = sound.SENTENCE_PAUSE_S if piece.ends_sentence else sound.CLAUSE_PAUSE_S


def _nanotts() -> Synthesize:
    from py_nanotts import NanoTTS

    engine = NanoTTS()

    def synthesize(text: str, voice: str, speed: float) -> Samples:
        # The words last the same at a speed of 1.0 as without one, but the silence behind them is longer.
        pace = {} if speed == 1.0 else {"speed": speed}
        return np.frombuffer(engine.speak(text, voice=voice, volume=PICO_VOLUME, **pace), "<i2").astype(np.int16)

    return synthesize


def _at_rate(pcm: Samples, rate: int) -> Samples:
    if rate == PICO_RATE:
        return pcm
    import soxr

    resampled: Samples = soxr.resample(pcm, PICO_RATE, rate)
    return resampled
