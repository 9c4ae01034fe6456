"""The queue in front of the recogniser, on a fake model: no Triton, no weights, no sleeps."""

from __future__ import annotations

import queue
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.runtime.batching import Job, Queue, Worker

WAIT_S = 10.0


def job(name: str, kind: float = 6.0, *, urgent: bool = False, cancelled: bool = False) -> Job[str]:
    return Job(name, kind, urgent, lambda: cancelled)


def drain(waiting: Queue[str]) -> tuple[list[list[str]], list[str]]:
    """Everything the queue gives until it is empty: the batches, and what was cancelled."""
    waiting.close()
    batches: list[list[str]] = []
    skipped: list[str] = []
    while True:
        batch, cancelled = waiting.take()
        if not batch and not cancelled:
            return batches, skipped
        if batch:
            batches.append([one.payload for one in batch])
        skipped += [one.payload for one in cancelled]


def test_equal_windows_share_a_batch_and_the_oldest_goes_first() -> None:
    waiting: Queue[str] = Queue(largest_batch=4)
    waiting.add([job("a", 6.0), job("b", 8.0), job("c", 6.0), job("d", 8.0)])
    assert drain(waiting) == ([["a", "c"], ["b", "d"]], [])


def test_finals_overtake_partials_and_do_not_share_with_them() -> None:
    waiting: Queue[str] = Queue(largest_batch=4)
    waiting.add([job("partial 1"), job("partial 2")])
    waiting.add([job("final", urgent=True)])
    assert drain(waiting) == ([["final"], ["partial 1", "partial 2"]], [])


def test_a_batch_has_its_limit() -> None:
    waiting: Queue[str] = Queue(largest_batch=2)
    waiting.add([job(name) for name in "abcde"])
    assert drain(waiting) == ([["a", "b"], ["c", "d"], ["e"]], [])


def test_cancelled_jobs_are_skipped_and_said() -> None:
    waiting: Queue[str] = Queue(largest_batch=4)
    waiting.add([job("a", cancelled=True), job("b"), job("c", 8.0, cancelled=True), job("d")])
    assert drain(waiting) == ([["b", "d"]], ["a", "c"])


def test_a_closed_queue_takes_nothing() -> None:
    waiting: Queue[str] = Queue(largest_batch=4)
    waiting.close()
    with pytest.raises(RuntimeError, match="closed"):
        waiting.add([job("late")])


@given(st.lists(st.tuples(st.sampled_from([4.5, 6.0, 8.0]), st.booleans(), st.booleans()), max_size=30))
def test_every_job_comes_out_once_in_the_order_of_its_kind(arrivals: list[tuple[float, bool, bool]]) -> None:
    waiting: Queue[str] = Queue(largest_batch=4)
    jobs = {
        str(number): job(str(number), kind, urgent=urgent, cancelled=cancelled)
        for number, (kind, urgent, cancelled) in enumerate(arrivals)
    }
    waiting.add(list(jobs.values()))
    batches, skipped = drain(waiting)
    served = [name for batch in batches for name in batch]
    assert sorted(served + skipped, key=int) == list(jobs)
    assert all(jobs[name].cancelled() == (name in skipped) for name in jobs)
    for batch in batches:
        assert len({(jobs[name].kind, jobs[name].urgent) for name in batch}) == 1
        assert len(batch) <= 4
    for line in {(one.kind, one.urgent) for one in jobs.values()}:
        same = [int(name) for name in served if (jobs[name].kind, jobs[name].urgent) == line]
        assert same == sorted(same)
    urgent_first = [jobs[batch[0]].urgent for batch in batches]
    assert urgent_first == sorted(urgent_first, reverse=True)


def test_the_worker_serves_reports_failures_and_goes_on() -> None:
    happened: queue.SimpleQueue[tuple[str, list[str]]] = queue.SimpleQueue()
    gate = threading.Event()

    def serve(names: list[str]) -> None:
        gate.wait(WAIT_S)
        if "bad" in names:
            raise MemoryError("too long")
        happened.put(("served", names))

    waiting: Queue[str] = Queue(largest_batch=4)
    worker = Worker(
        waiting,
        serve=serve,
        failed=lambda names, error: happened.put((f"failed: {error}", names)),
        skipped=lambda name: happened.put(("skipped", [name])),
    )
    waiting.add([job("bad")])
    gate.set()
    assert happened.get(timeout=WAIT_S) == ("failed: too long", ["bad"])
    waiting.add([job("gone", cancelled=True)])
    assert happened.get(timeout=WAIT_S) == ("skipped", ["gone"])
    waiting.add([job("good"), job("better")])
    assert happened.get(timeout=WAIT_S) == ("served", ["good", "better"])
    worker.stop(WAIT_S)
    assert happened.empty()
