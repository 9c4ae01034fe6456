"""Triton's own counts, by its metrics: how many requests a model had, how long they waited and were worked on."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Final

_SAMPLE: Final = re.compile(r'^(nv_inference_\w+)\{[^}]*model="([^"]+)"[^}]*\} (\S+)$', re.MULTILINE)
_COUNTED: Final = {
    "nv_inference_request_success": "requests",
    "nv_inference_exec_count": "executions",
    "nv_inference_queue_duration_us": "queue_us",
    "nv_inference_compute_infer_duration_us": "compute_us",
}


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one model, since it was started or between two readings."""

    requests: float = 0.0
    executions: float = 0.0
    queue_us: float = 0.0
    compute_us: float = 0.0

    def since(self, before: Counts) -> Counts:
        return Counts(*(now - then for now, then in zip(astuple(self), astuple(before), strict=True)))

    @property
    def queue_ms(self) -> float:
        """That a request waited, on average."""
        return self.queue_us / self.requests / 1000 if self.requests else 0.0

    @property
    def compute_ms(self) -> float:
        """That a request was worked on, on average, those that shared its batch included."""
        return self.compute_us / self.requests / 1000 if self.requests else 0.0

    @property
    def batch(self) -> float:
        """Requests of an execution, on average."""
        return self.requests / self.executions if self.executions else 0.0


def read(url: str) -> dict[str, Counts]:
    """By the metrics at `url`, such as http://127.0.0.1:8002/metrics.

    Raises:
        OSError: they cannot be read.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=5) as answer:
        return parse(answer.read().decode())


def parse(text: str) -> dict[str, Counts]:
    """By the text of the metrics; a model of two versions counts as one."""
    found: dict[str, dict[str, float]] = {}
    for name, model, value in _SAMPLE.findall(text):
        if name in _COUNTED:
            counts = found.setdefault(model, {})
            counts[_COUNTED[name]] = counts.get(_COUNTED[name], 0.0) + float(value)
    return {model: Counts(**counts) for model, counts in found.items()}


def between(before: Mapping[str, Counts], after: Mapping[str, Counts]) -> dict[str, Counts]:
    """What was asked of each model from one reading to the next; those that nobody asked are left out."""
    found = {model: now.since(before.get(model, Counts())) for model, now in after.items()}
    return {model: counts for model, counts in found.items() if counts.requests}
