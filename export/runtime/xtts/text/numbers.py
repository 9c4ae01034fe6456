"""Every digit of a text in words: telephone numbers, dates, thousands, money, decimals, places in a row, numbers.

In the reference's order, where each step finds what the one before has left; its tables of endings are the reference's
and their exceptions ours. Chinese has readings of its own. What is read is one piece of a text, of 273 characters at
most: not all of these patterns would take time in proportion to a longer one.
"""

from __future__ import annotations

import re

from export.runtime.xtts.text import chinese, counting, money

LONG = 7
"""Digits from which a number without separators is a telephone or account number, unless it is round."""

_LONG_RUN = re.compile(
    rf"(?<![\d.,])(?<!{money.SIGN})(?<!{money.SIGN} )(?!\d+000(?!\d))\d{{{LONG},}}(?!\d|[.,]\d| ?{money.SIGN})"
)
_LEADING_ZERO = re.compile(r"(?<![\d.,])(?:0\d{2,}|(?<=\d:)0\d|0\d(?= \d\d(?!\d)))(?![.,]?\d)")
"""Of codes, of minutes and of telephone numbers in pairs; that of a date or an hour is not said."""


_TELEPHONE = re.compile(
    r"(?<![\d.,-])(?!\d{4}-\d{1,2}-\d{1,2}(?!\d))(?!\d{1,2}-\d{1,2}-\d{2,4}(?![\d-]))"
    r"(?=0|(?:\d+-)*\d{3}(?!\d))(?:\d{2,5}(?:-\d{2,5}){2,}|\d{3}-\d{4})(?![\d-])"
)
"""Groups joined by hyphens that are no date."""

_DATE = re.compile(r"(?<![\d.,])(\d{1,2})\. ?(\d{1,2})\. ?(?=\d{4}(?!\d))")
_GERMAN_DAY = re.compile(r"\b(?P<which>am|vom|zum|den|dem) (?P<day>\d{1,2})\.(?: ?(?P<month>\d{1,2})\.)?(?=\s|$)")
"""A day is a place in a row at the end of a text, too ("wir kommen am 3.")."""

_SERIES = re.compile(r"(?<![\d.,])(?!\d{1,3}(?:\.\d{3})+(?!\.?\d))\d{1,4}(?:\.\d{1,4}){2,}(?!\d)")

_MANY_GROUPS = re.compile(r"(?<![\d.,])\d{1,3}([.,])\d{3}(?:\1\d{3})+(?!\d)")
_COMMA_GROUPS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?!\d)")
_LAKH_GROUPS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{2})*,\d{3}(?!\d)")
_DOT_GROUPS = re.compile(r"\b\d{1,3}(?:\.\d{3})+(?!\d)")

_SPACE_GROUPS = re.compile(r"(?<![\d.,])(?<!\d )(?:\d{1,2}(?: \d{3})+|\d{3}(?: \d{3})* 000)(?! ?\d)")
_GROUPED_BY_SPACES = ("cs", "es", "fr", "hu", "pl", "pt", "ru")
"""Where "12 000" is a number; three digits before the space could be a telephone's, too."""

_DECIMAL = re.compile(r"(?<!\d)(\d+)[.,](\d+)")
_NUMBER = re.compile(r"\d+")

_DOT = r"\.(?=\s+\S)"
"""A full stop behind a number makes it a place in a row where more follows; at the end it ends the text."""

_ENDINGS = {
    "ar": "ون|ين|ث|ر|ى",
    "cs": _DOT,
    "de": f"st|nd|rd|th|º|ª|{_DOT}",
    "en": "st|nd|rd|th",
    "es": "º|ª|ero|era|er|o|a",
    "fr": "º|ª|ère|ere|er|re|ème|eme|e",
    "hi": "st|nd|rd|th|ला|रा|था",
    "hu": f"{_DOT}|adik|edik|odik|ödik|ik",
    "it": "º|°|ª|o|a|i|e",
    "ko": "번째|번|차|째",
    "nl": "de|ste|e",
    "pl": "º|ª|st|nd|rd|th",
    "pt": "º|ª|o|a",
    "ru": "-й|-я|-е|-ое|-ье|-го",
    "tr": f"{_DOT}|inci|ıncı|uncu|üncü|nci|ncı|ncu|ncü",
}
_ENDS = dict.fromkeys(_ENDINGS, r"(?!\w)") | {"es": r"(?!\w)|(?=s\b)", "pt": r"(?!\w)|(?=s\b)", "hu": "", "ko": ""}
"""What must follow an ending: no word that goes on. Cases and particles follow at once in Hungarian and Korean, an s in
Spanish."""

_ORDINALS = {
    language: re.compile(rf"(?<!\d)(\d+)({endings})(?:{_ENDS[language]})") for language, endings in _ENDINGS.items()
}


def read_out(text: str, language: str) -> str:
    """`text` (in small letters) without digits."""
    if language == "zh":
        return chinese.read_out(money.read_out(_dates(_MANY_GROUPS.sub(_bare, text), language), language))
    text = _TELEPHONE.sub(lambda found: ", ".join(map(" ".join, found[0].split("-"))), text)
    text = _LONG_RUN.sub(_spaced, text)
    if language in _GROUPED_BY_SPACES:
        text = _SPACE_GROUPS.sub(_bare, text)
    text = _LEADING_ZERO.sub(_spaced, text)
    text = money.read_out(_ungrouped(_dates(text, language), language), language)
    text = _DECIMAL.sub(lambda found: counting.decimal(found[1], found[2], language), text)
    text = _ordinals(text, language)
    return _NUMBER.sub(lambda found: counting.cardinal(found[0], language), text)


def _dates(text: str, language: str) -> str:
    """Numbers joined by full stops one by one: no decimals of decimals."""
    if language == "de":
        text = _GERMAN_DAY.sub(_german_day, text)
    if language in ("cs", "de"):
        text = _DATE.sub(r"\1. \2. ", text)
    return _SERIES.sub(lambda found: found[0].replace(".", " "), text)


def _german_day(found: re.Match[str]) -> str:
    places = [counting.ordinal(digits, "de") for digits in (found["day"], found["month"]) if digits]
    return " ".join(filter(None, (found["which"], *places)))


def _ungrouped(text: str, language: str) -> str:
    """Thousands without their separators, which decide what is a decimal point."""
    text = _MANY_GROUPS.sub(_bare, text)
    if language == "hi":
        return _LAKH_GROUPS.sub(_bare, text)
    return (_COMMA_GROUPS if language in ("en", "ja", "ko", "ru") else _DOT_GROUPS).sub(_bare, text)


def _spaced(found: re.Match[str]) -> str:
    return " ".join(found[0])


def _bare(found: re.Match[str]) -> str:
    return re.sub("[ .,]", "", found[0])


def _ordinals(text: str, language: str) -> str:
    def words(found: re.Match[str]) -> str:
        return counting.ordinal(found[1], language) or f"{counting.cardinal(found[1], language)}{found[2].strip('.')}"

    return _ORDINALS[language].sub(words, text) if language in _ORDINALS else text
