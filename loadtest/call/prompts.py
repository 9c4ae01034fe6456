"""The recorded human prompts that a bench may use, and the seeded draw among them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from controller.demo.script import recording, texts, voiced_span
from controller.errors import UsageError
from controller.frames import Pcm
from controller.stack.wav import PHONE_RATE, read_wav

SHORTEST_S: Final = 1.2
LONGEST_S: Final = 20.0
FEWEST_WORDS: Final = 3


@dataclass(frozen=True, slots=True)
class Prompt:
    """One recording and what it says."""

    name: str
    language: str
    text: str
    pcm: Pcm
    """8 kHz"""

    start_s: float
    end_s: float
    """Of the voice in it: the true end."""


def prompt(folder: Path, language: str, name: str) -> Prompt:
    """The prompt `name`, whatever its length."""
    pcm = read_wav(recording(folder, language, name))
    return Prompt(name, language, texts(folder, language)[name], pcm, *voiced_span(pcm))


def eligible(folder: Path, language: str) -> list[str]:
    """Names of all prompts of 1.2 to 20 s with three words or more and no bracketed text, and a recording."""
    return sorted(
        name
        for name, text in texts(folder, language).items()
        if fit(text)
        and (file := recording(folder, language, name)).is_file()
        and SHORTEST_S <= len(read_wav(file)) / PHONE_RATE <= LONGEST_S
    )


def fit(text: str) -> bool:
    """Whether a transcript says what is heard: brackets hold noises, and remarks about the recording."""
    return len(text.split()) >= FEWEST_WORDS and not set("[]()<>") & set(text)


def draw(folder: Path, language: str, count: int, seed: int) -> list[Prompt]:
    """`count` prompts without replacement; the same for the same seed, a smaller draw being the start of a larger one.

    Raises:
        UsageError: there are not so many.
    """
    names = eligible(folder, language)
    if count > len(names):
        raise UsageError(f"There are {len(names)} recorded prompts in {language}: ask for no more CLAUSES than that.")
    random.Random(f"{language} {seed}").shuffle(names)
    return [prompt(folder, language, name) for name in names[:count]]
