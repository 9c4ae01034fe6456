"""Recognisers, translators and voices: what each is, and one module a provider. They know no queue and no call."""

from __future__ import annotations

from dataclasses import dataclass

from controller.engines.mt import Translator
from controller.engines.stt import Recogniser
from controller.engines.tts import Voice


@dataclass(frozen=True, slots=True)
class Engines:
    """The three engines of a run."""

    stt: Recogniser
    mt: Translator
    tts: Voice

    def refusal(self, source: str, target: str) -> str | None:
        """Why `source` to `target` cannot be interpreted, as a sentence, or None where it can."""
        if source == target:
            return None
        if not self.stt.hears(source):
            return f"The recogniser {self.stt.name} does not understand '{source}'."
        if not self.mt.translates(source, target):
            return f"The translator {self.mt.name} has no pair {source} -> {target}."
        if not self.tts.speaks(target):
            return f"The voice {self.tts.name} does not speak '{target}'."
        return None
