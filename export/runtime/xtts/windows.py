"""From the GPT's latents to what the vocoder sees, while latents are still coming: windows that give the whole's sound.

Latents are stretched to frames by the reference's two or three linear interpolations. A frame is settled once no latent
to come can change it; a sample is, once all frames that the vocoder hears it through are. So nothing is vocoded twice
but for the borders, and no seam is faded over. Borders are cheap, since the vocoder comes in two halves: the coarse one
hears far but is a quarter of the work, and what it made of a border is kept for the fine one. Knows no vocoder:
somebody gives the halves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.runtime.xtts.config import ModelConfig

Float = NDArray[np.float32]

COARSE = 11
"""Frames on either side through which the coarse half hears: 60 of its columns by the residual blocks, of which 8 are a
frame, 11 or 4 more by the up-sampling, and 3 frames by the first convolution."""

FINE = 2
"""The same of the fine half, which hears 14 columns on either side."""

CONTEXT = COARSE + FINE
"""Frames on either side that a sample is heard through. (Measured, in frames from a frame's beginning: 12.63 before and
13.64 after it, which is within the 13th.)"""

COARSE_SHARE = 0.24
"""Of the vocoder's multiplications, those of the coarse half."""

SLOWEST = 0.05
"""The reference takes any lower speed for this one."""


Half = Callable[[Float], Float]
"""A half of a vocoder. The coarse one makes columns of frames, float32[width, frames] to float32[channels, columns],
as many of each; the fine one makes float32[samples] of columns, as many of each. Both take what lies beyond the ends
for silence."""


@dataclass(slots=True)
class Seam:
    """What the coarse half made of an utterance and the fine half is to hear again."""

    columns: Float | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A part of an utterance for the vocoder. The parts of one utterance are to be made sound of in order."""

    frames: Float
    """float32[decoder_input, n] for the coarse half, contiguous; none where it has heard all already."""
    known: int
    """Frames at their beginning of which it made columns before."""
    fresh: int
    """Frames after them of which it did not."""
    heard: int
    """Frames that the fine half hears, the fresh ones last."""
    again: int
    """Of these, how many at the end it will hear again."""
    skipped: int
    """Samples at the beginning that only give context."""
    kept: int
    """Samples after them that are the sound."""
    seam: Seam
    """The utterance's."""

    @property
    def work(self) -> float:
        """Frames that would cost the whole vocoder as much."""
        return COARSE_SHARE * int(self.frames.shape[1]) + (1 - COARSE_SHARE) * self.heard

    def sound(self, coarse: Half, fine: Half) -> Float:
        """What is new: float32[kept]."""
        columns = self.seam.columns
        if self.fresh:
            made = coarse(self.frames)
            each = made.shape[1] // self.frames.shape[1]
            made = made[:, self.known * each : (self.known + self.fresh) * each]
            columns = made if columns is None else np.concatenate([columns, made], axis=1)
        assert columns is not None  # the first window of all is fresh
        each = columns.shape[1] // self.heard
        self.seam.columns = columns[:, columns.shape[1] - self.again * each :].copy()
        return fine(np.ascontiguousarray(columns))[self.skipped : self.skipped + self.kept]


class Windows:
    """The windows of one utterance."""

    def __init__(self, config: ModelConfig, speed: float = 1.0) -> None:
        """`speed` is above 0; 2 speaks in half the time."""
        self._upsampling = Upsampling(config, speed)
        self._latents = np.empty((config.max_new_tokens, config.decoder_input), np.float32)
        self._hop = config.hop
        self._count = 0
        self._emitted = 0
        """Frames whose sound was given."""
        self._begun = 0
        """Frames of which the coarse half was to make columns."""
        self._seam = Seam()

    @property
    def latents(self) -> Float:
        """All that were added: float32[n, decoder_input]."""
        return self._latents[: self._count]

    def add(self, latent: Float) -> None:
        """The next token's latent, float32[decoder_input]."""
        self._latents[self._count] = latent
        self._count += 1

    def tokens(self, frames: int) -> int:
        """How many tokens it takes until so many frames can be vocoded, if it does not end before."""
        most = len(self._latents)
        counts = range(1, most)
        return next((count for count in counts if self._upsampling.settled(count) - CONTEXT >= frames), most)

    def ready(self, *, last: bool) -> int:
        """How many frames can be vocoded by now and were not before; with `last`, there will be no more latents."""
        if last:
            return self._upsampling.frames(self._count) - self._emitted
        return max(0, self._upsampling.settled(self._count) - CONTEXT - self._emitted)

    def next(self, *, last: bool, most: int | None = None) -> Window | None:
        """What is `ready`, or the first `most` frames of it. None where there is nothing."""
        ready = self.ready(last=last)
        if not ready:
            return None
        limit = self._upsampling.frames(self._count) if last else self._upsampling.settled(self._count)
        first, end = self._emitted, self._emitted + min(ready, most or ready)
        known, begun = self._begun, min(limit, end + FINE)
        start, heard = max(0, known - COARSE), max(0, first - FINE)
        frames = self.latents[:0]
        if known < begun:
            frames = self._upsampling.between(self.latents, start, min(limit, begun + COARSE))
        window = Window(
            np.ascontiguousarray(frames.T),
            known=known - start,
            fresh=begun - known,
            heard=begun - heard,
            again=begun - max(0, end - FINE),
            skipped=(first - heard) * self._hop,
            kept=(end - first) * self._hop,
            seam=self._seam,
        )
        self._emitted, self._begun = end, begun
        return window


