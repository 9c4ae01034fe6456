"""The log of RTP packets makes a recording a clock: pauses are put back, lateness is not taken for one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from loadtest.call.wire import Wire, configure, read


def test_a_steady_stream_has_no_slip_though_its_packets_are_a_little_late() -> None:
    late = np.random.default_rng(1).exponential(0.002, 3000)
    late[[100, 500, 501, 502]] = 0.05
    wire = Wire(np.arange(3000) * 0.02 + late)
    assert wire.slips == []
    assert wire.heard_s(8000) == 1.0


def test_a_pause_is_put_back_where_it_was() -> None:
    sent = np.arange(1000) * 0.02
    sent[400:] += 0.06
    wire = Wire(sent)
    assert wire.slips == [(8.0, 0.06)]
    assert wire.heard_s(7 * 8000) == pytest.approx(7.0)
    assert wire.heard_s(9 * 8000) == pytest.approx(9.06)
    assert wire.paused_s(-1.0) == 0.0
    assert wire.paused_s(99.0) == pytest.approx(0.06)


def test_a_burst_that_makes_a_pause_good_ends_it() -> None:
    sent = np.arange(1000) * 0.02
    sent[400:600] += 0.1
    assert Wire(sent).slips == [(8.0, 0.1), (12.0, -0.1)]


def test_without_a_log_the_recording_is_believed() -> None:
    wire = Wire(np.zeros(0))
    assert wire.slips == []
    assert wire.heard_s(4000) == 0.5


def test_packets_of_one_phone_are_read_from_where_its_call_began(tmp_path: Path) -> None:
    log = tmp_path / "wire.log"
    line = "[2026-11-22 13:00:0{}.{:03}] VERBOSE[1][C-1] x.c: {} RTP packet {}    127.0.0.1:{} (type 00, seq 1, ts 1)\n"
    earlier = line.format(1, 0, "Sent", "to  ", 4000)
    lines = [line.format(2 + n // 50, n % 50 * 20, "Sent", "to  ", 4000) for n in range(100)]
    others = [line.format(2, 0, "Got ", "from", 4000), line.format(2, 0, "Sent", "to  ", 5000)]
    log.write_text(earlier + "".join(lines + others))
    assert read(log, len(earlier), range(3990, 4010)).packets == 100
    log.write_text("".join(lines).replace("type 00", "type 09"))  # G.722
    assert read(log, 0, range(3990, 4010)).packets == 100


def test_the_templates_get_a_log_with_times(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "logger.conf").write_text("[logfiles]\nconsole => verbose\n")
    (tmp_path / "in" / "rtp.conf").write_text("[general]\n")
    made = configure(tmp_path / "in", tmp_path / "out")
    assert (made / "logger.conf").read_text().endswith("wire.log => verbose\n")
    assert (made / "rtp.conf").read_text() == "[general]\n"
