"""Whole numbers, places in a row and decimals in words, one at a time, for all languages but Chinese.

num2words reads them as the model was taught; here is what it lacks: Hindi, numbers too large for it, decimals it gets
wrong. Knows no text.
"""

from __future__ import annotations

import functools
import threading

from num2words import num2words

from export.runtime.xtts.text import hindi

LARGEST = 15
"""Digits up to which a number is read as one. The least of num2words' languages ends at 21, sense ends earlier."""

LONGEST_FRACTION = 6
"""Digits behind the point up to which a float holds what was written, whatever stands before it."""

_POINTS = {
    "ar": "فاصلة",
    "cs": "celá",
    "de": "komma",
    "en": "point",
    "es": "punto",
    "fr": "virgule",
    "hi": "दशमलव",
    "hu": "egész",
    "it": "virgola",
    "ja": "点",
    "ko": "점",
    "nl": "komma",
    "pl": "przecinek",
    "pt": "vírgula",
    "ru": "запятая",
    "tr": "virgül",
}

_BY_DIGITS = ("ar", "hi")
"""Decimals of which the digits are read one by one: num2words reads Arabic ones as hundredths ("12.5": twelve, fifty)
and those below one without their zero."""

_CZECH = (
    "nultý první druhý třetí čtvrtý pátý šestý sedmý osmý devátý desátý jedenáctý dvanáctý třináctý čtrnáctý patnáctý "
    "šestnáctý sedmnáctý osmnáctý devatenáctý"
    " dvacátý třicátý čtyřicátý padesátý šedesátý sedmdesátý osmdesátý devadesátý"
)
_CZECH_PLACES = _CZECH.split()
"""From zeroth to nineteenth, then the tens."""

_UNABLE = (
    KeyError,  # a table ends: places in a row in Korean, long decimals in Hungarian
    IndexError,  # the same: the place 0 in Polish
    RecursionError,  # very large places in a row in Spanish
    OverflowError,
    TypeError,
    ValueError,
)
"""What num2words raises for what it cannot say: it has no error of its own for all of that. The last three it raises on
purpose, by its source."""

_one_at_a_time = threading.Lock()
"""num2words has one object a language, and Arabic keeps the number it is at in it."""


def cardinal(digits: str, language: str) -> str:
    """`digits` as one number; digit by digit where it is too large for that."""
    if len(digits.lstrip("0")) > LARGEST:
        return singly(digits, language)
    if language == "hi":
        return hindi.cardinal(int(digits)) if int(digits) < 10**13 else singly(digits, language)
    return _words(int(digits), language)


def ordinal(digits: str, language: str) -> str | None:
    """`digits` as a place in a row; None where nobody knows its word."""
    if len(digits.lstrip("0")) > LARGEST:
        return None
    number = int(digits)
    if language == "cs":
        return _czech_place(number)
    try:
        return (hindi.ordinal(number) if language == "hi" else _words(number, language, to="ordinal")) or None
    except _UNABLE:
        return None


def decimal(whole: str, fraction: str, language: str) -> str:
    """`whole` and what stands behind the point."""
    if language == "tr":  # its num2words takes "12.5" for "12.50"
        zeros = fraction[: len(fraction) - len(fraction.lstrip("0"))]
        return _joined([cardinal(whole, language), _POINTS["tr"], singly(zeros, language), _rest(fraction, language)])
    if language not in _BY_DIGITS and len(whole) <= LARGEST - LONGEST_FRACTION and len(fraction) <= LONGEST_FRACTION:
        try:
            return _words(float(f"{whole}.{fraction}"), language)
        except _UNABLE:
            pass
    return _joined([cardinal(whole, language), _POINTS[language], singly(fraction, language)])


def singly(digits: str, language: str) -> str:
    """Digit by digit."""
    if language == "hi":
        return _joined([hindi.cardinal(int(digit)) for digit in digits])
    return _joined([_words(int(digit), language) for digit in digits])


def money(amount: float, currency: str, language: str) -> str:
    """What num2words says to an amount of one of its currencies."""
    with _one_at_a_time:
        return str(num2words(amount, to="currency", currency=currency, lang=language)).lower()


@functools.lru_cache(maxsize=2048, typed=True)  # a text may be nothing but digits; 2.0 is not said like 2
def _words(number: float, language: str, to: str = "cardinal") -> str:
    with _one_at_a_time:
        return str(num2words(number, to=to, lang=language)).strip().lower()


def _rest(fraction: str, language: str) -> str:
    return cardinal(fraction, language) if int(fraction) else ""


def _joined(words: list[str]) -> str:
    return " ".join(filter(None, words))


def _czech_place(number: int) -> str | None:
    if number < 20:
        return _CZECH_PLACES[number]
    if number < 100:
        tens, one = divmod(number, 10)
        return _joined([_CZECH_PLACES[18 + tens], _CZECH_PLACES[one] if one else ""])
    return None
