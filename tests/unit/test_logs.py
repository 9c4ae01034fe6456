"""Log lines: what they say, what they keep to themselves, and that a reader who does not read holds nobody up."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import threading
import time
from typing import Any

import pytest

from controller.errors import EngineRejected, EngineTimeout
from controller.messages import Clause, Delivery, Outcome, Reason, Span
from controller.settings import LoggingSettings, load
from controller.telemetry.journal import Journal
from controller.telemetry.logs import BoundedHandler, configured, current_call

CLAUSE = Clause("a-1", "a", "a secret that was said", Span(1.0, 2.0), "en")
DELIVERY = Delivery(CLAUSE, "b", "es", Outcome.PLAYED, None, "un secreto", 2.5, 3.5, None, {})

log = logging.getLogger("controller.test")


def parse(text: str) -> None:
    """Fails as a stage's task group does, quoting the text."""
    try:
        int(text)
    except ValueError as error:
        raise ExceptionGroup("unhandled errors in a TaskGroup", [error]) from None


def lines(settings: LoggingSettings, work: Any) -> list[str]:
    stream = io.StringIO()
    with configured(settings, stream):
        work()
    return stream.getvalue().splitlines()


def as_json(work: Any, **settings: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(LoggingSettings(format="json", level="info", **settings), work)]


def journal() -> None:
    Journal().clause("call-1", CLAUSE)
    Journal().delivered("call-1", DELIVERY)


def test_a_json_line_has_time_level_logger_message_and_ids() -> None:
    first, second = as_json(journal)
    assert set(first) == {"time", "level", "logger", "message", "call", "clause"}
    assert (first["level"], first["logger"]) == ("info", "controller.telemetry.journal")
    assert (first["call"], first["clause"]) == ("call-1", "a-1")
    assert first["time"].endswith("+00:00")
    assert second["listener"] == "b"
    assert "was played, lag 500 ms" in second["message"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_word_that_was_said_is_logged_unless_that_is_allowed(form: Any) -> None:
    def work() -> None:
        journal()
        Journal().engine_failed("call-1", "mt", EngineRejected("'a secret' is refused", engine="deepl"))
        try:
            parse(CLAUSE.text)
        except* ValueError:
            log.exception("a stage failed")

    silent = "\n".join(lines(LoggingSettings(format=form, level="debug"), work))
    assert "secret" not in silent
    assert "a stage failed" in silent
    assert "ValueError" in silent
    assert "in parse\n    int(text)" in silent.replace("\\n", "\n"), "where it happened is told"
    said = "\n".join(lines(LoggingSettings(format=form, level="debug", speech=True), work))
    assert "a secret that was said" in said
    assert "un secreto" in said
    assert "invalid literal for int() with base 10: 'a secret that was said'" in said.replace('\\"', '"')


def test_an_engines_failure_is_told_with_its_reason_where_that_quotes_nobody() -> None:
    (line,) = as_json(lambda: Journal().engine_failed("c", "tts", EngineTimeout("no chunk in 2 s", engine="pico")))
    assert (line["level"], line["engine"], line["stage"]) == ("warning", "pico", "tts")
    assert "pico failed, EngineTimeout: no chunk in 2 s" in line["message"]


def test_a_dropped_delivery_says_why() -> None:
    dropped = Delivery(CLAUSE, "b", "es", Outcome.DROPPED, Reason.BACKLOG, None, None, None, None, {})
    (line,) = as_json(lambda: Journal().delivered("c", dropped))
    assert "clause a-1 to b was dropped (backlog)" in line["message"]


def test_a_calls_tasks_log_with_its_id() -> None:
    async def call(name: str) -> None:
        current_call.set(name)
        await asyncio.sleep(0)
        await asyncio.create_task(deeper())

    async def deeper() -> None:
        log.warning("something")

    async def both() -> None:
        await asyncio.gather(call("x"), call("y"))
        log.warning("nobody's")

    told = as_json(lambda: asyncio.run(both()))
    assert [line.get("call") for line in told] == ["x", "y", None]


def test_the_level_is_kept() -> None:
    assert lines(LoggingSettings(level="error"), lambda: log.warning("not this")) == []


class Stuck(io.StringIO):
    """A reader who does not read until told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def write(self, text: str) -> int:
        assert self.go.wait(20)
        return super().write(text)


def test_a_stuck_reader_costs_lines_and_no_time() -> None:
    stream, longest = Stuck(), 0.0
    with configured(LoggingSettings(level="info"), stream) as handler:
        for number in range(10_000):
            began = time.perf_counter()
            log.info("line %d", number)
            longest = max(longest, time.perf_counter() - began)
        assert handler.dropped > 5000
        assert longest < 10, "it waited for the reader"
        stream.go.set()
    told = stream.getvalue().splitlines()
    kept = [line for line in told if ": line " in line]
    assert [line.rpartition(" ")[2] for line in kept] == [str(number) for number in range(len(kept))]
    assert len(kept) + handler.dropped == 10_000
    assert sum(f"{handler.dropped} log lines were dropped" in line for line in told) == 1


def test_what_was_configured_before_is_back_afterwards() -> None:
    before = logging.getLogger().handlers[:]
    with configured(LoggingSettings(), io.StringIO()):
        assert isinstance(logging.getLogger().handlers[0], BoundedHandler)
    assert logging.getLogger().handlers == before


def test_the_settings() -> None:
    assert load().logging == LoggingSettings(format="text", level="warning", speech=False)
