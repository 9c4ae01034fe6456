"""Lags out of a call that was made up: everything that was laid into it is found again."""

from __future__ import annotations

import asyncio
import gzip
import itertools
from pathlib import Path

import numpy as np
import pytest
import soxr

from controller.errors import UsageError
from controller.frames import FRAME_SAMPLES, SAMPLE_RATE, AudioFrame, Pcm
from controller.messages import Clause, Delivery, Outcome, Reason, Span
from controller.stack.wav import PHONE_RATE, write_wav
from controller.triton.client import TritonClient
from controller.triton.contracts import Recognition
from loadtest.call import again, figures
from loadtest.call.__main__ import _options
from loadtest.call.bounds import BOUNDS, Bound, judge, table
from loadtest.call.plan import GAP_S, OFFLINE_PACE, CallPlan, continuous, turns
from loadtest.call.prompts import Prompt, draw, eligible, fit
from loadtest.call.rows import Row, listen
from loadtest.call.scripted import clip, place
from loadtest.call.taken import TONE, Taken
from loadtest.call.wire import Wire
from tests.fakes.fake_engines import FakeVoice

ARRIVES_S = -0.7
"""What is said at 0 in the file arrives at this moment of the call: the phone talked before it was bridged."""

HEARD_S = 1.3
"""... and lies here in the recording."""

EAR_S = HEARD_S - ARRIVES_S - 0.08
"""From the call's clock to the recording, for what does not come from the speaker: the path there costs 80 ms."""


def prompt(name: str, seconds: float, language: str = "en") -> Prompt:
    """Noise with a little silence before and after."""
    seed = sum(map(ord, name))
    voice = np.random.default_rng(seed).normal(0, 2500, round(seconds * PHONE_RATE))
    pcm = np.concatenate([np.zeros(800), voice, np.zeros(1600)]).astype(np.int16)
    return Prompt(name, language, f"this is {name}", pcm, 0.1, 0.1 + seconds)


