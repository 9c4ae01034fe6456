"""The tensor contracts of Triton's models as typed functions: sound and text in, sound and text out.

Knows names, types and shapes of tensors; the errors are those of `client`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from controller.triton.client import Array, Lane, TritonClient

RECOGNISE_S = 5.0
TRANSLATE_S = 3.0
FIRST_SOUND_S = 5.0
SOUND_GAP_S = 2.0
UTTERANCE_S = 60.0
CONDITION_S = 60.0
EMBED_S = 30.0
FORGET_S = 3.0
"""Default deadlines. A first sound may wait behind others, a later one may not."""


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word and when it was said, in seconds from the start of the sound."""

    word: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Recognition:
    """What a recogniser heard. `text` is empty where it heard no speech."""

    text: str
    words: tuple[TimedWord, ...]
    language: str
    language_probability: float
    logprob: float
    """Mean log-probability a token."""
    no_speech: float
    """Probability that nobody speaks."""


@dataclass(frozen=True, slots=True)
class Latents:
    """How a voice sounds, for models that clone."""

    gpt_conditioning: NDArray[np.float16]
    """float16[T, width]; T is 32 and width 1024 where the model is not a small one for tests"""
    speaker: NDArray[np.float32]
    """float32[512]"""
    model: str = ""
    """What made them, where that is known."""


@dataclass(frozen=True, eq=False, slots=True)
class Embedding:
    """What an encoder hears in a clip, as numbers."""

    vector: NDArray[np.float32]
    """float32[n], of length 1"""
    model: str
    """What made it: only vectors of one are to be compared."""


async def recognise(
    client: TritonClient,
    pcm: NDArray[np.int16],
    language: str,
    *,
    urgent: bool = False,
    deadline_s: float = RECOGNISE_S,
    model: str = "whisper",
) -> Recognition:
    """Recognise int16[n] at 16 kHz, n up to 30 s.

    Args:
        language: one code, or several joined by commas, among which the spoken one is identified.
        urgent: a final result, which overtakes partial ones in the recogniser's queue.
    """
    inputs = {
        "PCM": np.asarray(pcm, np.int16).reshape(1, -1),
        "LANGUAGE": _text(language, (1, 1)),
        "URGENT": np.array([[urgent]], np.bool_),
    }
    out = await client.infer(model, inputs, deadline_s=deadline_s, lane=Lane.STT)
    words = tuple(TimedWord(**word) for word in json.loads(_string(out, "WORDS_JSON")))
    return Recognition(
        text=_string(out, "TEXT"),
        words=words,
        language=_string(out, "LANGUAGE_FOUND"),
        language_probability=_number(out, "LANGUAGE_PROB"),
        logprob=_number(out, "LOGPROB"),
        no_speech=_number(out, "NO_SPEECH"),
    )


async def translate(
    client: TritonClient,
    text: str,
    source: str,
    target: str,
    *,
    deadline_s: float = TRANSLATE_S,
    model: str = "apertium",
    lane: Lane = Lane.STT,
) -> str:
    """`text` in the language `target`."""
    inputs = {"TEXT": _text(text), "SOURCE": _text(source), "TARGET": _text(target)}
    return _string(await client.infer(model, inputs, deadline_s=deadline_s, lane=lane), "TEXT")


