"""Figures of what was heard in all rounds, a row for each engine, number of streams and kind of arrival. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import numpy as np

from loadtest.frames.report import quantiles
from loadtest.tts_server.gauges import Work
from loadtest.tts_server.player import Heard

PEER: Final = "coqui-tts"

QUICKER: Final = (2.0, 2.5, float("inf"))
"""Times as quick as ours is: vocoders that might be (see docs/xtts.md), and one that costs nothing."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a row is about."""

    engine: str
    streams: int
    arrivals: str
    """One of `asking.ARRIVALS`; one stream alone is `at_once`."""


@dataclass(frozen=True, slots=True)
class Taken:
    """All streams of one kind, once."""

    heard: tuple[Heard, ...]
    tokens: tuple[int, ...]
    """Of each of them."""
    work: Work | None = None
    """What the model's parts did meanwhile, where that is known."""

    @property
    def seconds(self) -> float:
        """From the first request to the last chunk."""
        return max(one.over_s for one in self.heard) - min(one.asked_s for one in self.heard)

    @property
    def tokens_per_s(self) -> float:
        return sum(self.tokens) / self.seconds

    @property
    def rtf(self) -> float:
        """Seconds of work for a second of speech, of all streams together."""
        return self.seconds / sum(one.sound_s for one in self.heard)


def kinds(engines: Sequence[str], streams: Iterable[int], arrivals: Sequence[str], *, peer: bool) -> list[Kind]:
    """Every row that is to be, in the order of the table. The peer speaks one utterance at a time."""
    found = [
        Kind(engine, count, how)
        for engine in engines
        for count in sorted(set(streams))
        for how in arrivals
        if count > 1 or how == "at_once"
    ]
    return [*found, Kind(PEER, 1, "at_once")] if peer else found


def row(kind: Kind, rounds: Sequence[Taken]) -> dict[str, Any]:
    """The JSON of a row: quantiles over all utterances of all rounds; of rates the median round."""
    heard = [one for taken in rounds for one in taken.heard]
    return {
        "engine": kind.engine,
        "streams": kind.streams,
        "arrivals": kind.arrivals,
        "first_audio_ms": spread([one.first_audio_s for one in heard]),
        "first_chunk_ms_of_audio": round(min(one.first_chunk_s for one in heard) * 1000, 1),
        "second_chunk_ms": spread([one.second_chunk_s for one in heard if one.second_chunk_s is not None]),
        "gapless_start_ms": spread([one.gapless_start_s for one in heard]),
        "gap_ms": spread([gap for one in heard for gap in one.gaps_s]),
        "tokens_per_s": round(median(one.tokens_per_s for one in rounds), 2),
        "rtf": round(median(one.rtf for one in rounds), 3),
        "utterances": len(heard),
        "each": {
            "tokens": [count for taken in rounds for count in taken.tokens],
            "chunks": [len(one.chunks) for one in heard],
            "tokens_per_s": [round(one.tokens_per_s, 2) for one in rounds],
            "seconds": [round(one.seconds, 3) for one in rounds],
        },
        "work": _work(rounds),
    }


def spread(samples_s: Sequence[float]) -> dict[str, float | int | None]:
    """Average, p50, p90, p95, p99, max and n in milliseconds; null where there are none."""
    known = quantiles(samples_s)
    average, p90 = None, None
    if len(samples_s):
        average = round(float(np.mean(samples_s)) * 1e3, 3)
        p90 = round(float(np.percentile(samples_s, 90)) * 1e3, 3)
    return {
        "avg": average,
        "p50": known["p50"],
        "p90": p90,
        **{name: known[name] for name in ("p95", "p99", "max", "n")},
    }


def _work(rounds: Sequence[Taken]) -> dict[str, Any] | None:
    """How the time was spent, each share the median of the rounds, and what a quicker vocoder would make of it.

    That is computed: as if the time that it took less were nobody's. It holds where GPT and vocoder take turns, as they
    do on few cores; where they overlap it is more than could be had.
    """
    known = [(one, one.work) for one in rounds if one.work is not None]
    if not known:
        return None

    def share(part: str) -> float:
        return float(round(median(getattr(work, part) / taken.seconds for taken, work in known), 3))

    def quicker(times: float) -> float | None:
        left = [(taken, taken.seconds - work.vocoder_s * (1 - 1 / times)) for taken, work in known]
        rates = [sum(taken.tokens) / seconds for taken, seconds in left if seconds > 0]
        return round(median(rates), 2) if rates else None

    return {
        "prompts_share": share("prompts_s"),
        "steps_share": share("steps_s"),
        "vocoder_share": share("vocoder_s"),
        "computed_tokens_per_s": {
            f"vocoder {times:g} times as quick" if times < float("inf") else "vocoder for nothing": quicker(times)
            for times in QUICKER
        },
    }
