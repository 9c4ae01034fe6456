"""Log lines, as text or as JSON: they say which call and clause they are about, hold no speech unless that is allowed,
and never make a call wait for whoever reads them: a bounded queue and a thread of its own stand between.
"""

from __future__ import annotations

import json
import logging
import queue
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from logging.handlers import QueueHandler
from typing import Any, Final, TextIO

from controller.errors import DragomanError, EngineRejected
from controller.settings import LoggingSettings

QUEUE_LINES: Final = 2000
"""Lines that may wait for a slow reader; more are dropped and counted."""

DRAIN_S: Final = 2.0
"""Seconds that the last lines are given at the end."""

FIELDS: Final = ("call", "clause", "listener", "stage", "engine", "text")
"""What a line may say beside its message, given as `extra`; `text` is speech."""

current_call: ContextVar[str] = ContextVar("current_call", default="")
"""The call that a task and those that it makes work for; their lines say so."""


class BoundedHandler(QueueHandler):
    """Puts lines into a bounded queue; what does not fit is dropped and counted."""

    queue: queue.Queue[logging.LogRecord | None]

    def __init__(self, capacity: int = QUEUE_LINES) -> None:
        super().__init__(queue.Queue(capacity))
        self.dropped = 0

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """As it is: the thread formats it, with what only the task that made it knows."""
        if not hasattr(record, "call"):
            record.call = current_call.get()
        record.msg, record.args = record.getMessage(), None
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self.dropped += 1


class TextFormatter(logging.Formatter):
    """A line for a person."""

    def __init__(self, speech: bool) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._speech = speech

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        return f"{line}: {text}" if self._speech and (text := getattr(record, "text", "")) else line

    def formatException(self, ei: Any) -> str:
        return trace(ei[1], self._speech)


class JsonFormatter(logging.Formatter):
    """A line for a program."""

    def __init__(self, speech: bool) -> None:
        super().__init__()
        self._speech = speech

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name in FIELDS:
            if (value := getattr(record, name, "")) and (name != "text" or self._speech):
                told[name] = value
        if record.exc_info and record.exc_info[1]:
            told["error"] = trace(record.exc_info[1], self._speech)
        return json.dumps(told, ensure_ascii=False, default=str)


def trace(error: BaseException | None, speech: bool) -> str:
    """Where an error came from. Without `speech` what it says is left out, unless it is ours: it may quote someone."""
    if error is None:
        return ""
    if speech:
        return "".join(traceback.format_exception(error)).rstrip()
    said = f": {error}" if isinstance(error, DragomanError) and not isinstance(error, EngineRejected) else ""
    causes = error.exceptions if isinstance(error, BaseExceptionGroup) else [error.__cause__] if error.__cause__ else []
    led = "".join(f"{trace(one, speech)}\nwhich led to\n" for one in causes)
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f"{led}Traceback (most recent call last):\n{frames}{type(error).__name__}{said}"


@contextmanager
def configured(settings: LoggingSettings, stream: TextIO | None = None) -> Iterator[BoundedHandler]:
    """Log as `settings` say inside, to `stream` (standard error); what was configured before is back afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    handler = BoundedHandler()
    formatter = JsonFormatter(settings.speech) if settings.format == "json" else TextFormatter(settings.speech)
    writer = threading.Thread(target=_write, args=(handler, formatter, stream or sys.stderr), name="logs", daemon=True)
    writer.start()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    try:
        yield handler
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        try:
            handler.queue.put(None, timeout=DRAIN_S)
        except queue.Full:  # nobody reads: what waits is lost with us
            return
        writer.join(DRAIN_S)


def _write(handler: BoundedHandler, formatter: logging.Formatter, stream: TextIO) -> None:
    told = 0
    while (record := handler.queue.get()) is not None:
        lines = [formatter.format(record)]
        if lost := handler.dropped - told:
            told += lost
            note = f"{lost} log lines were dropped: they came faster than they are read"
            lines.append(formatter.format(logging.LogRecord(__name__, logging.WARNING, "", 0, note, (), None)))
        try:
            stream.write("\n".join(lines) + "\n")
            stream.flush()
        except (OSError, ValueError):  # closed: there is nobody to tell
            return