class MadeUp:
    """A call of one speaker, `a`, in English, and what B hears of it."""

    def __init__(self, plan: CallPlan) -> None:
        self.plan = plan
        self.taken = Taken(plan)
        track = plan.tracks["a"].pcm
        self.heard = np.zeros(len(track) + 8 * PHONE_RATE, np.int16)
        begin = round(HEARD_S * PHONE_RATE)
        self.heard[begin : begin + len(track)] = track
        wide = soxr.resample(track[round(-ARRIVES_S * PHONE_RATE) :], PHONE_RATE, SAMPLE_RATE)
        for index in range(len(wide) // FRAME_SAMPLES):
            self.taken.tap("a", AudioFrame(wide[index * FRAME_SAMPLES : (index + 1) * FRAME_SAMPLES], index))
        self.taken.tap("b", AudioFrame(np.zeros(FRAME_SAMPLES, np.int16), 0))

    def say(self, number: int, lag_s: float, *, ear_off_s: float = 0.0, part: tuple[float, float] = (0, 1)) -> None:
        """A translation of line `number`, or of a part of it, begins `lag_s` after the original's end was heard."""
        line = self.plan.tracks["a"].lines[number]
        length = line.end_s - line.start_s
        start_s, end_s = (line.start_s + length * one for one in part)
        ident = f"a-{len(self.taken.deliveries) + 1}"
        pcm = clip(ident)
        if not self.taken.deliveries:
            pcm = np.concatenate([TONE, pcm])
        self.taken.spoken[f"target {ident}", "es"] = [pcm]
        begin = round((line.end_s + HEARD_S + lag_s) * PHONE_RATE)
        narrow = soxr.resample(pcm, SAMPLE_RATE, PHONE_RATE)
        stretch = self.heard[begin : begin + len(narrow)]
        stretch[:] = stretch // 4 + narrow
        ear_s = begin / PHONE_RATE - EAR_S + ear_off_s
        clause = Clause(ident, "a", f"this is {ident}", Span(start_s + ARRIVES_S, end_s + ARRIVES_S + 0.1), "en")
        self.taken.deliveries.append(
            Delivery(clause, "b", "es", Outcome.PLAYED, None, f"target {ident}", ear_s, ear_s + 1, ear_s, {"stt": 1.0})
        )

    def drop(self, number: int) -> None:
        line = self.plan.tracks["a"].lines[number]
        clause = Clause("a-x", "a", "two words", Span(line.start_s + ARRIVES_S, line.end_s + ARRIVES_S), "en")
        self.taken.deliveries.append(
            Delivery(clause, "b", "es", Outcome.DROPPED, Reason.BACKLOG, None, None, None, None, {})
        )

    def listen(self, pauses_at_s: float | None = None, pause_s: float = 0.0) -> list[Row]:
        """The rows, where the stream to B paused once and the recording knows nothing of it."""
        heard, packets = self.heard, len(self.heard) // 160
        sent = np.arange(packets) * 0.02
        if pauses_at_s is not None:
            packet, gone = round(pauses_at_s / 0.02), round(pause_s / 0.02)
            heard = np.concatenate([heard[: packet * 160], heard[(packet + gone) * 160 :]])
            sent = np.concatenate([sent[:packet], sent[packet + gone :]])
        self.taken.heard = {"b": heard}
        self.taken.wires = {"b": Wire(sent)}
        return listen(self.taken, "a", "b").rows


def one_sided(count: int = 4) -> MadeUp:
    said = [prompt(f"number {number}", 1.0 + number / 2) for number in range(count)]
    return MadeUp(continuous("call", "a", {"a": "en", "b": "es"}, prompt("first", 1.5), said))


def test_lags_are_found_as_they_were_laid() -> None:
    call = one_sided()
    for number, lag_s in enumerate((0.5, 0.62, 0.3, 1.0)):
        call.say(number, lag_s)
    rows = call.listen()
    assert [row.kind for row in rows] == ["end"] * 4
    assert [row.counts for row in rows] == [False, True, True, True]
    assert [row.lag_ms for row in rows[1:]] == pytest.approx([620, 300, 1000], abs=12)
    assert [row.off_ms for row in rows[1:]] == pytest.approx([0, 0, 0], abs=1)
    assert [row.ear_lag_ms for row in rows[1:]] == pytest.approx([700, 380, 1080], abs=2)


def test_a_pause_of_the_stream_is_no_gain() -> None:
    call = one_sided()
    for number, lag_s in enumerate((0.5, 1.0, 0.6)):
        call.say(number, lag_s)
    end_s = call.plan.tracks["a"].lines[1].end_s + HEARD_S
    rows = call.listen(pauses_at_s=end_s + 0.2, pause_s=0.6)
    assert [row.lag_ms for row in rows[1:]] == pytest.approx([1000, 600], abs=12)
    assert [row.off_ms for row in rows[1:]] == pytest.approx([0, 0], abs=1)


def test_a_report_that_errs_is_found_out() -> None:
    call = one_sided()
    call.say(0, 0.5)
    call.say(1, 0.5, ear_off_s=-0.2)
    assert call.listen()[1].off_ms == pytest.approx(200, abs=1)


def test_a_clause_committed_early_counts_apart_and_one_that_breaks_off_has_no_end() -> None:
    call = one_sided()
    call.say(0, 0.5)
    call.say(3, -0.5, part=(0.0, 0.4))
    call.say(3, 0.5, part=(0.4, 1.0))
    call.say(4, 0.5, part=(0.0, 0.5))
    call.drop(2)
    rows = sorted(call.listen(), key=lambda row: row.end_s)
    assert [row.kind for row in rows] == ["end", "end", "inner", "end", "short"]
    assert rows[3].queue_empty is False, "the translation of the first part was sounding"
    assert rows[3].waited_ms == pytest.approx(300, abs=5)
    length_s = 2.0
    assert rows[2].lag_ms == pytest.approx((0.6 * length_s - 0.1 - 0.5) * 1000, abs=15)
    said = {"call": call.plan.tracks["a"]}
    found = figures.continuous(rows, said, [0.0, 1.0, 2.0])
    assert found["prompts_unfinished"] == 1
    assert found["dropped"] == {"backlog": 1}
    assert found["words_dropped"] == pytest.approx(2 / 14)
    assert found["lag_ms"]["n"] == 1
    assert found["backlog_s"]["p50"] == 1.0
    # Line 1 was not recognised at all, 2 as two wrong words for four, 3 in two clauses, 4 as `a-4`.
    pairs = {name: (reference, heard) for reference, heard, name in figures.recognised_each(rows, said)}
    assert pairs["number 0"] == ("this is number 0", "")
    assert pairs["number 2"] == ("this is number 2", "this is a-2 this is a-3")
    assert figures.turns(rows, said, [])["prompts"] == 4


def test_the_silence_after_all_was_heard_is_no_backlog() -> None:
    taken = one_sided().taken
    taken.backlog_s = [0.0, 1.5, 0.0, 2.0, 0.0, 0.0, 0.0]
    assert taken.backlog_until_heard() == [0.0, 1.5, 0.0, 2.0]
    taken.backlog_s = [0.0, 0.0]
    assert taken.backlog_until_heard() == []


def test_turns_wait_for_one_another_and_prompts_in_a_row_are_a_gap_apart() -> None:
    first = {"a": prompt("x", 1.0), "b": prompt("y", 1.0, "es")}
    said = {"a": [prompt("one", 2.0)], "b": [prompt("two", 1.0, "es")]}
    plan = turns("turns-1", "turns", first, said, OFFLINE_PACE)
    order = sorted((line.start_s, line.end_s, line.prompt.name) for t in plan.tracks.values() for line in t.lines)
    assert [name for _, _, name in order] == ["x", "y", "one", "two"]
    assert all(later[0] - earlier[1] > 1.5 for earlier, later in itertools.pairwise(order))
    lines = one_sided().plan.tracks["a"].lines
    assert lines[2].start_s - lines[1].end_s == pytest.approx(GAP_S)


def test_the_prompt_and_its_beginning_are_known_from_an_utterance() -> None:
    one, other = prompt("one", 2.0), prompt("other", 2.0)
    wide = soxr.resample(one.pcm, PHONE_RATE, SAMPLE_RATE)
    frames = np.concatenate([np.zeros(3200, np.int16), wide])[: round(0.8 * SAMPLE_RATE)]
    assert place(frames, one) == pytest.approx(0.2, abs=0.001)
    assert place(frames[4800:], one) == pytest.approx(-0.1, abs=0.001)
    assert place(frames, other) is None


def library(folder: Path, lengths: dict[str, float], transcript: str) -> None:
    sounds = folder / "usr/share/asterisk/sounds/en_US_f_Allison"
    sounds.mkdir(parents=True)
    document = folder / "usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz"
    document.parent.mkdir(parents=True)
    document.write_bytes(gzip.compress(transcript.encode()))
    for name, seconds in lengths.items():
        pcm: Pcm = np.full(round(seconds * PHONE_RATE), 1000, np.int16)
        write_wav(sounds / f"{name}.wav", pcm, PHONE_RATE)


def test_prompts_are_drawn_by_the_seed_from_all_that_are_fit(tmp_path: Path) -> None:
    names = [f"good-{number:02}" for number in range(30)]
    lines = [f"{name}: it says three" for name in names]
    lines += ["short: it says three", "long: it says three", "gone: it says three", "few: two words"]
    lines += ["beep: this is [beep] it"]
    lengths = {**dict.fromkeys(names, 2.0), "short": 1.1, "long": 20.1, "few": 2.0, "beep": 2.0}
    library(tmp_path, lengths, "\n".join(lines))
    assert eligible(tmp_path, "en") == names
    drawn = [one.name for one in draw(tmp_path, "en", 20, 1)]
    assert len(set(drawn)) == 20
    assert drawn[:7] == [one.name for one in draw(tmp_path, "en", 7, 1)]
    assert drawn != [one.name for one in draw(tmp_path, "en", 20, 2)]
    assert not fit("ten (10) words that nobody says")


def test_a_bound_is_kept_broken_or_not_asked_for() -> None:
    figures = {"lag_ms": {"p50": 700.0}, "wer_heard_again": 0.2, "wer_clean_synthesis": 0.1}
    report = {"parts": ["turns"], "offline": {"en-es": figures}}
    judged = {one["name"]: one for one in judge(report)}
    assert judged["en-es turns: lag p50"]["ok"] is True
    assert judged["en-es: heard again, beyond the clean synthesis"]["ok"] is False
    assert judged["scripted engines: lag p95"]["ok"] is None
    assert judged["en-es turns: lag p95"]["ok"] is False, "a part that was run gave no figure"
    assert judged["es-en turns: lag p50"]["ok"] is False
    assert judge({"x": None}, [Bound("x", ("x",), 1)])[0]["ok"] is False
    lines = table(judge(report)).splitlines()
    assert len(lines) == len(BOUNDS)
    assert lines[0].split()[-1] == "PASS"


def test_what_haste_costs_is_told_beside_what_was_spoken_in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    call = one_sided(2)
    call.say(0, 0.5)
    call.say(1, 0.5)
    row = call.listen()[1]
    voice = FakeVoice(delay_s=0.0, seconds=20.0)

    async def recognise(client: TritonClient, pcm: Pcm, language: str, *, deadline_s: float) -> Recognition:
        text = row.target or "" if len(pcm) > 20 * SAMPLE_RATE else "nothing"
        return Recognition(text, (), language, 1.0, 0.0, 0.0)

    async def recognised() -> list[again.Again]:
        async with TritonClient("127.0.0.1:1") as client:  # nobody is asked there
            return await again.recognise_again(client, voice, [row], (call.heard, PHONE_RATE), call.taken.spoken, "es")

    monkeypatch.setattr(again, "recognise", recognise)
    told = figures.turns([row], {"call": call.plan.tracks["a"]}, asyncio.run(recognised()))
    assert voice.asked == [(row.target, 1.0)]
    assert (told["wer_clean_synthesis"], told["wer_clean_unhurried"]) == (1.0, 0.0)


def test_it_runs_with_the_phrasebook_and_without() -> None:
    assert _options({}).phrasebook and _options({"PHRASEBOOK": "on"}).phrasebook
    without = _options({"PHRASEBOOK": "off", "LINE": "g722"})
    assert (without.phrasebook, without.recordings.name) == (False, "call-g722-no-phrasebook")
    with pytest.raises(UsageError, match="PHRASEBOOK is 'maybe': choose on or off"):
        _options({"PHRASEBOOK": "maybe"})
