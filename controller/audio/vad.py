"""When a speaker speaks: a voice activity detector a frame, and the start and end of utterances from it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol

import webrtcvad

from controller.audio.levels import dbfs
from controller.frames import FRAME_MS, FRAME_S, SAMPLE_RATE, AudioFrame, Pcm
from controller.messages import Span, SpeechEnded, SpeechPaused, SpeechResumed, SpeechStarted, VoiceEvent

START_WINDOW = 5
"""Frames looked at for a start ..."""

START_VOICED = 3
"""... and how many of them must be voiced: a click of 40 ms starts nothing."""


HARD_CUT = 1.5
"""Times `max_utterance_s` without a breath: only then an utterance is cut in what may be a word. Longer would wait for
more breaths, but whoever listens waits too, and a recogniser answers the later the longer what it is given."""

SEARCH_FRAMES = 50
QUIET_FRAMES = 3
"""Such a cut is in the quietest 60 ms of the last second."""

MAX_HELD = 15
"""A guard may hold a start back for so many frames: less than the silence that ends an utterance."""


class Detector(Protocol):
    """Says of one frame whether it is voiced."""

    def voiced(self, frame: AudioFrame) -> bool: ...


class Guard(Protocol):
    """Keeps a leg's own echo from being taken for speech. Every frame is cleaned, then judged, in order."""

    frames_echo: int
    """Voiced frames that were judged to be echo."""

    def sent(self, pcm: Pcm, now_s: float) -> None:
        """The leg was sent a frame, int16[320], at `now_s` on the call's clock."""
        ...

    def clean(self, frame: AudioFrame) -> AudioFrame:
        """The frame without what is echo in it."""
        ...

    def judge(self, index: int, voiced: bool, *, speaking: bool) -> Sequence[int]:
        """The frames now known to be voiced by a person, in order: this one or earlier ones.

        Args:
            voiced: what the detector says of the cleaned frame `index`.
            speaking: an utterance goes on: nothing is held back. Before one, for at most MAX_HELD frames.
        """
        ...


class WebRtcDetector:
    """The WebRTC project's detector (2.7 us a frame). It hangs on for about 100 ms after the voice in mode 3."""

    def __init__(self, mode: int = 3) -> None:
        """`mode`: 0, lenient, to 3, strict."""
        self._vad = webrtcvad.Vad(mode)

    def voiced(self, frame: AudioFrame) -> bool:
        return not frame.filled and self._vad.is_speech(frame.pcm.tobytes(), SAMPLE_RATE)


