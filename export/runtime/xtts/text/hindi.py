"""Hindi numbers in words; num2words has none, and the reference fails at the first digit.

Every number below a hundred has a word of its own, then come hundreds, thousands, lakhs and crores.
"""

from __future__ import annotations

_NAMES = (
    "शून्य एक दो तीन चार पाँच छह सात आठ नौ "
    "दस ग्यारह बारह तेरह चौदह पंद्रह सोलह सत्रह अठारह उन्नीस "
    "बीस इक्कीस बाईस तेईस चौबीस पच्चीस छब्बीस सत्ताईस अट्ठाईस उनतीस "
    "तीस इकतीस बत्तीस तैंतीस चौंतीस पैंतीस छत्तीस सैंतीस अड़तीस उनतालीस "
    "चालीस इकतालीस बयालीस तैंतालीस चौवालीस पैंतालीस छियालीस सैंतालीस अड़तालीस उनचास "
    "पचास इक्यावन बावन तिरेपन चौवन पचपन छप्पन सत्तावन अट्ठावन उनसठ "
    "साठ इकसठ बासठ तिरेसठ चौंसठ पैंसठ छियासठ सड़सठ अड़सठ उनहत्तर "
    "सत्तर इकहत्तर बहत्तर तिहत्तर चौहत्तर पचहत्तर छिहत्तर सतहत्तर अठहत्तर उन्यासी "
    "अस्सी इक्यासी बयासी तिरासी चौरासी पचासी छियासी सत्तासी अट्ठासी नवासी "
    "नब्बे इक्यानवे बानवे तिरानवे चौरानवे पचानवे छियानवे सत्तानवे अट्ठानवे निन्यानवे"
)
_BELOW_HUNDRED = _NAMES.split()

_SCALES = ((10**11, "खरब"), (10**9, "अरब"), (10**7, "करोड़"), (10**5, "लाख"), (1000, "हज़ार"), (100, "सौ"))

_ORDINALS = {1: "पहला", 2: "दूसरा", 3: "तीसरा", 4: "चौथा", 6: "छठा"}


def cardinal(number: int) -> str:
    """`number` (not negative, below 10^13) in words."""
    if number >= 10**13:
        raise OverflowError(number)
    words = []
    for value, name in _SCALES:
        count, number = divmod(number, value)
        if count:
            words += [cardinal(count), name]
    if number or not words:
        words.append(_BELOW_HUNDRED[number])
    return " ".join(words)


def ordinal(number: int) -> str:
    """Its place in a row, in the masculine."""
    return _ORDINALS.get(number) or f"{cardinal(number)}वाँ"
