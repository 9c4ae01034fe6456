"""The recorder never holds up a call: it drops, counts and says so where the disk is slow or fails."""

from __future__ import annotations

import asyncio
import io
import threading
import time
from pathlib import Path
from typing import BinaryIO

import pytest

from controller.errors import RecordingError
from controller.telemetry.flight import read
from controller.telemetry.recorder import LOST, Recorder
from tests.quiet import quiet


class SlowDisk(io.FileIO):
    """Takes nothing until it is let go."""

    def __init__(self, path: Path, go: threading.Event) -> None:
        super().__init__(path, "w")
        self._go = go

    def write(self, data: object) -> int:
        assert self._go.wait(20)
        return super().write(data)  # type: ignore[arg-type]


def test_what_is_put_is_in_the_file_in_order_when_it_is_closed(tmp_path: Path) -> None:
    async def main() -> None:
        recorder = Recorder(tmp_path / "new" / "x.flight", "", asyncio.get_running_loop().time)
        for number in range(1000):
            recorder.put("n", number)
        await recorder.close()

    asyncio.run(main())
    flight = read(tmp_path / "new" / "x.flight")
    assert flight.whole
    assert [record.what[1] for record in flight.records[:-1]] == list(range(1000))
    assert (tmp_path / "new" / "x.flight").stat().st_mode & 0o077 == 0, "only its owner may read it"


def test_a_slow_disk_costs_records_that_are_counted_and_never_time(tmp_path: Path) -> None:
    go = threading.Event()

    def slow(path: Path) -> BinaryIO:
        return SlowDisk(path, go)

    recorder = Recorder(tmp_path / "x.flight", "", time.monotonic, most=100, opener=slow)
    longest = 0.0
    for number in range(5000):
        began = time.perf_counter()
        recorder.put("n", number)
        longest = max(longest, time.perf_counter() - began)
    assert recorder.dropped >= 5000 - 200
    with quiet("controller.telemetry.recorder"):
        go.set()
        recorder.finish()
        recorder.wait()
    flight = read(tmp_path / "x.flight")
    kept = [record.what[1] for record in flight.records if record.what[0] == "n"]
    lost = [record.what[1] for record in flight.records if record.what[0] == LOST]
    assert flight.whole
    assert kept == list(range(len(kept)))
    assert len(kept) + sum(lost) == 5000
    assert sum(lost) == recorder.dropped


def test_a_file_that_cannot_be_made_is_told_and_the_call_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    recorder = Recorder(tmp_path / "file" / "x.flight", "", time.monotonic)
    recorder.finish()
    recorder.wait()
    recorder.put("n", 1)
    assert recorder.dropped == 1
    assert "ends here" in caplog.text


def test_a_fault_in_writing_leaves_no_queue_behind(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder(tmp_path / "x.flight", "", time.monotonic)
    recorder.put("n", object())  # no JSON
    recorder._thread.join(20)
    for number in range(10):
        recorder.put("n", number)
    assert recorder.dropped == 10 and not recorder._queue
    assert "ends here" in caplog.text and "TypeError" in caplog.text
    recorder.finish()
    recorder.wait()


def test_a_recording_is_never_written_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "x.flight").write_text("another call")
    recorder = Recorder(tmp_path / "x.flight", "", time.monotonic)
    recorder.finish()
    recorder.wait()
    assert (tmp_path / "x.flight").read_text() == "another call"
    with pytest.raises(RecordingError):
        read(tmp_path / "x.flight")
