"""The bench as a whole: draw, plan, call, listen, reckon."""

from __future__ import annotations

import asyncio
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from controller.demo.script import ENGLISH, SPANISH
from controller.errors import StackError
from controller.stack.phone import Codec
from controller.stack.process import Run
from controller.stack.wav import PHONE_RATE, write_wav
from controller.telemetry import wer
from controller.telemetry.quantiles import quantiles
from loadtest.call import figures, scripted
from loadtest.call.again import RECOGNISED, Again, recognise_again
from loadtest.call.plan import OFFLINE_PACE, SCRIPTED_PACE, CallPlan, Pace, continuous, turns
from loadtest.call.prompts import Prompt, draw, prompt
from loadtest.call.rows import Heard, Row, listen
from loadtest.call.studio import Studio
from loadtest.call.taken import Taken

SCHEMA: Final = "dragoman/call/1"
LANGUAGES: Final = {"a": "en", "b": "es"}
FIRST: Final = {"a": ENGLISH[0], "b": SPANISH[0]}
"""Said first in each call, and not counted."""

CALL_PROMPTS: Final = 10
"""Prompts a side in one call in turns: several calls, each with markers of its own."""

DIRECTIONS: Final = (("a", "b"), ("b", "a"))
DELAYS: Final = scripted.Delays()


@dataclass(frozen=True, slots=True)
class Options:
    """What the command was told."""

    parts: Sequence[str]
    seed: int
    clauses: int
    """Prompts a side."""

    line: Codec
    """What the phones speak on the wire."""

    recordings: Path
    repository: Path
    prompts: Path

    phrasebook: bool = True
    """Whether the translator has one."""


@dataclass(slots=True)
class Measured:
    """One call, listened to."""

    taken: Taken
    heard: dict[str, Heard]
    """By speaker."""

    again: dict[str, list[Again]]


