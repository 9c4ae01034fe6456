"""bench-xtts: engines in processes of their own, medians over interleaved rounds, and bounds that can fail."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from export.setup.cache import REPOSITORY
from loadtest.xtts import __main__ as bench
from loadtest.xtts.exchange import Engine, EngineFailed


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An engine that counts, prints what it likes, and breaks down when it is told to."""
    (tmp_path / "small_engine.py").write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(REPOSITORY)!r})\n"
        "from loadtest.xtts.exchange import serve\n"
        "def speak(streams):\n"
        "    print('a library says hello')\n"
        "    return {'spoken': streams + int(sys.argv[1])}\n"
        "def fail():\n"
        "    raise RuntimeError('out of memory')\n"
        "sys.exit(serve({'load_s': 0.5}, {'speak': speak, 'fail': fail}))\n"
    )
    monkeypatch.setattr("loadtest.xtts.exchange.REPOSITORY", tmp_path)
    return "small_engine"


def test_an_engine_does_what_it_is_told(module: str) -> None:
    with Engine("small", Path(sys.executable), module, "40") as engine:
        assert engine.ready == {"load_s": 0.5}
        assert engine.do("speak", streams=2) == {"spoken": 42}
        assert engine.do("speak", streams=3) == {"spoken": 43}


def test_an_engine_that_breaks_down_is_told(module: str) -> None:
    with Engine("small", Path(sys.executable), module, "1") as engine, pytest.raises(EngineFailed, match="small has"):
        engine.do("fail")


def measured(seconds: float, decode_s: float, steps: int = 59, audio_s: float = 2.5) -> dict[str, Any]:
    return {
        "utterance_s": seconds,
        "decode_s": decode_s,
        "prefill_s": 0.4,
        "steps": steps,
        "audio_s": audio_s,
        "rss_mb": 700.4,
    }


def test_a_row_is_the_median_of_its_rounds() -> None:
    row = bench._row("ours-8bit", 8, [measured(10.0, 2.0), measured(30.0, 4.0), measured(12.0, 2.36)])
    assert (row["utterance_s"], row["tokens_per_s"], row["rtf"]) == (12.0, 200.0, 0.6)
    assert row["each"]["utterance_s"] == [10.0, 30.0, 12.0]
    assert row["prefill_ms"] == 50


@pytest.mark.parametrize(
    ("one_s", "many_s", "utterance_s", "latents", "held"),
    [
        (1.0, 2.0, 3.0, 1e-6, [True, True, True, True]),
        (2.0, 2.0, 3.0, 1e-6, [True, False, True, True]),
        (1.0, 4.5, 3.0, 1e-6, [True, True, False, True]),
        (1.0, 2.0, 4.0, 1e-6, [True, True, True, False]),
        (1.0, 2.0, 3.0, 2e-5, [False, True, True, True]),
        (1.0, 2.0, 3.0, None, [False, True, True, True]),
    ],
)
def test_each_bound_can_fail(
    one_s: float, many_s: float, utterance_s: float, latents: float | None, held: list[bool]
) -> None:
    rows = [
        bench._row("ours-8bit", 1, [measured(utterance_s, one_s)]),
        bench._row("ours-8bit", 8, [measured(20.0, many_s)]),
        bench._row("coqui-tts", 1, [measured(10.0, 6.0)]),
    ]
    parity = {"max_abs_latent": latents, "same_tokens": latents is not None}
    assert [one.holds for one in bench._bounds(rows, parity, 5)] == [*held, True, True, True]


@pytest.mark.parametrize(
    ("steps", "audio_s", "rounds", "held"),
    [
        (59, 2.51, 5, [True, True, True]),
        (58, 2.5, 5, [False, True, True]),
        (59, 2.512, 5, [True, False, True]),
        (59, 2.488, 5, [True, False, True]),
        (59, 2.5, 4, [True, True, False]),
    ],
)
def test_both_must_have_done_the_same_work_often_enough(
    steps: int, audio_s: float, rounds: int, held: list[bool]
) -> None:
    rows = [
        bench._row("ours-8bit", 1, [measured(1.0, 1.0), measured(1.0, 1.0, steps, audio_s)]),
        bench._row("ours-8bit", 8, [measured(2.0, 1.0)] * 2),
        bench._row("coqui-tts", 1, [measured(9.0, 9.0)] * 2),
    ]
    bounds = bench._bounds(rows, {"max_abs_latent": 0.0}, rounds)
    assert [one.holds for one in bounds] == [True, True, True, True, *held]
    table = bench._table(rows, bounds, enough=rounds >= bench.LEAST_ROUNDS)
    assert ("ok  " in table) == (rounds >= 5)


def test_no_engine_always_comes_first() -> None:
    order: list[str] = []

    class Silent:
        def __init__(self, name: str) -> None:
            self.name = name

        def do(self, what: str, **_: object) -> dict[str, Any]:
            order.append(self.name)
            return {}

    engines: Any = {name: Silent(name) for name, _ in bench.ROWS}
    count = len(bench.ROWS)
    for number in range(1, count + 1):
        assert list(bench._round(engines, number, count)) != list(bench.ROWS) or number == 1
    assert order[::count] == [name for name, _ in bench.ROWS]
    assert sorted(order[-count:]) == sorted(name for name, _ in bench.ROWS)
