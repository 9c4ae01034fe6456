"""What a participant may choose for themselves. Knows neither telephones nor engines."""

from __future__ import annotations

from dataclasses import dataclass

SLOW = 0.8
"""The voice's `speed` for one who asked for slower: a quarter longer."""


@dataclass(slots=True)
class Preferences:
    """How one listener wants to hear. Changes in mid-call; `Playback.preferences` holds it, so that the speech stage
    has it at hand with the playbacks that it speaks into."""

    slow: bool = False
    """Translations are spoken at `SLOW`. It outranks any haste: who asks for slower would rather wait."""

    original_only: bool = False
    """No translations: the original, undimmed."""

    @property
    def speed(self) -> float:
        """The voice's `speed` that this listener asks for; 1.0 where they leave it open."""
        return SLOW if self.slow else 1.0
