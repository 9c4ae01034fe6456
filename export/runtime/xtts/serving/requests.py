"""What is asked of the engine, who asked, and how it says no. Knows no queue, no thread and no server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from export.runtime.xtts.conditioning import Voice
from export.runtime.xtts.decoding import Manner
from export.runtime.xtts.text import Piece

Pcm = NDArray[np.int16]


class Busy(Exception):
    """There is no room for another utterance, or the engine is going: it may be tried again."""


@dataclass(frozen=True, slots=True)
class Request:
    """One utterance: the pieces of a text, spoken one after the other as one stream."""

    pieces: tuple[Piece, ...]
    """From `TextFrontEnd.pieces`; none is an utterance without sound, which ends at once."""
    voice: Voice
    """float32; what came as float16 is widened by the caller, which loses nothing."""
    manner: Manner
    """Its `seed` and each piece's place in the text decide what is drawn, and nothing else does."""
    rate: int
    """Hertz of the sound asked for: 16000 or 24000."""


class Listener(Protocol):
    """Who asked. Called by one thread at a time, never again after one of the three endings, and must not block:
    everybody's sound comes from the same thread."""

    def sound(self, pcm: Pcm, last: bool) -> None:
        """The next part of the sound, int16[n] at the rate asked for; `last` ends it (n may be 0 then)."""

    def failed(self, error: Exception) -> None:
        """It ends here: `error` says why. `Busy` where the engine was stopped."""

    def dropped(self) -> None:
        """It ends here: it was `gone`."""

    def gone(self) -> bool:
        """Whether nobody listens any more. Asked by either thread of the engine, before a vocoding and each second
        step; it may cost a tenth of a millisecond."""
