"""Steps for Locust: each is held, judged and written down; the run ends with the breaking point.

Imported by the files that Locust is given; by then it has patched the process.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import gevent
from locust import LoadTestShape, events

from loadtest.capacity import limits
from loadtest.capacity.plan import Run
from loadtest.capacity.stepping import Moment, Stepper
from loadtest.capacity.window import Window

RUN: Final = Run.given()
WINDOW: Final = Window(RUN)

LOOK_S: Final = 0.2
"""How often calls are looked at, and Locust's own lateness is measured."""


class Steps(LoadTestShape):  # type: ignore[misc]  # locust has no types here
    """Asked once a second how many users there are to be."""

    def __init__(self) -> None:
        super().__init__()
        self._stepper = Stepper(RUN.steps)
        self._steps: list[dict[str, Any]] = []

    def tick(self) -> tuple[int, float] | None:
        match self._stepper.tick(time.monotonic()):
            case Moment.BEGIN:
                WINDOW.begin()
            case Moment.END:
                self._judge(WINDOW.end(self._stepper.users))
        if self._stepper.done:
            return None
        return self._stepper.users, float(max(RUN.steps.by, RUN.steps.first))

    def _judge(self, step: dict[str, Any]) -> None:
        step["broken"] = limits.broken(step, RUN.limits)
        self._steps.append(step)
        self._stepper.judged(not step["broken"])
        told = {"target": RUN.target, "carried": self._stepper.carried, "broke_at": self._stepper.broke_at}
        Path(RUN.out).write_text(json.dumps({**told, "steps": self._steps}, indent=1) + "\n", encoding="utf-8")
        verdict = "; ".join(step["broken"]) or "holds"
        print(f"{RUN.target}: {step['users']} at once: {verdict}", flush=True)


def every(seconds: float, work: Callable[[], None]) -> None:
    """Do `work` now and then, until the run ends."""

    def go() -> None:
        while True:
            due = time.monotonic() + seconds
            gevent.sleep(seconds)
            WINDOW.late((time.monotonic() - due) * 1000)
            work()

    gevent.spawn(go)


def fire(kind: str, name: str, milliseconds: float, error: Exception | None = None) -> None:
    """A row of Locust's own tables."""
    events.request.fire(
        request_type=kind, name=name, response_time=milliseconds, response_length=0, exception=error, context={}
    )


def _ended(environment: Any, **_: object) -> None:
    """Requests that fail decide nothing by themselves: the steps do, and they are judged outside."""
    environment.process_exit_code = 0


events.quitting.add_listener(_ended)
