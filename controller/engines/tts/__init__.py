"""What a voice is."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Final, Protocol, runtime_checkable

from controller.engines.tts.timbre import Timbre
from controller.frames import SAMPLE_RATE, Pcm
from controller.messages import SpeechChunk

DEFAULT: Final = "default"
"""The name of the voice that is taken where none is named."""

NARRATION_S: Final = 300.0
"""What is asked for outside of calls, and its way to whoever asked, may take so long."""

RATES: Final = (16_000, 24_000)
"""Hertz that a narrator may be asked for."""


class Voice(Protocol):
    """Text to speech."""

    @property
    def name(self) -> str: ...

    def speaks(self, language: str) -> bool:
        """True where it has a voice for `language` (ISO 639-1)."""
        ...

    def synthesize(
        self, text: str, language: str, *, speed: float = 1.0, timbre: Timbre | None = None
    ) -> AsyncGenerator[SpeechChunk, None]:
        """Chunks at the controller's rate as they are made, the final one marked `last`.

        Closing the generator cancels what is under way. A voice that cannot clone has no use for `timbre` and speaks as
        ever; one that can does so without it. One that fails before its first chunk has said nothing: the
        same text may then be given to another voice, and nothing is heard twice.

        Raises:
            EngineError: it failed, or the next chunk did not come in time.
        """
        ...

    async def probe(self) -> None:
        """One tiny request. Raises EngineError where it does not work at this moment."""
        ...


def clones(voice: Voice) -> bool:
    """Whether it can speak in a timbre: it says so itself, by an attribute `clones`."""
    return bool(getattr(voice, "clones", False))


@runtime_checkable
class Narrator(Voice, Protocol):
    """A voice that may be asked outside of calls too: by the name of whose voice it is, and at either rate."""

    @property
    def voices(self) -> Sequence[str]:
        """Whose voices it has, DEFAULT first."""
        ...

    def narrate(
        self,
        text: str,
        language: str,
        *,
        voice: str = DEFAULT,
        speed: float = 1.0,
        sample_rate: int = SAMPLE_RATE,
        deadline_s: float | None = None,
    ) -> AsyncGenerator[Pcm, None]:
        """int16[n] at `sample_rate` (one of RATES) as it is made; otherwise as `synthesize`.

        Args:
            deadline_s: how long all of it may take; by default as long as an utterance of a call.
        """
        ...

    async def warm(self, language: str, voice: str = DEFAULT) -> None:
        """Have it ready: what only the first utterance in a voice costs is paid. Raises EngineError."""
        ...
