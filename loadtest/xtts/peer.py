"""coqui-tts as an engine of the bench: runs in its own environment (`python -m loadtest.xtts.peer`)."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import LogitsProcessor, LogitsProcessorList

from export.xtts import structural
from loadtest.xtts import task
from loadtest.xtts.coqui import greedily, structural_model
from loadtest.xtts.exchange import forget_peak, peak_mb, serve


class Clock(LogitsProcessor):  # type: ignore[misc]
    """Notes when each token is about to be drawn; changes nothing."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        self.times.append(time.perf_counter())
        return scores


class Peer:
    def __init__(self, size: str, vocabulary: Path) -> None:
        self._config = structural.SIZES[size]
        self._model = structural_model(self._config, task.SEED, vocabulary)
        latents, speaker = task.voice(self._config)
        self._latents = torch.from_numpy(latents)[None]
        self._speaker = torch.from_numpy(speaker)[None, :, None]

    def speak(self) -> dict[str, Any]:
        """Say the text with `inference`, whole: that is its quickest way."""
        forget_peak()
        clock = Clock()
        began = time.perf_counter()
        answer = self._model.inference(**self._asked(task.TOKENS, clock))
        seconds = time.perf_counter() - began
        return {
            "utterance_s": seconds,
            "prefill_s": clock.times[0] - began,
            "decode_s": clock.times[-1] - clock.times[0],
            "steps": len(clock.times) - 1,
            "audio_s": len(answer["wav"]) / self._config.output_rate,
            "rss_mb": peak_mb(),
        }

    def stream(self, tokens: int) -> dict[str, Any]:
        """Say `tokens` of the text with `inference_stream`, its chunks being what they are by default."""
        clock, chunks = Clock(), []
        began = time.perf_counter()
        for chunk in self._model.inference_stream(**self._asked(tokens, clock)):
            chunks.append((time.perf_counter() - began, len(chunk)))
        return {"chunks": chunks, "tokens": len(clock.times), "rate": self._config.output_rate}

    def _asked(self, tokens: int, clock: Clock) -> dict[str, Any]:
        """What either way of speaking is given."""
        sampling = self._config.sampling
        return {
            "text": task.TEXT,
            "language": task.LANGUAGE,
            "gpt_cond_latent": self._latents,
            "speaker_embedding": self._speaker,
            "temperature": sampling.temperature,
            "top_k": sampling.top_k,
            "top_p": sampling.top_p,
            "repetition_penalty": sampling.repetition_penalty,
            "min_new_tokens": tokens,
            "max_new_tokens": tokens,
            "logits_processor": LogitsProcessorList([clock]),
        }

    def compare(self, ids: str, out: str) -> dict[str, Any]:
        """Decode the text tokens in the file `ids` without chance; codes and latents go into the file `out`."""
        with np.load(ids) as stored:
            text = stored["ids"][1:-1]
        penalty, most = task.GREEDY.repetition_penalty, task.COMPARED_TOKENS
        voice = self._latents[0].numpy()
        with torch.inference_mode():
            codes, latents, _ = greedily(self._model, text, voice, penalty, least=most, most=most)
        np.savez(out, codes=codes, latents=latents)
        return {}


def main() -> int:
    size, vocabulary, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    began = time.perf_counter()
    engine = Peer(size, Path(vocabulary))
    actions: dict[str, Callable[..., dict[str, Any]]] = {
        "speak": engine.speak,
        "stream": engine.stream,
        "compare": engine.compare,
    }
    return serve({"load_s": time.perf_counter() - began}, actions)


if __name__ == "__main__":
    sys.exit(main())
