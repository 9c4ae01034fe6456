"""The GPT as the scheduler's model: prompts in parts whose borders depend on the prompt alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from export.runtime.xtts.decoding import Decoding
from export.runtime.xtts.gpt import Float, Gpt
from export.runtime.xtts.serving.requests import Request


class Speaking:
    """Used by one thread."""

    def __init__(self, gpt: Gpt, prompt_piece: int) -> None:
        self._gpt = gpt
        self._prompt_piece = prompt_piece

    def open(self, request: Request, part: int) -> Decoding:
        piece, manner = request.pieces[part], request.manner
        most = min(manner.most or piece.most_codes, piece.most_codes)
        return Decoding(self._gpt, piece.ids, request.voice, replace(manner, most=most), part)

    def fill(self, piece: Decoding) -> bool:
        """The voice's latents are the first part, by themselves; the text comes in parts of a fixed size."""
        return piece.fill(self._prompt_piece if piece.row.positions else self._gpt.config.latents)

    def draw(self, piece: Decoding) -> tuple[Float, bool]:
        piece.draw()
        return piece.latent, piece.finished

    def step(self, pieces: Sequence[Decoding]) -> None:
        self._gpt.step({piece.row: piece.codes[-1] for piece in pieces})

    def close(self, piece: Decoding) -> None:
        self._gpt.close(piece.row)
