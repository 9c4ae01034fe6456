"""The arithmetic of `make bench-tts-server`: what a listener has, rows, bounds, and the model that is served."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from controller.errors import EngineUnavailable
from controller.triton.contracts import Latents
from export.runtime.xtts import config as configs
from export.setup.cache import REPOSITORY
from loadtest.tts_server import asking, bounds, gauges, rows, serving
from loadtest.tts_server.asking import Asking
from loadtest.tts_server.gauges import Work
from loadtest.tts_server.player import FRAME_S, Chunk, Heard, gapless_start_s
from loadtest.tts_server.rows import Kind, Taken
from loadtest.tts_server.sides import streamed
from loadtest.xtts.exchange import EngineFailed, peak_mb

RATE = 24_000
FRAME = round(RATE * FRAME_S)
OURS = "ours-8bit"
VOICE = Latents(np.zeros((32, 4), np.float16), np.zeros(512, np.float32))


def underruns(chunks: Sequence[Chunk], start_s: float) -> int:
    """Frames that a player who begins then does not have when they are due, taken one by one."""
    total, missed = sum(one.samples for one in chunks), 0
    for frame in range(-(-total // FRAME)):
        due = start_s + frame * FRAME_S
        there = sum(one.samples for one in chunks if one.at_s <= due)
        missed += there < min((frame + 1) * FRAME, total)
    return missed


@given(st.lists(st.tuples(st.floats(0.001, 3.0), st.integers(0, 4000)), min_size=1, max_size=8))
def test_a_player_that_begins_at_the_gapless_start_misses_nothing_and_any_sooner_does(
    parts: list[tuple[float, int]],
) -> None:
    waits = np.cumsum([wait for wait, _ in parts])
    chunks = [Chunk(float(at), samples) for at, (_, samples) in zip(waits, parts, strict=True)]
    start = gapless_start_s(chunks, RATE)
    assert underruns(chunks, start + 1e-9) == 0
    if any(one.samples for one in chunks):
        assert underruns(chunks, start - 1e-6) > 0


@pytest.mark.parametrize(
    ("chunks", "start_s"),
    [
        ([(0.5, 48_000)], 0.5),
        ([(0.5, 12_000), (0.9, 12_000), (1.4, 12_000)], 0.5),  # each comes before the last is out
        ([(0.5, 12_000), (1.5, 12_000)], 1.0),  # half a second late
        ([(0.5, 12_000), (3.0, 1), (3.0, 12_000)], 2.5),
        ([(0.5, 700), (0.7, 12_000)], 0.68),  # the second frame wants the second chunk
    ],
)
def test_a_gapless_start_by_hand(chunks: list[tuple[float, int]], start_s: float) -> None:
    assert gapless_start_s([Chunk(*one) for one in chunks], RATE) == pytest.approx(start_s)


def heard(*chunks: tuple[float, int], asked_s: float = 0.0) -> Heard:
    return Heard(asked_s, tuple(Chunk(*one) for one in chunks), RATE)


def test_a_beginning_has_149_ms_of_sound() -> None:
    one = heard((0.2, 2_000), (0.3, 2_000), (0.9, 60_000))
    assert (one.first_audio_s, one.second_chunk_s) == (0.3, 0.3)
    assert one.gaps_s == pytest.approx([0.1, 0.6])
    assert heard((0.2, 3_584), (0.3, 2_000)).first_audio_s == 0.2
    alone = heard((0.2, 100))
    assert (alone.first_audio_s, alone.second_chunk_s, alone.gaps_s) == (0.2, None, [])


@pytest.mark.parametrize("tokens", [1, 24, 59, 60, 61, 602])
def test_tokens_are_told_by_the_sound(tokens: int) -> None:
    """As the vocoder makes it: four frames a token, at the rate of the tokens, then at that of the speech."""
    c = configs.FULL
    frames = tokens * 4 * c.output_rate // c.input_rate
    assert heard((1.0, frames * c.hop)).tokens(c.tokens_per_second) == tokens


def taken(*each: Heard, tokens: int = 60, work: Work | None = None) -> Taken:
    return Taken(each, (tokens,) * len(each), work)


def test_a_row_counts_from_the_first_request_to_the_last_chunk() -> None:
    one = taken(heard((0.5, 24_000), (1.0, 24_000)), heard((1.0, 24_000), (3.7, 24_000), asked_s=0.3))
    made = rows.row(Kind(OURS, 2, "300ms"), [one])
    assert made["tokens_per_s"] == 30.0
    assert made["rtf"] == 1.0
    first = made["first_audio_ms"]
    assert (first["avg"], first["p50"], first["max"], first["n"]) == (750.0, 750.0, 1000.0, 2)
    assert 750.0 < first["p90"] < first["p95"] < first["p99"] < 1000.0
    assert made["gapless_start_ms"]["max"] == pytest.approx(2700.0)
    assert made["gap_ms"]["n"] == 2
    assert made["first_chunk_ms_of_audio"] == 1000.0
    assert made["work"] is None


def test_a_quicker_vocoder_is_computed_from_what_ours_took() -> None:
    one = taken(heard((1.0, 24_000), (4.0, 24_000)), work=Work(0.4, 1.0, 2.0, 50.0))
    work = rows.row(Kind(OURS, 1, "at_once"), [one, one])["work"]
    assert (work["prompts_share"], work["steps_share"], work["vocoder_share"]) == (0.1, 0.25, 0.5)
    assert list(work["computed_tokens_per_s"].values()) == [20.0, 21.43, 30.0]


def test_work_that_overlapped_gives_no_rate_that_cannot_be() -> None:
    one = taken(heard((1.0, 24_000), (4.0, 24_000)), work=Work(0.4, 1.0, 4.5, 50.0))
    made = rows.row(Kind(OURS, 1, "at_once"), [one])
    assert list(made["work"]["computed_tokens_per_s"].values())[-1] is None
    assert "for nothing" not in bounds.quicker(made)


def test_one_stream_has_no_arrivals_and_coqui_tts_one_stream() -> None:
    found = rows.kinds([OURS], [4, 1, 4], ("at_once", "300ms"), peer=True)
    ours = [Kind(OURS, 1, "at_once"), Kind(OURS, 4, "at_once"), Kind(OURS, 4, "300ms")]
    assert found == [*ours, Kind(rows.PEER, 1, "at_once")]
    assert rows.kinds(["ours"], [1], ("at_once",), peer=False) == [Kind("ours", 1, "at_once")]


def one_row(engine: str, streams: int, how: str, figures: Sequence[float], tokens: int) -> dict[str, Any]:
    p50, most, gapless, rate = figures
    return {
        "engine": engine,
        "streams": streams,
        "arrivals": how,
        "first_audio_ms": {"p50": p50, "max": most},
        "gapless_start_ms": {"p50": gapless},
        "tokens_per_s": rate,
        "each": {"tokens": [60, tokens]},
    }


def report(**changed: Any) -> dict[str, Any]:
    """One in which every bound holds, but only just: a hundredth more of what is in `changed` breaks it."""
    usual = {"first": 1.0, "gapless": 1.0, "p50": 1.0, "max": 1.0, "tokens": 1.0, "rss": 1.0, "said": 60, "rounds": 5}
    c: dict[str, Any] = {**usual, **changed}
    said = c["said"]
    return {
        "rows": [
            one_row(OURS, 1, "at_once", (500.0, 600.0, 800.0, 20.0), said),
            one_row(OURS, 4, "300ms", (1249.0 * c["p50"], 1999.0 * c["max"], 0.0, 0.0), said),
            one_row(OURS, 8, "at_once", (0.0, 0.0, 0.0, 35.1 / c["tokens"]), said),
            one_row(rows.PEER, 1, "at_once", (2001.0 / c["first"], 0.0, 4801.0 / c["gapless"], 7.0), said),
        ],
        "server_rss_mb": 1399.0 * c["rss"],
        "kv_slots_mb": 200.0,
        "tokens": 60,
        "rounds": c["rounds"],
    }


@pytest.mark.parametrize(
    ("changed", "failing"),
    [
        ({}, []),
        ({"first": 1.01}, [0]),
        ({"gapless": 1.01}, [1]),
        ({"p50": 1.01}, [2]),
        ({"max": 1.01}, [3]),
        ({"tokens": 1.01}, [4]),
        ({"rss": 1.01}, [5]),
        ({"said": 59}, [6]),
        ({"rounds": 4}, [7]),
    ],
)
def test_each_bound_can_fail(changed: dict[str, Any], failing: list[int]) -> None:
    judged = bounds.judge(report(**changed), OURS)
    assert len(judged) == 8
    assert [place for place, one in enumerate(judged) if not one.holds] == failing
    assert bounds.verdicts(judged, meant=True).count("FAIL") == len(failing)
    assert not re.search("PASS|FAIL", bounds.verdicts(judged, meant=False))


def test_what_was_not_measured_is_not_judged() -> None:
    alone = report() | {"server_rss_mb": None, "tokens": None}
    alone["rows"] = alone["rows"][:1]
    assert [one.what for one in bounds.judge(alone, OURS)] == ["rounds"]


def test_the_table_has_a_line_for_each_row_and_dashes_for_what_there_was_not() -> None:
    made = rows.row(Kind(OURS, 1, "at_once"), [taken(heard((0.25, 24_000)))])
    lines = bounds.table([made]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert "| 250 / 250 / 250 / 250 / 250 " in lines[2]
    assert "| - / - " in lines[2]


def test_memory_is_of_pages_that_were_reached() -> None:
    one = gauges.kv_mb(configs.FULL, 160, 1)
    assert one == pytest.approx(160 * 30 * 2 * 1024 * 4 / 1e6)
    assert gauges.kv_mb(configs.FULL, 145, 8) == pytest.approx(8 * one)


def test_a_process_that_has_ended_tells_no_memory() -> None:
    assert peak_mb() > 1
    with pytest.raises(EngineFailed, match="has ended"):
        peak_mb(2**22 + 1)


def weights(folder: Path) -> Path:
    folder.mkdir()
    configs.TINY.save(folder)
    np.save(folder / "mel_positions.npy", np.arange(608 * 64, dtype=np.float32).reshape(608, 64))
    (folder / "gpt-8bit.onnx").write_bytes(b"graph")
    return folder


def parameters(text: str) -> dict[str, str]:
    return dict(re.findall(r'^parameters: \{ key: "(\w+)" value: \{ string_value: "(\w+)" \} \}$', text, re.MULTILINE))


def test_the_model_that_is_served_says_so_many_tokens_and_is_the_same_otherwise(tmp_path: Path) -> None:
    whole, made = weights(tmp_path / "weights"), tmp_path / "served"
    (made / "left").mkdir(parents=True)
    served = serving.limited(whole, made, 60, {"precision": "fp32", "overlap": False}) / asking.MODEL
    limited = configs.load(served / "1/weights")
    assert (limited.max_new_tokens, limited.stop_audio) == (60, configs.TINY.start_audio)
    stored = np.load(served / "1/weights/mel_positions.npy")
    assert np.array_equal(stored, np.load(whole / "mel_positions.npy")[: limited.audio_positions])
    assert (served / "1/weights/gpt-8bit.onnx").read_bytes() == b"graph"
    assert (served / "1/model.py").read_bytes() == (REPOSITORY / "model_repository/xtts_v2/1/model.py").read_bytes()
    said = parameters((served / "config.pbtxt").read_text())
    usual = parameters((REPOSITORY / "model_repository/xtts_v2/config.pbtxt").read_text())
    assert said == usual | {"precision": "fp32", "overlap": "false", "positions": str(configs.TINY.max_positions)}
    assert int(usual["slots"]) == serving.SLOTS
    assert configs.load(whole) == configs.TINY
    assert not (made / "left").exists()


def test_what_coqui_tts_said_is_taken_without_empty_chunks() -> None:
    answer = json.loads(json.dumps({"chunks": [(1.0, 24_000), (2.0, 0), (4.0, 24_000)], "tokens": 60, "rate": RATE}))
    one = streamed(answer)
    assert (one.seconds, one.rtf, one.tokens_per_s) == (4.0, 2.0, 15.0)


class Speaker:
    """Instead of Triton: each seed says as many tokens as it is told to, in one chunk; below 0 it is refused."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tokens: dict[int, int]) -> None:
        self.tokens = tokens
        self.asked: list[int] = []
        monkeypatch.setattr(asking, "synthesize", self)

    async def __call__(
        self, client: Any, text: str, language: str, *, seed: int, **_: Any
    ) -> AsyncGenerator[NDArray[np.int16], None]:
        self.asked.append(seed)
        tokens = self.tokens.get(seed, 60)
        if tokens < 0:
            raise EngineUnavailable("xtts_v2 is busy", engine="xtts_v2")
        if tokens:
            yield np.zeros(round(tokens / configs.FULL.tokens_per_second * RATE), np.int16)


