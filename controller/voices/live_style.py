"""Which calibration clip somebody speaks most like at this moment, both sides relative to their own mean over clips.

The clip changes only where another is clearly nearer, so that a voice does not flicker between two that are alike.
Knows styles; keeps nothing of a profile, which it is shown anew whenever it is asked.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.audio.g711 import telephone
from controller.engines.embed import VoiceEncoders
from controller.errors import EngineError
from controller.frames import SAMPLE_RATE, Pcm
from controller.triton.contracts import Embedding
from controller.voices.patience import Patience
from controller.voices.profile import STYLE_WIDTH, Profile
from controller.voices.quality import COMPARISON, LONGEST_S, Take, listen
from controller.voices.turn import Turn

log = logging.getLogger(__name__)

Float = NDArray[np.float32]

STRETCH_S: Final = 3.0
"""So much of what they say becomes one style, short turns laid end to end: the network was trained on 2.4 to 4 s, and
of 1 s it tells little (nearest clip of the same manner 39 %, of 3 s 55 %, by chance 20 %)."""

STRETCHES: Final = 3
"""So many of the latest count, each as much as any other. By one alone the clip changes two thirds more often and is
right less often; a fourth adds nothing."""

MARGIN: Final = 0.2
"""Another clip is taken only where it is nearer by this share of the present one's distance."""

MEAN_AWAY: Final = 0.8
"""The distance (1 less the cosine) that the mean of all clips counts as having from anything: a clip whose cosine is
below 0.2 tells nothing, and the first must have 0.36."""

# The four above: of 180 clips of the recordings that choices are made by (export/gst/recordings.py, VALIDATION) over a
# telephone, six speakers, three calibration clips (neutral, calm, lively), all ways to choose them. Right are 57 % of
# calm speech, 63 % of lively, 58 % of neutral; the opposite is taken in 5 %, and in 9 % where the mean is no choice.


class _Style(NamedTuple):
    numbers: Float
    """float32[64]"""
    model: str


class LiveStyle:
    """Of one speaker of one call."""

    def __init__(self, encoders: VoiceEncoders) -> None:
        self._encoders = encoders
        self._patience = Patience()
        self._waiting: list[Pcm] = []
        self._styles: deque[_Style] = deque(maxlen=STRETCHES)
        self._picked: int | None = None
        self._of: tuple[str, int] | None = None
        """Name and version of the profile that it was picked from."""
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def hear(self, turn: Turn) -> None:
        """They finished a turn. Waits for nothing."""
        if self._closed or not self._patience.turn():
            return
        self._waiting.append(turn.pcm)
        while len(self._waiting) > 1 and sum(map(len, self._waiting)) > LONGEST_S * SAMPLE_RATE:
            self._waiting.pop(0)  # an encoder takes long
        if self._task is None and sum(map(len, self._waiting)) >= STRETCH_S * SAMPLE_RATE:
            said = np.concatenate(self._waiting)[-int(LONGEST_S * SAMPLE_RATE) :]
            self._waiting = []
            self._task = asyncio.create_task(self._encode(said), name="how they speak")

    def pick(self, profile: Profile) -> int | None:
        """The clip to speak the next clause with, by its place; None is the mean of all: nothing else is nearer.

        Args:
            profile: as it is now; it has clips.
        """
        if self._of != (profile.name, profile.version):
            self._of, self._picked = (profile.name, profile.version), None
        away = distances(profile, [one.numbers for one in self._styles if _comparable(one, profile)])
        if away is not None:
            present = len(profile.clips) if self._picked is None else self._picked
            nearest = int(np.argmin(away))
            if away[nearest] < (1 - MARGIN) * away[present]:
                self._picked = None if nearest == len(profile.clips) else nearest
        return self._picked

    async def close(self) -> None:
        """The call is over: nothing of what was said is kept, and what comes now is not heard."""
        self._closed = True
        self._waiting = []
        self._styles.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _encode(self, said: Pcm) -> None:
        try:
            style = await self._styled(said)
        except EngineError as error:
            self._patience.failed()
            log.info("how somebody speaks is not told: %s", error)
        except Exception:  # the boundary between a voice's liveliness and its call, which goes on
            self._patience.failed()
            log.exception("how somebody speaks could not be told")
        else:
            self._patience.worked()
            if style is not None and _sound(style.vector):
                self._styles.append(_Style(style.vector, style.model))
        finally:
            self._task = None

    async def _styled(self, said: Pcm) -> Embedding | None:
        """As through a telephone, whatever the line: one band for all, and no worse than wideband (docs/style.md)."""
        heard = await asyncio.to_thread(listen, Take("a turn", said, SAMPLE_RATE), COMPARISON)
        if heard.trouble is not None:
            return None
        return await self._encoders.style(await asyncio.to_thread(telephone, heard.speech))


def distances(profile: Profile, heard: list[Float]) -> NDArray[np.float64] | None:
    """How far what was heard is from each clip, 1 less the cosine, and from the mean of all: [clips + 1]. None where
    that cannot be said.

    Args:
        heard: styles of the profile's model, float32[64] each, as through a telephone.
    """
    clips = np.stack([one.style[1] for one in profile.clips])
    if not heard or not all(map(_sound, clips)):
        return None
    known = recovered(clips)
    neutral = known.mean(axis=0)
    moved = recovered(np.stack(heard)).mean(axis=0) - neutral
    return np.append(1 - _cosines(known - neutral, moved), MEAN_AWAY)


def recovered(styles: NDArray[np.float32]) -> NDArray[np.float64]:
    """The 63 numbers of each style, [..., 64], before they were divided by their length: differences mean something of
    those only. See docs/style.md."""
    wide = styles.astype(np.float64)
    numbers: NDArray[np.float64] = wide[..., :-1] / wide[..., -1:]
    return numbers


def _cosines(many: NDArray[np.float64], one: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(many, axis=1) * np.linalg.norm(one)
    found: NDArray[np.float64] = many @ one / np.maximum(lengths, 1e-9)
    return found


def _comparable(style: _Style, profile: Profile) -> bool:
    made_by = profile.encoders.style if profile.encoders else None
    return made_by is not None and style.model == made_by.id and not made_by.structural


def _sound(style: Float) -> bool:
    """Whether it is a style at all: its last number is what it was divided by."""
    return style.shape == (STYLE_WIDTH,) and bool(np.isfinite(style).all()) and float(style[-1]) > 0