async def synthesize(
    client: TritonClient,
    text: str,
    language: str,
    *,
    sample_rate: int,
    speed: float | None = None,
    latents: Latents | None = None,
    seed: int | None = None,
    first_s: float = FIRST_SOUND_S,
    gap_s: float = SOUND_GAP_S,
    deadline_s: float = UTTERANCE_S,
    model: str = "pico",
    lane: Lane = Lane.TTS,
) -> AsyncGenerator[NDArray[np.int16], None]:
    """Chunks of int16 at `sample_rate` (16000 or 24000 Hz) as they are made; none where nothing can be said.

    Close it (`aclosing`) to end it early: the model then stops too.
    """
    inputs: dict[str, Array] = {
        "TEXT": _text(text),
        "LANGUAGE": _text(language),
        "SAMPLE_RATE": np.array([sample_rate], np.int32),
    }
    if speed is not None:
        inputs["SPEED"] = np.array([speed], np.float32)
    if latents is not None:
        inputs["GPT_COND_LATENT"] = np.asarray(latents.gpt_conditioning, np.float16)
        inputs["SPEAKER_EMBEDDING"] = np.asarray(latents.speaker, np.float32)
    if seed is not None:
        inputs["SEED"] = np.array([seed], np.int64)
    stream = client.stream(model, inputs, first_s=first_s, gap_s=gap_s, deadline_s=deadline_s, lane=lane)
    async with aclosing(stream) as answers:
        async for answer in answers:
            pcm = answer.get("PCM")
            if pcm is not None and pcm.size:
                yield pcm.reshape(-1)


async def condition(
    client: TritonClient,
    pcm: NDArray[np.int16],
    rate: int,
    *,
    deadline_s: float = CONDITION_S,
    model: str = "xtts_conditioning",
) -> Latents:
    """How the voice in int16[n] at `rate` hertz sounds. Takes seconds: never on a call's path."""
    inputs: dict[str, Array] = {
        "PCM": np.asarray(pcm, np.int16).reshape(-1),
        "SAMPLE_RATE": np.array([rate], np.int32),
    }
    out = await client.infer(model, inputs, deadline_s=deadline_s, lane=Lane.TTS)
    with np.errstate(over="ignore"):  # what float16 cannot hold becomes infinite, which no voice file takes
        gpt = out["GPT_COND_LATENT"].astype(np.float16)
    made_by = _string(out, "MODEL_ID") if "MODEL_ID" in out else model
    return Latents(gpt, out["SPEAKER_EMBEDDING"].astype(np.float32).reshape(-1), made_by)


async def embed(
    client: TritonClient, pcm: NDArray[np.int16], *, model: str, output: str, deadline_s: float = EMBED_S
) -> Embedding:
    """What the encoder `model` says of int16[n] at 16 kHz, 0.5 to 30 s. Never on a call's path.

    Args:
        output: its tensor: IDENTITY, who speaks, or STYLE, how.
    """
    inputs: dict[str, Array] = {"PCM": np.asarray(pcm, np.int16).reshape(1, -1)}
    out = await client.infer(model, inputs, deadline_s=deadline_s, lane=Lane.TTS)
    made_by = _string(out, "MODEL_ID") if "MODEL_ID" in out else model
    return Embedding(out[output].astype(np.float32).reshape(-1), made_by)


async def forget(
    client: TritonClient, latents: Latents | None, *, deadline_s: float = FORGET_S, model: str = "xtts_v2"
) -> None:
    """Have a voice that clones keep nothing of the voice with these latents any more, or of any where they are None."""
    inputs: dict[str, Array] = {
        "TEXT": _text(""),
        "LANGUAGE": _text("en"),
        "SAMPLE_RATE": np.array([16_000], np.int32),
        "FORGET": np.array([True], np.bool_),
    }
    if latents is not None:
        inputs["GPT_COND_LATENT"] = np.asarray(latents.gpt_conditioning, np.float16)
        inputs["SPEAKER_EMBEDDING"] = np.asarray(latents.speaker, np.float32)
    stream = client.stream(model, inputs, first_s=deadline_s, gap_s=deadline_s, deadline_s=deadline_s, lane=Lane.PROBE)
    async with aclosing(stream) as answers:
        async for _ in answers:
            pass


def _text(value: str, shape: tuple[int, ...] = (1,)) -> Array:
    return np.array([value.encode()], dtype=np.object_).reshape(shape)


def _string(out: Mapping[str, Array], name: str) -> str:
    value: Any = out[name].reshape(-1)[0]
    return value.decode() if isinstance(value, bytes) else str(value)


def _number(out: Mapping[str, Array], name: str) -> float:
    return float(out[name].reshape(-1)[0])
