"""`make bench-tts-server` itself, through the real Triton with the tiny model: its report is whole.

No figure means anything here, so none is compared with a bound.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

from controller.stack.process import Run
from controller.stack.triton import TritonServer
from export.setup.cache import REPOSITORY, Cache
from export.setup.components import missing
from tests.integration import xtts_rig
from tests.requirements import require_or_skip

OURS, PEER = "ours-8bit", "coqui-tts"
SPREADS = ("first_audio_ms", "second_chunk_ms", "gapless_start_ms", "gap_ms")


def bench(out: Path, *words: str) -> tuple[dict[str, Any], str]:
    """The report and what was printed."""
    command = [
        sys.executable,
        "-m",
        "loadtest.tts_server",
        "--size",
        "tiny",
        "--rounds",
        "1",
        "--out",
        str(out),
        *words,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(out.read_text())
    assert report["schema"] == "dragoman/tts-server/1"
    return report, done.stdout


def assert_whole(row: dict[str, Any]) -> None:
    for name in SPREADS:
        known = row[name]
        assert 0 < known["p50"] <= known["p95"] <= known["p99"] <= known["max"], (name, known)
    assert row["first_audio_ms"]["n"] == row["gapless_start_ms"]["n"] == row["streams"]
    assert row["gapless_start_ms"]["max"] >= row["first_audio_ms"]["p50"] - 1e-3
    assert row["first_chunk_ms_of_audio"] >= 149
    assert row["tokens_per_s"] > 0
    assert row["rtf"] > 0


def test_both_are_measured_and_compared(tmp_path: Path) -> None:
    xtts_rig.require()
    for one in missing(Cache.default(), ("env-coqui-tts",)):
        require_or_skip("coqui-tts", False, one.sentence)
    report, printed = bench(tmp_path / "tts-server.json", "--streams", "1,4")
    rows = {(row["engine"], row["streams"], row["arrivals"]): row for row in report["rows"]}
    assert list(rows) == [(OURS, 1, "at_once"), (OURS, 4, "at_once"), (OURS, 4, "300ms"), (PEER, 1, "at_once")]
    for row in rows.values():
        assert_whole(row)
        assert set(row["each"]["tokens"]) == {report["tokens"]}
    assert rows[OURS, 1, "at_once"]["work"]["vocoder_share"] > 0
    assert report["server_rss_mb"] > report["kv_slots_mb"] > 0
    ratios = [float(one["measured"]) for one in report["bounds"] if "sooner" in one["what"] or "alone" in one["what"]]
    assert len(ratios) == 4
    assert all(math.isfinite(ratio) and ratio > 0 for ratio in ratios)
    assert "PASS" not in printed
    assert printed.count("| coqui-tts ") == 1


def test_a_server_that_runs_already_is_measured_by_itself(tmp_path: Path, xtts_repository: Path) -> None:
    repository = xtts_rig.variant(tmp_path / "repository", xtts_repository)
    with Run() as run:
        server = TritonServer(run, repository)
        server.start()
        metrics = f"http://127.0.0.1:{server.addresses.metrics_port}/metrics"
        where = ("--url", server.addresses.grpc, "--metrics", metrics)
        report, _ = bench(tmp_path / "tts-server.json", "--streams", "1", *where)
    (row,) = report["rows"]
    assert (row["engine"], row["streams"]) == ("ours", 1)
    assert_whole(row)
    assert row["work"]["steps_share"] > 0
    assert report["server_rss_mb"] is None
    assert [one["what"] for one in report["bounds"]] == ["rounds"]
