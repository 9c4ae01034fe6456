"""What a recogniser is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from controller.messages import Transcript, VoiceEvent


class RecogniserStream(Protocol):
    """One speaker's stream through a recogniser, for the length of a call."""

    def push(self, event: VoiceEvent) -> None:
        """Take the next event; never waits."""
        ...

    async def receive(self) -> Transcript:
        """The next transcript, in order; a final one with empty text where there was nothing to understand.

        Each SpeechEnded is answered by one final, with its `pause` as `speech_final`, or by one error. Finals before
        that have committed what is in their spans.

        Raises:
            EngineError: one utterance is lost; the stream goes on, so call again.
        """
        ...

    async def aclose(self) -> None:
        """End the stream; what is under way is given up."""
        ...


class Recogniser(Protocol):
    """Speech to text."""

    @property
    def name(self) -> str: ...

    def hears(self, language: str) -> bool:
        """True where it understands `language` (ISO 639-1, `en`).

        One that can find out which of several is spoken takes them joined by commas, here and in `open`; its
        transcripts then say which it was.
        """
        ...

    def open(self, speaker: str, language: str, now: Callable[[], float]) -> RecogniserStream:
        """A stream for one speaker; `now` is the call's clock, in seconds."""
        ...

    async def probe(self) -> None:
        """One tiny request.

        Raises:
            EngineError: it does not work at this moment.
        """
        ...