class Endpointer:
    """Cuts one speaker's frames into utterances.

    `feed` gives back, for each frame, what a recogniser should get: nothing in silence; at a start, a SpeechStarted
    and the frames since a little before it; then every frame; at the end, a SpeechEnded. The next utterance may begin
    with the silence that ended this one; where there was none, it starts at once with a second of frames at most. Such
    frames are given again.
    """

    def __init__(
        self,
        detector: Detector,
        *,
        endpoint_ms: float = 360.0,
        pause_ms: float = 140.0,
        preroll_ms: float = 240.0,
        max_utterance_s: float = 7.0,
        breath_ms: float = 120.0,
        guard: Guard | None = None,
    ) -> None:
        """
        Args:
            endpoint_ms: silence that ends an utterance.
            pause_ms: silence after which a SpeechPaused says that an end may follow.
            preroll_ms: audio given to the recogniser from before the first voiced frame.
            max_utterance_s: from here on a breath ends the utterance, so that one who never stops is interpreted all
                the same; past HARD_CUT times as much it is cut.
            breath_ms: silence that is a breath; no more than `endpoint_ms` is waited for.
            guard: says which voiced frames are really the speaker's; all of them where there is none.
        """
        self._detector = detector
        self.guard = guard
        self._endpoint_frames = max(1, round(endpoint_ms / FRAME_MS))
        self._pause_frames = max(1, round(pause_ms / FRAME_MS))
        self._breath_frames = min(self._endpoint_frames, max(1, round(breath_ms / FRAME_MS)))
        self._max_frames = round(max_utterance_s * 1000 / FRAME_MS)
        self._most_frames = round(HARD_CUT * self._max_frames)
        self._latest: deque[AudioFrame] = deque(maxlen=SEARCH_FRAMES)
        """Of the utterance that goes on: among them it may have to be cut."""
        self._lead_frames = START_WINDOW + round(preroll_ms / FRAME_MS)
        self._recent: deque[AudioFrame] = deque(maxlen=self._lead_frames + MAX_HELD)
        self._fresh = 0
        """The first index that may belong to the next utterance."""
        self._start: int | None = None
        self._last_voiced = -1
        self._paused = False
        self._voiced_indexes: deque[int] = deque(maxlen=2 * self._max_frames)

    def last_voiced_s(self, span: Span) -> float:
        """End of the last voiced frame that begins within `span`; the span's end where none does."""
        for index in reversed(self._voiced_indexes):
            begin = index * FRAME_S
            if span.start_s <= begin < span.end_s:
                return begin + FRAME_S
            if begin < span.start_s:
                break
        return span.end_s

    def feed(self, frame: AudioFrame, now_s: float) -> list[VoiceEvent]:
        """Take the next frame, at `now_s` on the call's clock; returns what the recogniser gets now."""
        voiced = self._detector.voiced(frame)
        if self._start is None:
            return self._listen(frame, voiced)
        if self.guard is not None:
            voiced = bool(self.guard.judge(frame.index, voiced, speaking=True))
        if voiced:
            self._last_voiced = frame.index
            self._voiced_indexes.append(frame.index)
        self._latest.append(frame)
        length, silent_frames = frame.index - self._start, frame.index - self._last_voiced
        events: list[VoiceEvent] = [frame]
        if self._paused and voiced:
            self._paused = False
            events.insert(0, SpeechResumed())
        elif not self._paused and silent_frames >= self._pause_frames:
            self._paused = True
            events.append(SpeechPaused(self._span()))
        if silent_frames >= (self._endpoint_frames if length < self._max_frames else self._breath_frames):
            self._fresh = frame.index + 1
            self._recent.extend(one for one in self._latest if one.index > self._last_voiced)
            events.append(SpeechEnded(self._span(), decided_s=now_s, pause=True))
            self._start = None
            self._paused = False
        elif length >= self._most_frames:
            events += self._cut(now_s)
        return events

    def _listen(self, frame: AudioFrame, voiced: bool) -> list[VoiceEvent]:
        self._recent.append(frame)
        settled: Sequence[int] = (frame.index,) if voiced else ()
        if self.guard is not None:
            settled = self.guard.judge(frame.index, voiced, speaking=False)
        for index in settled:
            self._last_voiced = index
            self._voiced_indexes.append(index)
            if self._start is None and self._enough(index):
                self._start = max(self._recent[0].index, index + 1 - self._lead_frames)
        if self._start is None:
            return []
        frames = [one for one in self._recent if one.index >= self._start]
        self._recent.clear()
        self._latest.clear()
        return [SpeechStarted(self._start), *frames]

    def _enough(self, index: int) -> bool:
        """The voiced frame `index` makes a start, with those before it."""
        if len(self._voiced_indexes) < START_VOICED:
            return False
        first = self._voiced_indexes[-START_VOICED]
        return first >= self._fresh and index - first < START_WINDOW

    def _span(self) -> Span:
        assert self._start is not None
        return Span(self._start * FRAME_S, (self._last_voiced + 1) * FRAME_S)

    def _cut(self, now_s: float) -> list[VoiceEvent]:
        """End the utterance in the quietest place of what came last, and begin the next one with what follows."""
        assert self._start is not None
        frames = list(self._latest)
        levels = [dbfs(frame.pcm) for frame in frames]
        last = max(1, len(frames) - self._breath_frames - QUIET_FRAMES)  # what follows is still voiced
        place = min(range(last), key=lambda at: sum(levels[at : at + QUIET_FRAMES])) + QUIET_FRAMES // 2
        span = Span(self._start * FRAME_S, frames[place].index * FRAME_S)
        self._start = frames[place].index
        self._paused = False
        self._latest.clear()
        return [SpeechEnded(span, decided_s=now_s, pause=False), SpeechStarted(self._start), *frames[place:]]
