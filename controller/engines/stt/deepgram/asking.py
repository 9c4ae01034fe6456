"""What Deepgram is asked for one speaker: the path and its query. Pure."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from controller.engines.stt.deepgram.options import Options, Person
from controller.frames import SAMPLE_RATE

MULTI: Final = frozenset(["en", "es", "fr", "de", "hi", "ru", "pt", "ja", "it", "nl"])
"""Those that are told apart, and that Flux hears, by Deepgram's documentation."""

_NOVA: Final = (
    "be bg bn bs ca cs da de el en es et fi fr hi hr hu id it ja kn ko lt lv mk mr ms nl no pl pt ro ru sk sl sr sv ta "
    "te tl tr uk vi zh"
)
NOVA: Final = frozenset(_NOVA.split())
"""Those for which nova-3 has a model, by the same."""

ANY_ENDPOINTING_MS: Final = 100
"""Silence that ends a sentence where several languages are told apart: what Deepgram's documentation advises."""


def hears(options: Options, language: str) -> bool:
    """As `Recogniser.hears`."""
    several = language.split(",")
    if options.model == "flux-general-en":
        return several == ["en"]
    known = MULTI if options.is_flux or len(several) > 1 else NOVA
    return all(one in known for one in several)


def address(options: Options, speaker: str, language: str) -> str:
    """The path and query for one speaker, who speaks `language`, or one of several joined by commas."""
    person = options.people.get(speaker, Person())
    several = language.split(",")
    query: list[tuple[str, str | int | float]] = [
        ("model", options.model),
        ("encoding", "linear16"),
        ("sample_rate", SAMPLE_RATE),
    ]
    if options.is_flux:
        query.append(("eot_threshold", options.eot_threshold))
        if options.eager_eot_threshold is not None:
            query.append(("eager_eot_threshold", options.eager_eot_threshold))
    else:
        any_of = len(several) > 1
        query += [
            ("channels", 1),
            ("language", "multi" if any_of else language),
            ("interim_results", "true"),
            ("endpointing", ANY_ENDPOINTING_MS if any_of else options.endpointing_ms),
            ("utterance_end_ms", options.utterance_end_ms),
            ("punctuate", "true"),
            ("smart_format", _flag(options.smart_format)),
        ]
    if len(several) > 1 or options.model == "flux-general-multi":
        query += [("language_hint", one) for one in dict.fromkeys([*several, *person.hints])]
    query += [("keyterm", one) for one in dict.fromkeys([*options.keyterms, *person.keyterms])]
    if options.mip_opt_out:
        query.append(("mip_opt_out", "true"))
    return f"/v{2 if options.is_flux else 1}/listen?{urlencode(query)}"


def _flag(on: bool) -> str:
    return "true" if on else "false"
