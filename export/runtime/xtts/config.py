"""What one XTTS v2 model measures: sizes, special tokens, rates, and how it likes to be sampled.

Written by `dragoman export xtts` as `model.json` beside the weights, read by whatever runs them. Knows no checkpoint.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from export.runtime.weights import WeightsError

FILE = "model.json"

SPARE_AUDIO_POSITIONS = 3
"""The start and stop tokens and the one conditioning input that the reference counts as audio: its table of positions
has so many rows more than `max_audio`, and so many fewer tokens than `max_audio` are generated."""

LEAST_TEMPERATURE, MOST_TEMPERATURE = 0.01, 100.0
MOST_PENALTY = 100.0
"""Beyond them nothing changes that could be heard; far beyond, logits are no longer numbers in float32."""

_TABLES = {
    "start_audio": "audio_tokens",
    "stop_audio": "audio_tokens",
    "start_text": "text_tokens",
    "stop_text": "text_tokens",
}
"""Fields of ModelConfig that are tokens, and which field counts those of their table."""


def _ensure_numbers(settings: Any) -> None:
    """Raise ValueError where a field of a dataclass is no number of its type: what came out of JSON may be anything."""
    for one in fields(settings):
        if one.type not in ("int", "float"):
            continue
        value = getattr(settings, one.name)
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not (whole or (one.type == "float" and isinstance(value, float))):
            kind = "a number" if one.type == "float" else "a whole number"
            raise ValueError(f"{one.name} is {value!r}, not {kind}")


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is drawn; the defaults are those of the config.json that comes with the checkpoint."""

    temperature: float = 0.75
    """0 takes the best token at every step, with no draw."""
    top_k: int = 50
    """0 keeps every token."""
    top_p: float = 0.85
    """1 keeps every token."""
    repetition_penalty: float = 5.0
    """1 is none."""

    def __post_init__(self) -> None:
        _ensure_numbers(self)
        if self.temperature != 0.0 and not LEAST_TEMPERATURE <= self.temperature <= MOST_TEMPERATURE:
            raise ValueError(
                f"temperature is {self.temperature}: give 0 (always the best token), "
                f"or {LEAST_TEMPERATURE} to {MOST_TEMPERATURE}"
            )
        if self.top_k < 0:
            raise ValueError(f"top_k is {self.top_k}: give 0 (all tokens) or more")
        if not 0.0 < self.top_p <= 1.0:
            raise ValueError(f"top_p is {self.top_p}: give more than 0, and at most 1 (all tokens)")
        if not 1.0 / MOST_PENALTY <= self.repetition_penalty <= MOST_PENALTY:
            raise ValueError(
                f"repetition_penalty is {self.repetition_penalty}: give {1 / MOST_PENALTY} to {MOST_PENALTY}; 1 is none"
            )


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """One model. The defaults are XTTS v2.0 as it was published."""

    layers: int = 30
    width: int = 1024
    """Numbers a position has throughout the GPT."""
    heads: int = 16
    text_tokens: int = 6681
    audio_tokens: int = 1026
    start_audio: int = 1024
    stop_audio: int = 1025
    start_text: int = 261
    stop_text: int = 0
    max_audio: int = 605
    max_text: int = 402
    """A text must have fewer tokens than this."""
    prompt: int = 70
    """Positions the reference reserves for conditioning; `latents` of them are used."""
    latents: int = 32
    code_stride: int = 1024
    """Samples at `input_rate` that one audio token stands for."""
    hop: int = 256
    """Samples at `output_rate` that one frame of the vocoder stands for."""
    input_rate: int = 22_050
    """Hertz, of the recordings that the conditioning encoder hears and of the tokens' clock."""
    output_rate: int = 24_000
    """Hertz, of the speech."""
    speaker_width: int = 512
    decoder_input: int = 1024
    """Numbers of one frame going into the vocoder: the width of the GPT's latents."""
    conditioning_s: int = 30
    """Seconds of the recordings, laid end to end, that the GPT's conditioning is made from."""
    conditioning_chunk_s: int = 4
    """Seconds of each piece whose latents are averaged."""
    reference_s: int = 30
    """Seconds of each recording that are heard at all."""
    sampling: Sampling = field(default_factory=Sampling)

    def __post_init__(self) -> None:
        _ensure_numbers(self)
        for name in (one.name for one in fields(self) if one.type == "int" and one.name not in _TABLES):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: it is at least 1")
        for name, table in _TABLES.items():
            if not 0 <= getattr(self, name) < getattr(self, table):
                raise ValueError(f"{name} is {getattr(self, name)}, not one of {getattr(self, table)} tokens")
        if self.max_new_tokens < 1:
            raise ValueError(f"max_audio is {self.max_audio}: {SPARE_AUDIO_POSITIONS} of them are never said")
        if self.width % self.heads:
            raise ValueError(f"the width {self.width} cannot be shared by {self.heads} heads")
        if self.decoder_input != self.width:
            raise ValueError(f"the vocoder takes {self.decoder_input} numbers a frame, the GPT gives {self.width}")

    @property
    def head_width(self) -> int:
        return self.width // self.heads

    @property
    def audio_positions(self) -> int:
        """Rows of the audio tokens' table of positions."""
        return self.max_audio + SPARE_AUDIO_POSITIONS

    @property
    def text_positions(self) -> int:
        """Rows of the text's table of positions: its tokens and the two around them."""
        return self.max_text + 2

    @property
    def max_new_tokens(self) -> int:
        """Audio tokens of one utterance at most, the one that stops it included."""
        return self.max_audio - SPARE_AUDIO_POSITIONS

    @property
    def max_positions(self) -> int:
        """Positions of the longest utterance: conditioning, text, the start token, and each audio token fed back."""
        return self.latents + self.text_positions - 1 + self.max_new_tokens

    @property
    def tokens_per_second(self) -> float:
        """Audio tokens that one second of speech takes at the pace the model has."""
        return self.input_rate / self.code_stride

    def save(self, folder: Path) -> None:
        """Write `model.json` into `folder`."""
        (folder / FILE).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


FULL = ModelConfig()
TINY = ModelConfig(layers=3, width=64, heads=4, decoder_input=64)
"""Small enough for a test; vocoder and speaker encoder have their full sizes, since the reference fixes those."""


def load(folder: Path) -> ModelConfig:
    """The model whose weights are in `folder`.

    Raises:
        WeightsError: there is no `model.json`, or it does not describe such a model.
    """
    path = folder / FILE
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return _model(stored)
    except FileNotFoundError as error:
        raise WeightsError(f"{folder} has no {FILE}: run `dragoman export xtts`") from error
    except (ValueError, TypeError) as error:
        raise WeightsError(f"{path} does not describe an XTTS model: {error}. Export it again") from error


def _model(stored: Any) -> ModelConfig:
    values = _checked(ModelConfig, stored, besides="sampling")
    return ModelConfig(**values, sampling=Sampling(**_checked(Sampling, stored.get("sampling"))))


def _checked(kind: type[ModelConfig | Sampling], stored: Any, besides: str = "") -> dict[str, Any]:
    """What `stored` says of the fields of `kind`; None where it says nothing; each must be known."""
    if not isinstance(stored, dict):
        raise ValueError(f"{kind.__name__} is not an object")
    known = [one.name for one in fields(kind) if one.name != besides]
    if strange := sorted(stored.keys() - known - {besides}):
        raise ValueError(f"{', '.join(strange)} unknown")
    return {name: stored.get(name) for name in known}
