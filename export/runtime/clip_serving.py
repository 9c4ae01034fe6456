"""Triton's side of what makes a vector of a clip: who come together are one batch. Imported inside Triton's stub only.

Knows no encoder; each is a class a few lines long.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar

import numpy as np
import triton_python_backend_utils as pb_utils

from export.runtime import glue
from export.runtime.batching import Job, Queue, Worker
from export.runtime.identity.clips import RATE, Pcm, checked
from export.runtime.session import PROVIDERS, Provider
from export.runtime.weights import WeightsError

BATCH_MS = (10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)
"""Upper bounds of the histogram's buckets."""

WARM_UP_S = 3


class Encoder(Protocol):
    """Makes vectors."""

    @property
    def id(self) -> str:
        """Vectors of other ids are not to be compared with this one's."""

    def __call__(self, clips: Sequence[Pcm]) -> np.ndarray[Any, np.dtype[np.float32]]:
        """float32[clips, n]"""


Found = TypeVar("Found", bound=Encoder)


class _Asked(NamedTuple):
    pcm: Pcm
    sender: Any


class ClipModel(ABC):
    """A model of the repository; config.pbtxt and its weights say which."""

    output: ClassVar[str]
    """The tensor that the vector is told in."""

    name: str
    """What the repository calls it."""

    @abstractmethod
    def opened(self, weights: Path, told: Mapping[str, str]) -> Encoder:
        """The encoder whose weights are in a folder, as the parameters of config.pbtxt want it.

        Raises:
            WeightsError: it cannot be had.
            ValueError: a parameter says what is none.
        """

    def initialize(self, args: Mapping[str, str]) -> None:
        self.name, told = args["model_name"], glue.parameters(args)
        weights = glue.weights_folder(args)
        try:
            self._encoder = self.opened(weights, told)
        except (WeightsError, ValueError) as error:
            raise pb_utils.TritonModelException(f"{self.name} cannot use its weights: {error}") from error
        noise = np.random.default_rng(0).integers(-3_000, 3_000, WARM_UP_S * RATE, np.int16)
        self._encoder([noise])
        self._most_waiting = int(told["most_waiting"])
        self._metrics = _metrics(self.name)
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
                glue.send_last(sender, glue.failure(f"{self.name} is busy: try again in a few seconds"))
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
            made = pb_utils.Tensor(self.output, np.ascontiguousarray(vector[None], np.float32))
            told = glue.string("MODEL_ID", self._encoder.id, batched=True)
            glue.send_last(one.sender, pb_utils.InferenceResponse([made, told]))
        self._count("observe", "batch_ms", 1_000 * (time.perf_counter() - began))
        self._count("add", "batches_total", 1)
        self._count("add", "clips_total", len(batch))
        self._count("add", "sound_seconds_total", sum(len(one.pcm) for one in batch) / RATE)

    def _failed(self, batch: list[_Asked], error: BaseException) -> None:
        pb_utils.Logger.log_error(f"{self.name}: a batch of {len(batch)} failed: {error!r}")
        for one in batch:
            glue.send_last(one.sender, glue.failure(f"{self.name} failed: {error}"))

    def _skipped(self, asked: _Asked) -> None:
        glue.send_last(asked.sender, glue.cancellation())
        self._count("add", "queue_depth", -1)
        self._count("add", "cancelled_total", 1)

    def _count(self, how: str, what: str, value: float) -> None:
        getattr(self._metrics, how)(f"dragoman_{self.name}_{what}", value)


def on_best(opened: Callable[[Provider], Found], told: Mapping[str, str]) -> Found:
    """An encoder on the provider that the parameters name, `auto` being a GPU where there is one that works.

    Raises:
        WeightsError: it cannot be had.
        ValueError: there is no such provider.
    """
    provider = told["provider"]
    if provider not in ("auto", *PROVIDERS):
        raise ValueError(f"provider is {provider!r}, not one of auto, {', '.join(PROVIDERS)}")
    if provider != "auto":
        return opened(provider)  # type: ignore[arg-type]
    try:
        return opened("cuda")
    except WeightsError:
        return opened("cpu")  # which says what else is wrong


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
