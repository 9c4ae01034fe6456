"""The page that a demo call's report becomes: whole in itself, nothing lost, nothing unescaped."""

from __future__ import annotations

import base64
import copy
import hashlib
import re
import struct
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from controller.demo.html import page
from controller.frames import Pcm
from controller.stack.wav import PHONE_RATE, read_wav, write_wav

SCRIPT = "Say <script>alert('1')</script> & \"go\"."
STAGES = {"endpoint": 361.6, "stt": 80.4, "mt": 10.0, "tts_first": 24.0, "queues": 0.5, "playback": 5.5}
VOID = {"meta", "br", "link", "img", "input"}


def delivery(listener: str, target: str, **changes: Any) -> dict[str, Any]:
    return {
        "listener": listener,
        "language": {"a": "en", "b": "es"}[listener],
        "target": target,
        "first_audio_s": 3.0,
        "ear_s": None,
        "last_audio_s": 4.5,
        "lag_ms": 482.0,
        "outcome": "played",
        "reason": None,
        "stages_ms": STAGES,
        **changes,
    }


def dropped(listener: str, reason: str) -> dict[str, Any]:
    return delivery(
        listener,
        "",
        first_audio_s=None,
        last_audio_s=None,
        lag_ms=None,
        outcome="dropped",
        reason=reason,
        stages_ms={"endpoint": 200.0},
    )


def clause(name: str, source: str, *deliveries: dict[str, Any], start_s: float = 1.0) -> dict[str, Any]:
    return {
        "id": name,
        "leg": name[0],
        "language": "en" if name[0] == "a" else "es",
        "source": source,
        "start_s": start_s,
        "end_s": start_s + 1.5,
        "deliveries": list(deliveries),
    }


def leg(name: str, language: str, text: str | None) -> dict[str, Any]:
    said = [{"text": text, "start_s": 1.1, "end_s": 2.4}]
    return {"leg": name, "language": language, "frames_in": 300, "frames_dropped": 0, "said": said}


REPORT: dict[str, Any] = {
    "schema": "dragoman/demo/1",
    "engines": {"stt": "whisper", "mt": "apertium", "tts": "pico", "triton": "2.51.0"},
    "cores": 2,
    "legs": [leg("a", "en", "Say it and go."), leg("b", "es", None)],
    "clauses": [
        clause("a-1", SCRIPT, delivery("b", "Diga <b>esto</b>.")),
        clause("b-1", "Muy bien.", delivery("a", "Very well.", stages_ms={**STAGES, "stt": 0.0}), start_s=5.0),
        clause("a-2", "Lost for good.", dropped("b", "deadline"), start_s=6.0),
    ],
    "lag_ms": {"p50": 482.0, "p95": 483.0, "p99": 484.0, "max": 485.0, "n": 2},
    "wer_recognised": {"a": 0.125, "b": None},
    "conservation": {"deliveries": 3, "played": 2, "dropped": 1, "dropped_by_reason": {"deadline": 1}},
}


def sound(seconds: float, start_s: float) -> Pcm:
    time = np.arange(round(seconds * PHONE_RATE)) / PHONE_RATE
    return np.where(time >= start_s, 8000 * np.sin(2 * np.pi * 440 * time), 0).astype(np.int16)


TRACKS = {
    "a": {"spoke": sound(8.0, 1.0), "heard": sound(8.00025, 3.0)},
    "b": {"spoke": sound(8.0, 0.5), "heard": sound(7.5, 3.0)},
}


