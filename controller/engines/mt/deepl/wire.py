"""What goes to DeepL and what comes back: language codes, bodies, answers, and what a refusal means.

Knows JSON and status codes; makes no request. That they are what DeepL's own library sends is tested.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from controller.errors import EngineBarred, EngineError, EngineRejected, EngineUnavailable

NAME: Final = "deepl"
_CODES = "ar bg cs da de el en es et fi fr hu id it ja ko lt lv nb nl pl pt ro ru sk sl sv tr uk zh"
LANGUAGES: Final = frozenset(_CODES.split())
"""What it translates from and to: the languages that it has had longest. Its library lists newer ones."""

_OWN_CODES: Final = {"no": "nb"}
_TARGETS: Final = {"en": "EN-US", "pt": "PT-PT"}
"""Targets that DeepL refuses without a country; others go as they are."""

MOST_TEXTS: Final = 50
MOST_BYTES: Final = 100_000
"""Of a request's texts and context; DeepL takes bodies of 128 KiB, and JSON writes some characters longer."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How to translate: texts that share it can share a request."""

    source: str
    """ISO 639-1; empty where it is to be detected"""

    target: str
    """DeepL's code"""

    formality: str = ""
    """empty, prefer_more or prefer_less: where a language has no such thing these are no error"""

    glossary: str = ""
    """its id, or empty; DeepL takes one only where the source is named"""


@dataclass(frozen=True, slots=True)
class Answer:
    """One translated text."""

    text: str
    billed: int
    """characters"""


@dataclass(frozen=True, slots=True)
class Usage:
    """What DeepL has counted in this billing period."""

    used: int
    """characters"""

    limit: int
    """characters; 0 where there is none"""


def language(code: str) -> str:
    """DeepL's name of a language without its country, in small letters."""
    small = code.lower()
    return _OWN_CODES.get(small, small)


def target_code(code: str, chosen: Mapping[str, str]) -> str:
    """DeepL's code of a target language; `chosen` (en = "EN-GB") wins."""
    small = language(code)
    return chosen.get(small, _TARGETS.get(small, small)).upper()


def body(texts: Sequence[str], manner: Manner, context: str) -> dict[str, Any]:
    """Of POST /v2/translate."""
    made: dict[str, Any] = {"target_lang": manner.target}
    if manner.source:
        made["source_lang"] = manner.source.upper()
    if manner.formality:
        made["formality"] = manner.formality
    if manner.glossary:
        made["glossary_id"] = manner.glossary
    made["text"] = list(texts)
    made["show_billed_characters"] = True
    if context:
        made["context"] = context
    made["split_sentences"] = "0"
    made["model_type"] = "latency_optimized"
    return made


def headers(key: str) -> dict[str, str]:
    """Of every request."""
    return {"Authorization": f"DeepL-Auth-Key {key}", "User-Agent": "dragoman"}


def answers(found: Any, texts: Sequence[str]) -> list[Answer]:
    """The translations of `texts`.

    Raises:
        EngineUnavailable: that is no answer to them.
    """
    try:
        given = [
            Answer(str(one["text"]), int(one.get("billed_characters", len(text))))
            for one, text in zip(found["translations"], texts, strict=True)
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EngineUnavailable("DeepL's answer holds no translation of what was asked", engine=NAME) from error
    return given


def usage(found: Any) -> Usage:
    """What GET /v2/usage says.

    Raises:
        EngineUnavailable: it says nothing of characters.
    """
    try:
        return Usage(int(found["character_count"]), int(found.get("character_limit", 0)))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EngineUnavailable("DeepL's answer says nothing of the characters used", engine=NAME) from error


def refusal(status: int, message: str) -> EngineError:
    """What an answer other than 200 means. `message` is DeepL's own, or empty."""
    said = f": {message}" if message else ""
    if status in (401, 403):
        return EngineBarred(
            f"DeepL refuses the key (DEEPL_AUTH_KEY, or key in engines.options.deepl){said}", engine=NAME
        )
    if status == 456:
        return EngineBarred(f"DeepL's quota is used up until the account is given more{said}", engine=NAME)
    if status == 429:
        return EngineUnavailable(f"DeepL throttles us: too many requests at once{said}", engine=NAME)
    if status >= 500:
        return EngineUnavailable(f"DeepL fails inside ({status}){said}", engine=NAME)
    return EngineRejected(f"DeepL refused the request ({status}){said}", engine=NAME)
