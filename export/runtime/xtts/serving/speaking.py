"""The GPT as the scheduler's model: prompts in parts whose borders depend on the prompt alone, voices that are kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from export.runtime.xtts.decoding import Decoding
from export.runtime.xtts.gpt import Float, Gpt
from export.runtime.xtts.serving import prefixes
from export.runtime.xtts.serving.cores import Cores
from export.runtime.xtts.serving.prefixes import Prefixes
from export.runtime.xtts.serving.requests import Request
from export.runtime.xtts.serving.watch import Watch


@dataclass(frozen=True, eq=False, slots=True)
class Spoken:
    """One piece of a text within the GPT."""

    decoding: Decoding
    voice: prefixes.Key


class Speaking:
    """Used by one thread."""

    def __init__(
        self, gpt: Gpt, cores: Cores, prompt_piece: int, kept: Prefixes, watch: Watch, clock: Callable[[], float]
    ) -> None:
        self._gpt, self._cores, self._prompt_piece, self._kept = gpt, cores, prompt_piece, kept
        self._watch, self._clock = watch, clock

    def open(self, request: Request, part: int) -> Spoken:
        """A row for one piece, with what is known of the voice.

        Raises:
            ValueError: text, voice or manner cannot be spoken.
        """
        piece, manner = request.pieces[part], request.manner
        most = min(manner.most or piece.most_codes, piece.most_codes)
        decoding = Decoding(self._gpt, piece.ids, request.voice, replace(manner, most=most), part)
        spoken = Spoken(decoding, prefixes.key(request.voice.latents))
        known = self._kept.get(spoken.voice)
        if known is not None:
            self._gpt.put(decoding.row, known)
        self._watch.prefix(known is not None)
        return spoken

    def fill(self, piece: Spoken) -> bool:
        """The voice's latents are the first part, by themselves; the text comes in parts of a fixed size."""
        row = piece.decoding.row
        before = row.positions
        with self._cores.lent():
            began = self._clock()
            ready = piece.decoding.fill(self._prompt_piece if before else self._gpt.config.latents)
        if not before and (kept := self._gpt.kept(row)) is not None:
            self._kept.put(piece.voice, kept)
        self._watch.filled(row.positions - before, self._clock() - began)
        return ready

    def draw(self, piece: Spoken) -> tuple[Float, bool]:
        piece.decoding.draw()
        return piece.decoding.latent, piece.decoding.finished

    def step(self, pieces: Sequence[Spoken]) -> None:
        tokens = {piece.decoding.row: piece.decoding.codes[-1] for piece in pieces}
        with self._cores.lent():
            began = self._clock()
            self._gpt.step(tokens)
        self._watch.stepped(len(pieces), self._clock() - began)

    def close(self, piece: Spoken) -> None:
        self._gpt.close(piece.decoding.row)