class Page(HTMLParser):
    """The elements of a page; fails at a tag that is not closed, or not open."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.bars: dict[str, list[dict[str, str | None]]] = {}
        self.scripts: list[str] = []
        self._open: list[str] = []
        self._bar: str | None = None
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        assert len(values) == len(attrs), f"an attribute twice in {tag}"
        self.elements.append((tag, values))
        if values.get("class") == "bar":
            self._bar = str(values["data-delivery"])
            self.bars[self._bar] = []
        elif tag == "rect" and self._bar:
            self.bars[self._bar].append(values)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag == "svg":
            self._bar = None

    def handle_data(self, data: str) -> None:
        (self.scripts if self._open and self._open[-1] == "script" else self.texts).append(data)

    def of_class(self, name: str) -> list[dict[str, str | None]]:
        return [values for _, values in self.elements if name in (values.get("class") or "").split()]


def made(report: dict[str, Any] = REPORT, tracks: dict[str, dict[str, Pcm]] = TRACKS) -> tuple[str, Page]:
    text = page(report, tracks, PHONE_RATE)
    return text, Page(text)


def changed(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(REPORT), **changes}


def test_it_needs_nothing_but_itself() -> None:
    text, parsed = made()
    assert "http://" not in text and "https://" not in text and "@import" not in text and "url(" not in text
    for tag, values in parsed.elements:
        assert tag not in ("link", "img", "iframe")
        assert not [name for name in values if name.startswith("on")], "an inline event handler"
        assert all(str(values[name]).startswith("data:") for name in ("src", "href") if name in values)


def test_only_its_own_script_may_run() -> None:
    text, parsed = made()
    assert len(parsed.scripts) == 1
    digest = base64.b64encode(hashlib.sha256(parsed.scripts[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
    assert "default-src 'none'" in text


def test_every_text_is_there_and_escaped() -> None:
    text, parsed = made()
    assert "<script>alert" not in text and "<b>" not in text
    for one in REPORT["clauses"]:
        assert one["source"] in parsed.texts
        assert all(each["target"] in parsed.texts for each in one["deliveries"] if each["target"])
    facts = " ".join(parsed.texts)
    for part in ("2 of 3 played, 1 dropped (deadline: 1)", "p50 482 ms, p95 483 ms, max 485 ms", "stt whisper",
                 "triton 2.51.0", "word error rate 12.5 %", "word error rate not known", "0 dropped"):  # fmt: skip
        assert part in facts


def test_a_hostile_name_stays_within_its_attribute() -> None:
    report = changed()
    report["clauses"][0]["id"] = 'a"><script>x</script>'
    report["clauses"][0]["deliveries"][0]["language"] = '"><i>'
    text, _ = made(report)
    assert "<script>x" not in text and "<i>" not in text


def test_each_delivery_has_a_bar_in_proportion() -> None:
    _, parsed = made()
    assert set(parsed.bars) == {"a-1/b", "b-1/a", "a-2/b"}
    longest = sum(STAGES.values())
    for one in REPORT["clauses"]:
        each = one["deliveries"][0]
        segments = parsed.bars[f"{one['id']}/{each['listener']}"]
        assert [segment["class"] for segment in segments] == [f"stage-{stage}" for stage in each["stages_ms"]]
        at = 0.0
        for segment, value in zip(segments, each["stages_ms"].values(), strict=True):
            assert float(segment["width"] or "x") == pytest.approx(value * 1000 / longest, abs=0.01)
            assert float(segment["x"] or "x") == pytest.approx(at, abs=0.01)
            at += value * 1000 / longest


def test_a_dropped_delivery_is_marked_in_both_places() -> None:
    text, parsed = made()
    assert len(parsed.of_class("dropped")) == len(parsed.of_class("dropped-box")) == 1
    assert "dropped (deadline)" in parsed.texts
    assert "dropped (deadline): Lost for good." in parsed.texts
    assert "None" not in text and "null" not in parsed.texts


def test_what_a_translation_may_have_lost_is_told_beside_it() -> None:
    report = copy.deepcopy(REPORT)
    report["clauses"][0]["deliveries"][0]["lost"] = [
        {"kind": "number", "what": "<25>"},
        {"kind": "name", "what": "Ana"},
    ]
    text = page(report, TRACKS, PHONE_RATE)
    assert "(perhaps lost: number “<25>”, name “Ana”)" in Page(text).texts
    assert text.count("perhaps lost") == 1


def test_boxes_stand_where_they_were_said_and_heard() -> None:
    _, parsed = made()
    scale = float(parsed.of_class("timeline")[0]["data-pixels-per-second"] or "x")
    clauses = [float(box["x"] or "x") / scale for box in parsed.of_class("clause")]
    assert clauses == pytest.approx([1.0, 6.0, 5.0])
    deliveries = [(float(box["x"] or "x"), float(box["width"] or "x")) for box in parsed.of_class("delivery")]
    assert deliveries == [pytest.approx((3.0 * scale, 1.5 * scale), abs=0.1)] * 2


def test_what_was_said_is_shifted_to_the_calls_clock() -> None:
    """The report says 1.1 s; the voice is at 1.0 s of a's recording and at 0.5 s of b's."""
    _, parsed = made()
    offsets = [float(values["data-offset"] or "x") for tag, values in parsed.elements if tag == "audio"]
    assert offsets == pytest.approx([0.1, 0.0, 0.6, 0.0], abs=0.011)


def test_the_waveforms_show_silence_and_sound() -> None:
    _, parsed = made()
    waves = parsed.of_class("wave")
    assert len(waves) == 4
    scale = float(parsed.of_class("timeline")[0]["data-pixels-per-second"] or "x")
    points = [tuple(map(float, point.split())) for point in str(waves[1]["d"]).strip("MZ").split("L")]
    heights = {x: abs(down - up) for x, up in points for other, down in points if other == x and down != up}
    assert max(height for x, height in heights.items() if x < 3 * scale - 1) < 1
    assert min(height for x, height in heights.items() if 3 * scale + 1 < x < 8 * scale - 1) > 40


def linear(codes: bytes) -> Pcm:
    """G.711 mu-law as ITU-T G.191's ulaw_expand has it."""
    values = []
    for code in codes:
        bits = ~code & 0xFF
        level = (((bits & 0x0F) << 3) + 132 << (bits >> 4 & 7)) - 132
        values.append(-level if bits & 0x80 else level)
    return np.array(values, np.int16)


