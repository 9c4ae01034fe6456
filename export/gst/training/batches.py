"""Batches for the training: speakers by chance, two passages of each, heard over all kinds of lines."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from export.gst.training.material import MANNERS, Material
from export.runtime.mel import GST, filters
from export.runtime.prosody.features import scaled
from export.runtime.prosody.pitch import BAND_HZ

Float = NDArray[np.float32]

SPEAKERS = 8
"""In a batch."""
LONGEST = 260
"""Frames of 12.5 ms: of what is longer, a piece."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Pairs of passages of one speaker: 2 * pairs * MANNERS clips, the first passages' before the second passages'."""

    features: Float
    """[clips, frames, 80]"""
    lengths: NDArray[np.int64]
    labels: Float
    """[clips, 3]"""


class Batches:
    """Draws batches from material."""

    def __init__(self, material: Material, labels: Float, seed: int) -> None:
        """`labels` stand in for the material's own: those of a control are shuffled."""
        self._material, self._labels = material, labels
        self._chance = np.random.default_rng(seed)
        passages = material.packs[::MANNERS]
        self._of_speaker = [
            found for pack in np.unique(passages) if len(found := np.flatnonzero(passages == pack)) >= 2
        ]

    def drawn(self) -> Batch:
        """A batch by chance, pieces of clips over lines by chance."""
        speakers = self._chance.permutation(len(self._of_speaker))[:SPEAKERS]
        pairs = [self._chance.permutation(self._of_speaker[one])[:2] for one in speakers]
        return self._batch(np.array(pairs), by_chance=True)

    def all_in_order(self) -> list[Batch]:
        """Every passage but the odd one, with the speaker's next, each clip from its begin, over no line."""
        pairs = [found[start : start + 2] for found in self._of_speaker for start in range(0, len(found) - 1, 2)]
        return [
            self._batch(np.array(pairs[start : start + SPEAKERS]), by_chance=False)
            for start in range(0, len(pairs), SPEAKERS)
        ]

    def _batch(self, pairs: NDArray[np.int64], *, by_chance: bool) -> Batch:
        passages = pairs.T.reshape(-1)
        clips = (passages[:, None] * MANNERS + np.arange(MANNERS)).reshape(-1)
        heard = [self._heard(clip, by_chance=by_chance) for clip in clips.tolist()]
        lengths = np.array([len(one) for one in heard])
        features = np.zeros((len(heard), lengths.max(), GST.n_mels), np.float32)
        for row, one in zip(features, heard, strict=True):
            row[: len(one)] = one
        return Batch(features, lengths, self._labels[clips])

    def _heard(self, clip: int, *, by_chance: bool) -> Float:
        end = self._material.ends[clip]
        start = self._material.ends[clip - 1] if clip else 0
        if by_chance:
            start += self._chance.integers(0, max(1, end - start - LONGEST + 1))
        some = self._material.levels[start : min(end, start + LONGEST)].astype(np.float32)
        return scaled(over_a_line(some, self._chance) if by_chance else some)


def over_a_line(levels: Float, chance: np.random.Generator) -> Float:
    """Levels (log10 of power) as another microphone, room and line would have made them."""
    bands = levels.shape[1]
    place = np.arange(bands) / bands
    tilt = chance.normal(0, 0.4) * (place - 0.5) + chance.normal(0, 0.15) * np.cos(
        2 * np.pi * (place * chance.uniform(0.5, 2) + chance.uniform())
    )
    heard = levels + tilt
    if chance.random() < 0.5:  # a telephone
        heard = heard - telephone_loss()
    floor = heard.max() - chance.uniform(2.5, 6.0) + chance.normal(0, 0.4) * (place - 0.5)
    noisy: Float = np.log10(10**heard + 10**floor).astype(np.float32)
    return noisy


@cache
def telephone_loss() -> Float:
    """log10 of the power that a telephone takes from each band."""
    hz = np.fft.rfftfreq(GST.n_fft, 1 / GST.sample_rate)
    middle = hz[filters(GST).argmax(axis=1)]
    outside = np.maximum(np.log2(BAND_HZ[0] / np.maximum(middle, 1.0)), np.log2(np.maximum(middle, 1.0) / BAND_HZ[1]))
    loss: Float = np.clip(6.0 * outside, 0.0, 5.0).astype(np.float32)
    return loss
