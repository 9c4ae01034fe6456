"""The two encoders of speakers: clips in, vectors of length 1 out, each as if it had been asked for alone.

Knows samples and the graphs that `dragoman export` wrote; knows no server.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from export.runtime import session
from export.runtime.identity import model as models
from export.runtime.identity.clips import RATE, Pcm
from export.runtime.identity.features import CampplusFeatures, EcapaFeatures, Float
from export.runtime.identity.model import WIDTH, Model, Precision
from export.runtime.session import Provider

FRAMES_AT_ONCE = 4_000
"""Frames of 10 ms that ECAPA works on in one run: more would take memory (75 kB each) and gain nothing."""

WINDOW = 3 * RATE
"""Samples that CAM++ hears at a time."""
WINDOWS_AT_ONCE = 16


class Encoder(Protocol):
    """Tells who is speaking."""

    model: Model
    id: str
    """Vectors of other ids are not to be compared with this one's."""

    def __call__(self, clips: Sequence[Pcm]) -> Float:
        """float32[clips, 256], each row of length 1.

        Args:
            clips: int16[n] at 16 kHz each; see `clips.checked`.
        """


def opened(
    folder: Path, *, threads: int = 1, provider: Provider = "cpu", precision: Precision = "fp32", spinning: bool = False
) -> Encoder:
    """The encoder whose weights are in `folder`; may be used by several threads.

    Args:
        threads: that work on one run; 0 takes all cores.
        spinning: see `session.opened`.
    Raises:
        WeightsError: weights are missing or damaged, or the machine has no such provider.
    """
    model = models.load(folder)
    graph = session.opened(
        folder / models.FILES[precision],
        threads,
        spinning=spinning,
        provider=provider,
        exported=models.COMMANDS[model.network] + (" --int8" if precision == "8bit" else ""),
    )
    kind = Ecapa if model.network == "ecapa_tdnn" else Campplus
    return kind(model, model.id(precision), graph)


class Ecapa:
    """ECAPA-TDNN over clips of any lengths, laid end to end: nothing is padded, and no clip hears another."""

    def __init__(self, model: Model, id_: str, graph: Any) -> None:
        self.model, self.id = model, id_
        self._graph = graph
        self._features = EcapaFeatures()

    def __call__(self, clips: Sequence[Pcm]) -> Float:
        return widened(self.native(clips))

    def native(self, clips: Sequence[Pcm]) -> Float:
        """float32[clips, native_width] as the network gives them, of any length."""
        features = [self._features(clip) for clip in clips]
        return np.concatenate([self._run(group) for group in _groups(features)])

    def _run(self, features: Sequence[Float]) -> Float:
        lengths = np.array([len(one) for one in features], np.int64)
        given = {"features": np.concatenate(features), "lengths": lengths}
        (vectors,) = self._graph.run(["vectors"], given)
        found: Float = vectors
        return found


class Campplus:
    """CAM++ over windows of three seconds, which is what one clip's vector is the mean of."""

    def __init__(self, model: Model, id_: str, graph: Any) -> None:
        self.model, self.id = model, id_
        self._graph = graph
        self._features = CampplusFeatures()

    def __call__(self, clips: Sequence[Pcm]) -> Float:
        cut = [windows(clip) for clip in clips]
        vectors = _unit(self.native([window for one in cut for window in one]))
        ends = np.cumsum([len(one) for one in cut])[:-1]
        return widened(np.stack([of_clip.mean(axis=0) for of_clip in np.split(vectors, ends)]))

    def native(self, heard: Sequence[Pcm]) -> Float:
        """float32[windows, native_width] as the network gives them."""
        found = []
        for start in range(0, len(heard), WINDOWS_AT_ONCE):
            features = np.stack([self._features(window) for window in heard[start : start + WINDOWS_AT_ONCE]])
            found.append(self._graph.run(["vectors"], {"features": features})[0])
        return np.concatenate(found)


def windows(pcm: Pcm) -> list[Pcm]:
    """`pcm` in as few windows as cover it, evenly spread; what is shorter than one is repeated until it fills it."""
    if len(pcm) <= WINDOW:
        return [np.resize(pcm, WINDOW)]
    starts = np.linspace(0, len(pcm) - WINDOW, ceil(len(pcm) / WINDOW)).round().astype(int)
    return [pcm[start : start + WINDOW] for start in starts]


def widened(vectors: Float) -> Float:
    """Of length 1, and filled up with zeros to 256 numbers: angles between them stay as they are."""
    return np.pad(_unit(vectors), ((0, 0), (0, WIDTH - vectors.shape[1])))


def _unit(vectors: Float) -> Float:
    unit: Float = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-12))
    return unit


def _groups(features: Sequence[Float]) -> Iterator[list[Float]]:
    """In order, as many at a time as `FRAMES_AT_ONCE` allows, and one at least."""
    group: list[Float] = []
    for one in features:
        if group and sum(map(len, group)) + len(one) > FRAMES_AT_ONCE:
            yield group
            group = []
        group.append(one)
    yield group
