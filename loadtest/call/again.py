"""What was heard, recognised again, beside the same synthesis as the voice made it and as a telephone would carry it.

The second tells what is lost in the call and on the line together, the third what of that is the line. Both are of the
speed at which it was played; the same at the voice's own speed tells what the haste of one who is behind costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import soxr

from controller.engines.tts import Voice
from controller.frames import SAMPLE_RATE, Pcm
from controller.stack.wav import PHONE_RATE
from controller.triton.client import TritonClient
from controller.triton.contracts import recognise
from loadtest.call.rows import Row
from loadtest.call.taken import Spoken

AROUND_S: Final = 0.24
"""Silence before and after, as the recogniser gets of a caller; the same for both."""

DEADLINE_S: Final = 30.0
LONGEST_S: Final = 29.0
"""What the recogniser takes at once."""

RECOGNISED: Final = ("heard", "clean", "telephone", "unhurried")
"""The texts of an `Again`."""


@dataclass(slots=True)
class Again:
    """One translation recognised four times."""

    row: Row
    heard: str
    clean: str
    telephone: str
    """Clean, but at 8 kHz and in G.711."""
    unhurried: str
    """Clean, at the voice's own speed."""


async def recognise_again(
    client: TritonClient, voice: Voice, rows: list[Row], recording: tuple[Pcm, int], spoken: Spoken, language: str
) -> list[Again]:
    """Every translation that was found in a recording: that stretch of it, and the clean one; `voice` says it once
    more.

    Args:
        recording: int16[n] as the line's codec gave it, and its rate in hertz.
    """
    found = [row for row in rows if row.where is not None and row.target is not None and row.counts]
    return [await _one(client, voice, row, recording, spoken[row.target or "", language], language) for row in found]


async def _one(
    client: TritonClient, voice: Voice, row: Row, recording: tuple[Pcm, int], made: list[Pcm], language: str
) -> Again:
    assert row.where is not None
    begin, end = row.where
    pcm, rate = recording
    cut = soxr.resample(pcm[begin * rate // PHONE_RATE : end * rate // PHONE_RATE], rate, SAMPLE_RATE, quality="HQ")
    clean = min(made, key=lambda pcm: abs(len(pcm) - 2 * (end - begin)))  # of the speed at which it was played
    unhurried = np.concatenate([chunk.pcm async for chunk in voice.synthesize(row.target or "", language)])
    texts = [await understood(client, pcm, language) for pcm in (cut, clean, telephone(clean), unhurried)]
    return Again(row, *texts)


async def understood(client: TritonClient, pcm: Pcm, language: str) -> str:
    """What the recogniser hears in a stretch of sound, int16[n] at the controller's rate."""
    silence = np.zeros(round(AROUND_S * SAMPLE_RATE), np.int16)
    padded = np.concatenate([silence, pcm[: round(LONGEST_S * SAMPLE_RATE)], silence])
    answer = await recognise(client, padded, language, deadline_s=DEADLINE_S)
    return answer.text


def telephone(pcm: Pcm) -> Pcm:
    """A sound (int16[n] at the controller's rate) as it comes out of a mu-law line (ITU-T G.711)."""
    narrow = soxr.resample(pcm, SAMPLE_RATE, PHONE_RATE, quality="HQ").astype(np.int64)
    level = np.minimum(np.abs(narrow), 32635) + 132
    step = 2.0 ** (np.floor(np.log2(level)) - 4)  # sixteen steps in each octave
    coded = np.sign(narrow) * ((np.floor(level / step) + 0.5) * step - 132)
    wide: Pcm = soxr.resample(np.rint(coded).astype(np.int16), PHONE_RATE, SAMPLE_RATE, quality="HQ")
    return wide
