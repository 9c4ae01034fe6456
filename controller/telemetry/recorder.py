"""The flight recorder: what happens in a call, into a file, without the call ever waiting for a disk.

`put` is a bounded queue's; a thread of the recording's own writes. What a slow disk leaves no room for is dropped,
counted, told in the log, and marked in the file. Knows nothing of what the records say: see controller/flight.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final

from controller.errors import RecordingError
from controller.frames import Pcm
from controller.telemetry.flight import END, FlightWriter, Record

log = logging.getLogger(__name__)

LOST: Final = "lost"
"""The record that says how many were dropped before it."""

QUEUE_RECORDS: Final = 4000
"""20 s of a call with two parties: 50 frames a second each, and 50 ticks."""

POLL_S: Final = 0.1
"""How often the thread looks for records: often, so that it never holds the interpreter for long."""

FLUSH_POLLS: Final = 10
"""A chunk a second: what a kill may cost."""

CLOSE_S: Final = 1.0
"""Seconds to wait for a slow disk at the end of a call; the thread goes on until it has written all."""


class Recorder:
    """Records to one file from construction to `close`. All but the thread's own work never waits."""

    def __init__(
        self,
        path: Path,
        key: str,
        now: Callable[[], float],
        *,
        most: int = QUEUE_RECORDS,
        opener: Callable[[Path], BinaryIO] | None = None,
    ) -> None:
        """
        Args:
            path: of the new file; its folder is made where it is missing.
            key: encrypts; empty does not.
            now: the event loop's clock.
            most: records that may wait for the disk.
            opener: how the file is opened, for tests.
        """
        self.path = path
        self.dropped = 0
        """Records that the disk was too slow for, or could not take."""
        self._key = key
        self._now = now
        self._most = most
        self._opener = opener or _create
        self._queue: deque[Record] = deque()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"recorder-{path.name}")
        self._thread.start()

    def put(self, *what: Any, pcm: Pcm | None = None) -> None:
        """Record that something happened now. Never waits; may drop."""
        if len(self._queue) < self._most:
            self._queue.append(Record(self._now(), what, pcm))
        else:
            self.dropped += 1

    def finish(self) -> None:
        """Let the thread write what waits, and the end. Never waits."""
        self._closing.set()

    def wait(self) -> None:
        """Block until it has, for CLOSE_S at most."""
        self._thread.join(CLOSE_S)
        if self._thread.is_alive():
            log.warning("the recording %s is still being written: the disk is slow", self.path)

    async def close(self) -> None:
        """`finish`, and be there when it is done."""
        self.finish()
        await asyncio.to_thread(self.wait)

    def _run(self) -> None:
        try:
            with self._opener(self.path) as file:
                self._write(FlightWriter(file, self._key))
        except (OSError, RecordingError) as error:
            log.error("the recording %s ends here: %s", self.path, error)
        except Exception:  # the boundary of the thread: nobody else would tell
            log.exception("the recording %s ends here", self.path)
        finally:  # nobody takes records any more
            self._most = 0
            self.dropped += len(self._queue)
            self._queue.clear()

    def _write(self, writer: FlightWriter) -> None:
        polls, lost, at = 0, 0, 0.0
        while True:
            last = self._closing.wait(POLL_S) or not threading.main_thread().is_alive()
            for _ in range(len(self._queue)):
                record = self._queue.popleft()
                at = record.at
                writer.add(record)
            if more := self.dropped - lost:
                lost += more
                log.warning("the recording %s lacks %d records: the disk is too slow", self.path, more)
                writer.add(Record(at, (LOST, more)))
            polls += 1
            if self._closing.is_set():
                writer.add(Record(at, (END,)))
            if last or polls % FLUSH_POLLS == 0:
                writer.flush()
            if last:
                return


def _create(path: Path) -> BinaryIO:
    """A new file that only this user may read."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
