"""When a speaker speaks: a voice activity detector a frame, and the start and end of utterances from it."""

from __future__ import annotations

from collections import deque
from typing import Protocol

import webrtcvad

from controller.frames import FRAME_MS, FRAME_S, SAMPLE_RATE, AudioFrame
from controller.messages import Span, SpeechEnded, SpeechPaused, SpeechResumed, SpeechStarted, VoiceEvent

START_WINDOW = 5
"""Frames looked at for a start ..."""

START_VOICED = 3
"""... and how many of them must be voiced: a click of 40 ms starts nothing."""


class Detector(Protocol):
    """Says of one frame whether it is voiced."""

    def voiced(self, frame: AudioFrame) -> bool: ...


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
    and the frames since a little before it; then every frame; at the end, a SpeechEnded.
    """

    def __init__(
        self,
        detector: Detector,
        *,
        endpoint_ms: float = 360.0,
        pause_ms: float = 140.0,
        preroll_ms: float = 240.0,
        max_utterance_s: float = 12.0,
    ) -> None:
        """
        Args:
            endpoint_ms: silence that ends an utterance.
            pause_ms: silence after which a SpeechPaused says that an end may follow.
            preroll_ms: audio given to the recogniser from before the first voiced frame.
            max_utterance_s: a longer utterance is cut, so that one who never stops is interpreted all the same.
        """
        self._detector = detector
        self._endpoint_frames = max(1, round(endpoint_ms / FRAME_MS))
        self._pause_frames = max(1, round(pause_ms / FRAME_MS))
        self._max_frames = round(max_utterance_s * 1000 / FRAME_MS)
        self._recent: deque[AudioFrame] = deque(maxlen=START_WINDOW + round(preroll_ms / FRAME_MS))
        self._flags: deque[bool] = deque(maxlen=START_WINDOW)
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
        self._flags.append(voiced)
        if voiced:
            self._last_voiced = frame.index
            self._voiced_indexes.append(frame.index)
        if self._start is None:
            return self._listen(frame)
        silent_frames = frame.index - self._last_voiced
        events: list[VoiceEvent] = [frame]
        if self._paused and voiced:
            self._paused = False
            events.insert(0, SpeechResumed())
        elif not self._paused and silent_frames >= self._pause_frames:
            self._paused = True
            events.append(SpeechPaused(self._span()))
        pause = silent_frames >= self._endpoint_frames
        if pause or frame.index - self._start >= self._max_frames:
            events.append(self._end(now_s, pause=pause))
        return events

    def _listen(self, frame: AudioFrame) -> list[VoiceEvent]:
        self._recent.append(frame)
        if sum(self._flags) < START_VOICED:
            return []
        self._start = self._recent[0].index
        frames = list(self._recent)
        self._recent.clear()
        return [SpeechStarted(self._start), *frames]

    def _span(self) -> Span:
        assert self._start is not None
        return Span(self._start * FRAME_S, (self._last_voiced + 1) * FRAME_S)

    def _end(self, now_s: float, *, pause: bool) -> SpeechEnded:
        end = SpeechEnded(self._span(), decided_s=now_s, pause=pause)
        self._start = None
        self._paused = False
        self._flags.clear()
        return end
