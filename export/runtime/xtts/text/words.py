"""What stands for a word without being one: abbreviations and signs, by language.

The first tables are the reference's own (`layers/xtts/tokenizer.py`): the model was taught with these words.
"""

from __future__ import annotations

import re

ABBREVIATIONS: dict[str, dict[str, str]] = {
    "cs": {"dr": "doktor", "ing": "inženýr", "p": "pan"},
    "de": {"fr": "frau", "dr": "doktor", "st": "sankt", "co": "firma", "jr": "junior"},
    "en": {
        "mrs": "misess",
        "mr": "mister",
        "dr": "doctor",
        "st": "saint",
        "co": "company",
        "jr": "junior",
        "maj": "major",
        "gen": "general",
        "drs": "doctors",
        "rev": "reverend",
        "lt": "lieutenant",
        "hon": "honorable",
        "sgt": "sergeant",
        "capt": "captain",
        "esq": "esquire",
        "ltd": "limited",
        "col": "colonel",
        "ft": "fort",
    },
    "es": {
        "sra": "señora",
        "sr": "señor",
        "dr": "doctor",
        "dra": "doctora",
        "st": "santo",
        "co": "compañía",
        "jr": "junior",
        "ltd": "limitada",
    },
    "fr": {
        "mme": "madame",
        "mr": "monsieur",
        "dr": "docteur",
        "st": "saint",
        "co": "compagnie",
        "jr": "junior",
        "ltd": "limitée",
    },
    "hu": {"dr": "doktor", "b": "bácsi", "nőv": "nővér"},
    "it": {
        "sig": "signore",
        "dr": "dottore",
        "st": "santo",
        "co": "compagnia",
        "jr": "junior",
        "ltd": "limitata",
    },
    "nl": {"dhr": "de heer", "mevr": "mevrouw", "dr": "dokter", "jhr": "jonkheer"},
    "pl": {"p": "pani", "m": "pan", "dr": "doktor", "sw": "święty", "jr": "junior"},
    "pt": {
        "sra": "senhora",
        "sr": "senhor",
        "dr": "doutor",
        "dra": "doutora",
        "st": "santo",
        "co": "companhia",
        "jr": "júnior",
        "ltd": "limitada",
    },
    "tr": {"b": "bay", "byk": "büyük", "dr": "doktor"},
}
"""Each is written with a full stop behind it."""

WHOLE_WORDS: dict[str, dict[str, str]] = {
    "it": {"sig.ra": "signora", "sig.na": "signorina"},
    "ru": {"г-жа": "госпожа", "г-н": "господин", "д-р": "доктор"},
}
"""Abbreviations written without a full stop behind; the Italian ones are ours."""

UNEXPANDED: dict[str, str] = {
    "cs": "např atd tj tzv str č mj resp sv ul",
    "de": "z.b d.h u.a usw bzw ca evtl ggf inkl nr str tel vgl prof hr bspw allg max min mio mrd",
    "en": "e.g i.e etc vs no prof ave approx dept est inc corp fig vol sen gov ms",
    "es": "p.ej etc ud uds núm pág tel av prof ee.uu aprox d.ª",
    "fr": "p.ex etc m mm av env tél prof art vol",
    "hu": "pl stb kb ill u ún prof özv id ifj",
    "it": "ecc es p.es pag prof dott avv ing tel art ca",
    "nl": "bijv enz d.w.z o.a m.b.t nr tel prof mr ir drs ca",
    "pl": "np itd itp tj tzn ul prof inż mgr godz ok św dr hab",
    "pt": "p.ex etc prof núm pág tel av exmo aprox",
    "ru": "т.е т.д т.п т.к г гг ул стр др им руб тыс млн проф см",
    "tr": "vb vs örn prof doç av cad sok no sn yy",
}
"""Further ones, read as they stand: their full stop ends no sentence."""

SIGNS: dict[str, tuple[str, ...]] = {
    "ar": ("و", "على", "في المئة", "رقم", "دولار", "جنيه", "درجة", "يورو"),
    "cs": ("a", "na", "procento", "křížek", "dolar", "libra", "stupně", "euro"),
    "de": ("und", "at", "prozent", "raute", "dollar", "pfund", "grad", "euro"),
    "en": ("and", "at", "percent", "hash", "dollar", "pound", "degree", "euro"),
    "es": ("y", "arroba", "por ciento", "numeral", "dolar", "libra", "grados", "euro"),
    "fr": ("et", "arobase", "pour cent", "dièse", "dollar", "livre", "degrés", "euro"),
    "hi": ("और", "ऐट दी रेट", "प्रतिशत", "हैश", "डॉलर", "पाउंड", "डिग्री", "यूरो"),
    "hu": ("és", "kukac", "százalék", "kettőskereszt", "dollár", "font", "fok", "euró"),
    "it": ("e", "chiocciola", "per cento", "cancelletto", "dollaro", "sterlina", "gradi", "euro"),
    "ja": ("アンド", "アットマーク", "パーセント", "シャープ", "ドル", "ポンド", "度", "ユーロ"),
    "ko": ("그리고", "에", "퍼센트", "번호", "달러", "파운드", "도", "유로"),
    "nl": ("en", "bij", "procent", "hekje", "dollar", "pond", "graden", "euro"),
    "pl": ("i", "małpa", "procent", "krzyżyk", "dolar", "funt", "stopnie", "euro"),
    "pt": ("e", "arroba", "por cento", "cardinal", "dólar", "libra", "graus", "euro"),
    "ru": ("и", "собака", "процентов", "номер", "доллар", "фунт", "градус", "евро"),
    "tr": ("ve", "at", "yüzde", "diyez", "dolar", "sterlin", "derece", "avro"),
    "zh": ("和", "在", "百分之", "号", "美元", "英镑", "度", "欧元"),
}
"""How `SIGN_ORDER` is said; Japanese and the euro are ours."""

SIGN_ORDER = "&@%#$£°€"


def expand_abbreviations(text: str, language: str) -> str:
    """Titles and the like in full; `text` is in small letters."""
    for short, long in WHOLE_WORDS.get(language, {}).items():
        text = re.sub(rf"\b{re.escape(short)}\b", long, text)
    for short, long in ABBREVIATIONS.get(language, {}).items():
        text = re.sub(rf"\b{re.escape(short)}\.", long, text)
    return text


def expand_signs(text: str, language: str) -> str:
    """Signs as words between spaces."""
    for sign, word in zip(SIGN_ORDER, SIGNS[language], strict=True):
        text = text.replace(sign, f" {word} ")
    return text


def abbreviations(language: str) -> frozenset[str]:
    """Whatever is written with a full stop that need not end a sentence, in small letters and without the last one."""
    return frozenset((*ABBREVIATIONS.get(language, ()), *UNEXPANDED.get(language, "").split()))
