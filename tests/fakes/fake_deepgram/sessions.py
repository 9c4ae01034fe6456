"""What the scripted Deepgram says to what it gets, without a word about how that comes and goes: nova, and Flux."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from controller.frames import SAMPLE_RATE, Pcm
from tests.fakes.fake_deepgram.ears import Ears, Spoken, voiced

Say = Callable[[dict[str, Any]], None]

SEGMENT_S = 4.0
"""Of speech without a pause nova makes a final of about so much."""


class Session(Protocol):
    """One connection's."""

    async def audio(self, data: bytes) -> None: ...

    async def text(self, message: str) -> bool:
        """False where the client wants to end."""
        ...


class _Buffer:
    """Audio that is not final yet."""

    def __init__(self, ears: Ears) -> None:
        self._ears = ears
        self._pending: list[Pcm] = []
        self._samples = 0
        self.start_s = 0.0
        self.fresh_s = 0.0
        """Since `told`."""

    @property
    def seconds(self) -> float:
        return self._samples / SAMPLE_RATE

    @property
    def end_s(self) -> float:
        return self.start_s + self.seconds

    def add(self, data: bytes) -> None:
        pcm = np.frombuffer(data, np.int16)
        self._pending.append(pcm)
        self._samples += len(pcm)
        self.fresh_s += len(pcm) / SAMPLE_RATE

    def silence_s(self) -> float:
        """At its end."""
        pcm = self._all()
        return (len(pcm) - voiced(pcm)) / SAMPLE_RATE

    async def words(self) -> list[Spoken]:
        """On the connection's clock."""
        found = await self._ears.hear(self._all()) if self._samples else []
        return [Spoken(one.text, self.start_s + one.start_s, self.start_s + one.end_s) for one in found]

    def drop_until(self, end_s: float) -> None:
        """What lies before is done with."""
        pcm = self._all()[round((end_s - self.start_s) * SAMPLE_RATE) :]
        self._pending, self._samples = [pcm], len(pcm)
        self.start_s = end_s
        self.fresh_s = self.seconds

    def _all(self) -> Pcm:
        if not self._pending:
            return np.zeros(0, np.int16)
        self._pending = [np.concatenate(self._pending)]
        return self._pending[0]


class NovaSession:
    """/v1/listen."""

    PARTIAL_S = 0.5

    def __init__(self, say: Say, ears: Ears, query: Mapping[str, str]) -> None:
        self._say = say
        self._ears = ears
        self._buffer = _Buffer(ears)
        self._endpointing_s = float(query.get("endpointing", "10")) / 1000

    async def audio(self, data: bytes) -> None:
        buffer = self._buffer
        buffer.add(data)
        if self._ears.hears_pauses and buffer.seconds > buffer.silence_s() >= self._endpointing_s:
            self._final(await buffer.words(), buffer.end_s, speech_final=True)
        elif buffer.fresh_s >= self.PARTIAL_S:
            buffer.fresh_s = 0.0
            if not self._ears.hears_partials:
                self._say({"type": "SpeechStarted", "channel": [0], "timestamp": buffer.start_s})
                return
            words = await buffer.words()
            whole = [one for one in words if one.end_s < buffer.end_s]
            if buffer.seconds >= SEGMENT_S and whole:
                self._final(whole, whole[-1].end_s)
            else:
                self._results(words, buffer.end_s)

    async def text(self, message: str) -> bool:
        kind = json.loads(message)["type"]
        if kind in ("Finalize", "CloseStream") and self._buffer.seconds:
            self._final(await self._buffer.words(), self._buffer.end_s, from_finalize=kind == "Finalize")
        if kind == "CloseStream":
            self._say({"type": "Metadata", "request_id": "fake", "duration": self._buffer.end_s, "channels": 1})
        return bool(kind != "CloseStream")

    def _final(self, words: list[Spoken], end_s: float, **flags: bool) -> None:
        self._results(words, end_s, is_final=True, **flags)
        self._buffer.drop_until(end_s)

    def _results(self, words: list[Spoken], end_s: float, **flags: bool) -> None:
        told = [
            {
                "word": one.text.lower().strip("."),
                "punctuated_word": one.text,
                "start": round(one.start_s, 3),
                "end": round(one.end_s, 3),
                "confidence": 0.99,
            }
            for one in words
        ]
        text = " ".join(one.text for one in words)
        start_s = self._buffer.start_s
        self._say(
            {
                "type": "Results",
                "channel_index": [0, 1],
                "start": round(start_s, 3),
                "duration": round(end_s - start_s, 3),
                "is_final": False,
                "speech_final": False,
                "from_finalize": False,
                **flags,
                "channel": {"alternatives": [{"transcript": text, "confidence": 0.99, "words": told}]},
                "metadata": {"request_id": "fake", "model_uuid": "fake", "model_info": _MODEL},
            }
        )


