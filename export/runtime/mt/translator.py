"""One neural translator: sentences in, sentences out, a batch at a time.

Knows nothing of queues: who shares a batch is decided by `export.runtime.batching`, and only sentences of equal length
do, so that none is padded for the sake of another.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from export.runtime.mt import pieces
from export.runtime.mt.folder import END, Kind, check
from export.runtime.mt.languages import NLLB, nllb_languages, opus_target, plain

MOST_TOKENS: Final = 400
"""Of a sentence; these models are taught on such as have far fewer, and know no place beyond 512."""

MOST_SENTENCES: Final = 64
"""Of a text."""

_SENTENCE_END: Final = re.compile(r"(?<=[.!?…。！？])\s+(?=[^\W\d_a-z]|[¿¡\"«“(])")


class UnknownPair(ValueError):
    """It does not translate from and to these languages."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, ready for the model."""

    tokens: tuple[str, ...]
    prefix: tuple[str, ...]
    """What the translation begins with."""


class Translator:
    """One model, used by one thread at a time."""

    def __init__(
        self, folder: Path, pairs: Sequence[str], *, device: str, compute_type: str, threads: int, beam: int
    ) -> None:
        """Load the CTranslate2 folder `folder`.

        Args:
            pairs: such as en-es; none for every pair of an NLLB model's languages.
            threads: that work on one batch.
            beam: hypotheses that are followed; 1 is the quickest.
        Raises:
            WeightsError: the folder cannot be served.
        """
        import ctranslate2

        self._checkpoint = checkpoint = check(folder)
        file = folder / checkpoint.tokenizer
        self._cut = pieces.of_tokenizer(file) if file.suffix == ".json" else pieces.of_model(file)
        self._model = ctranslate2.Translator(
            str(folder), device=device, compute_type=compute_type, intra_threads=threads, inter_threads=1
        )
        self._beam = beam
        self._special = {END, "<s>", "<pad>", "<unk>", *NLLB.values()}
        self._languages = nllb_languages(checkpoint.vocabulary) if checkpoint.kind is Kind.NLLB else []
        self._pairs = {tuple(pair.split("-")) for pair in pairs}

    def knows(self, source: str, target: str) -> bool:
        """Whether it has a pair."""
        pair = plain(source), plain(target)
        if self._pairs:
            return pair in self._pairs
        return pair[0] != pair[1] and all(code in self._languages for code in pair)

    @property
    def told_pairs(self) -> str:
        """Its pairs, for a person."""
        if self._pairs:
            return ", ".join(sorted("-".join(pair) for pair in self._pairs))
        return f"every pair of {', '.join(self._languages)}"

    def sentences(self, text: str, source: str, target: str) -> list[Sentence]:
        """The sentences of a text; none for nothing but white space.

        Raises:
            UnknownPair: it does not translate these languages.
            ValueError: the text is longer than any that is said at once.
        """
        if not self.knows(source, target):
            raise UnknownPair(f"this model cannot translate {source} to {target}: it has {self.told_pairs}")
        parts = [part for part in _SENTENCE_END.split(" ".join(text.split())) if part]
        if len(parts) > MOST_SENTENCES:
            raise ValueError(f"the text has {len(parts)} sentences, and {MOST_SENTENCES} is the most: give it in parts")
        return [self._sentence(part, plain(source), plain(target)) for part in parts]

    def translate(self, batch: Sequence[Sentence]) -> list[str]:
        """The translations of sentences; those of one batch should have equally many tokens."""
        if not batch:
            return []
        prefixes = [list(one.prefix) for one in batch] if any(one.prefix for one in batch) else None
        results = self._model.translate_batch(
            [list(one.tokens) for one in batch],
            target_prefix=prefixes,
            beam_size=self._beam,
            max_input_length=0,
            max_decoding_length=2 * max(len(one.tokens) for one in batch) + 20,
            disable_unk=True,
        )
        return [
            pieces.joined([token for token in result.hypotheses[0] if token not in self._special]) for result in results
        ]

    def warm_up(self) -> None:
        """Translate a word, so that the first caller does not pay for what is made on first use."""
        source, target = next(iter(self._pairs)) if self._pairs else self._languages[:2]
        self.translate(self.sentences("1.", source, target))

    def _sentence(self, text: str, source: str, target: str) -> Sentence:
        tokens = self._cut(text)
        if len(tokens) > MOST_TOKENS:
            raise ValueError(f"a sentence has {len(tokens)} tokens, and {MOST_TOKENS} is the most: give it in parts")
        checkpoint = self._checkpoint
        prefix: tuple[str, ...] = ()
        if checkpoint.kind is Kind.NLLB:
            tokens, prefix = [NLLB[source], *tokens], (NLLB[target],)
        elif checkpoint.targets:
            named = opus_target(target, checkpoint.targets)
            if named is None:
                raise UnknownPair(f"this model has no token for the target language {target}")
            tokens = [named, *tokens]
        return Sentence((*tokens, *([] if checkpoint.adds_end else [END])), prefix)
