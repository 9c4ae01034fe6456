"""The part of Triton's Python backend that our models share: inputs, answers, errors, metrics.

Imported inside Triton's stub only. Knows no model.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

from export.runtime import weights
from export.runtime.refusing import REFUSED

Array = np.ndarray[Any, Any]


def parameters(args: Mapping[str, str]) -> dict[str, str]:
    """The `parameters` of config.pbtxt."""
    config = json.loads(args["model_config"])
    return {name: value["string_value"] for name, value in config.get("parameters", {}).items()}


def check_numpy() -> None:
    """Raise TritonModelException where numpy is one that this Triton cannot talk to: tensors would be garbage."""
    if int(np.__version__.partition(".")[0]) >= 2:
        raise pb_utils.TritonModelException(
            f"Triton's environment has numpy {np.__version__}, which reads its tensors as garbage: install numpy 1.26"
        )


def weights_folder(args: Mapping[str, str]) -> Path:
    """The model's weights.

    Raises:
        TritonModelException: there are none, or numpy is wrong.
    """
    check_numpy()
    try:
        return weights.folder(args["model_repository"], args["model_version"])
    except weights.WeightsError as error:
        raise pb_utils.TritonModelException(str(error)) from error


def tensor(request: Any, name: str) -> Array | None:
    """The input `name` as an array that outlives the request; None where an optional one is absent."""
    found = pb_utils.get_input_tensor_by_name(request, name)
    return None if found is None else np.array(found.as_numpy())


def array(request: Any, name: str) -> Array | None:
    """The same, flat."""
    found = tensor(request, name)
    return None if found is None else found.reshape(-1)


def text(request: Any, name: str) -> str:
    """The BYTES[1] input `name`.

    Raises:
        ValueError: it is not UTF-8.
    """
    found = array(request, name)
    if found is None or len(found) != 1:
        raise ValueError(f"{name} must hold one string")
    try:
        return bytes(found[0]).decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} is not UTF-8") from error


def flag(request: Any, name: str) -> bool:
    found = array(request, name)
    return found is not None and bool(found.any())


def string(name: str, value: str, *, batched: bool) -> Any:
    """A BYTES[1] tensor, or [1, 1] for a model with a batch dimension."""
    return pb_utils.Tensor(name, np.array([value.encode()], dtype=object).reshape((1, 1) if batched else (1,)))


def number(name: str, value: float, *, batched: bool) -> Any:
    return pb_utils.Tensor(name, np.array([value], np.float32).reshape((1, 1) if batched else (1,)))


def refusal(message: str) -> Any:
    """The caller's mistake: it reaches them as INVALID_ARGUMENT; within a stream, by how it begins."""
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(REFUSED + message, pb_utils.TritonError.INVALID_ARG))


def failure(message: str) -> Any:
    """This engine's trouble: it reaches them as UNAVAILABLE, which may be tried again."""
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(message, pb_utils.TritonError.UNAVAILABLE))


def cancellation() -> Any:
    return pb_utils.InferenceResponse(error=pb_utils.TritonError("cancelled", pb_utils.TritonError.CANCELLED))


def send_last(sender: Any, response: Any | None) -> None:
    """Send `response` (None: nothing more) and end the request; a client that is gone is only logged."""
    send(sender, response, last=True)


def send(sender: Any, response: Any | None, *, last: bool) -> None:
    flags = pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL if last else 0
    try:
        if response is None:
            sender.send(flags=flags)
        else:
            sender.send(response, flags=flags)
    except Exception as error:  # noqa: BLE001 - whatever it is, the thread that serves the others must go on
        pb_utils.Logger.log_warn(f"an answer could not be sent: {error}")


UNBOUNDED = 0


class Sender:
    """Sends answers in order from a thread of its own, since one costs half a millisecond."""

    def __init__(self, room: int) -> None:
        """It holds `room` at most, or any number if that is UNBOUNDED."""
        self._queue: queue.Queue[Callable[[], None] | None] = queue.Queue(room)
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self._thread.start()

    def post(self, act: Callable[[], None]) -> None:
        """Queue one sending; waits while the room is full."""
        self._queue.put(act)

    def stop(self, timeout_s: float) -> None:
        self._queue.put(None)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while (act := self._queue.get()) is not None:
            try:
                act()
            except Exception as error:  # noqa: BLE001 - the others' answers must go out all the same
                pb_utils.Logger.log_error(f"an answer could not be made: {error!r}")


class Metrics:
    """Figures on Triton's metrics port, made on first use of a name and labels. Each change costs a message to it.

    Any thread may count: only one at a time does, since two at once take the whole server down (seen with 24.10).
    """

    def __init__(self, buckets: Mapping[str, Sequence[float]] | None = None, /, **helps: str) -> None:
        """
        Args:
            buckets: the upper bounds of each histogram's buckets, ascending, by its name.
            helps: help texts by name. What is no histogram is a counter if its name ends in `_total`, else a gauge.
        """
        self._buckets = buckets or {}
        self._families = {
            name: pb_utils.MetricFamily(name=name, description=text, kind=self._kind(name))
            for name, text in helps.items()
        }
        self._metrics: dict[tuple[str, tuple[tuple[str, str], ...]], Any] = {}
        self._one_at_a_time = threading.Lock()

    def add(self, name: str, value: float = 1.0, **labels: str) -> None:
        with self._one_at_a_time:
            self._metric(name, labels).increment(value)

    def set(self, name: str, value: float, **labels: str) -> None:
        with self._one_at_a_time:
            self._metric(name, labels).set(value)

    def observe(self, name: str, value: float, **labels: str) -> None:
        """One more observation of a histogram."""
        with self._one_at_a_time:
            self._metric(name, labels).observe(value)

    def close(self) -> None:
        """Let go of them while Triton still runs: the stub crashes at its end over metrics that outlive it."""
        self._metrics.clear()
        self._families.clear()

    def _metric(self, name: str, labels: dict[str, str]) -> Any:
        key = (name, tuple(sorted(labels.items())))
        if key not in self._metrics:
            bounds = {"buckets": list(self._buckets[name])} if name in self._buckets else {}
            self._metrics[key] = self._families[name].Metric(labels=labels, **bounds)
        return self._metrics[key]

    def _kind(self, name: str) -> Any:
        family = pb_utils.MetricFamily
        if name in self._buckets:
            return family.HISTOGRAM
        return family.COUNTER if name.endswith("_total") else family.GAUGE
