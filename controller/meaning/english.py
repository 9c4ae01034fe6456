"""English."""

from __future__ import annotations

import re
from typing import Final

from controller.meaning.rules import NIGHT, Clock, Rules

_SMALL: Final = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
)
_TENS: Final = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINALS: Final = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth"
    " sixteenth seventeenth eighteenth nineteenth"
)
_TENTHS: Final = "twentieth thirtieth fortieth fiftieth sixtieth seventieth eightieth ninetieth"
_DAYS: Final = "monday tuesday wednesday thursday friday saturday sunday"
_MONTHS: Final = "january february march april may june july august september october november december"
_OTHERS_TOO: Final = ("march", "may")
"""Months that are other words as well."""

_DOLLAR, _CENT = frozenset({"dollar"}), frozenset({"cent"})
_EURO, _POUND, _PESO, _YEN = (frozenset({one}) for one in ("euro", "pound", "peso", "yen"))

_BEFORE_TO: Final = r"(?:at|about|around|its|it's|it is|is|until|till|by|before|after)"

_TITLES: Final = "mr mrs ms miss dr prof professor st jr sr captain lieutenant sergeant"
_NOT_NAMES: Final = (
    "i'm i'll i've i'd ok okay god lord sir madam ma'am mom mum dad mother father grandma grandpa aunt uncle"
    " doctor doctors internet christmas easter thanksgiving march may english spanish french german italian"
    " portuguese russian chinese japanese korean arabic american british mexican canadian european catholic"
    " christian jewish muslim latin latino hispanic asian african argentinian argentine colombian cuban"
    " peruvian chilean dutch polish swedish greek turkish indian irish scottish swiss belgian brazilian street"
    " avenue road boulevard lane drive square plaza court park bridge river lake mount mountain north south"
    " east west northern southern eastern western central city town county state states united kingdom republic"
    " hospital clinic hotel motel restaurant cafe bar bank airport station terminal gate university college"
    " school institute office department service services center centre customer support sales billing"
    " reception emergency room floor building tower house company corporation group agency council ministry"
    " president minister director manager officer agent saint new old big great first second third fourth fifth"
    " main high upper lower the and of for from with you your please press thank thanks hello hi good morning"
    " afternoon evening night yes not but this that there here we they he she it his her our their what when"
    " where who why how usa est pst gmt pin atm fax email web page monday's spring summer autumn fall winter"
    " today tomorrow yesterday world war museum church cathedral market beach island bay coast sea ocean valley"
    " airlines insurance health social security tax credit card account"
)
"""What has a capital here and not elsewhere, and what is translated."""

