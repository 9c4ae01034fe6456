"""What set-up shows: plain lines in a log, one live line on a terminal."""

from __future__ import annotations

import io
from pathlib import Path

from export.setup.progress import Progress, bar, size_of


def test_the_bar_fills_with_the_megabytes() -> None:
    line = bar(done=3, steps=10, got_mb=200, total_mb=400, elapsed_s=12.3, now=["asterisk", "phone"], width=200)
    assert line == "[############............] 3/10  200/400 MB  12 s  asterisk, phone"


def test_the_bar_is_full_only_when_all_is_done() -> None:
    assert "." in bar(done=9, steps=10, got_mb=400, total_mb=400, elapsed_s=1, now=[], width=99).partition("]")[0]
    assert bar(done=10, steps=10, got_mb=1, total_mb=400, elapsed_s=1, now=[], width=99).startswith(f"[{'#' * 24}]")


def test_the_bar_fits_the_terminal() -> None:
    assert len(bar(done=1, steps=2, got_mb=1, total_mb=2, elapsed_s=1, now=["x" * 300], width=80)) == 79


def test_a_log_gets_plain_lines(tmp_path: Path) -> None:
    out, seconds = io.StringIO(), iter([0.0, 1.0, 3.5])
    with Progress(1, 5, out=out, live=False, clock=lambda: next(seconds)) as progress:
        progress.start("phone", [])
        progress.end("phone", 5, "1.0.0")
    assert out.getvalue() == "phone: getting it\n[1/1] phone: ready after 2.5 s (1.0.0)\n"


def test_a_terminal_gets_a_line_that_counts_what_is_on_disk(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(bytes(3_000_000))
    assert size_of(tmp_path) == 3_000_000
    progress = Progress(2, 10, out=io.StringIO(), live=True)
    progress.start("phone", [tmp_path, tmp_path / "not there"])
    assert "0/2  3/10 MB" in progress.line()
    progress.end("phone", 5)
    assert "1/2  5/10 MB" in progress.line()


def test_a_live_line_is_wiped_at_the_end() -> None:
    out = io.StringIO()
    with Progress(1, 1, out=out, live=True) as progress:
        progress.say("a sentence")
    assert out.getvalue().endswith("\r\x1b[K")
    assert "a sentence\n" in out.getvalue()
