"""How far each listener is behind, and what follows from it: when a translation is spoken, how fast, or not at all.

What waits stays text for as long as it can: its speed is decided late, and the oldest of it can still be dropped.
Knows the ledger and the playbacks; knows no engine and no queue.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from controller.messages import Clause, Reason
from controller.pipeline.ledger import Ledger
from controller.pipeline.playback import Playback

AHEAD_S = 1.5
"""A translation is spoken when its listener has no more than this left to hear. A voice's first sound may take 0.3 s,
and its slowest is not to leave a gap."""

LOOK_S = 0.1
"""How often it is looked whether a playback has got there: it may also be emptied at once."""

BEHIND_S = 0.5
"""A listener who has this much to hear before a translation is behind: it is spoken faster ..."""

CAUGHT_UP_S = 0.2
"""... and so are the next, until it is no more than this."""

RAMP_S = 1.0
"""So much further behind, a translation is spoken at FASTEST."""

LONG_S = 3.0
"""What a translation takes beyond this counts as behind by itself: who waits for the end of a long one hears all that
follows late. (Forty recorded prompts played through, 1.2 s apart: backlog p95 en -> es 4.0 -> 3.5 s, es -> en 4.2 ->
3.8 s against 5 s here; short ones are spoken as before.)"""

FASTEST = 1.25
SPEED_STEP = 0.05
"""Pico keeps to its speed to 1 % (80 sentences, silence trimmed). At 1.25 some four more words in a hundred are not
recognised again; a time-stretch by overlap and add instead cost the same."""

CAP_S = 12.0
"""A listener with more than this to hear loses the oldest of what is still text: it would be too old to follow.
One sentence of human length never is so much."""

CHARACTER_S = 0.065
"""What a character takes to be said, before anything was heard of a language: Pico's Spanish 0.069, English 0.059."""

LEARNING = 0.2
"""The weight of one more translation in what is known of its language."""

Playbacks = Callable[[Sequence[str]], list[Playback]]
"""The playback of each listener named, those who have left aside."""


class Pace:
    """One call's."""

    def __init__(self, ledger: Ledger, playbacks: Playbacks) -> None:
        self._ledger = ledger
        self._playbacks = playbacks
        self._character_s: dict[str, float] = {}
        self._hurried: set[str] = set()
        """Listeners whose last translation was spoken faster."""

    def learn(self, text: str, language: str, seconds: float, speed: float) -> None:
        """`text` took `seconds` to be said at `speed`."""
        if text:
            known = self._character_s.get(language, CHARACTER_S)
            self._character_s[language] = known + LEARNING * (seconds * speed / len(text) - known)

    def seconds(self, text: str, language: str) -> float:
        """What `text` will probably take at the voice's own speed."""
        return len(text) * self._character_s.get(language, CHARACTER_S)

    def rest(self, text: str, language: str, seconds: float, speed: float) -> str:
        """What is still to be said of `text` where a voice broke off after `seconds` at `speed`.

        From the word on in which that was, as far as the text's probable length tells; the last one at least.
        """
        place = round(seconds * speed / self._character_s.get(language, CHARACTER_S))
        place = min(place, len(text) - 1)
        return text[text.rfind(" ", 0, place) + 1 :] if " " in text else text[place:]

    def backlog_s(self, listener: str) -> float:
        """What `listener` has still to hear of what was translated: sound, and text by its probable length."""
        return self._left_s(listener) + sum(
            self.seconds(one.text, one.language) for one in self._ledger.waiting(listener)
        )

    def wait_s(self, clause: Clause, listeners: Sequence[str]) -> float:
        """How long at least the translation of `clause` should stay text; not above zero: it is to be spoken now."""
        if any(map(partial(self._another_is_first, clause), listeners)):
            return LOOK_S
        return min((self._left_s(one) for one in listeners), default=0.0) - AHEAD_S

    def groups(self, listeners: Sequence[str]) -> list[tuple[float, list[str]]]:
        """Those who can be served by one voice together, with the speed that they ask for; the quickest first."""
        groups: dict[float, list[str]] = {}
        for listener in listeners:
            for playback in self._playbacks([listener]):
                groups.setdefault(playback.preferences.speed, []).append(listener)
        return sorted(groups.items(), reverse=True)

    def speed(self, text: str, language: str, asked: float, listeners: Sequence[str]) -> float:
        """The speed for a translation that begins now: that of the listener who is furthest behind.

        Args:
            asked: by the listeners; below 1.0 it outranks any haste.
        """
        if asked < 1.0:
            return asked
        behind = max((self.backlog_s(one) for one in listeners), default=0.0)
        behind += max(0.0, self.seconds(text, language) - LONG_S)
        begin = CAUGHT_UP_S if self._hurried.intersection(listeners) else BEHIND_S
        steps = round(min(1.0, max(0.0, (behind - begin) / RAMP_S)) * (FASTEST - 1.0) / SPEED_STEP)
        return round(1.0 + steps * SPEED_STEP, 2)

    def begun(self, listeners: Sequence[str], speed: float) -> None:
        """A translation for them was begun at `speed`."""
        (self._hurried.update if speed > 1.0 else self._hurried.difference_update)(listeners)

    def at_once(self, text: str, language: str, listeners: Sequence[str]) -> float | None:
        """The speed of a translation that comes for `listeners` now; None where it would not be spoken yet."""
        if not listeners or max(map(self.backlog_s, listeners)) > BEHIND_S:
            return None
        asked, group = self.groups(listeners)[0]
        return self.speed(text, language, asked, group)

    def trim(self, listeners: Sequence[str]) -> None:
        """Drop the oldest text of those who have too much to hear; never the latest."""
        for listener in listeners:
            while self.backlog_s(listener) > CAP_S and len(waiting := self._ledger.waiting(listener)) > 1:
                self._ledger.drop(waiting[0].clause, listener, Reason.BACKLOG)

    def _another_is_first(self, clause: Clause, listener: str) -> bool:
        """Whether another speaker's next one ended before `clause`. Of two such, only one can wait for the other."""
        following: dict[str, Clause] = {}
        for one in self._ledger.waiting(listener):
            following.setdefault(one.clause.speaker, one.clause)
        following.pop(clause.speaker, None)
        return any(one.span.end_s < clause.span.end_s for one in following.values())

    def _left_s(self, listener: str) -> float:
        return sum(one.backlog_s for one in self._playbacks([listener]))
