"""What the GPT reads instead of ids: rows of its tables, added up. Knows prompts and tokens; knows no model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.runtime.xtts.config import ModelConfig
from export.runtime.xtts.tables import table

Float = NDArray[np.float32]


class Embeddings:
    """The four tables of one model.

    Raises:
        WeightsError: a table is missing or has the wrong size.
    """

    def __init__(self, folder: Path, config: ModelConfig) -> None:
        self._config = config
        self._text = table(folder / "text_embedding.npy", (config.text_tokens, config.width))
        self._text_places = table(folder / "text_positions.npy", (config.text_positions, config.width))
        self._audio = table(folder / "mel_embedding.npy", (config.audio_tokens, config.width))
        self._audio_places = table(folder / "mel_positions.npy", (config.audio_positions, config.width))

    def prefix(self, latents: Float, ids: Sequence[int]) -> Float:
        """Conditioning, text, and the token that starts the audio: float32[positions, width].

        Conditioning has no positions of its own; text and audio both count from 0.

        Args:
            latents: float32[latents, width] of the voice.
            ids: the text's tokens, from the one that starts to the one that stops it.
        Raises:
            ValueError: the text is too long, a token unknown, or the latents are another model's.
        """
        c = self._config
        if latents.shape != (c.latents, c.width):
            raise ValueError(f"the voice has latents of {latents.shape}, this model takes {(c.latents, c.width)}")
        if len(ids) - 2 >= c.max_text:
            raise ValueError(f"the text has {len(ids) - 2} tokens, the model takes {c.max_text - 1}: split it")
        if any(not 0 <= one < c.text_tokens for one in ids):
            raise ValueError(
                f"the text has tokens outside of 0 to {c.text_tokens - 1}: it is another model's vocabulary"
            )
        text = self._text[list(ids)] + self._text_places[: len(ids)]
        return np.concatenate([latents, text, self.audio([c.start_audio], [0])]).astype(np.float32, copy=False)

    def audio(self, tokens: Sequence[int], places: Sequence[int]) -> Float:
        """Audio tokens, each at its place in its utterance, the start token's being 0: float32[tokens, width]."""
        added: Float = self._audio[tokens] + self._audio_places[places]
        return added
