"""Amounts of money in words: "$20", "20 €", "1.234,50 €".

num2words says them where it knows both language and currency; names are written out here where it does not (the
reference leaves the sign standing there, loses it, or calls every currency riyal).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from export.runtime.xtts.text import chinese, counting

_CURRENCIES = {
    "$": "USD",
    "£": "GBP",
    "€": "EUR",
    "₹": "INR",
    "₽": "RUB",
    "₺": "TRY",
    "₩": "KRW",
    "¥": "JPY",
    "￥": "JPY",
}

SIGN = f"[{''.join(_CURRENCIES)}]"
"""A currency's sign, as part of a pattern."""

_AMOUNT = r"\.?\d(?:[\d.,]*\d)?"
_MONEY = re.compile(rf"(?P<before>{SIGN}) ?(?P<first>{_AMOUNT})|(?<!\d)(?P<last>{_AMOUNT}) ?(?P<behind>{SIGN})")

_ZERO = {
    "cs": ", nula ",
    "de": " und null ",
    "en": ", zero ",
    "es": " con cero ",
    "fr": " et zéro ",
    "it": " e zero ",
    "nl": ", nul ",
    "pl": ", zero ",
    "pt": " e zero ",
    "ru": ", ноль ",
}
"""Where the cents of a whole amount begin in what num2words says: they are left out."""

_NUM2WORDS = {
    "USD": ("de", "en", "es", "fr", "it", "nl", "pl", "pt", "ru"),
    "GBP": ("de", "en", "es", "fr", "it", "nl", "pt"),
    "EUR": ("cs", "de", "en", "es", "fr", "it", "nl", "pl", "pt", "ru"),
}
"""The languages whose currencies num2words says right."""

_NAMES = {
    "ar": {"USD": "دولار/دولارات,سنت/سنتات", "GBP": "جنيه/جنيهات,بنس", "EUR": "يورو,سنت/سنتات"},
    "cs": {"USD": "dolar/dolary/dolarů,cent/centy/centů", "GBP": "libra/libry/liber,pence"},
    "hi": {"USD": "डॉलर,सेंट", "GBP": "पाउंड,पेंस", "EUR": "यूरो,सेंट", "INR": "रुपया/रुपये,पैसा/पैसे"},
    "hu": {"USD": "dollár,cent", "GBP": "font,penny", "EUR": "euró,cent"},
    "ja": {"USD": "ドル,セント", "GBP": "ポンド,ペンス", "EUR": "ユーロ,セント", "JPY": "円,銭"},
    "ko": {"USD": "달러,센트", "GBP": "파운드,펜스", "EUR": "유로,센트", "KRW": "원,전"},
    "pl": {"GBP": "funt/funty/funtów,pens/pensy/pensów"},
    "ru": {"GBP": "фунт/фунта/фунтов,пенс/пенса/пенсов", "RUB": "рубль/рубля/рублей,копейка/копейки/копеек"},
    "tr": {"USD": "dolar,sent", "GBP": "sterlin,peni", "EUR": "avro,sent", "TRY": "lira,kuruş"},
}
"""The whole and the hundredth; of each the form for one, for a few, and for many where they differ."""

_AGREES = {
    ("cs", 1, "dolar"): "jeden",
    ("cs", 1, "cent"): "jeden",
    ("cs", 2, "libry"): "dvě",
    **{("hu", 2, name): "két" for name in ("dollár", "font", "euró", "cent", "penny")},
    ("ru", 1, "копейка"): "одна",
    ("ru", 2, "копейки"): "две",
}
"""Numbers that are said otherwise before what they count."""

_ENGLISH = {"$": "dollars", "£": "pounds", "€": "euros"}
_ENGLISH_MILLIONS = re.compile(rf"([$£€]) ?({_AMOUNT}) (thousand|million|billion|trillion)\b")
"""The sign stands before what it counts, the scale behind: "$5 million"."""

_CHINESE = {"$": "美元", "£": "英镑", "€": "欧元", "¥": "元", "￥": "元"}
_CHINESE_AMOUNT = r"\d+(?:[,，]\d{3})*(?:\.\d+)?"
_CHINESE_MONEY = re.compile(rf"([$£€¥￥]) ?({_CHINESE_AMOUNT})|(?<!\d)({_CHINESE_AMOUNT}) ?([$£€¥￥])")


def read_out(text: str, language: str) -> str:
    """`text` with its amounts of money in words; those of which nobody knows the name stay as they are."""
    if language == "zh":
        return _CHINESE_MONEY.sub(_chinese, text)

    if language == "en":
        text = _ENGLISH_MILLIONS.sub(lambda found: f"{found[2]} {found[3]} {_ENGLISH[found[1]]}", text)

    def words(found: re.Match[str]) -> str:
        currency = _CURRENCIES[found["before"] or found["behind"]]
        return _words(*_parse(found["first"] or found["last"]), currency, language) or found[0]

    return _MONEY.sub(words, text)


def _chinese(found: re.Match[str]) -> str:
    amount = (found[2] or found[3]).replace(",", "").replace("，", "")
    return f"{chinese.number(amount)}{_CHINESE[found[1] or found[4]]}"


def _parse(written: str) -> tuple[str, str]:
    """The whole and the hundredths. Of points and commas the last is the decimal one, unless three digits follow it."""
    *groups, last = re.split("[.,]", written)
    if not groups or len(last) == 3:
        return "".join((*groups, last)), ""
    return "".join(groups) or "0", last


def _words(whole: str, fraction: str, currency: str, language: str) -> str | None:
    if len(whole) > counting.LARGEST - 2:
        return None
    cents = round(float(f"0.{fraction or 0}") * 100)
    if language in _NUM2WORDS.get(currency, ()):
        said = counting.money(float(f"{whole}.{fraction or 0}"), currency, language)
        return said if cents else said.partition(_ZERO[language])[0]
    names = _NAMES.get(language, {}).get(currency)
    if names is None:
        return None
    many, hundredth = (tuple(name.split("/")) for name in names.split(","))
    parts = [(whole, many)] if int(whole) or not cents else []
    parts += [(str(cents), hundredth)] if cents else []
    return " ".join(_counted(digits, forms, language) for digits, forms in parts)


def _counted(digits: str, forms: tuple[str, ...], language: str) -> str:
    number = int(digits)
    form = forms[min(_PLURALS.get(language, _one_or_more)(number), len(forms) - 1)]
    counted = _AGREES.get((language, number, form)) or counting.cardinal(digits, language)
    space = "" if language in ("ja", "ko") else " "
    return f"{counted}{space}{form}"


def _one_or_more(number: int) -> int:
    return int(number != 1)


def _slavic(number: int) -> int:
    if number == 1:
        return 0
    return 1 if number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14) else 2


def _russian(number: int) -> int:
    return 0 if number % 10 == 1 and number % 100 != 11 else _slavic(number)


def _czech(number: int) -> int:
    return 0 if number == 1 else 1 if number in (2, 3, 4) else 2


def _arabic(number: int) -> int:
    return int(3 <= number % 100 <= 10)


_PLURALS: dict[str, Callable[[int], int]] = {"ar": _arabic, "cs": _czech, "pl": _slavic, "ru": _russian}