RULES: Final = Rules(
    code="en",
    numerals={word: value for value, word in enumerate(_SMALL.split())}
    | {word: 20 + 10 * place for place, word in enumerate(_TENS.split())},
    times_hundred=frozenset({"hundred"}),
    scales={"thousand": 1000, "million": 1_000_000, "billion": 1_000_000_000},
    within=frozenset({"", "-"}),
    after_hundreds=frozenset({"", "and"}),
    points=frozenset({"point"}),
    vague=frozenset({"one"}),
    spelled_zero=frozenset({"oh", "o"}),
    thousands=",",
    offers={word: (str(value),) for value, word in enumerate(_ORDINALS.split(), 1)}
    | {word: (str(20 + 10 * place),) for place, word in enumerate(_TENTHS.split())}
    | {
        "a": ("1",),
        "an": ("1",),
        "single": ("1",),
        "each": ("1",),
        "once": ("1",),
        "both": ("2",),
        "pair": ("2",),
        "couple": ("2",),
        "either": ("2",),
        "twice": ("2",),
        "double": ("2",),
        "triple": ("3",),
        "dozen": ("12", "6"),
        "fortnight": ("14", "15", "2"),
        "half": ("30", "90", "0.5", "1.5", "50"),
        "quarter": ("15", "25", "0.25", "4"),
        "quarters": ("45", "75", "0.75"),
        "noon": ("12",),
        "midday": ("12",),
        "midnight": ("12", "0", "24"),
        "nil": ("0",),
        "no": ("0",),
        "none": ("0",),
        "hundreds": ("100",),
        "thousands": ("1000",),
        "march": ("month:3",),
        "may": ("month:5",),
    },
    halves=frozenset({"half"}),
    stretched=(
        (re.compile(r"#(?P<h>\d+) weeks\b"), {"2": ("15", "14")}),
        (re.compile(r"#(?P<h>\d+) days\b"), {"15": ("2",), "14": ("15", "2"), "7": ("8", "1")}),
    ),
    clocks=(
        Clock(re.compile(r"\bhalf past #(?P<h>\d+)\b"), 30),
        Clock(re.compile(r"\bquarter (?:past|after) #(?P<h>\d+)\b"), 15),
        Clock(re.compile(r"\bquarter (?:to|of|before|till) #(?P<h>\d+)\b"), 15, to=True),
        Clock(re.compile(r"#(?P<m>\d+) (?:minutes )?past #(?P<h>\d+)\b")),
        Clock(re.compile(r"#(?P<m>\d+) minutes (?:to|before|till) #(?P<h>\d+)\b"), to=True),
        Clock(re.compile(rf"\b{_BEFORE_TO} #(?P<m>\d+) to #(?P<h>\d+)\b"), to=True),
        Clock(re.compile(r"#(?P<h>\d+) #(?P<m>\d+)\b"), needs_half=True),
        Clock(re.compile(r"#(?P<h>\d+) o'?clock\b")),
        Clock(re.compile(r"#(?P<h>\d+)\b"), needs_half=True),
    ),
    half_days=(
        (re.compile(r" (?:o'?clock )?(?:am|in the morning)\b"), "am"),
        (re.compile(r" (?:o'?clock )?(?:pm|in the (?:afternoon|evening)|this (?:afternoon|evening))\b"), "pm"),
        (re.compile(r" (?:o'?clock )?(?:at night|tonight)\b"), NIGHT),
    ),
    hour_words=frozenset({"am", "pm", "h", "hours", "hrs"}),
    currencies={
        **dict.fromkeys(("dollar", "dollars", "buck", "bucks", "usd"), _DOLLAR),
        "$": _DOLLAR | _PESO,
        **dict.fromkeys(("euro", "euros", "eur", "€"), _EURO),
        **dict.fromkeys(("pound", "pounds", "quid", "gbp", "£"), _POUND),
        **dict.fromkeys(("peso", "pesos", "mxn"), _PESO),
        **dict.fromkeys(("yen", "jpy", "¥"), _YEN),
        **dict.fromkeys(("cent", "cents", "¢"), _CENT),
    },
    calendar={
        **{f"{day}{end}": f"day:{place}" for place, day in enumerate(_DAYS.split()) for end in ("", "s", "'s")},
        **{month: f"month:{place}" for place, month in enumerate(_MONTHS.split(), 1) if month not in _OTHERS_TOO},
    },
    titles=frozenset(_TITLES.split()),
    not_names=frozenset(_NOT_NAMES.split()),
    negations=re.compile(
        r"\b(?:not|cannot|never|no|nope|nobody|nothing|nowhere|none|neither|nor)\b"
        r"|\b\w+n't\b"
    ),
    negative=re.compile(
        r"\b(?:without|unless|hardly|barely|scarcely|rarely|seldom|unable|unavailable|unknown|unlikely"
        r"|unclear|uncertain"
        r"|unnecessary|unused|unpaid|unusual|unaware|unsure|incorrect|invalid|impossible|incomplete"
        r"|inactive|insufficient"
        r"|illegal|disabled|disconnect\w*|disagree\w*|dislike\w*|fail\w*|refus\w*|den(?:y|ied|ies)"
        r"|lack\w*|miss(?:ed|ing|es)"
        r"|wrong|avoid\w*|stop\w*|prevent\w*|except|instead|neither|anymore|absent|forbidden|otherwise"
        r"|reject\w*|declin\w*"
        r"|cancel\w*|prohibited|free of|non|ain't|dont|cant|wont|isnt|doesnt|didnt)\b"
        r"|\b(?:not|cannot|never|no|nobody|nothing|nowhere|none|nor)\b|\b\w+n't\b"
    ),
    positive=re.compile(
        # Tag questions, and phrases that are no denial, or whose denial another language leaves out.
        r",? \w+n't (?:i|you|he|she|it|we|they)\s*\?"
        r"|, (?:no|right)\s*\?"
        r"|\bno\.? (?=\d)|\bno doubt\b|\bno wonder\b|\bno matter\b|\bnever ?mind\b|\bwhy not\b|\bnot at all\b"
        r"|\bnothing but\b|\bcan't wait\b|\b(?:can't|cannot|couldn't) help\b|\bnot to mention\b"
        r"|\bwhy (?:don't|doesn't|didn't) (?:you|we|he|she|they|i)\b|\b(?:won't|wouldn't|couldn't) you\b"
        r"|\bno (?:problem|worries|trouble)\b|\b(?:do not|don't) (?:worry|mention it)\b|\bsooner or later\b"
        r"|\bnot (?:later|earlier|more|less|fewer) than\b|\bno (?:later|earlier|more|less|fewer) than\b"
        r"|\byes or no\b|\bwhether or not\b|\bor not\b|\bnot only\b|\bnot until\b"
    ),
    idioms=re.compile(
        r"\b(?:no one|one another|one by one|number one|thanks a million|(?:one |a )?hundred percent"
        r"|second to none|fifty - fifty|one of these days|at sixes and sevens|a thousand thanks) "
    ),
)
