"""Who is served next, and with whom: urgent jobs first, then the oldest, and only equals share a batch.

Knows nothing of models or of Triton. One thread works; any thread may add.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Payload = TypeVar("Payload")


@dataclass(frozen=True, slots=True)
class Job(Generic[Payload]):
    """Something to be done once."""

    payload: Payload
    kind: Hashable
    """Only jobs of one kind share a batch."""
    urgent: bool
    """Overtakes all that is not urgent. The two never share a batch: the urgent one would wait for the other's cost."""
    cancelled: Callable[[], bool]
    """Asked once, when the job is about to be served."""


class Queue(Generic[Payload]):
    """What waits for one worker."""

    def __init__(self, *, largest_batch: int) -> None:
        self._largest = largest_batch
        self._waiting: dict[bool, deque[Job[Payload]]] = {True: deque(), False: deque()}
        self._changed = threading.Condition()
        self._closed = False

    def __len__(self) -> int:
        with self._changed:
            return sum(map(len, self._waiting.values()))

    def add(self, jobs: Sequence[Job[Payload]]) -> None:
        """Add jobs that arrived together, so that the worker sees them together.

        Raises:
            RuntimeError: the queue was closed.
        """
        with self._changed:
            if self._closed:
                raise RuntimeError("the queue is closed")
            for job in jobs:
                self._waiting[job.urgent].append(job)
            self._changed.notify()

    def take(self) -> tuple[list[Job[Payload]], list[Job[Payload]]]:
        """Wait for work: the next batch in order of arrival, and the jobs found cancelled on the way.

        Both are empty once the queue is closed and nothing waits any more.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or any(self._waiting.values()))
            line = self._waiting[True] or self._waiting[False]
            batch: list[Job[Payload]] = []
            cancelled: list[Job[Payload]] = []
            kept: deque[Job[Payload]] = deque()
            while line and len(batch) < self._largest:
                job = line.popleft()
                if batch and job.kind != batch[0].kind:
                    kept.append(job)
                elif job.cancelled():
                    cancelled.append(job)
                else:
                    batch.append(job)
            line.extendleft(reversed(kept))
            return batch, cancelled

    def close(self) -> None:
        """Let the worker finish what waits, then end."""
        with self._changed:
            self._closed = True
            self._changed.notify()


class Worker(Generic[Payload]):
    """A thread that serves a queue until it is closed."""

    def __init__(
        self,
        queue: Queue[Payload],
        *,
        serve: Callable[[list[Payload]], None],
        failed: Callable[[list[Payload], BaseException], None],
        skipped: Callable[[Payload], None],
    ) -> None:
        """`serve` gets the payloads of a batch; `failed` those and what `serve` raised; `skipped` a cancelled one."""
        self._queue = queue
        self._serve, self._failed, self._skipped = serve, failed, skipped
        self._thread = threading.Thread(target=self._run, name="batches", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Close the queue and wait for the thread."""
        self._queue.close()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            batch, cancelled = self._queue.take()
            if not batch and not cancelled:
                return
            for job in cancelled:
                self._skipped(job.payload)
            payloads = [job.payload for job in batch]
            if not payloads:
                continue
            try:
                self._serve(payloads)
            except BaseException as error:  # noqa: BLE001 - all who wait must hear of it
                self._failed(payloads, error)
