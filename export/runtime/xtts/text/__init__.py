"""From what a caller wrote to what XTTS reads: pieces of a text, each as tokens, with a bound on their sound.

    front = TextFrontEnd(weights / "vocab.json", config)
    for piece in front.pieces("It costs $20. Do you take it?", "en"):
        speak(piece.ids, at_most=piece.most_codes)

One step a module: characters, splitting, numbers (counting, money, chinese, hindi), words, spoken, vocabulary, lengths.
Nothing here knows weights or sound.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from export.runtime.xtts.config import ModelConfig
from export.runtime.xtts.text import languages, lengths, splitting, spoken
from export.runtime.xtts.text.characters import clean, speakable
from export.runtime.xtts.text.languages import Language, MissingPackage, TextError, UnknownLanguage
from export.runtime.xtts.text.vocabulary import Vocabulary

_FULL_STOPS = ".।۔"


@dataclass(frozen=True, slots=True)
class Piece:
    """What is spoken in one go."""

    text: str
    """As it was written, spaces at its ends aside."""
    spoken: str
    """As it is said, in the letters the model reads."""
    ids: tuple[int, ...]
    """The GPT's input, from the start token to the stop token."""
    most_codes: int
    """Audio tokens behind which what comes is not this text."""
    ends_sentence: bool
    """Whether a pause follows, not just a breath."""
    unknown: int
    """Tokens left out because the vocabulary lacks their characters."""


class TextFrontEnd:
    """For one checkpoint, all its languages. May be used by several threads."""

    def __init__(self, vocabulary: Path, config: ModelConfig, *, full_stops: bool = False) -> None:
        """Args:
        vocabulary: `vocab.json`.
        full_stops: keep a piece's last full stop, as the reference does. XTTS reads it out ("punto", "ponto") or
            goes on talking behind it; without it, it does so less.
        """
        self._vocabulary = Vocabulary(vocabulary)
        self._config = config
        self._full_stops = full_stops

    def language(self, name: str) -> Language:
        """The language called `name`, once it is known that it can be spoken here.

        Raises:
            UnknownLanguage: XTTS, or this checkpoint, does not speak it.
            MissingPackage: one that it needs is not installed.
        """
        language = languages.find(name)
        if not self._vocabulary.speaks(language):
            raise UnknownLanguage(f"The checkpoint's vocabulary has no {language.prefix}: it does not speak {name!r}.")
        languages.check(language)
        return language

    def pieces(self, text: str, language: str, *, limit: int | None = None) -> list[Piece]:
        """`text` ready to be spoken, in order; nothing for a text without a letter or digit.

        Args:
            text: anything; what cannot be spoken (emoji, control characters) is left out.
            language: "en", "en-US", "zh-cn".
            limit: characters a piece, if fewer than the language allows: the first sound comes sooner.

        Raises:
            UnknownLanguage, MissingPackage: as `language`.
        """
        found = self.language(language)
        most = min(limit or found.limit, found.limit)
        return [
            piece
            for part in splitting.split(clean(text), found, most)
            if speakable(part)
            for piece in self._fitting(part, found, most)
        ]

    def _fitting(self, text: str, language: Language, limit: int) -> list[Piece]:
        """One piece; more where numbers written out make it longer than the model can take."""
        words = spoken.write_out(text, language)
        piece = self._piece(text, words, language)
        fits = len(piece.ids) - 2 < self._config.max_text and len(words) <= language.limit
        if fits or len(text.strip()) < 2:
            return [piece] if self._vocabulary.sounds(piece.ids[2:-1]) else []
        shorter = min(limit, len(text.strip())) * 2 // 3
        return [
            one
            for part in splitting.split(text, language, max(1, shorter))
            if speakable(part)
            for one in self._fitting(part, language, max(1, shorter))
        ]

    def _piece(self, text: str, words: str, language: Language) -> Piece:
        letters = spoken.romanise(words if self._full_stops else _without_full_stop(words), language)
        encoded = self._vocabulary.encode(letters, language)
        known = self._vocabulary.known(encoded)
        return Piece(
            text=text.strip(),
            spoken=letters,
            ids=(self._config.start_text, *known, self._config.stop_text),
            most_codes=lengths.most_codes(text, words, language, self._config),
            ends_sentence=splitting.ends_sentence(text, language),
            unknown=len(encoded) - len(known),
        )


def _without_full_stop(words: str) -> str:
    """A single one: three mean something else, and a question or an exclamation must sound like one."""
    bare = words.rstrip(_FULL_STOPS + " ")
    return bare if len(words.replace(" ", "")) - len(bare.replace(" ", "")) == 1 else words


__all__ = ["Language", "MissingPackage", "Piece", "TextError", "TextFrontEnd", "UnknownLanguage", "clean"]
