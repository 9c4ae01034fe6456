"""Text as it comes, made of characters the model can know: no controls, no emoji, one kind of digit.

Knows nothing of languages and nothing of words.
"""

from __future__ import annotations

import re
import unicodedata

_TYPOGRAPHIC = str.maketrans(
    {**dict.fromkeys("“”„‟«»‹›", '"'), **dict.fromkeys("‘’‚‛ʼ", "'"), **dict.fromkeys("‐‑‒–—―−", "-")}
)

_ALIKE = str.maketrans(
    {
        # The vocabulary's own marks stand in square brackets: "[de]" in a text would be an order to speak German.
        **dict.fromkeys("[]", " "),
        "℃": "°C",
        "℉": "°F",
        "٫": ",",  # the Arabic decimal comma, and what groups thousands there
        "٬": ".",
    }
)

_THOUSANDS = re.compile(r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3}(?!\d))")
"""Spaces that do not break group digits ("12 000"); an ordinary one may stand between two numbers."""

_PICTURE = "\ufffc"
_PICTURES_BEFORE_MARK = re.compile(rf"(?<![\s{_PICTURE}])\s*+{_PICTURE}[\s{_PICTURE}]*+(?=[.,;:!?…])")
"""Looked for once in each run of them: a text may be nothing else."""

_KEPT_SYMBOLS = "°"
"""Of the category of emoji and dingbats, yet read out."""


def clean(text: str) -> str:
    """`text` in one line, composed (NFC), without what cannot be spoken."""
    composed = _THOUSANDS.sub("", unicodedata.normalize("NFC", text)).translate(_ALIKE)
    return " ".join(_PICTURES_BEFORE_MARK.sub("", "".join(map(_known, composed))).replace(_PICTURE, " ").split())


def plain(text: str) -> str:
    """`text` with the quotes, apostrophes and dashes of a typewriter, which are in every vocabulary."""
    return text.translate(_TYPOGRAPHIC)


def speakable(text: str) -> bool:
    """Whether there is anything to say: the model invents speech over mere punctuation."""
    return any(char.isalnum() for char in text)


def _known(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category in ("Cf", "Me") or "\ufe00" <= char <= "\ufe0f" or (category == "Sk" and char > "\U0001f000"):
        return ""
    if category == "So" and char not in _KEPT_SYMBOLS:
        return _PICTURE
    if category[0] in "CZ":
        return " "
    return char
