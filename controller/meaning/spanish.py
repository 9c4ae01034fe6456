"""Spanish, of both sides of the ocean."""

from __future__ import annotations

import re
from typing import Final

from controller.meaning.rules import NIGHT, Clock, Rules

_SMALL: Final = (
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis diecisiete"
    " dieciocho diecinueve veinte veintiuno veintidos veintitres veinticuatro veinticinco veintiseis veintisiete"
    " veintiocho veintinueve"
)
_TENS: Final = "treinta cuarenta cincuenta sesenta setenta ochenta noventa"
_HUNDREDS: Final = "doscient trescient cuatrocient quinient seiscient setecient ochocient novecient"
_ORDINALS: Final = "primer segund tercer cuart quint sext septim octav noven decim"
_DAYS: Final = "lunes martes miercoles jueves viernes sabado domingo"
_MONTHS: Final = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"

_DOLLAR, _CENT = frozenset({"dollar"}), frozenset({"cent"})
_EURO, _POUND, _PESO, _YEN = (frozenset({one}) for one in ("euro", "pound", "peso", "yen"))

_TITLES: Final = "sr sra srta dr dra d don dona prof profesor profesora ing lic ud uds"
_NOT_NAMES: Final = (
    "usted ustedes dios navidad pascua internet senor senora senorita mama papa madre padre doctor doctora"
    " calle avenida plaza paseo carretera hospital clinica hotel banco aeropuerto estacion terminal universidad"
    " colegio escuela oficina departamento servicio servicios atencion cliente clientes centro ventas soporte"
    " recepcion urgencias piso edificio torre casa empresa compania grupo agencia ministerio presidente"
    " ministro director directora gerente agente san santa santo nueva nuevo norte sur este oeste central"
    " ciudad pueblo estado estados unidos reino republica museo iglesia catedral mercado playa isla bahia costa"
    " mar oceano valle seguro seguridad social salud impuesto credito tarjeta cuenta hola buenos buenas dias"
    " tardes noches gracias por favor pulse oprima marque el la los las de del al un una y en con para que no"
    " si dni nie eua usa pin fax correo"
)
"""What has a capital here and not elsewhere, and what is translated."""

