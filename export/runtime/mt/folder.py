"""A CTranslate2 folder of a translator: whether it is one, of which kind, and what it lacks.

Knows files; loads no model.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from export.runtime.mt.languages import nllb_languages
from export.runtime.weights import WeightsError

TOKENIZERS: Final = ("source.spm", "tokenizer.json", "sentencepiece.bpe.model", "sentencepiece.model", "spiece.model")
"""Files that cut a source text, the first that is there counts."""

END: Final = "</s>"


class Kind(StrEnum):
    """How a model is told its languages."""

    OPUS = "opus"
    """Marian: it has one pair, or a token before the text names the target."""
    NLLB = "nllb"
    """Tokens name the source before the text and the target before the translation."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder that can be served."""

    path: Path
    kind: Kind
    vocabulary: frozenset[str]
    """The tokens of the source side."""
    targets: frozenset[str]
    """Those of them that name a target language to an OPUS-MT model of several."""
    tokenizer: str
    """The file that cuts a text."""
    adds_end: bool
    """CTranslate2 puts the end of the sentence behind a source by itself."""

    @property
    def files(self) -> list[str]:
        """What is needed of it, and no more."""
        wanted = ("model.bin", "config.json", *VOCABULARIES, *TOKENIZERS, "target.spm")
        return [name for name in wanted if (self.path / name).is_file()]


VOCABULARIES: Final = tuple(
    f"{side}_vocabulary.{form}" for side in ("shared", "source", "target") for form in ("json", "txt")
)


def check(path: Path) -> Checkpoint:
    """What the folder `path` holds.

    Raises:
        WeightsError: it cannot be served; the sentence says why, and what to do.
    """
    if not path.is_dir():
        raise WeightsError(f"{path} is not a folder: give a CTranslate2 folder, the one that holds model.bin")
    if not (path / "model.bin").is_file():
        raise WeightsError(
            f"{path} has no model.bin: give the folder that ct2-transformers-converter or ct2-opus-mt-converter made"
        )
    with (path / "model.bin").open("rb") as file:
        if b"TransformerSpec" not in file.read(64):
            raise WeightsError(
                f"{path}/model.bin is not a CTranslate2 translator: a TransformerSpec is wanted, as of OPUS-MT or NLLB"
            )
    vocabulary = _vocabulary(path)
    tokenizer = next((name for name in TOKENIZERS if (path / name).is_file()), None)
    if tokenizer is None:
        raise WeightsError(
            f"{path} has nothing that cuts a text into tokens: copy source.spm and target.spm (OPUS-MT) or "
            "tokenizer.json (NLLB) into it from where the model is"
        )
    config = _config(path)
    targets = frozenset(token for token in vocabulary if token.startswith(">>") and token.endswith("<<"))
    adds_end = bool(config.get("add_source_eos", False))
    return Checkpoint(path, _kind(path, vocabulary), vocabulary, targets, tokenizer, adds_end)


def _kind(path: Path, vocabulary: frozenset[str]) -> Kind:
    if len(nllb_languages(vocabulary)) > 1:
        return Kind.NLLB
    if any(token.startswith("__") and token.endswith("__") for token in vocabulary) or END not in vocabulary:
        raise WeightsError(
            f"{path} is a translator of a kind that is not known here: its vocabulary is neither OPUS-MT's nor NLLB's"
        )
    return Kind.OPUS


def _vocabulary(path: Path) -> frozenset[str]:
    for name in VOCABULARIES:
        if not name.startswith("target") and (file := path / name).is_file():
            break
    else:
        raise WeightsError(f"{path} has no shared_vocabulary.json or source_vocabulary.json: convert the model again")
    try:
        text = file.read_text(encoding="utf-8")
        tokens: Any = json.loads(text) if file.suffix == ".json" else text.split("\n")
    except ValueError as error:
        raise WeightsError(f"{file} cannot be read: {error}. Convert the model again") from error
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise WeightsError(f"{file} is no list of tokens: convert the model again")
    return frozenset(tokens)


def _config(path: Path) -> dict[str, Any]:
    """config.json; older conversions have none, and none of what it says here."""
    try:
        found = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise WeightsError(f"{path}/config.json is not JSON: {error}. Convert the model again") from error
    return found if isinstance(found, dict) else {}
