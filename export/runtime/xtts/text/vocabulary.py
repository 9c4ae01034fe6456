"""Words made the numbers that the GPT knows, with the vocabulary that lies beside the weights.

Knows nothing of how words come about.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

from export.runtime.weights import WeightsError
from export.runtime.xtts.text.languages import Language

_SPACE = "[SPACE]"
_UNKNOWN = "[UNK]"


class Vocabulary:
    """`vocab.json` of one checkpoint; a fine-tuned one may have another."""

    def __init__(self, file: Path) -> None:
        try:
            self._tokenizer = Tokenizer.from_file(str(file))
        except Exception as fault:  # noqa: BLE001 - tokenizers raises nothing narrower
            raise WeightsError(f"{file} is no vocabulary that tokenizers can read: {fault}.") from None
        self._unknown: int | None = self._tokenizer.token_to_id(_UNKNOWN)
        self._space: int | None = self._tokenizer.token_to_id(_SPACE)

    def speaks(self, language: Language) -> bool:
        """Whether the checkpoint was taught it."""
        return self._tokenizer.token_to_id(language.prefix) is not None

    def encode(self, spoken: str, language: Language) -> list[int]:
        """As the reference does: behind the language's mark, spaces as tokens of their own, no start and no stop."""
        ids: list[int] = self._tokenizer.encode(f"{language.prefix}{spoken}".replace(" ", _SPACE)).ids
        return ids

    def sounds(self, ids: Sequence[int]) -> bool:
        """Whether there is more in `ids` than spaces."""
        return any(one != self._space for one in ids)

    def known(self, ids: list[int]) -> list[int]:
        """`ids` without those of characters that the vocabulary lacks: the model makes noises of them."""
        return [one for one in ids if one != self._unknown]