class FluxSession:
    """/v2/listen."""

    UPDATE_S = 0.24
    EAGER_S = 0.16
    TURN_S = 0.6
    """Silence that ends a turn, perhaps, and for good."""

    def __init__(self, say: Say, ears: Ears, query: Mapping[str, str]) -> None:
        self._say = say
        self._buffer = _Buffer(ears)
        self._eagerly = "eager_eot_threshold" in query
        self._eager = False
        self._turn = -1
        self._turning = False
        self._sequence = 0
        self._tell({"type": "Connected", "request_id": "fake"})

    async def audio(self, data: bytes) -> None:
        buffer = self._buffer
        buffer.add(data)
        if buffer.fresh_s < self.UPDATE_S:
            return
        buffer.fresh_s = 0.0
        words = await buffer.words()
        silence_s = buffer.silence_s()
        if words and not self._turning:
            self._turning, self._eager = True, False
            self._turn += 1
            self._info("StartOfTurn", words)
        elif self._turning and silence_s >= self.TURN_S:
            self._end(words, "model")
        elif self._turning and self._eagerly and silence_s >= self.EAGER_S and not self._eager:
            self._eager = True
            self._info("EagerEndOfTurn", words)
        elif self._eager and silence_s < self.EAGER_S:
            self._eager = False
            self._info("TurnResumed", words)
        else:
            self._info("Update", words)

    async def text(self, message: str) -> bool:
        kind = json.loads(message)["type"]
        if kind == "ForceEndTurn":
            words = await self._buffer.words()
            if words and not self._turning:
                self._turning = True
                self._turn += 1
            if self._turning:
                self._end(words, "manual")
            else:
                self._info("Update", [])
                code = "FORCE_END_TURN_NO_ACTIVE_TURN"
                self._tell({"type": "Warning", "code": code, "description": "There is no turn."})
        elif kind not in ("CloseStream", "Configure"):
            self._tell({"type": "Error", "code": "UNPARSABLE_CLIENT_MESSAGE", "description": f"What is {kind}?"})
        return bool(kind != "CloseStream")

    def _end(self, words: list[Spoken], trigger: str) -> None:
        self._info("EndOfTurn", words, trigger=trigger)
        self._turning = self._eager = False
        self._buffer.drop_until(self._buffer.end_s)

    def _info(self, event: str, words: list[Spoken], **more: str) -> None:
        self._tell(
            {
                "type": "TurnInfo",
                "request_id": "fake",
                "event": event,
                "turn_index": max(0, self._turn),
                "audio_window_start": round(self._buffer.start_s, 3),
                "audio_window_end": round(self._buffer.end_s, 3),
                "transcript": " ".join(one.text for one in words),
                "words": [
                    {"word": one.text, "confidence": 0.99, "start": round(one.start_s, 3), "end": round(one.end_s, 3)}
                    for one in words
                ],
                "end_of_turn_confidence": 0.9 if event == "EndOfTurn" else 0.3,
                **more,
            }
        )

    def _tell(self, message: dict[str, Any]) -> None:
        self._say({**message, "sequence_id": self._sequence})
        self._sequence += 1


_MODEL = {"name": "scripted, no ASR", "version": "0", "arch": "fake"}
