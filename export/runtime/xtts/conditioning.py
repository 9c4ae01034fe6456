"""A voice out of recordings: what the GPT is conditioned on, and the speaker's vector.

As `get_conditioning_latents` of coqui-tts does it, with the numbers of its `synthesize`.

Each recording gives a speaker vector, and their mean is the voice's; laid end to end and cut into pieces, the
recordings give the GPT's latents, the mean of the pieces'. Knows samples; knows neither files nor text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.runtime.mel import XTTS_CONDITIONING, XTTS_SPEAKER, Mel
from export.runtime.resampling import resampled
from export.runtime.session import opened
from export.runtime.xtts import config as configs
from export.runtime.xtts.tables import table

Float = NDArray[np.float32]

SHORTEST_S = 0.33
"""Seconds that a piece must have to be heard at all."""

RATES = (8_000, 192_000)
"""Hertz, the lowest and the highest of a recording."""

QUIETEST = 1e-5
"""Power of a mel band below which it counts as this."""


@dataclass(frozen=True, slots=True)
class Voice:
    """All that the model knows of who speaks."""

    latents: Float
    """float32[latents, width]"""
    speaker: Float
    """float32[speaker_width], of length 1 for one recording; the mean of several is a little shorter."""

    def check(self, config: configs.ModelConfig) -> None:
        """Raise ValueError where the model of `config` cannot speak with it."""
        for name, found, shape in (
            ("latents", self.latents, (config.latents, config.width)),
            ("speaker vector", self.speaker, (config.speaker_width,)),
        ):
            if found.shape != shape or found.dtype != np.float32:
                raise ValueError(
                    f"the voice's {name} are {found.dtype}{list(found.shape)}, this model takes float32{list(shape)}"
                )
            if not np.isfinite(found).all():
                raise ValueError(f"the voice's {name} are not all numbers: make the voice again")


@dataclass(frozen=True, slots=True)
class Recording:
    """Somebody's speech.

    Raises:
        ValueError: it is none; one sentence.
    """

    pcm: Float
    """float32[samples] in -1..1, or float32[channels, samples], which are averaged."""
    rate: int
    """Hertz"""

    def __post_init__(self) -> None:
        lowest, highest = RATES
        if not lowest <= self.rate <= highest:
            raise ValueError(f"the sample rate is {self.rate} Hz: give a recording of {lowest} to {highest} Hz")
        if not np.issubdtype(self.pcm.dtype, np.floating):
            raise ValueError(f"the recording has samples of {self.pcm.dtype}: give floats in -1 to 1")
        if self.pcm.ndim not in (1, 2):
            raise ValueError(f"the recording has {self.pcm.ndim} axes: give samples, or channels of samples")
        if not np.isfinite(self.pcm).all():
            raise ValueError("the recording has samples that are no finite numbers: make it again")


class Conditioning:
    """The two encoders in `folder`, the weights of `xtts_conditioning`; may be used by several threads.

    Raises:
        WeightsError: a file is missing or damaged.
    """

    def __init__(self, folder: Path, *, threads: int = 0, spinning: bool = True) -> None:
        self.config = configs.load(folder)
        self._latents = opened(folder / "conditioning.onnx", threads, spinning=spinning)
        self._speaker = opened(folder / "speaker.onnx", threads, spinning=spinning)
        # What each band of the log-mel is divided by: float32[bands, 1].
        self._level = table(folder / "mel_stats.npy", (XTTS_CONDITIONING.n_mels,))[:, None]
        self._latents_mel = Mel(XTTS_CONDITIONING)
        bins = XTTS_SPEAKER.n_fft // 2 + 1
        self._speaker_mel = Mel(XTTS_SPEAKER, table(folder / "speaker_bands.npy", (bins, XTTS_SPEAKER.n_mels)).T)

    def __call__(self, recordings: Sequence[Recording]) -> Voice:
        """The voice that speaks in all `recordings`.

        Raises:
            ValueError: there is none, or one is too short.
        """
        if not recordings:
            raise ValueError("a voice needs a recording")
        sounds = [self._heard(one) for one in recordings]
        for number, sound in enumerate(sounds, 1):
            if len(sound) < SHORTEST_S * self.config.input_rate:
                which = f"recording {number}" if len(sounds) > 1 else "the recording"
                raise ValueError(f"{which} is too short for a voice: give at least {SHORTEST_S} s, better 6 s or more")
        speaker = np.stack([self.speaker(sound) for sound in sounds]).mean(axis=0)
        return Voice(self.latents(np.concatenate(sounds)), speaker)

    def latents(self, sound: Float) -> Float:
        """What the GPT is conditioned on: float32[latents, width], the mean over pieces.

        Args:
            sound: float32[n] at `input_rate`, of which `conditioning_s` are heard.
        """
        c = self.config
        pieces = [self._encoded(piece) for piece in _pieces(sound, c)]
        mean: Float = np.stack(pieces).mean(axis=0)
        return mean

    def speaker(self, sound: Float) -> Float:
        """float32[speaker_width] of length 1.

        Args:
            sound: float32[n] at `input_rate`.
        """
        mel = self._speaker_mel(resampled(sound, self.config.input_rate, XTTS_SPEAKER.sample_rate))
        vector: Float = self._speaker.run(["speaker"], {"mel": mel[None]})[0][0]
        return vector

    def _heard(self, recording: Recording) -> Float:
        """`recording` as the reference loads it: one channel, at the model's rate, within -1..1, its beginning."""
        pcm = recording.pcm.astype(np.float32, copy=False)
        if pcm.ndim == 2:
            pcm = pcm.mean(axis=0)
        sound = resampled(pcm, recording.rate, self.config.input_rate)
        clipped: Float = np.clip(sound[: self.config.reference_s * self.config.input_rate], -1.0, 1.0)
        return clipped

    def _encoded(self, piece: Float) -> Float:
        mel = np.log(np.maximum(self._latents_mel(piece), np.float32(QUIETEST))) / self._level
        latents: Float = self._latents.run(["latents"], {"mel": mel[None]})[0][0]
        return latents


def _pieces(sound: Float, config: configs.ModelConfig) -> Iterable[Float]:
    """The beginning of `sound` in pieces of equal length; the last is what is left, unless it is too short."""
    sound = sound[: config.conditioning_s * config.input_rate]
    size = config.conditioning_chunk_s * config.input_rate
    for start in range(0, len(sound), size):
        piece = sound[start : start + size]
        if len(piece) >= SHORTEST_S * config.input_rate:
            yield piece