def ask() -> Asking:
    client: Any = None
    return Asking(client, VOICE, configs.FULL.tokens_per_second)


def test_seeds_that_end_too_soon_are_not_spoken_with(monkeypatch: pytest.MonkeyPatch) -> None:
    speaker = Speaker(monkeypatch, {0: 17, 2: 59, 3: 59})
    assert asyncio.run(ask().lasting(4, 60)) == [1, 4, 5, 6]
    assert sorted(speaker.asked) == list(range(8))


def test_weights_that_say_what_they_like_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    Speaker(monkeypatch, dict.fromkeys(range(100), 31))
    with pytest.raises(EngineUnavailable, match="only 0 of 20 seeds say all 60 tokens"):
        asyncio.run(ask().lasting(2, 60))


def test_arrivals_are_so_far_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    Speaker(monkeypatch, {})
    found = asyncio.run(ask().together([5, 6, 7], 0.01))
    assert all(one.asked_s >= 0.01 * number for number, one in enumerate(found))


def test_one_that_breaks_off_is_told_and_so_is_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    Speaker(monkeypatch, {1: -1})
    with pytest.raises(EngineUnavailable, match="busy"):
        asyncio.run(ask().together([0, 1], 0.0))
    Speaker(monkeypatch, {0: 0})
    with pytest.raises(EngineUnavailable, match="said nothing"):
        asyncio.run(ask().together([0], 0.0))
