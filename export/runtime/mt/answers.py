"""A text whose sentences are translated one by one, perhaps in company of others': answered once, when all are done."""

from __future__ import annotations

from typing import Any


class Text:
    """One request's text."""

    def __init__(self, sender: Any, sentences: int) -> None:
        self.sender = sender
        self._told: list[str | None] = [None] * sentences
        self._ended = False

    @property
    def whole(self) -> str:
        """The translation, sentence by sentence."""
        return " ".join(one for one in self._told if one)

    def put(self, place: int, translation: str) -> bool:
        """Keep the translation of a sentence; True with the last of them, which is when to answer."""
        self._told[place] = translation
        return None not in self._told and self.end()

    def end(self) -> bool:
        """Whether it had no answer yet; from then on it has."""
        first, self._ended = not self._ended, True
        return first
