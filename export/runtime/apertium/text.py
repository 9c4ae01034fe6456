"""Text on its way into Apertium's stream format and back, and the signs that its tagger drops.

Knows text only.
"""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\[\]{}^$@\\/<>])")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)

END = "[][\n]"
"""A superblank that tells the tagger the sentence is over; it comes back at the end of the answer."""

_SENTENCE = re.compile(r"[^.!?…]*[.!?…]*")
_OPENING = {"?": "¿", "!": "¡"}


def escape(text: str) -> str:
    """`text` on one line, with the stream format's signs escaped and NUL, which ends a request, left out."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.replace("\0", " ").split()))


def unescape(stream: str) -> str:
    """The opposite of `escape`, with stray double spaces removed."""
    return " ".join(_ESCAPED.sub(r"\1", stream.replace(END, "")).split())


def with_opening_signs(text: str) -> str:
    """Spanish `text` with the ¿ and ¡ that belong to its ? and !."""
    return "".join(_opened(match.group()) for match in _SENTENCE.finditer(text))


def without_opening_signs(text: str) -> str:
    """`text` without ¿ and ¡, for languages that have none."""
    return text.translate({ord("¿"): None, ord("¡"): None})


def _opened(sentence: str) -> str:
    sign = _OPENING.get(sentence[-1:])
    if sign is None or sign in sentence:
        return sentence
    body = sentence.lstrip()
    # A clause before the last comma is rarely part of the question, but its sign at the start is never wrong.
    return sentence[: len(sentence) - len(body)] + sign + body
