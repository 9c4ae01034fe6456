"""Numbers in Chinese texts, read by what stands beside them: dates, money, telephones, fractions, counted things.

The order of the readings and the words that decide are the reference's (`layers/xtts/zh_num2words.py`); there each is
found first and then replaced wherever the same digits stand first, here each is replaced where it was found.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable

_DIGITS = "零一二三四五六七八九"
_UNITS = tuple(zip((1, 2, 3, 4, *range(8, 48, 4)), "十百千万亿兆京垓秭穰沟涧正载", strict=False))[::-1]
"""Powers of ten that have a name, the greatest first."""

_PAIR = re.compile(r"(?<![零一二三四五六七八九十])二(?=[百千万亿兆京垓秭穰沟涧正载])")
"""A two that counts a unit from a hundred on is 两."""

_TOO_LARGE = 16
"""Digits from which a number is read digit by digit whatever it counts."""

_NUMBER = r"\d+(?:\.\d+)?"
_ROUGHLY = "[多余几]?"
_MONEY_UNIT = "(?:亿|千万|百万|万|千|百|元|块|角|毛|分)"
_COUNTED = (
    "[匹张座回场尾条个首阙阵网炮顶丘棵只支袭辆挑担颗壳窠曲墙群腔砣客贯扎捆刀令打手罗坡山岭江溪钟队单双对出口头脚板跳枝件贴针线管名位"
    "身堂课本页家户层丝毫厘分钱两斤铢石钧锱忽寸尺丈里寻常铺程撮勺合升斗盘碗碟叠桶笼盆盒杯斛锅簋篮罐瓶壶卮盏箩箱煲啖袋钵年月日季刻"
    "时周天秒旬纪岁世更夜春夏秋冬代伏辈丸泡粒幢堆根道面片块]|[千微][克米]"
)

_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:[,，]\d{3})+(?!\.?\d)")
_DATE = re.compile(
    r"(?<!\d)(?:(?P<year>[089]\d|(?:19|20)\d{2})年)?(?:(?P<month>\d{1,2})月(?:(?P<day>\d{1,2})(?P<of>[日号]))?)?"
)
_MONEY = re.compile(rf"(?<!\d){_NUMBER}{_ROUGHLY}{_MONEY_UNIT}(?:\d{_MONEY_UNIT}?)?")
_MOBILE = re.compile(r"(?<!\d)(?:\+?86 ?)?1(?:[38]\d|5[0-35-9]|7[678]|9[89])\d{8}(?!\d)")
_FIXED = re.compile(r"(?<!\d)(?:0(?:10|2[1-3]|[3-9]\d{2})-?)?[1-9]\d{6,7}(?!\d)")
_FRACTION = re.compile(r"(?<!\d)(\d+)/(\d+)")
_PERCENT = re.compile(rf"(?<!\d)({_NUMBER})[%％]")
_COUNT = re.compile(rf"(?<!\d){_NUMBER}(?={_ROUGHLY}(?:{_COUNTED}))")
_CODE = re.compile(r"(?<![\d.])\d{4,}(?!\.?\d)")
_PLAIN = re.compile(_NUMBER)
_LETTER_2_LETTER = re.compile(r"([a-zA-Z])二(?=[a-zA-Z])")

_PUNCTUATION = string.punctuation + (
    "！？｡。＂＃＄％＆＇（）＊＋，－／：；＜＝＞＠［＼］＾＿｀｛｜｝～｟｠｢｣､、〃《》「」『』"
    "【】〔〕〖〗〘〙〚〛〜〝〞〟〰〾〿–—‘’‛“”„‟…‧﹏·〈〉"
)
_TO_COMMAS = str.maketrans(_PUNCTUATION, "," * len(_PUNCTUATION))


def number(digits: str) -> str:
    """`digits`, with or without a decimal point, as a number: 12.5 is 十二点五, 200 is 两百."""
    whole, point, fraction = digits.partition(".")
    if len(whole) == 1 or len(whole) >= _TOO_LARGE or not (whole.strip("0") or point):
        words = singly(whole)
    else:
        words = _PAIR.sub("两", _with_units(whole))
    if point:
        words = f"{words or '零'}点{singly(fraction)}"
    return words.removeprefix("一") if words.startswith("一十") else words


def singly(digits: str) -> str:
    """Digit by digit; what is no digit is left out."""
    return "".join(_DIGITS[int(char)] for char in digits if char.isdigit())


def read_out(text: str) -> str:
    """`text` without digits, all punctuation made commas, as the model was taught."""
    for pattern, reading in _READINGS:
        text = pattern.sub(reading, text)
    return _LETTER_2_LETTER.sub(r"\g<1>2", text).translate(_TO_COMMAS)


def _with_units(digits: str) -> str:
    significant = digits.lstrip("0")
    if len(significant) < 2:
        zero = "零" if significant and significant != digits else ""
        return zero + singly(significant)
    power, unit = next(one for one in _UNITS if one[0] < len(significant))
    return _with_units(digits[:-power]) + unit + _with_units(significant[-power:])


def _date(found: re.Match[str]) -> str:
    year, month, day, of = found.group("year", "month", "day", "of")
    parts = [f"{singly(year)}年" if year else "", f"{number(month)}月" if month else ""]
    return "".join((*parts, f"{number(day)}{of}" if day else ""))


_READINGS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (_GROUPED, lambda found: number(found[0].replace(",", "").replace("，", ""))),
    (_DATE, _date),
    (_MONEY, lambda found: _PLAIN.sub(lambda part: number(part[0]), found[0])),
    (_MOBILE, lambda found: singly(found[0])),
    (_FIXED, lambda found: singly(found[0])),
    (_FRACTION, lambda found: f"{number(found[2])}分之{number(found[1])}"),
    (_PERCENT, lambda found: f"百分之{number(found[1])}"),
    (_COUNT, lambda found: number(found[0])),
    (_CODE, lambda found: singly(found[0])),
    (_PLAIN, lambda found: number(found[0])),
)
"""From the most particular to what is left."""
