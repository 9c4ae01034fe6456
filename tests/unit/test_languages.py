"""A call's languages: told before listed, listed before dialled, dialled before heard, heard before assumed."""

from __future__ import annotations

import pytest

from controller.errors import SettingsError
from controller.languages import Known, Spoken, choose
from controller.settings import CallSettings, LanguageSettings, load

TABLES = LanguageSettings(
    directory={"+34*": "es", "+34600111222": "en", "201": "fr"},
    prefixes={"8": "fr", "81": "es", "82": "de-it"},
)


def chosen(
    options: dict[str, str] | None = None,
    variables: dict[str, str] | None = None,
    caller: str = "",
    dialled: str = "",
    languages: LanguageSettings = TABLES,
) -> tuple[Spoken, Spoken]:
    found = choose(options or {}, variables or {}, caller, dialled, CallSettings(), languages)
    return found["a"], found["b"]


def test_a_channel_variable_wins_over_the_dialplan_and_everything_else() -> None:
    a, b = chosen({"from": "de", "to": "it"}, {"DRAGOMAN_FROM": "fr"}, caller="+34911", dialled="201")
    assert a == Spoken("fr", Known.TOLD)
    assert b == Spoken("it", Known.TOLD)


def test_the_directory_wins_over_the_prefix_and_its_longest_pattern_over_the_others() -> None:
    assert chosen(caller="+34911000000", dialled="8201")[0] == Spoken("es", Known.DIRECTORY)
    assert chosen(caller="+34600111222")[0] == Spoken("en", Known.DIRECTORY)
    assert chosen(dialled="201")[1] == Spoken("fr", Known.DIRECTORY)


def test_a_prefix_says_the_called_partys_language_or_both() -> None:
    a, b = chosen(dialled="81555")
    assert (a.known, b) == (Known.ASSUMED, Spoken("es", Known.PREFIX))
    assert chosen(dialled="8555")[1] == Spoken("fr", Known.PREFIX)
    assert chosen(dialled="82555") == (Spoken("de", Known.PREFIX), Spoken("it", Known.PREFIX))


def test_who_is_not_known_is_listened_to_among_the_calls_pair() -> None:
    assert chosen() == (Spoken("en", Known.ASSUMED, ("en", "es")), Spoken("es", Known.ASSUMED, ("en", "es")))
    assert chosen({"pair": "fr-en"})[1] == Spoken("en", Known.ASSUMED, ("fr", "en"))


def test_without_identification_the_default_stands() -> None:
    assert chosen(languages=LanguageSettings(identify=False)) == (
        Spoken("en", Known.DEFAULT),
        Spoken("es", Known.DEFAULT),
    )


def test_what_is_no_language_is_told() -> None:
    with pytest.raises(SettingsError, match="is no language: write it as en"):
        load(languages={"prefixes": {"81": "spanish"}})
