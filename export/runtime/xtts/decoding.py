"""One piece of text on its way through the GPT: its prompt in parts, then its tokens. Knows no sound and no clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from export.runtime.xtts.conditioning import Voice
from export.runtime.xtts.config import Sampling
from export.runtime.xtts.gpt import Float, Gpt
from export.runtime.xtts.sampler import Draws, Sampler


@dataclass(frozen=True, slots=True)
class Manner:
    """How something is said."""

    seed: int = 0
    """The same one says the same text alike."""
    sampling: Sampling | None = None
    """None is as the checkpoint likes it."""
    speed: float = 1.0
    """2 speaks in half the time."""
    least: int = 0
    """Audio tokens before it may end."""
    most: int | None = None
    """Audio tokens, the one that ends it included; None lets it end by itself."""

    def __post_init__(self) -> None:
        if self.most is not None and self.most < 1:
            raise ValueError(f"most is {self.most}: give 1 token or more, or None")


class Decoding:
    """Which audio tokens a piece of text has by now."""

    def __init__(self, gpt: Gpt, ids: Sequence[int], voice: Voice, manner: Manner, part: int = 0) -> None:
        """Take a row of `gpt`, which is to be closed by whoever has this.

        Args:
            ids: from `TextFrontEnd`, the start and stop tokens included.
            part: which piece of its text this is, so that each has draws of its own.
        Raises:
            NoRoom: the GPT has no row left.
            ValueError: text, voice or manner cannot be spoken.
        """
        config = gpt.config
        voice.check(config)
        self._stop = config.stop_audio
        self._sampler = Sampler(config, manner.sampling or config.sampling, Draws(manner.seed, part), manner.least)
        self._gpt = gpt
        self._prompt = gpt.embeddings.prefix(voice.latents, ids)
        self.row = gpt.take(len(self._prompt))
        room = gpt.room(self.row) - len(self._prompt)
        self._most = min(manner.most or config.max_new_tokens, config.max_new_tokens, room + 1)
        self.codes: list[int] = []
        """Tokens drawn, the one that ends it included."""
        self.finished = False

    @property
    def latent(self) -> Float:
        """What the vocoder hears of the token that was drawn last, until the GPT is given that token."""
        return self.row.latent

    def fill(self, positions: int | None = None) -> bool:
        """Run so many positions of the prompt, or all that are left; whether it is ready for its first token."""
        end = len(self._prompt) if positions is None else self.row.positions + positions
        self._gpt.fill(self.row, self._prompt[self.row.positions : end])
        return self.row.positions == len(self._prompt)

    def draw(self) -> int:
        """The next token, from what the GPT said last; unless this `finished` it, the GPT is to be given that token.

        Raises:
            FloatingPointError: what the GPT said are not numbers.
        """
        token = self._sampler.draw(self.row.logits)
        self.codes.append(token)
        self.finished = token == self._stop or len(self.codes) == self._most
        return token
