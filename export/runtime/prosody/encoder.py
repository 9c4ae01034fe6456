"""The encoder of styles: clips in, vectors of length 1 out, each as if it had been asked for alone.

A style is 56 numbers of the network, 7 measured ones and a 1, divided by their length. So the last number tells what
it was divided by, and `recovered` gives the 63 back: differences are to be taken of those.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.runtime import session
from export.runtime.prosody import model as models
from export.runtime.prosody.features import BANDS, Features
from export.runtime.prosody.measures import coordinates, measured
from export.runtime.session import Provider

Float = NDArray[np.float32]
Pcm = NDArray[np.int16]

TOKENS, MEASURES = 56, 7
"""Numbers that the network gives, and that are measured."""
WIDTH = TOKENS + MEASURES + 1

WEIGHT = np.float32((0.5 / MEASURES) ** 0.5)
"""Of one step of a measure. Weights are exported such that the network's numbers, too, have a mean square length of a
half over what it was trained on: the two parts count the same."""

FRAMES_AT_ONCE = 20_000
"""Frames of 12.5 ms that are worked on in one run, padding counted: more would take memory (3 kB each)."""


class Encoder:
    """Tells how something was said; may be used by several threads."""

    def __init__(self, folder: Path, *, threads: int = 1, provider: Provider = "cpu", spinning: bool = False) -> None:
        """The encoder whose weights are in `folder`.

        Args:
            threads: that work on one run; 0 takes all cores.
            spinning: see `session.opened`.
        Raises:
            WeightsError: weights are missing or damaged, or the machine has no such provider.
        """
        self.model = models.load(folder)
        self.id = self.model.id
        """Styles of other ids are not to be compared with this one's."""
        self._features = Features()
        self._graph = session.opened(
            folder / models.GRAPH, threads, spinning=spinning, provider=provider, exported="gst --train"
        )

    def __call__(self, clips: Sequence[Pcm]) -> Float:
        """float32[clips, 64], each row of length 1.

        Args:
            clips: int16[n] at 16 kHz each; see `export.runtime.identity.clips.checked`.
        """
        return joined(self.tokens(clips), np.stack([coordinates(measured(clip)) for clip in clips]))

    def tokens(self, clips: Sequence[Pcm]) -> Float:
        """What the network alone says, float32[clips, 56], of any length."""
        found = np.empty((len(clips), TOKENS), np.float32)
        for group in _groups([self._features(clip) for clip in clips]):
            found[[index for index, _ in group]] = run(self._graph, [features for _, features in group])
        return found


def run(graph: Any, features: Sequence[Float]) -> Float:
    """The network over rows of different lengths, padded to the longest."""
    lengths = np.array([len(one) for one in features], np.int64)
    padded = np.zeros((len(features), lengths.max(), BANDS), np.float32)
    for row, one in zip(padded, features, strict=True):
        row[: len(one)] = one
    (tokens,) = graph.run(["tokens"], {"features": padded, "lengths": lengths})
    found: Float = tokens
    return found


def joined(tokens: Float, steps: Float) -> Float:
    """Styles, float32[clips, 64], of what the network says and of measures in steps."""
    rows = np.concatenate([tokens, steps * WEIGHT, np.ones((len(tokens), 1), np.float32)], axis=1)
    unit: Float = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def recovered(styles: Float) -> Float:
    """The 63 numbers of each style before they were divided by their length."""
    numbers: Float = styles[..., :-1] / styles[..., -1:]
    return numbers


def _groups(features: Sequence[Float]) -> Iterator[list[tuple[int, Float]]]:
    """All with their places, those of similar lengths together, so that little is padded."""
    group: list[tuple[int, Float]] = []
    for index in sorted(range(len(features)), key=lambda index: len(features[index])):
        if group and (len(group) + 1) * len(features[index]) > FRAMES_AT_ONCE:
            yield group
            group = []
        group.append((index, features[index]))
    if group:
        yield group
