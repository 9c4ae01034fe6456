"""Text and a voice in, speech out: the parts of XTTS put together for one speaker at a time.

A server puts the same parts together for many (`export.runtime.xtts.serving`). Knows no queue and no clock.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, chain, repeat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.runtime.xtts import config as configs
from export.runtime.xtts.conditioning import Voice
from export.runtime.xtts.decoding import Decoding, Manner
from export.runtime.xtts.gpt import Gpt, Precision
from export.runtime.xtts.text import TextFrontEnd
from export.runtime.xtts.vocoder import Vocoder
from export.runtime.xtts.windows import Windows

Float = NDArray[np.float32]

CHUNKS = (8, 20, 40)
"""Tokens for each chunk of sound, the last number for all further ones: 0.19 s of sound first, then 0.93, then 1.86.

Each chunk costs the vocoder as much as 8 frames of sound besides its own; so they grow.
"""


class Utterance(Decoding):
    """One piece of text on its way: which audio tokens it has, and what of its sound is settled."""

    def __init__(self, gpt: Gpt, ids: Sequence[int], voice: Voice, manner: Manner, part: int = 0) -> None:
        """Take a row of `gpt` and run the prompt; see `Decoding`."""
        self.windows = Windows(gpt.config, manner.speed)
        self._speaker = voice.speaker
        super().__init__(gpt, ids, voice, manner, part)
        try:
            self.fill()
        except BaseException:
            gpt.close(self.row)
            raise

    def draw(self) -> int:
        token = super().draw()
        self.windows.add(self.latent)
        return token

    def sound(self, vocoder: Vocoder) -> Float | None:
        """What of the speech is settled and new: float32[samples], or None."""
        window = self.windows.next(last=self.finished)
        return None if window is None else vocoder(window, self._speaker)


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the GPT made of a text."""

    codes: list[int]
    """Audio tokens, the one that ends them included if it was drawn."""
    latents: Float
    """float32[codes, width]: one for each."""


class Xtts:
    """The model in `folder`, used by one thread at a time."""

    def __init__(
        self, folder: Path, *, precision: Precision = "8bit", quick_prefill: bool = False, threads: int = 0
    ) -> None:
        """Open it.

        Args:
            quick_prefill: see `Gpt`.
            threads: that work on one run; 0 takes all cores.
        Raises:
            WeightsError: a file is missing or is not what it should be.
        """
        self.config = configs.load(folder)
        self._folder = folder
        self._gpt = Gpt(folder, self.config, precision=precision, quick_prefill=quick_prefill, threads=threads)
        self._vocoder = Vocoder(folder, threads=threads)

    @cached_property
    def front_end(self) -> TextFrontEnd:
        """Text to tokens."""
        return TextFrontEnd(self._folder / "vocab.json", self.config)

    def synthesize(
        self, text: str | Sequence[int], voice: Voice, language: str = "en", manner: Manner | None = None
    ) -> Float:
        """The whole of `text` spoken: float32[samples] in -1..1 at `output_rate`.

        See `stream`; here each piece of the text is vocoded in one go, which is cheaper.
        """
        pieces = self.stream(text, voice, language, manner, chunks=(self.config.max_new_tokens,))
        return np.concatenate([np.zeros(0, np.float32), *pieces])

    def stream(
        self,
        text: str | Sequence[int],
        voice: Voice,
        language: str = "en",
        manner: Manner | None = None,
        chunks: Sequence[int] = CHUNKS,
    ) -> Generator[Float, None, None]:
        """`text` spoken, in chunks as they come, which laid end to end are the whole. Closing it breaks off.

        Args:
            text: a text in `language`, or the tokens of one piece.
            chunks: tokens for each chunk, the last number for all further ones.
        Raises:
            TextError: the text cannot be spoken in that language.
            ValueError: tokens, voice or manner cannot be spoken.
        """
        manner = manner or Manner()
        if isinstance(text, str):
            pieces = [(piece.ids, piece.most_codes) for piece in self.front_end.pieces(text, language)]
        else:
            pieces = [(tuple(text), self.config.max_new_tokens)]
        for part, (ids, most) in enumerate(pieces):
            limited = replace(manner, most=min(manner.most or most, most))
            with self._utterance(ids, voice, limited, part) as utterance:
                yield from self._chunks(utterance, chunks)

    def decode(self, ids: Sequence[int], voice: Voice, manner: Manner | None = None) -> Decoded:
        """What the GPT makes of one piece's tokens, without sound."""
        with self._utterance(ids, voice, manner or Manner(), 0) as utterance:
            for _ in self._steps(utterance):
                pass
            return Decoded(utterance.codes, utterance.windows.latents)

    @contextmanager
    def _utterance(self, ids: Sequence[int], voice: Voice, manner: Manner, part: int) -> Iterator[Utterance]:
        utterance = Utterance(self._gpt, ids, voice, manner, part)
        try:
            yield utterance
        finally:
            self._gpt.close(utterance.row)

    def _chunks(self, utterance: Utterance, sizes: Sequence[int]) -> Iterator[Float]:
        ends = accumulate(chain(sizes, repeat(sizes[-1])))
        end = next(ends)
        for count in self._steps(utterance):
            if count >= end or utterance.finished:
                end = next(ends)
                if (sound := utterance.sound(self._vocoder)) is not None:
                    yield sound

    def _steps(self, utterance: Utterance) -> Iterator[int]:
        """Tokens until it is finished; how many there are by now."""
        while not utterance.finished:
            token = utterance.draw()
            yield len(utterance.codes)
            if not utterance.finished:
                self._gpt.step({utterance.row: token})
