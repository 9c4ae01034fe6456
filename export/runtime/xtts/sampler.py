"""Which audio token comes next: the reference's rules in their order, and a draw that depends on seed and step alone.

The rules are those of coqui-tts over transformers: repetition penalty, temperature, top-k, top-p, draw. Knows one row
of logits at a time: rows that share a step cannot touch each other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from export.runtime.xtts.config import ModelConfig, Sampling

Float = NDArray[np.float32]

PREFIX_TOKEN = 1
"""The reference fills the places of conditioning and text with this audio token (`GPT.compute_embeddings`), and so
penalises it as if it had been said, and the start token too. Models are tuned with that, so it is kept."""


class Draws:
    """Uniform numbers of one part of one utterance: a function of (seed, part, step), so that order does not matter."""

    def __init__(self, seed: int, part: int = 0) -> None:
        """`part` counts what one text was split into; `seed` is 0 <= seed < 2^64."""
        if not 0 <= seed < 1 << 64:
            raise ValueError(f"the seed is {seed}: give a whole number from 0 to 2^64 - 1")
        self._seed = seed
        self._part = part

    def __call__(self, step: int) -> float:
        """The number of step `step`, 0 <= u < 1: the upper 53 bits of Philox4x64's first word."""
        bits = np.random.Philox(key=self._seed, counter=np.array([step, self._part, 0, 0], np.uint64)).random_raw()
        return int(bits >> 11) * 2.0**-53


class Sampler:
    """Draws the tokens of one utterance, remembering which ones it drew."""

    def __init__(self, config: ModelConfig, sampling: Sampling, draws: Draws, least: int = 0) -> None:
        """`least`: so many tokens are drawn before the one that stops."""
        self._sampling = sampling
        self._draws = draws
        self._least = least
        self._stop = config.stop_audio
        self._seen = np.zeros(config.audio_tokens, bool)
        self._seen[[PREFIX_TOKEN, config.start_audio]] = True
        self.drawn = 0

    def draw(self, logits: Float) -> int:
        """The next token.

        Args:
            logits: float32[audio_tokens], as the model gave them.
        Raises:
            FloatingPointError: they are not numbers.
        """
        token = chosen(*self.odds(logits), self._draws(self.drawn))
        self.say(token)
        return token

    def odds(self, logits: Float) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """The tokens that may be drawn next, ascending, and their probabilities.

        Args:
            logits: float32[audio_tokens], as the model gave them.
        Raises:
            FloatingPointError: they are not numbers.
        """
        if not np.isfinite(logits).all():
            raise FloatingPointError("the model's logits are not finite: its weights are damaged, or overflow as fp16")
        logits = penalised(logits, self._seen, self._sampling.repetition_penalty)
        if self.drawn < self._least:
            logits[self._stop] = -np.inf
        if self._sampling.temperature == 0.0:
            return np.array([logits.argmax()]), np.ones(1)
        return distribution(logits, self._sampling)

    def say(self, token: int) -> None:
        """Remember that `token` was said, drawn or not."""
        self._seen[token] = True
        self.drawn += 1


def penalised(logits: Float, seen: NDArray[np.bool_], penalty: float) -> Float:
    """A copy in which the logits of the mask `seen` are divided by `penalty`, or multiplied where they are negative."""
    out = logits.copy()
    said = logits[seen]
    out[seen] = np.where(said < 0, said * np.float32(penalty), said / np.float32(penalty))
    return out


def distribution(logits: Float, sampling: Sampling) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The tokens that may be drawn, ascending, and their probabilities: temperature, then top-k, then top-p.

    Only the few that pass top-k are sorted. That changes nothing: what top-k drops has probability 0 in top-p.
    """
    scaled = logits / np.float32(sampling.temperature)
    kept = largest(scaled, sampling.top_k)
    kept = nucleus(kept, scaled[kept], sampling.top_p)
    weights = np.exp((scaled[kept] - scaled[kept].max()).astype(np.float64))
    return kept, weights / weights.sum()


def largest(logits: Float, top_k: int) -> NDArray[np.intp]:
    """The indices, ascending, of the `top_k` largest and of all that equal the last of them, but for the impossible."""
    floor = -np.inf
    if 0 < top_k < len(logits):
        floor = np.partition(logits, -top_k)[-top_k]
    return np.flatnonzero((logits >= floor) & (logits > -np.inf))


def nucleus(tokens: NDArray[np.intp], logits: Float, top_p: float) -> NDArray[np.intp]:
    """Those of `tokens`, ascending, without the unlikeliest that together have a probability of 1 - top_p or less.

    The likeliest always stays. Sums are rounded where the reference rounds them, so that the border falls alike.
    """
    if top_p >= 1.0:
        return tokens
    order = np.argsort(logits, kind="stable")
    weights = np.exp(logits[order] - logits[order[-1]])
    summed = np.cumsum(weights / weights.sum(), dtype=np.float64).astype(np.float32)
    dropped = summed <= np.float32(1.0 - top_p)
    dropped[-1] = False
    return np.sort(tokens[order[~dropped]])


def chosen(tokens: NDArray[np.intp], probabilities: NDArray[np.float64], uniform: float) -> int:
    """The token on which `uniform` falls, the tokens laid side by side in their own order."""
    summed = np.cumsum(probabilities)
    place = int(np.searchsorted(summed, uniform * summed[-1], side="right"))
    return int(tokens[min(place, len(tokens) - 1)])