async def run(options: Options, stack: Run) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Every call; the report, and a row for each clause. A call that could not be measured is in `failed_calls`.

    Raises:
        DragomanError: something is missing, or does not start.
    """
    plans = plan(options)
    print(f"bench-call: {len(plans)} calls, {sum(one.seconds for one in plans) / 60:.0f} min", file=sys.stderr)
    measured, failed = [], {}
    async with Studio(stack, options.repository, plans, options.line, phrasebook=options.phrasebook) as studio:
        versions = await asyncio.to_thread(lambda: studio.versions)
        for one in plans:
            print(f"bench-call: {one.name}, {one.seconds:.0f} s ...", file=sys.stderr, flush=True)
            made = partial(scripted.engines, delays=DELAYS) if one.part == "scripted" else studio.offline
            try:
                taken = await studio.call(one, made)
                _keep(taken, options)
                measured.append(await _measure(studio, taken, options.line.rate))
            except StackError as error:  # the others are worth measuring, and the bench fails all the same
                print(f"bench-call: {one.name}: {error}", file=sys.stderr, flush=True)
                failed[one.name] = str(error)
    figured = report(options, versions, measured) | {"failed_calls": failed}
    return figured, [row for one in measured for row in _rows(one)]


def plan(options: Options) -> list[CallPlan]:
    """The calls of the parts that were asked for."""
    folder = options.prompts
    drawn = {leg: draw(folder, code, options.clauses, options.seed) for leg, code in LANGUAGES.items()}
    first = {leg: prompt(folder, code, FIRST[leg]) for leg, code in LANGUAGES.items()}
    plans = []
    if "turns" in options.parts:
        plans += _in_turns("turns", first, drawn, OFFLINE_PACE)
    if "continuous" in options.parts:
        plans += [continuous(f"continuous-{leg}", leg, LANGUAGES, first[leg], drawn[leg]) for leg in LANGUAGES]
    if "scripted" in options.parts:
        half = {leg: prompts[: math.ceil(len(prompts) / 2)] for leg, prompts in drawn.items()}
        plans += _in_turns("scripted", first, half, SCRIPTED_PACE)
    return plans


def _in_turns(part: str, first: dict[str, Prompt], drawn: dict[str, list[Prompt]], pace: Pace) -> list[CallPlan]:
    count = min(len(prompts) for prompts in drawn.values())
    return [
        turns(
            f"{part}-{begin // CALL_PROMPTS + 1}",
            part,
            first,
            {leg: prompts[begin : begin + CALL_PROMPTS] for leg, prompts in drawn.items()},
            pace,
        )
        for begin in range(0, count, CALL_PROMPTS)
    ]


async def _measure(studio: Studio, taken: Taken, rate: int) -> Measured:
    heard: dict[str, Heard] = {}
    again: dict[str, list[Again]] = {}
    for speaker, listener in DIRECTIONS:
        if speaker in taken.plan.speakers:
            one = heard[speaker] = await asyncio.to_thread(listen, taken, speaker, listener)
            if taken.plan.part == "turns":
                recording, language = (taken.recordings[listener], rate), LANGUAGES[listener]
                again[speaker] = await recognise_again(
                    studio.client, studio.voice(), one.rows, recording, taken.spoken, language
                )
    return Measured(taken, heard, again)


def _keep(taken: Taken, options: Options) -> None:
    for leg, pcm in taken.recordings.items():
        write_wav(options.recordings / f"{taken.plan.name}-{leg}-heard.wav", pcm, options.line.rate)


def report(options: Options, versions: dict[str, str], measured: Sequence[Measured]) -> dict[str, Any]:
    """build/bench/call.json, without the bounds."""
    off = [abs(row.off_ms) for row in _all_rows(measured) if row.off_ms is not None]
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "engines": versions,
        "cores": os.cpu_count(),
        "seed": options.seed,
        "parts": list(options.parts),
        "line": options.line.sdp,
        "phrasebook": options.phrasebook,
        "clauses_asked": options.clauses,
    }
    offline = {f"{LANGUAGES[a]}-{LANGUAGES[b]}": _offline(a, measured) for a, b in DIRECTIONS}
    if any(offline.values()):
        found["offline"] = offline
    if calls := [one for one in measured if one.taken.plan.part == "scripted"]:
        rows = [row for row in _all_rows(calls) if row.counts and row.kind == "end"]
        found["scripted"] = {
            "delays_ms": {"stt": DELAYS.stt * 1000, "mt": DELAYS.mt * 1000, "tts": DELAYS.tts * 1000},
            "lag_ms": quantiles([row.lag_ms for row in rows if row.lag_ms is not None]),
            "ear_lag_ms": quantiles([row.ear_lag_ms for row in rows if row.ear_lag_ms is not None]),
            "prompts": sum(line.counts for one in calls for t in one.taken.plan.tracks.values() for line in t.lines),
            "stages_ms": figures.stages(rows),
        }
    found["report_against_recording_ms"] = quantiles(off)
    found["recording_slips"] = sum(call["recording_slips"] for one in measured for call in _calls(one))
    found["calls"] = [call for one in measured for call in _calls(one)]
    return found


def _offline(speaker: str, measured: Sequence[Measured]) -> dict[str, Any]:
    in_turns = [one for one in measured if one.taken.plan.part == "turns"]
    on_and_on = [one for one in measured if one.taken.plan.part == "continuous" and speaker in one.heard]
    found: dict[str, Any] = {}
    if in_turns:
        again = [each for one in in_turns for each in one.again[speaker]]
        found = figures.turns(_rows_of(in_turns, speaker), _tracks(in_turns, speaker), again)
    if on_and_on:
        backlog_s = [value for one in on_and_on for value in one.taken.backlog_until_heard()]
        found["continuous"] = {
            "directions": "one at a time",
            **figures.continuous(_rows_of(on_and_on, speaker), _tracks(on_and_on, speaker), backlog_s),
        }
    return found


def _rows_of(measured: Sequence[Measured], speaker: str) -> list[Row]:
    return [row for one in measured for row in one.heard[speaker].rows]


def _all_rows(measured: Sequence[Measured]) -> list[Row]:
    return [row for one in measured for heard in one.heard.values() for row in heard.rows]


def _tracks(measured: Sequence[Measured], speaker: str) -> dict[str, Any]:
    return {one.taken.plan.name: one.taken.plan.tracks[speaker] for one in measured}


def _calls(measured: Measured) -> list[dict[str, Any]]:
    """What each listener's recording was worth."""
    return [
        {
            "call": measured.taken.plan.name,
            "speaker": one.speaker,
            "listener": one.listener,
            "ended": measured.taken.ended,
            "failures": measured.taken.failures,
            "recording_slips": len(one.wire.slips),
            "slips_s": one.wire.slips,
            "packets_logged": one.wire.packets,
            "packets_recorded": len(measured.taken.heard[one.listener]) * 50 // PHONE_RATE,
            "path_moves": one.alignment.moves,
            "path_spread_ms": round(max(one.alignment.path_ms) - min(one.alignment.path_ms), 1),
            "original_path_ms": None
            if one.constant_ms is None
            else round(one.alignment.path_ms[0] - one.constant_ms, 1),
            "ends_heard": sum(end.heard_s is not None for end in one.alignment.ends),
            "ends": len(one.alignment.ends),
        }
        for one in measured.heard.values()
    ]


def _rows(measured: Measured) -> list[dict[str, Any]]:
    again = {each.row.id: each for many in measured.again.values() for each in many}
    found = []
    for speaker, one in measured.heard.items():
        lines = measured.taken.plan.tracks[speaker].lines
        for row in one.rows:
            each = again.get(row.id)
            said = None if row.line is None else lines[row.line].prompt.text
            texts = {} if each is None else {name: getattr(each, name) for name in RECOGNISED}
            errors = {name: wer.errors(row.target or "", text)[0] for name, text in texts.items()}
            found.append(row.as_json() | {"said": said, "recognised_again": texts, "word_errors": errors})
    return found
