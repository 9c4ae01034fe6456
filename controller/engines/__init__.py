"""Recognisers, translators and voices: what each is, and one module a provider. They know no queue and no call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from controller.engines.mt import Translator
from controller.engines.stt import Recogniser, RecogniserStream
from controller.engines.stt.identifying import IdentifyingStream
from controller.engines.tts import Voice


@dataclass(frozen=True, slots=True)
class Engines:
    """The three engines of a run."""

    stt: Recogniser
    mt: Translator
    tts: Voice
    identifier: Recogniser | None = None
    """Finds out what a speaker speaks, where the call does not say; None where nothing does."""

    out: Callable[[str, str], str | None] = lambda source, target: None
    """The kind (stt, mt, tts) of which no engine is left at this moment to interpret `source` to `target`: who listens
    hears the original only. None where there is one of each."""

    def identifies(self, candidates: tuple[str, ...]) -> bool:
        """Whether a speaker of one of them is told from those of the others."""
        return bool(self.identifier and candidates and self.identifier.hears(",".join(candidates)))

    def listen(
        self,
        speaker: str,
        language: str,
        candidates: tuple[str, ...],
        now: Callable[[], float],
        on_settled: Callable[[str], None],
    ) -> RecogniserStream:
        """A stream for one speaker, who speaks `language`, or one of `candidates` where there are any."""
        if self.identifier is None or not self.identifies(candidates):
            return self.stt.open(speaker, language, now)
        return IdentifyingStream(
            speaker, candidates, now, identifier=self.identifier, then=self.stt, on_settled=on_settled
        )

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
