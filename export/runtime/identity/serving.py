"""Triton's side of the encoders of speakers, whichever of them a folder holds: who come together are one batch.

Imported inside Triton's stub only.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, get_args

import numpy as np
import triton_python_backend_utils as pb_utils

from export.runtime import glue
from export.runtime.batching import Job, Queue, Worker
from export.runtime.identity.clips import RATE, Pcm, checked
from export.runtime.identity.encoders import Encoder, opened
from export.runtime.identity.model import Precision
from export.runtime.session import PROVIDERS, Provider
from export.runtime.weights import WeightsError

BATCH_MS = (10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)
"""Upper bounds of the histogram's buckets."""

WARM_UP_S = 3


class _Asked(NamedTuple):
    pcm: Pcm
    sender: Any


class IdentityModel:
    """A model of the repository; config.pbtxt and its weights say which."""

    def initialize(self, args: Mapping[str, str]) -> None:
        weights = glue.weights_folder(args)
        self._name, told = args["model_name"], glue.parameters(args)
        try:
            self._encoder = _opened(weights, told)
        except (WeightsError, ValueError) as error:
            raise pb_utils.TritonModelException(f"{self._name} cannot use its weights: {error}") from error
        if self._encoder.model.network != self._name:
            raise pb_utils.TritonModelException(
                f"{weights} holds the weights of {self._encoder.model.network}, not of {self._name}: export them again"
            )
        noise = np.random.default_rng(0).integers(-3_000, 3_000, WARM_UP_S * RATE, np.int16)
        self._encoder([noise])
        self._most_waiting = int(told["most_waiting"])
        self._metrics = _metrics(self._name)
        self._count("set", "queue_depth", 0)
        self._queue: Queue[_Asked] = Queue(largest_batch=int(told["largest_batch"]))
        self._worker = Worker(self._queue, serve=self._serve, failed=self._failed, skipped=self._skipped)

    def execute(self, requests: Sequence[Any]) -> None:
        jobs: list[Job[_Asked]] = []
        for request in requests:
            sender = request.get_response_sender()
            try:  # before anything else: a refusal is how a model that is busy shows that it lives
                pcm = checked(glue.array(request, "PCM"))
            except ValueError as error:
                glue.send_last(sender, glue.refusal(str(error)))
                continue
            if len(self._queue) + len(jobs) >= self._most_waiting:
                glue.send_last(sender, glue.failure(f"{self._name} is busy: try again in a few seconds"))
                continue
            jobs.append(Job(_Asked(pcm, sender), kind=None, urgent=False, cancelled=sender.is_cancelled))
        self._count("add", "queue_depth", len(jobs))
        self._queue.add(jobs)
        # Each request is answered through its sender, by the worker.

    def finalize(self) -> None:
        self._worker.stop(5.0)
        self._metrics.close()

    def _serve(self, batch: list[_Asked]) -> None:
        self._count("add", "queue_depth", -len(batch))
        began = time.perf_counter()
        vectors = self._encoder([one.pcm for one in batch])
        if not np.isfinite(vectors).all():
            raise FloatingPointError("a vector is no finite numbers: the weights are damaged, export them again")
        for one, vector in zip(batch, vectors, strict=True):
            identity = pb_utils.Tensor("IDENTITY", np.ascontiguousarray(vector[None], np.float32))
            told = glue.string("MODEL_ID", self._encoder.id, batched=True)
            glue.send_last(one.sender, pb_utils.InferenceResponse([identity, told]))
        self._count("observe", "batch_ms", 1_000 * (time.perf_counter() - began))
        self._count("add", "batches_total", 1)
        self._count("add", "clips_total", len(batch))
        self._count("add", "sound_seconds_total", sum(len(one.pcm) for one in batch) / RATE)

    def _failed(self, batch: list[_Asked], error: BaseException) -> None:
        pb_utils.Logger.log_error(f"{self._name}: a batch of {len(batch)} failed: {error!r}")
        for one in batch:
            glue.send_last(one.sender, glue.failure(f"{self._name} failed: {error}"))

    def _skipped(self, asked: _Asked) -> None:
        glue.send_last(asked.sender, glue.cancellation())
        self._count("add", "queue_depth", -1)
        self._count("add", "cancelled_total", 1)

    def _count(self, how: str, what: str, value: float) -> None:
        getattr(self._metrics, how)(f"dragoman_{self._name}_{what}", value)


def _opened(weights: Any, told: Mapping[str, str]) -> Encoder:
    """The encoder as the parameters of config.pbtxt want it.

    Raises:
        WeightsError: it cannot be had.
        ValueError: a parameter says what is none.
    """
    provider, precision = told["provider"], told.get("precision", "fp32")
    if precision not in get_args(Precision):
        raise ValueError(f"precision is {precision!r}, not one of {', '.join(get_args(Precision))}")
    if provider not in ("auto", *PROVIDERS):
        raise ValueError(f"provider is {provider!r}, not one of auto, {', '.join(PROVIDERS)}")
    tried: Sequence[Provider] = ("cuda", "cpu") if provider == "auto" else (provider,)  # type: ignore[assignment]
    for one in tried[:-1]:
        try:
            return opened(weights, threads=int(told["threads"]), provider=one, precision=precision)  # type: ignore[arg-type]
        except WeightsError:
            continue  # it is not there: what comes after it says what else is wrong
    return opened(weights, threads=int(told["threads"]), provider=tried[-1], precision=precision)  # type: ignore[arg-type]


def _metrics(name: str) -> glue.Metrics:
    helps = {
        "clips_total": "Clips of which a vector was made",
        "batches_total": "Batches in which they were",
        "sound_seconds_total": "Seconds of sound in them",
        "cancelled_total": "Requests cancelled while they waited",
        "queue_depth": "Requests waiting in the model's own queue",
        "batch_ms": "Milliseconds a batch took",
    }
    named = {f"dragoman_{name}_{what}": text for what, text in helps.items()}
    return glue.Metrics({f"dragoman_{name}_batch_ms": BATCH_MS}, **named)
