"""Each live call's own figures: right, bounded, and forgotten with the call."""

from __future__ import annotations

import asyncio
import json
import random

import pytest

from controller.observer import Observers
from controller.pipeline.conversation import Conversation
from controller.telemetry.calls import SAMPLES, CallFigures, Reservoir
from controller.telemetry.quantiles import quantiles
from controller.ticker import Ticker
from tests.fakes.fake_call import SPEECH, virtual
from tests.fakes.fake_engines import fake_engines
from tests.fakes.fake_phone import FakePhone


@virtual
async def test_a_calls_figures_are_its_own_and_go_with_it() -> None:
    figures, ticker = CallFigures(), Ticker()
    calls = [Conversation(name, fake_engines(), SPEECH, ticker, Observers([figures])) for name in ("x", "y")]
    ticking = asyncio.create_task(ticker.run())
    for call in calls:
        FakePhone(call, "a", "en", [(1.0, 2.0), (4.0, 5.0)] if call.call == "x" else [])
        FakePhone(call, "b", "es", [])
    await asyncio.sleep(10)
    x, y = json.loads(json.dumps(figures.snapshot(calls)))
    assert (x["name"], y["name"]) == ("x", "y")
    assert x["parties"] == [{"leg": "a", "language": "en"}, {"leg": "b", "language": "es"}]
    assert (x["clauses"], y["clauses"]) == (2, 0)
    assert x["deliveries"] == {"opened": 2, "played": 2, "dropped": {}}
    assert x["lag_ms"]["n"] == 2
    assert x["lag_ms"]["p50"] == pytest.approx(900, abs=60)
    assert y["lag_ms"]["p50"] is None
    assert x["frames"]["arrived"] == pytest.approx(1000, abs=6)
    assert set(x["backlog_s"]) == {"a", "b"}
    await calls[0].close()
    assert [one["name"] for one in figures.snapshot(calls[1:])] == ["y"]
    assert list(figures._calls) == ["y"]
    await calls[1].close()
    ticking.cancel()


def test_a_reservoir_is_bounded_and_tells_quantiles_of_all() -> None:
    reservoir = Reservoir()
    values = [random.Random(7).gauss(700, 150) for _ in range(3)] + [
        random.Random(n).gauss(700, 150) for n in range(9997)
    ]
    for value in values:
        reservoir.add(value)
    truth, told = quantiles(values), reservoir.quantiles()
    assert len(reservoir._values) == SAMPLES
    assert (told["n"], told["max"]) == (10000, truth["max"])
    assert told["p50"] == pytest.approx(truth["p50"], rel=0.1)
    assert told["p95"] == pytest.approx(truth["p95"], rel=0.1)


def test_an_empty_reservoir_tells_nothing() -> None:
    assert Reservoir().quantiles() == {"p50": None, "p95": None, "p99": None, "max": None, "n": 0}
