"""What a row says alone, and beside others at other places of their utterances: for one GPT, to the last bit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from export.runtime.xtts.config import ModelConfig
from export.runtime.xtts.gpt import Float, Gpt
from tests.xtts import material

TOGETHER: Final = (2, 3, 4, 8)
"""How many rows share a step: kernels take them one by one, in twos, in fours."""

STEPS: Final = 3


def said(gpt: Gpt, which: Sequence[int]) -> dict[int, Float]:
    """The latents, float32[1 + STEPS, width], of the utterances `which`, spoken together; each has its own length."""
    config = gpt.config
    rows = {}
    for one in which:
        ids = material.tokens(f"mate {one}", 2 + 3 * one, 262, config.text_tokens)
        voice = material.uniform(f"mate {one}", config.latents, config.width) * np.float32(10.0 ** (one % 3 - 1))
        rows[one] = gpt.open(gpt.embeddings.prefix(voice, [config.start_text, *ids.tolist(), config.stop_text]))
    heard = {one: [row.latent] for one, row in rows.items()}
    for step in range(STEPS):
        gpt.step({row: 7 * one + step for one, row in rows.items()})
        for one, row in rows.items():
            heard[one].append(row.latent)
    for row in rows.values():
        gpt.close(row)
    return {one: np.stack(latents) for one, latents in heard.items()}


def unlike_alone(folder: Path, config: ModelConfig) -> list[tuple[int, int, float]]:
    """For the weights in 8 bits: how many were together, which of them was not as alone, and how far off it was."""
    most = max(TOGETHER)
    gpt = Gpt(folder, config, slots=most, positions=100, precision="8bit", threads=2)
    alone = {one: said(gpt, [one])[one] for one in range(most)}
    return [
        (count, one, float(np.abs(latents - alone[one]).max()))
        for count in TOGETHER
        for one, latents in said(gpt, range(count)).items()
        if not np.array_equal(latents, alone[one])
    ]
