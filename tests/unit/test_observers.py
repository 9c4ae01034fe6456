"""Those who watch cannot touch the call."""

from __future__ import annotations

import io
import logging
import os

import pytest

from controller.demo.captions import Captions
from controller.messages import Clause, Delivery, Outcome, Span
from controller.observer import MOST_FAULTS, Observer, Observers
from tests.fakes.fake_observer import RecordingObserver

CLAUSE = Clause("a-1", "a", "Hello.", Span(1.0, 2.0), "en")


class Broken(Observer):
    def __init__(self) -> None:
        self.told = 0

    def clause(self, call: str, clause: Clause) -> None:
        self.told += 1
        raise BrokenPipeError("nobody reads any more")


def test_one_that_does_nothing_but_fail_is_dropped_and_the_others_are_told(caplog: pytest.LogCaptureFixture) -> None:
    broken, good = Broken(), RecordingObserver()
    both = Observers([broken, good])
    with caplog.at_level(logging.CRITICAL, logger="controller.observer"):
        for _ in range(MOST_FAULTS + 2):
            both.clause("call", CLAUSE)
    assert broken.told == MOST_FAULTS
    assert len(good.clauses) == MOST_FAULTS + 2


def test_one_that_fails_now_and_then_watches_on(caplog: pytest.LogCaptureFixture) -> None:
    broken = Broken()
    both = Observers([broken])
    with caplog.at_level(logging.CRITICAL, logger="controller.observer"):
        for _ in range(MOST_FAULTS):
            both.clause("call", CLAUSE)
            both.ticked("call", 0.0, 0.0, 1, 0)
            both.clause("call", CLAUSE)
    assert broken.told == 2 * MOST_FAULTS


def test_captions_say_what_was_heard_and_how_late() -> None:
    out = io.StringIO()
    captions = Captions(out)
    captions.clause("call", CLAUSE)
    captions.delivered("call", Delivery(CLAUSE, "b", "es", Outcome.PLAYED, None, "Hola.", 2.5, 3.0, None, {}))
    captions.close()
    assert "A [en] Hello." in out.getvalue()
    assert "B [es] Hola.  (500 ms)" in out.getvalue()


def test_a_terminal_that_is_held_holds_nothing() -> None:
    """With Ctrl-S, or a full pipe, `print` blocks: it once did so inside the tick."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb"), os.fdopen(writing, "w") as out:
        captions = Captions(out)
        for _ in range(5000):  # far more than a pipe takes
            captions.clause("call", CLAUSE)
        reading_end = os.dup(reading)
        os.set_blocking(reading_end, False)
        while True:  # let the printer go, so that the test leaves no thread behind
            try:
                if not os.read(reading_end, 1 << 16):
                    break
            except BlockingIOError:
                captions._printer.join(0.01)
                if captions._lines.empty():
                    break
        os.close(reading_end)
        captions.close()
