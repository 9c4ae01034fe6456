"""When a clause may be committed: for now where speech ends, or at a firm sentence end inside what was said.

`feed` takes every transcript, partial ones too, so that earlier commits need no other interface.
"""

from __future__ import annotations

from collections.abc import Callable

from controller.messages import Clause, Span, Transcript, Word
from controller.text import sentences


class ClauseBuilder:
    """Makes one speaker's clauses out of transcripts."""

    def __init__(self, speaker: str, last_voiced_s: Callable[[Span], float]) -> None:
        """`last_voiced_s`: the end of the last voiced frame in a span, by the controller's own detector."""
        self._speaker = speaker
        self._last_voiced_s = last_voiced_s
        self._count = 0

    def foresee(self, transcript: Transcript) -> list[str]:
        """The texts of the clauses that may soon be committed, in order; none where nothing can be said of that."""
        return sentences(transcript.text) if transcript.draft else []

    def feed(self, transcript: Transcript, language: str) -> list[Clause]:
        """The clauses in `language` that may be committed now, in order."""
        if not transcript.final:
            return []
        texts = sentences(transcript.text)
        return [
            self._clause(text, span, language) for text, span in zip(texts, self._spans(texts, transcript), strict=True)
        ]

    def _clause(self, text: str, span: Span, language: str) -> Clause:
        self._count += 1
        return Clause(f"{self._speaker}-{self._count}", self._speaker, text, span, language)

    def _spans(self, texts: list[str], transcript: Transcript) -> list[Span]:
        spans = []
        start, words = transcript.span.start_s, 0
        for text in texts[:-1]:
            words += len(text.split())
            end = _end_of_words(transcript.words, words)
            if end is None:  # no times: by the share of the letters
                end = start + transcript.span.seconds * len(text) / max(1, len(transcript.text))
            end = min(max(end, start), transcript.span.end_s)
            span = Span(start, self._last_voiced_s(Span(start, end)))
            spans.append(span)
            start = span.end_s
        if texts:
            spans.append(Span(start, self._last_voiced_s(Span(start, transcript.span.end_s))))
        return spans


def _end_of_words(words: tuple[Word, ...], count: int) -> float | None:
    """When the word number `count` (from 1) ends; None where the recogniser gave no such word."""
    return words[count - 1].end_s if 0 < count <= len(words) else None