class Upsampling:
    """Latents to frames: to the speed, to the vocoder's hop, to its sample rate."""

    def __init__(self, config: ModelConfig, speed: float = 1.0) -> None:
        if not 0.0 < speed < float("inf"):
            raise ValueError(f"the speed is {speed}: give more than 0; 1 is the voice's own")
        most = config.max_new_tokens
        self._stages: list[_Interpolation] = []
        stretch = 1.0 / max(speed, SLOWEST)
        if int(most * stretch) != most:
            # With a speed a little under 1 the reference copies a text too short to gain a latent. Whether a text is
            # that short is known only at its end, so here the speed always holds.
            self._stages.append(_Interpolation(stretch, most, copies=False))
            most = self._stages[-1].size(most)
        for scale in (config.code_stride / config.hop, config.output_rate / config.input_rate):
            self._stages.append(_Interpolation(scale, most, copies=True))
            most = self._stages[-1].size(most)

    def frames(self, latents: int) -> int:
        """How many frames an utterance of so many latents has."""
        return self._size(len(self._stages), latents)

    def settled(self, latents: int) -> int:
        """How many frames are what they are after so many latents, whatever follows."""
        for stage in self._stages:
            latents = stage.settled(latents)
        return latents

    def between(self, latents: Float, start: int, end: int) -> Float:
        """Frames `start` to `end`, float32[end - start, width].

        Args:
            latents: float32[n, width], all so far. `end` is at most `settled(n)`, or `frames(n)` if these are all.
        """
        return self._between(len(self._stages), latents, start, end)

    def _size(self, stages: int, latents: int) -> int:
        for stage in self._stages[:stages]:
            latents = stage.size(latents)
        return latents

    def _between(self, stages: int, latents: Float, start: int, end: int) -> Float:
        if not stages:
            return latents[start:end]
        stage, inputs = self._stages[stages - 1], self._size(stages - 1, len(latents))
        low, high = stage.needs(start, end, inputs)
        return stage.between(self._between(stages - 1, latents, low, high), low, start, end, inputs)


class _Interpolation:
    """torch's `interpolate(scale_factor=.., mode="linear")` along the first axis, any part of it at a time.

    Output j lies at (j + 0.5) / scale - 0.5 among the inputs, rounded to float32 once, as there: late in an utterance
    that rounding is what differs most.
    """

    def __init__(self, scale: float, most: int, *, copies: bool) -> None:
        """`most`: so many inputs there may be. `copies`: where nothing grows nothing is moved either, as in torch."""
        self._scale = scale
        self._copies = copies
        places = (np.arange(self.size(most)) + 0.5) * np.float64(np.float32(1.0 / scale)) - 0.5
        places = np.maximum(places, 0.0).astype(np.float32)
        self._left = places.astype(np.intp)
        self._share = (places - self._left).astype(np.float32)[:, None]

    def size(self, inputs: int) -> int:
        return int(inputs * self._scale)

    def settled(self, inputs: int) -> int:
        """How many outputs there will be for certain that have both their inputs among the first `inputs`."""
        return min(int(np.searchsorted(self._left, inputs - 1, side="left")), self.size(inputs))

    def needs(self, start: int, end: int, inputs: int) -> tuple[int, int]:
        """The inputs from which outputs `start` to `end` are made, of `inputs`."""
        if self._is_copy(inputs):
            return start, end
        return min(int(self._left[start]), inputs - 1), min(int(self._left[end - 1]) + 2, inputs)

    def between(self, values: Float, low: int, start: int, end: int, inputs: int) -> Float:
        """Outputs `start` to `end`, of `inputs` in all; `values` are the inputs from `low` on."""
        if self._is_copy(inputs):
            return values
        left = np.minimum(self._left[start:end], inputs - 1)
        right = np.minimum(left + 1, inputs - 1)
        share = self._share[start:end]
        mixed: Float = (np.float32(1) - share) * values[left - low] + share * values[right - low]
        return mixed

    def _is_copy(self, inputs: int) -> bool:
        return self._copies and self.size(inputs) == inputs
