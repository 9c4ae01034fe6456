"""What translations lose is found, and right translations are not accused."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.meaning import LONGEST, Finding, Kind, check

OTHER = {"en": "es", "es": "en"}

RIGHT = [
    # Numbers, as words and as figures, in either language's way
    ("en", "I have 3 rooms.", "Tengo 3 habitaciones."),
    ("en", "I have three rooms.", "Tengo tres habitaciones."),
    ("en", "I have three rooms.", "Tengo 3 habitaciones."),
    ("en", "There are 25 people in the room.", "Hay veinticinco personas en la sala."),
    ("en", "There are thirty-five of them.", "Hay treinta y cinco."),
    ("en", "It is one hundred and twenty kilometres away.", "Está a 120 kilómetros."),
    ("en", "She was born in nineteen ninety.", "Nació en 1990."),
    ("en", "In two thousand twenty-six we move.", "En 2026 nos mudamos."),
    ("en", "In twenty twenty-six we move.", "En dos mil veintiséis nos mudamos."),
    ("en", "About 1,200 users called.", "Llamaron unos 1.200 usuarios."),
    ("en", "About 1,200 users called.", "Llamaron unos 1,200 usuarios."),
    ("en", "It takes 2.5 hours.", "Tarda 2,5 horas."),
    ("en", "It takes two and a half hours.", "Tarda dos horas y media."),
    ("en", "It takes 2.5 hours.", "Tarda dos horas y media."),
    ("en", "Wait 30 minutes.", "Espere media hora."),
    ("en", "Three point five percent.", "El 3,5 por ciento."),
    ("en", "Two million dollars.", "Dos millones de dólares."),
    ("en", "Fifteen hundred units.", "1500 unidades."),
    ("en", "Press 1 for an agent.", "Oprima uno para hablar con un agente."),
    ("en", "Press 1 for sales and 2 for support.", "Oprima uno para ventas y dos para soporte técnico."),
    ("en", "One moment, I am checking.", "Un momento, lo estoy comprobando."),
    ("en", "This one, please.", "Este, por favor."),
    ("en", "The third floor, room 12.", "El tercer piso, habitación 12."),
    ("en", "We are both here.", "Estamos los dos aquí."),
    ("en", "I called you twice.", "Le llamé dos veces."),
    ("en", "See you in two weeks.", "Nos vemos en quince días."),
    ("es", "Nos vemos en quince días.", "See you in two weeks."),
    ("es", "Mil gracias por todo.", "Thank you so much for everything."),
    ("es", "Los dos están ocupados.", "Both are busy."),
    ("es", "Tengo mil quinientas cajas.", "I have 1,500 boxes."),
    ("es", "Somos veintiún empleados.", "We are twenty-one employees."),
    ("es", "Espere un minuto.", "Wait a minute."),
    ("es", "Hay un problema con una factura.", "There is a problem with an invoice."),
    ("en", "A dozen eggs, please.", "Doce huevos, por favor."),
    # Telephone numbers and other digits, one by one or not
    ("en", "Call 555 1234.", "Llame al 5551234."),
    ("en", "Call 555-1234.", "Llame al 555 12 34."),
    ("en", "My number is five five five, one two three four.", "Mi número es 555-1234."),
    ("en", "My number is 5551234.", "Mi número es cinco cinco cinco uno dos tres cuatro."),
    ("es", "Mi número es el seiscientos doce, treinta y cuatro, cincuenta y seis.", "My number is 612 34 56."),
    ("en", "The code is one oh five.", "El código es 105."),
    ("en", "Extension 007.", "Extensión 007."),
    ("en", "The account is 5, 5, 1, 2.", "La cuenta es 5512."),
    # Times of day
    ("en", "We close at 3:30 pm.", "Cerramos a las 15:30."),
    ("en", "We close at half past three.", "Cerramos a las tres y media."),
    ("en", "We close at three thirty.", "Cerramos a las 3:30."),
    ("en", "It is a quarter to four.", "Son las cuatro menos cuarto."),
    ("en", "It is a quarter to four.", "Son las 3:45."),
    ("en", "It is ten past four.", "Son las cuatro y diez."),
    ("en", "Come at five in the afternoon.", "Venga a las cinco de la tarde."),
    ("en", "Come at 5 p.m.", "Venga a las 17:00."),
    ("en", "Come at 5 p.m.", "Venga a las 17 horas."),
    ("en", "Come at nine o'clock.", "Venga a las nueve."),
    ("en", "At noon.", "Al mediodía."),
    ("en", "We open from nine to five.", "Abrimos de nueve a cinco."),
    ("es", "A las tres y veinte de la tarde.", "At 3:20 p.m."),
    ("es", "A la una.", "At one o'clock."),
    ("es", "Abrimos las 24 horas.", "We are open 24 hours."),
    ("en", "On Tuesday, May 5th.", "El martes 5 de mayo."),
    ("en", "On Mondays in October.", "Los lunes de octubre."),
    ("es", "El lunes 3 de marzo.", "On Monday, March 3rd."),
    # Money
    ("en", "It costs $20.", "Cuesta 20 dólares."),
    ("en", "It costs $15.50.", "Cuesta quince dólares con cincuenta."),
    ("en", "It is fifteen fifty.", "Son 15,50."),
    ("en", "It is 50 euros a night.", "Son cincuenta euros por noche."),
    ("es", "Cuesta 20 pesos.", "It costs $20."),
    ("es", "Son veinte libras.", "That is twenty pounds."),
    ("en", "I owe you twenty bucks.", "Le debo veinte dólares."),
    # Names
    ("en", "I would like to speak to Peter Jackson.", "Quisiera hablar con Peter Jackson."),
    ("en", "My sister lives in London.", "Mi hermana vive en Londres."),
    ("en", "Is Anna's mother there?", "¿Está la madre de Anna?"),
    ("en", "We fly to New York and Mexico.", "Volamos a Nueva York y México."),
    ("en", "Do you speak English or Spanish?", "¿Habla inglés o español?"),
    ("en", "This is Dr. Brown from Customer Service.", "Soy el Dr. Brown, de atención al cliente."),
    ("es", "Me llamo María Pérez.", "My name is María Perez."),
    ("es", "Soy de la empresa García y Hermanos.", "I am from Garcia y Hermanos."),
    ("en", "My name is spelled B-A-K-E-R.", "Mi apellido se escribe B, A, K, E, R."),
    ("en", "It's O'Brien, B R I E N.", "Es O'Brien, BRIEN."),
    ("en", "PLEASE CALL PETER NOW", "POR FAVOR LLAME A PEDRO AHORA"),
    # Negation
    ("en", "I don't have your number.", "No tengo su número."),
    ("en", "Don't hang up.", "No cuelgue."),
    ("en", "Don't hang up.", "Espere en la línea."),
    ("en", "Hold the line, please.", "No cuelgue, por favor."),
    ("en", "Nobody called.", "No llamó nadie."),
    ("en", "I never said that.", "Nunca dije eso."),
    ("en", "You're welcome.", "No hay de qué."),
    ("en", "He is out.", "No está."),
    ("en", "That number is wrong.", "Ese número no es correcto."),
    ("en", "You can come, can't you?", "Usted puede venir, ¿verdad?"),
    ("en", "He is coming, isn't he?", "Él viene, ¿no?"),
    ("en", "Why don't we meet tomorrow?", "¿Qué tal si nos vemos mañana?"),
    ("en", "Unable to connect your call.", "No se pudo conectar su llamada."),
    ("en", "I can't come without my wife.", "No puedo ir sin mi mujer."),
    ("es", "Usted es el señor López, ¿no?", "You are Mr. López, right?"),
    ("es", "¡Cómo no! Le paso con ventas.", "Of course! I'll put you through to sales."),
    ("es", "No obstante, le llamaré.", "However, I will call you."),
    ("es", "No hay más que dos.", "There are only two."),
    ("es", "De nada.", "You're welcome."),
    ("es", "No, gracias.", "No, thank you."),
    ("es", "El servicio está suspendido.", "The service is not available."),
    ("es", "No deje de llamarme.", "Be sure to call me."),
    ("es", "Si no contesta, llame otra vez.", "If he doesn't answer, call again."),
]
"""Source language, source, a right translation into the other one."""

WRONG = [
    ("en", "I have three rooms.", "Tengo dos habitaciones.", Kind.NUMBER),
    ("en", "There are 25 people.", "Hay personas.", Kind.NUMBER),
    ("en", "Two rooms for two people.", "Dos habitaciones para tres personas.", Kind.NUMBER),
    ("en", "About 1,200 users.", "Unos 12.000 usuarios.", Kind.NUMBER),
    ("en", "Press 1 for an agent.", "Oprima 2 para hablar con un agente.", Kind.NUMBER),
    ("en", "Three point five percent.", "El 35 por ciento.", Kind.NUMBER),
    ("en", "Call 555 1234.", "Llame al 555 1324.", Kind.NUMBER),
    ("en", "My number is five five five one two three four.", "Mi número es 55 12 34.", Kind.NUMBER),
    ("es", "Tengo cuarenta años.", "I am fourteen years old.", Kind.NUMBER),
    ("es", "Habitación ciento dos.", "Room 112.", Kind.NUMBER),
    ("es", "Once personas.", "Once people.", Kind.NUMBER),
    ("en", "We close at 3:30 pm.", "Cerramos a las 3:15.", Kind.TIME),
    ("en", "We close at half past three.", "Cerramos a las tres.", Kind.TIME),
    ("en", "Come at 3 in the morning.", "Venga a las 3 de la tarde.", Kind.TIME),
    ("en", "Come at 5 p.m.", "Venga a las seis.", Kind.TIME),
    ("es", "Son las cuatro menos cuarto.", "It is a quarter past four.", Kind.TIME),
    ("en", "On Tuesday.", "El jueves.", Kind.TIME),
    ("es", "El 5 de mayo.", "On April 5th.", Kind.TIME),
    ("en", "It costs $20.", "Cuesta 200 dólares.", Kind.AMOUNT),
    ("en", "It costs 20 dollars.", "Cuesta 20 euros.", Kind.AMOUNT),
    ("en", "It costs 20 dollars.", "Cuesta 20.", Kind.AMOUNT),
    ("en", "It costs $15.50.", "Cuesta 1550 dólares.", Kind.AMOUNT),
    ("en", "I would like to speak to Peter Jackson.", "Quisiera hablar con Peter.", Kind.NAME),
    ("en", "Ask for Mr. Brown.", "Pregunte por el señor Marrón.", Kind.NAME),
    ("es", "Quiero hablar con Rosa Vidal.", "I want to speak with Pink Vidal.", Kind.NAME),
    ("en", "My sister lives in London.", "Mi hermana vive en París.", Kind.NAME),
    ("en", "My name is spelled B-A-K-E-R.", "Mi nombre se escribe B-A-E-K-R.", Kind.NAME),
    ("en", "I don't have your number.", "Tengo su número.", Kind.NEGATION),
    ("en", "Don't call before Monday.", "Llame antes del lunes.", Kind.NEGATION),
    ("en", "Nobody called.", "Alguien llamó.", Kind.NEGATION),
    ("en", "Please call me back.", "No me llame.", Kind.NEGATION),
    ("es", "No puedo ir mañana.", "I can go tomorrow.", Kind.NEGATION),
    ("es", "Nunca he estado allí.", "I have been there.", Kind.NEGATION),
    ("es", "Si no contesta, llame otra vez.", "If he answers, call again.", Kind.NEGATION),
    ("es", "Venga mañana.", "Do not come tomorrow.", Kind.NEGATION),
]
"""The same with a translation that was broken on purpose, and what got lost."""


@pytest.mark.parametrize(("language", "source", "target"), RIGHT)
def test_a_right_translation_is_not_accused(language: str, source: str, target: str) -> None:
    assert check(source, language, target, OTHER[language]) == ()


@pytest.mark.parametrize(("language", "source", "target", "kind"), WRONG)
def test_what_was_broken_is_found_and_nothing_else(language: str, source: str, target: str, kind: Kind) -> None:
    assert {finding.kind for finding in check(source, language, target, OTHER[language])} == {kind}


def broken_digits(text: str) -> list[str]:
    """`text` with one of its digits made another, for each of them."""
    return [f"{text[:at]}{(int(char) + 3) % 10}{text[at + 1 :]}" for at, char in enumerate(text) if char.isdigit()]


@pytest.mark.parametrize(
    ("language", "source", "broken"),
    [
        (language, source, broken)
        for language, source, target in RIGHT
        for broken in broken_digits(target)
        if not re.search(r"\d:\d|17 horas|007", target)  # a time may be an hour of the other half of the day
    ],
)
def test_a_digit_of_a_right_translation_cannot_be_changed_unseen(language: str, source: str, broken: str) -> None:
    kinds = {finding.kind for finding in check(source, language, broken, OTHER[language])}
    assert kinds & {Kind.NUMBER, Kind.TIME, Kind.AMOUNT}


# Every number, said in every way

SMALL = {
    "en": "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    " seventeen eighteen nineteen",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis"
    " diecisiete"
    " dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete"
    " veintiocho veintinueve",
}
TENS = {
    "en": "twenty thirty forty fifty sixty seventy eighty ninety",
    "es": "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
}
HUNDREDS = "ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos"


def said(number: int, language: str) -> str:
    """A number below a million in words."""
    if number >= 1000:
        many, rest = divmod(number, 1000)
        head = said(many, language) if language == "en" or many > 1 else ""
        tail = said(rest, language) if rest else ""
        return " ".join(word for word in (head, "thousand" if language == "en" else "mil", tail) if word)
    if number >= 100:
        many, rest = divmod(number, 100)
        if language == "en":
            return f"{said(many, 'en')} hundred{f' and {said(rest, language)}' if rest else ''}"
        return (
            f"{HUNDREDS.split()[many - 1]} {said(rest, 'es')}"
            if rest
            else "cien"
            if many == 1
            else HUNDREDS.split()[many - 1]
        )
    small = SMALL[language].split()
    if number < len(small):
        return small[number]
    tens, rest = divmod(number, 10)
    link = "-" if language == "en" else " y "
    return TENS[language].split()[tens - 2] + (f"{link}{small[rest]}" if rest else "")


@st.composite
def two_numbers(draw: st.DrawFn) -> tuple[int, int]:
    one = draw(st.integers(2, 999_999))
    return one, draw(st.integers(0, 999_999).filter(lambda other: other != one))


FRAMES = {"en": "I need {} boxes for room 7.", "es": "Necesito {} cajas para la habitación 7."}


@given(two_numbers(), st.sampled_from(["en", "es"]), st.booleans(), st.booleans())
def test_any_number_is_known_again_and_any_other_is_not(
    numbers: tuple[int, int], language: str, source_words: bool, target_words: bool
) -> None:
    other = OTHER[language]
    one, wrong = (said(number, other) if target_words else str(number) for number in numbers)
    source = FRAMES[language].format(said(numbers[0], language) if source_words else numbers[0])
    assert check(source, language, FRAMES[other].format(one), other) == ()
    found = check(source, language, FRAMES[other].format(wrong), other)
    assert [finding.kind for finding in found] == [Kind.NUMBER]


@given(st.text(st.sampled_from("0123456789"), min_size=5, max_size=12), st.integers(1, 4), st.integers(1, 4))
def test_digits_are_the_same_however_they_are_grouped(digits: str, here: int, there: int) -> None:
    def grouped(size: int) -> str:
        return " ".join(digits[at : at + size] for at in range(0, len(digits), size))

    assert check(f"Call {grouped(here)} now.", "en", f"Llame ahora al {grouped(there)}.", "es") == ()
    spoken = " ".join(SMALL["es"].split()[int(digit)] for digit in digits)
    assert check(f"Call {grouped(here)} now.", "en", f"Llame ahora al {spoken}.", "es") == ()
    changed = digits[:-1] + str((int(digits[-1]) + 1) % 10)
    assert check(f"Call {grouped(here)} now.", "en", f"Llame ahora al {changed}.", "es") != ()


@given(st.text(max_size=300), st.text(max_size=300), st.sampled_from(["en", "es", "fr", "ja"]))
def test_no_text_is_too_strange(source: str, target: str, language: str) -> None:
    check(source, "en", target, language)
    check(source, language, target, "es")
    assert check(source, "en", source, "en") == ()


@pytest.mark.parametrize(
    ("source", "language", "target", "other", "lost"),
    [
        ("Room 1234, please.", "en", "Chambre 1234, s'il vous plaît.", "fr", ()),
        ("Room 1234, please.", "en", "Chambre 1243, s'il vous plaît.", "fr", ("1234",)),
        ("Call 555-1234.", "en", "Appelez le 555 12 34.", "fr", ()),
        ("I have 3 rooms and no time.", "en", "J'ai trois chambres.", "fr", ()),
        ("Ask for Peter.", "en", "ピーターを呼んでください。", "ja", ()),
        ("2026年です", "ja", "It is 2026.", "en", ()),
    ],
)
def test_without_rules_long_rows_of_figures_alone_are_looked_for(
    source: str, language: str, target: str, other: str, lost: tuple[str, ...]
) -> None:
    assert tuple(finding.what for finding in check(source, language, target, other)) == lost


def test_a_finding_says_what_got_lost() -> None:
    found = check("Mr. Brown is not in room 12.", "en-US", "El señor Marrón está en la habitación 21.", "es-MX")
    assert found == (Finding(Kind.NUMBER, "12"), Finding(Kind.NAME, "Brown"), Finding(Kind.NEGATION, "not"))


def test_nothing_is_said_of_nothing() -> None:
    assert check("", "en", "Hola.", "es") == check("Hello 12.", "en", " ", "es") == ()


def test_a_clause_costs_little_and_the_worst_text_is_bounded() -> None:
    """In processor time, and generously: a clause takes about a fifth of a millisecond on a quiet machine."""

    def cost_s(source: str, target: str, times: int) -> float:
        began = time.process_time()
        for _ in range(times):
            check(source, "en", target, "es")
        return (time.process_time() - began) / times

    clause = max(RIGHT, key=lambda pair: len(pair[1]))
    short = cost_s(clause[1], clause[2], 50)
    worst = max(cost_s(one * LONGEST, one * LONGEST, 2) for one in ("1 ", "one ", "no ", "1, 2 ", "A B ", "at 1 to 2 "))
    longer = LONGEST / len(clause[1])
    assert worst < 40 * longer * short, "the cost grows with the length, not with its square"
