"""Text as it is spoken: words only, in small letters, and in Latin letters where the model was taught so.

The order of the steps is the reference's (`multilingual_cleaners`); what differs, and why, is in docs/xtts.md.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable

from export.runtime.xtts.text import characters, languages, numbers, words
from export.runtime.xtts.text.languages import Language, MissingPackage

_TURKISH = str.maketrans("İI", "iı")
"""Turkish has two letters i, and their small ones are not what other languages make of them."""

_OWN_PUNCTUATION = ("ja", "zh")
"""Languages whose own step deals with every kind of quote and dash."""


def write_out(text: str, language: Language) -> str:
    """`text` (cleaned) in words, in its own script."""
    plain = (text if language.code in _OWN_PUNCTUATION else characters.plain(text)).replace('"', "")
    small = (plain.translate(_TURKISH) if language.code == "tr" else plain).lower()
    expanded = words.expand_abbreviations(numbers.read_out(small, language.code), language.code)
    return " ".join(words.expand_signs(expanded, language.code).split())


def romanise(text: str, language: Language) -> str:
    """`text` (written out) in the letters that the model knows.

    Raises:
        MissingPackage: the language needs one that is not installed.
    """
    return _romaniser(language)(text) if language.packages else text


@functools.cache
def _romaniser(language: Language) -> Callable[[str], str]:
    languages.check(language)
    return {"zh": _pinyin, "ja": _romaji, "ko": _hangul}[language.code]()


def _pinyin() -> Callable[[str], str]:
    import pypinyin

    style = pypinyin.Style.TONE3
    return lambda text: "".join(pypinyin.lazy_pinyin(text, style=style, neutral_tone_with_five=True))


def _romaji() -> Callable[[str], str]:
    import cutlet

    try:
        cutter = cutlet.Cutlet()
    except RuntimeError as fault:  # fugashi, of a dictionary that is there but broken
        reason = str(fault).strip().splitlines()[0]
        raise MissingPackage(f"Japanese needs a dictionary that fugashi can read: unidic-lite ({reason}).") from None
    one_at_a_time = threading.Lock()  # MeCab keeps the sentence it is at in the one tagger there is

    def romaji(text: str) -> str:
        with one_at_a_time:
            return str(cutter.romaji(text)).lower()

    return romaji


def _hangul() -> Callable[[str], str]:
    import ko_speech_tools

    return lambda text: str(ko_speech_tools.hangul_romanize(text))
