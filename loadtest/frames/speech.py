"""What is said and heard in the bench: recorded human prompts as endless tracks and as clips of translation."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import soxr

from controller.demo.script import prompts
from controller.frames import FRAME_SAMPLES, SAMPLE_RATE, Pcm
from controller.stack.wav import PHONE_RATE

ENGLISH = ("number-not-answering", "privacy-prompt", "check-number-dial-again", "all-circuits-busy-now",
           "conf-waitforleader", "cannot-complete-as-dialed", "queue-thankyou", "pls-hold-while-try", "vm-nonumber",
           "vm-msgsaved", "demo-thanks")  # fmt: skip
SPANISH = ("vm-enter-num-to-call", "privacy-incorrect", "please-try-again", "queue-periodic-announce",
           "confbridge-only-one", "vm-sorry", "queue-youarenext", "vm-nobodyavail", "conf-onlyperson", "vm-nonumber",
           "vm-tooshort", "vm-msgsaved")  # fmt: skip

PAUSE_S = (0.6, 2.4)
"""Shortest and longest pause between two prompts: about half of a track is speech."""

TALK_S = (4.0, 8.0)
"""The same of one who lets the other speak: a third of it is speech, and no translation waits for the one before."""


def clips(folder: Path, language: str) -> list[Pcm]:
    """The prompts of a language at the controller's rate. Raises StackError where they are not there."""
    names = ENGLISH if language == "en" else SPANISH
    return [soxr.resample(pcm, PHONE_RATE, SAMPLE_RATE) for _, pcm in prompts(folder, language, names)]


def track(
    said: list[Pcm],
    rounds: int = 3,
    seed: int = 1,
    *,
    rate: int = SAMPLE_RATE,
    pause_s: tuple[float, float] = PAUSE_S,
) -> Pcm:
    """`said` (at `rate` hertz) over and over with pauses, whole frames."""
    chance = random.Random(seed)
    parts = []
    for _ in range(rounds):
        for pcm in chance.sample(said, len(said)):
            parts += [pcm, np.zeros(round(chance.uniform(*pause_s) * rate), np.int16)]
    whole = np.concatenate(parts)
    frame = FRAME_SAMPLES * rate // SAMPLE_RATE
    return whole[: len(whole) // frame * frame]
