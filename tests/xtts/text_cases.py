"""Texts in 17 languages and what the reference (coqui-tts 0.28) makes of them: `golden/texts.json` is what it does
right, and ours must do the same; `golden/text_differences.json` is what it does not, each with the reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from export.runtime.xtts.text import characters, languages, spoken

GOLDEN = Path(__file__).parent / "golden"


@dataclass(frozen=True)
class Case:
    """One text; `reference` is None where the reference fails."""

    language: str
    text: str
    reference: str | None
    ours: str
    why: str = ""
    """Why ours differs, if it does."""


def cases() -> Iterator[Case]:
    """All of them. num2words writes German nouns with capitals, which the model never saw: ours are small."""
    for language, text, reference in json.loads((GOLDEN / "texts.json").read_text(encoding="utf-8")):
        yield Case(language, text, reference, reference.lower())
    differences = json.loads((GOLDEN / "text_differences.json").read_text(encoding="utf-8"))
    for one in differences["texts"]:
        answer = one["reference"]
        why = differences["reasons"][one["why"]]
        yield Case(one["language"], one["text"], answer if isinstance(answer, str) else None, one["ours"], why)


def ours(case: Case) -> str:
    """What this house makes of it."""
    language = languages.find(case.language)
    return spoken.romanise(spoken.write_out(characters.clean(case.text), language), language)
