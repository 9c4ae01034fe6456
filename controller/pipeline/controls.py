"""What a participant may choose for themselves, and the keys that choose it. Knows neither telephones nor engines."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

SLOW = 0.8
"""The voice's `speed` for one who asked for slower: a quarter longer."""

KEYS_S = 3.0
"""A key that comes later than this after a star has nothing to do with it."""


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


class Control(Enum):
    """What can be asked for: a star, then this key."""

    REPEAT = "1"
    """The latest translation once more."""

    SLOWER = "2"
    """A slower voice, or the normal one again."""

    ORIGINAL = "3"
    """No translations for whoever pressed it, or translations again."""

    INTERPRETING = "0"
    """Nobody is interpreted, or everyone again."""

    HELP = "#"
    """Which keys there are."""


class Keys:
    """The keys of one participant, as they come: controls are taken out, the rest is due to the others."""

    def __init__(self) -> None:
        self._star_s: float | None = None
        """When the star was pressed that waits for what follows."""

    def press(self, digit: str, now_s: float) -> tuple[Control | None, str]:
        """The control that is complete now, and the digits that are none.

        A lone star is passed on with the next key: until then it may still become a control.
        """
        star_s, self._star_s = self._star_s, None
        if star_s is not None and now_s - star_s <= KEYS_S:
            control = _CONTROLS.get(digit)
            return control, "" if control else f"*{digit}"
        before = "" if star_s is None else "*"
        if digit == "*":
            self._star_s = now_s
            return None, before
        return None, before + digit


_CONTROLS = {control.value: control for control in Control}
