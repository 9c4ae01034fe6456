"""Text as it comes, made of characters the model can know: no controls, no emoji, one kind of digit, quote and dash.

Knows nothing of languages and nothing of words.
"""

from __future__ import annotations

import re
import unicodedata

_ALIKE = str.maketrans(
    {
        **dict.fromkeys("“”„‟«»‹›", '"'),
        **dict.fromkeys("‘’‚‛ʼ＇", "'"),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        # The vocabulary's own marks stand in square brackets: "[de]" in a text would be an order to speak German.
        **dict.fromkeys("[]", " "),
        "℃": "°C",
        "℉": "°F",
        "﷼": " ",
    }
)

_THOUSANDS = re.compile(r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3}(?!\d))")
"""Spaces that do not break group digits ("12 000"); an ordinary one may stand between two numbers."""

_KEPT_SYMBOLS = "°"
"""Of the category of emoji and dingbats, yet read out."""


def clean(text: str) -> str:
    """`text` in one line, composed (NFC), without what cannot be spoken."""
    composed = _THOUSANDS.sub("", unicodedata.normalize("NFC", text)).translate(_ALIKE)
    return " ".join("".join(map(_known, composed)).split())


def speakable(text: str) -> bool:
    """Whether there is anything to say: the model invents speech over mere punctuation."""
    return any(char.isalnum() for char in text)


def _known(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category in ("Cf", "Me") or "\ufe00" <= char <= "\ufe0f" or (category == "Sk" and char > "\U0001f000"):
        return ""
    if category[0] in "CZ" or (category == "So" and char not in _KEPT_SYMBOLS):
        return " "
    return char