def test_the_recordings_are_in_the_page(tmp_path: Path) -> None:
    _, parsed = made()
    sources = [str(values["src"]) for tag, values in parsed.elements if tag == "audio"]
    tracks = [track for of_leg in TRACKS.values() for track in of_leg.values()]
    assert len(sources) == len(tracks)
    for source, track in zip(sources, tracks, strict=True):
        head, _, body = source.partition(",")
        assert head == "data:audio/wav;base64"
        content = base64.b64decode(body, validate=True)
        file = tmp_path / "track.wav"
        file.write_bytes(content)
        assert np.array_equal(read_wav(file), linear(content[content.index(b"data") + 8 :][: len(track)]))
        assert struct.unpack_from("<I", content, 4)[0] == len(content) - 8
        at = content.index(b"data")
        size = struct.unpack_from("<I", content, at + 4)[0]
        write_wav(file, linear(content[at + 8 : at + 8 + size]), PHONE_RATE)
        back = read_wav(file)
        assert len(back) == len(track)
        wrong = np.abs(back.astype(int) - track)
        assert (wrong <= 4 + np.abs(track.astype(int)) / 31).all()


def test_the_loudest_samples_keep_their_sign() -> None:
    tracks = {"a": {"spoke": np.array([-32768, 32767, 0, -1, 1], np.int16)}}
    _, parsed = made(tracks=tracks)
    (source,) = (str(values["src"]) for tag, values in parsed.elements if tag == "audio")
    content = base64.b64decode(source.partition(",")[2])
    assert content[content.index(b"data") + 8 :][:3] == b"\x00\x80\xff"


def test_the_ear_is_shown_where_it_is_known() -> None:
    _, without = made()
    report = changed()
    report["clauses"][0]["deliveries"][0]["ear_s"] = 3.1
    _, parsed = made(report)
    assert "600 ms" in parsed.texts and "At the ear" in parsed.texts
    assert "At the ear" not in without.texts


def test_what_a_recording_says_may_be_unknown() -> None:
    _, parsed = made()
    assert "not known" in parsed.texts and "Say it and go." in parsed.texts
    _, silent = made(changed(legs=[{**one, "said": []} for one in REPORT["legs"]]))
    assert "What the recordings say" not in silent.texts


def test_a_call_without_a_clause_or_a_sound() -> None:
    nothing = {"p50": None, "p95": None, "p99": None, "max": None, "n": 0}
    balance = {"deliveries": 0, "played": 0, "dropped": 0}
    silence = {"a": {"spoke": np.zeros(800, np.int16), "heard": np.zeros(0, np.int16)}}
    text, parsed = made(changed(clauses=[], lag_ms=nothing, conservation=balance), silence)
    assert "No clause was recognised in this call." in parsed.texts
    assert len([1 for tag, _ in parsed.elements if tag == "audio"]) == 1
    assert not parsed.bars and not re.search(r"\bnan\b|\binf\b", text)


def test_a_clause_that_nobody_listened_to_has_its_row() -> None:
    _, parsed = made(changed(clauses=[clause("a-1", "Alone.")]))
    assert "Alone." in parsed.texts and "nobody to deliver it to" in parsed.texts


def test_the_demos_call_can_be_sent() -> None:
    long = np.zeros(105 * PHONE_RATE, np.int16)
    text, _ = made(tracks={name: {"spoke": long, "heard": long} for name in ("a", "b")})
    assert len(text.encode()) < 8_000_000
