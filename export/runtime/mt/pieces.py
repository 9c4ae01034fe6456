"""Text to pieces, as SentencePiece cuts it, by the library `tokenizers`; and pieces back to text.

A model file (`source.spm`) is read here: it is a protobuf message whose pieces, scores and normalisation `tokenizers`
can take, so that no other package is needed. Field numbers are those of sentencepiece_model.proto.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from export.runtime.mt.protobuf import WireError, fields
from export.runtime.weights import WeightsError

SPACE: Final = "\u2581"
"""Stands for a blank within pieces."""

Cut = Callable[[str], list[str]]
"""Text to pieces."""

_UNIGRAM, _BPE = 1, 2
_NORMAL, _UNKNOWN, _CONTROL, _UNUSED, _BYTE = 1, 2, 3, 5, 6


@dataclass(frozen=True, slots=True)
class Model:
    """What a model file says."""

    pieces: tuple[tuple[str, float, int], ...]
    """Each with its score and its kind."""
    algorithm: int
    charsmap: bytes
    """Of the normaliser; empty for none."""
    prefix: bool
    """A text begins with a blank."""

    @property
    def unknown(self) -> int:
        """The number of the piece for what is no piece."""
        return next((number for number, (_, _, kind) in enumerate(self.pieces) if kind == _UNKNOWN), 0)


def read(path: Path) -> Model:
    """The model in the file `path`.

    Raises:
        WeightsError: it is none.
    """
    pieces: list[tuple[str, float, int]] = []
    algorithm, charsmap, prefix = _UNIGRAM, b"", True
    try:
        for number, value in fields(path.read_bytes()):
            if number == 1 and isinstance(value, bytes):
                pieces.append(_piece(value))
            elif number == 2 and isinstance(value, bytes):
                algorithm = int(dict(fields(value)).get(3, _UNIGRAM))
            elif number == 3 and isinstance(value, bytes):
                found = dict(fields(value))
                mapped = found.get(2, b"")
                charsmap = mapped if isinstance(mapped, bytes) else b""
                prefix = bool(found.get(3, 1))
    except (WireError, UnicodeDecodeError) as error:
        raise WeightsError(
            f"{path} is no SentencePiece model: {error}. Copy it again from where the model is"
        ) from error
    if not pieces or algorithm not in (_UNIGRAM, _BPE):
        raise WeightsError(f"{path} is no SentencePiece model of kind unigram or BPE: copy it from where the model is")
    return Model(tuple(pieces), algorithm, charsmap, prefix)


def _piece(message: bytes) -> tuple[str, float, int]:
    found = dict(fields(message))
    text, score = found.get(1, b""), found.get(2, 0.0)
    return (text.decode() if isinstance(text, bytes) else ""), float(score), int(found.get(3, _NORMAL))


def of_model(path: Path) -> Cut:
    """What cuts text by the model in `path`."""
    import tokenizers
    from tokenizers import normalizers, pre_tokenizers

    model = read(path)
    # What is no text must not come out of one: such pieces get names that no text holds.
    named = [
        (text if kind not in (_UNKNOWN, _CONTROL, _UNUSED) else f"\0{number}", score, kind)
        for number, (text, score, kind) in enumerate(model.pieces)
    ]
    tokenizer = tokenizers.Tokenizer(_algorithm(model, named))
    steps: list[Any] = [normalizers.Precompiled(model.charsmap)] if model.charsmap else []
    tokenizer.normalizer = normalizers.Sequence([*steps, normalizers.Replace(tokenizers.Regex(" {2,}"), " ")])
    scheme = "always" if model.prefix else "never"
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme=scheme)
    return _cut(tokenizer)


def of_tokenizer(path: Path) -> Cut:
    """What cuts text by a `tokenizer.json`.

    Raises:
        WeightsError: it cannot be read.
    """
    import tokenizers

    try:
        return _cut(tokenizers.Tokenizer.from_file(str(path)))
    except Exception as error:  # `tokenizers` raises nothing narrower
        raise WeightsError(f"{path} cannot be read by the library tokenizers: {error}") from error


def joined(pieces: Sequence[str]) -> str:
    """The text of pieces; those of single bytes, <0xE2>, are put together."""
    text, pending = "", b""
    for piece in pieces:
        if len(piece) == 6 and piece.startswith("<0x") and piece.endswith(">"):
            pending += bytes([int(piece[3:5], 16)])
            continue
        text += pending.decode(errors="replace") + piece
        pending = b""
    text += pending.decode(errors="replace")
    return " ".join(text.replace(SPACE, " ").split())


def _cut(tokenizer: Any) -> Cut:
    def cut(text: str) -> list[str]:
        pieces: list[str] = tokenizer.encode(text.replace("\0", " ").strip(), add_special_tokens=False).tokens
        return pieces

    return cut


def _algorithm(model: Model, named: Sequence[tuple[str, float, int]]) -> Any:
    from tokenizers import models

    bytes_too = any(kind == _BYTE for _, _, kind in named)
    if model.algorithm == _UNIGRAM:
        return models.Unigram([(text, score) for text, score, _ in named], model.unknown, bytes_too)
    numbers = {text: number for number, (text, _, _) in enumerate(named)}
    return models.BPE(
        numbers,
        _merges(named, numbers),
        unk_token=named[model.unknown][0],
        fuse_unk=True,
        byte_fallback=bytes_too,
    )


def _merges(named: Sequence[tuple[str, float, int]], numbers: dict[str, int]) -> list[tuple[str, str]]:
    """The merges of BPE, best first: every way in which a piece is two others put together, by the piece's score."""
    found = [
        (-score, numbers[text[:cut]], numbers[text[cut:]], text[:cut], text[cut:])
        for text, score, kind in named
        if kind == _NORMAL
        for cut in range(1, len(text))
        if text[:cut] in numbers and text[cut:] in numbers
    ]
    return [(left, right) for *_, left, right in sorted(found)]