RULES: Final = Rules(
    code="es",
    numerals={word: value for value, word in enumerate(_SMALL.split())}
    | {word: 30 + 10 * place for place, word in enumerate(_TENS.split())}
    | {f"{word}{end}": 200 + 100 * place for place, word in enumerate(_HUNDREDS.split()) for end in ("os", "as")}
    | {"un": 1, "una": 1, "veintiun": 21, "veintiuna": 21, "cien": 100, "ciento": 100},
    times_hundred=frozenset(),
    scales={"mil": 1000, "millon": 1_000_000, "millones": 1_000_000},
    within=frozenset({"y"}),
    after_hundreds=frozenset({""}),
    points=frozenset({"coma", "punto"}),
    vague=frozenset({"un", "una", "uno"}),
    spelled_zero=frozenset(),
    thousands=".",
    offers={
        f"{word}{end}": (str(value),)
        for value, word in enumerate(_ORDINALS.split(), 1)
        for end in ("", "o", "a", "os", "as")
    }
    | {
        "undecimo": ("11",),
        "duodecimo": ("12",),
        "vigesimo": ("20",),
        "unico": ("1",),
        "unica": ("1",),
        "solo": ("1",),
        "sola": ("1",),
        "cada": ("1",),
        "vez": ("1",),
        "otro": ("1",),
        "otra": ("1",),
        "ambos": ("2",),
        "ambas": ("2",),
        "par": ("2",),
        "pareja": ("2",),
        "doble": ("2",),
        "triple": ("3",),
        "docena": ("12", "6"),
        "decena": ("10",),
        "quincena": ("15", "14", "2"),
        "centenar": ("100",),
        "cientos": ("100",),
        "miles": ("1000",),
        "medio": ("0.5", "50"),
        "media": ("30", "90", "0.5", "1.5", "50"),
        "mitad": ("0.5", "50"),
        "cuarto": ("4", "15", "0.25"),
        "cuartos": ("45", "75", "0.75"),
        "mediodia": ("12",),
        "medianoche": ("12", "0", "24"),
        "ningun": ("0",),
        "ninguno": ("0",),
        "ninguna": ("0",),
        "setiembre": ("month:9",),
    },
    halves=frozenset({"medio", "media"}),
    stretched=((re.compile(r"#(?P<h>\d+) dias\b"), {"15": ("2", "14"), "8": ("1", "7")}),),
    clocks=(
        Clock(re.compile(r"\blas? #(?P<h>\d+) y media\b"), 30),
        Clock(re.compile(r"\blas? #(?P<h>\d+) y cuarto\b"), 15),
        Clock(re.compile(r"\blas? #(?P<h>\d+) menos cuarto\b"), 15, to=True),
        Clock(re.compile(r"\blas? #(?P<h>\d+) y #(?P<m>\d+)\b")),
        Clock(re.compile(r"\blas? #(?P<h>\d+) menos #(?P<m>\d+)\b"), to=True),
        Clock(re.compile(r"\bcuarto para las? #(?P<h>\d+)\b"), 15, to=True),
        Clock(re.compile(r"#(?P<m>\d+) (?:minutos )?para las? #(?P<h>\d+)\b"), to=True),
        Clock(re.compile(r"#(?P<h>\d+) y media\b"), 30, needs_half=True),
        Clock(re.compile(r"#(?P<h>\d+) y cuarto\b"), 15, needs_half=True),
        Clock(re.compile(r"\blas? #(?P<h>\d+) #(?P<m>\d+)\b")),
        Clock(re.compile(r"#(?P<h>\d+) #(?P<m>\d+)\b"), needs_half=True),
        Clock(re.compile(r"\b(?:a|son|es|hasta|desde|de|sobre|para|entre|tras|y) las? #(?P<h>\d+)\b")),
        Clock(re.compile(r"#(?P<h>\d+)\b"), needs_half=True),
    ),
    half_days=(
        (re.compile(r"(?: horas| en punto)? (?:am|(?:de|por) la (?:manana|madrugada))\b"), "am"),
        (re.compile(r"(?: horas| en punto)? (?:pm|(?:de|por) la tarde)\b"), "pm"),
        (re.compile(r"(?: horas| en punto)? (?:de|por) la noche\b"), NIGHT),
    ),
    hour_words=frozenset({"h", "hs", "hrs", "horas", "am", "pm"}),
    currencies={
        **dict.fromkeys(("dolar", "dolares", "usd"), _DOLLAR),
        "$": _DOLLAR | _PESO,
        **dict.fromkeys(("euro", "euros", "eur", "€"), _EURO),
        **dict.fromkeys(("libra", "libras", "gbp", "£"), _POUND),
        **dict.fromkeys(("peso", "pesos", "mxn"), _PESO),
        **dict.fromkeys(("yen", "yenes", "¥"), _YEN),
        **dict.fromkeys(("centavo", "centavos", "centimo", "centimos", "¢"), _CENT),
    },
    calendar={
        **{day: f"day:{place}" for place, day in enumerate(_DAYS.split())},
        "sabados": "day:5",
        "domingos": "day:6",
        **{month: f"month:{place}" for place, month in enumerate(_MONTHS.split(), 1)},
    },
    titles=frozenset(_TITLES.split()),
    not_names=frozenset(_NOT_NAMES.split()),
    negations=re.compile(r"\b(?:no|nunca|jamas|nadie|nada|ningun|ninguno|ninguna|tampoco|ni)\b"),
    negative=re.compile(
        r"\b(?:no|nunca|jamas|nadie|nada|ningun|ninguno|ninguna|tampoco|ni|sin|apenas|imposible"
        r"|incorrect[oa]s?|invalid[oa]s?"
        r"|inactiv[oa]s?|insuficientes?|incomplet[oa]s?|desconocid[oa]s?|desconect\w+|indisponible"
        r"|ilegal|innecesari[oa]s?"
        r"|improbable|falt\w+|carec\w+|fall\w+|fracas\w+|rechaz\w+|neg(?:o|ado|amos|aron)|nieg\w+"
        r"|evit\w+|impid\w+|prohib\w+"
        r"|dej(?:e|en|a|ar|o) de|salvo|excepto|a menos|ausentes?|absoluto|mal|equivocad[oa]s?|erroneo"
        r"|cancel\w+|suspend\w+)\b"
    ),
    positive=re.compile(
        r"[,\s¿]+(?:verdad que )?no\s*\?"
        r"|\bcomo no\b|\bde nada\b|\bpor nada\b|\bno hay de que\b|\bno obstante\b|\bnada mas\b|\bno mas\b"
        r"|\b(?:mas|menos|mejor|peor) que nunca\b|\bhasta que no\b|\ba no ser que\b|\bno hay (?:problema|cuidado)\b"
        r"|\bno (?:se )?(?:preocup\w+|importa)\b|\bcuanto antes,? mejor\b|\bpor que no\b|\bsi o no\b|\bo no\b"
        r"|\bno solo\b|\bno cabe duda\b|\bque mas da\b|\bni que decir\b|\bno (?:antes|mas|menos|despues) de\b"
        r"|\bno \w+(?: \w+)? mas que\b"
    ),
    idioms=re.compile(
        r"\b(?:mil gracias|mil disculpas|mil perdones|un millon de gracias|a las mil maravillas|cien por cien(?:to)?"
        r"|de dos en dos|en un dos por tres|de una vez|una vez mas) "
    ),
)
