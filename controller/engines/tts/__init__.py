"""What a voice is."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from controller.messages import SpeechChunk


class Voice(Protocol):
    """Text to speech."""

    @property
    def name(self) -> str: ...

    def speaks(self, language: str) -> bool:
        """True where it has a voice for `language` (ISO 639-1)."""
        ...

    def synthesize(self, text: str, language: str, *, speed: float = 1.0) -> AsyncGenerator[SpeechChunk, None]:
        """Chunks at the controller's rate as they are made, the final one marked `last`.

        Closing the generator cancels what is under way.

        Raises:
            EngineError: it failed, or the next chunk did not come in time.
        """
        ...

    async def probe(self) -> None:
        """One tiny request. Raises EngineError where it does not work at this moment."""
        ...
