"""One request's way from tokens to sound: what is said is put in by the thread that steps, and taken by the one that
vocodes, which alone calls the listener. Knows no queue and no vocoder.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import ceil

import numpy as np
from numpy.typing import NDArray

from export.runtime.xtts.config import ModelConfig
from export.runtime.xtts.serving.chunks import wanted_s
from export.runtime.xtts.serving.requests import Listener, Request
from export.runtime.xtts.serving.settings import Serving
from export.runtime.xtts.serving.sound import Sound
from export.runtime.xtts.serving.watch import Watch
from export.runtime.xtts.windows import Window, Windows

Float = NDArray[np.float32]

_PART_SAID = None

END_S = 0.5
"""Seconds of sound that are too little for a chunk of their own at the end of a piece: it would cost as much again."""


class Track:
    """An `Out` of the scheduler's."""

    def __init__(
        self,
        request: Request,
        listener: Listener,
        config: ModelConfig,
        serving: Serving,
        watch: Watch,
        clock: Callable[[], float],
        woken: Callable[[], None],
    ) -> None:
        """`woken` is called when there is an end to be told.

        Raises:
            ValueError: the speed cannot be.
        """
        self.speaker = request.voice.speaker
        self.submitted = self.admitted = clock()
        self.has_slot = False
        self.over = False
        """Whether its listener has been told of its end."""
        self._request = request
        self._listener = listener
        self._config, self._serving, self._watch, self._clock, self._woken = config, serving, watch, clock, woken
        self._said: deque[Float | None] = deque()
        self._tokens = 0
        self._spoken_at = (0.0, 0.0)
        self._ending: Exception | bool = False
        """True where it was dropped, an error where it failed: the listener is still to be told."""
        self._frame_s = config.hop / config.output_rate
        self._windows = Windows(config, request.manner.speed)
        self._first_frames = ceil(serving.first_s / self._frame_s)
        self._first_tokens = self._windows.tokens(self._first_frames)
        self._part = 0
        self._part_said = False
        self._sound = Sound(config.output_rate, request.rate)
        self._samples = 0
        self._target_s = serving.first_s
        self._began: float | None = None

    # The thread that steps.

    def begin(self) -> None:
        self.admitted = self._clock()
        self.has_slot = True

    @property
    def hungry(self) -> bool:
        return self._tokens < self._first_tokens

    def said(self, heard: Float) -> None:
        now = self._clock()
        self._spoken_at = (self._spoken_at[0] if self._tokens else now, now)
        self._tokens += 1
        self._said.append(heard)

    def part_said(self) -> None:
        self._said.append(_PART_SAID)

    def fail(self, error: Exception) -> None:
        self._ending = self._ending or error
        self._woken()

    def drop(self) -> None:
        self._ending = self._ending or True
        self._woken()

    def gone(self) -> bool:
        try:
            return not self.over and self._listener.gone()
        except Exception as error:  # noqa: BLE001 - a listener that cannot be asked is lost, and the others are not
            self.fail(error)
            return True

    # The thread that vocodes.

    @property
    def began(self) -> bool:
        """Whether there was sound."""
        return self._began is not None

    @property
    def ending(self) -> bool:
        """Whether its listener is to be told that it failed or was dropped."""
        return self._ending is not False

    @property
    def complete(self) -> bool:
        """Whether all is vocoded."""
        return self._part == len(self._request.pieces)

    @property
    def runs_out(self) -> float:
        """When all sound that was sent is played out; before there was any, when it was admitted."""
        return self.admitted if self._began is None else self._began + self._samples / self._request.rate

    def is_due(self) -> bool:
        """Whether there is enough for a chunk."""
        self._take()
        if self.complete or self._part_said:
            return True
        return self._windows.ready(last=False) * self._frame_s >= self._target_s

    def next(self, most_s: float) -> Window | None:
        """What is to be vocoded now: first as little as may be, then at most `most_s` of sound, and `END_S` more where
        that is all."""
        if not self.began:
            most = self._first_frames
        else:
            most = max(1, int(most_s / self._frame_s))
            end = most + int(END_S / self._frame_s)
            most = end if self._part_said and self._windows.ready(last=True) <= end else most
        return self._windows.next(last=self._part_said, most=most)

    def deliver(self, sound: Float, *, vocoding: float) -> None:
        """Tell the listener, of the next `sound`, float32[n]. `vocoding` is what a second of it costs by now.

        Raises:
            FloatingPointError: it is no sound.
        """
        pcm = [self._sound.add(sound)]
        if self._part_said and not self._windows.ready(last=True):
            pcm.append(self._next_part())
        if self.complete:
            pcm.append(self._sound.end())
        self._send(np.concatenate(pcm))
        now = self._clock()
        self._target_s = wanted_s(self._serving, self.runs_out - now, self._speaking(), vocoding)

    def end(self) -> None:
        """Tell the listener how it ended otherwise."""
        if self.over:
            return
        self.over = True
        if isinstance(self._ending, Exception):
            self._watch.ended("failed")
            self._listener.failed(self._ending)
        else:
            self._watch.ended("dropped")
            self._listener.dropped()

    def _send(self, pcm: NDArray[np.int16]) -> None:
        now = self._clock()
        if self._began is None and len(pcm):
            self._began = now
            self._watch.first_audio(now - self.submitted)
        self._samples += len(pcm)
        if self.complete:
            self.over = True
            if self._samples:
                self._watch.rtf((now - self.admitted) * self._request.rate / self._samples)
            self._watch.ended("done")
        if len(pcm) or self.complete:
            self._listener.sound(pcm, self.complete)

    def _take(self) -> None:
        """What was said of the piece that is vocoded by now."""
        while self._said and not self._part_said:
            heard = self._said.popleft()
            if heard is _PART_SAID:
                self._part_said = True
            else:
                self._windows.add(heard)

    def _next_part(self) -> NDArray[np.int16]:
        """Go on to the next piece; the pause before it."""
        ended = self._request.pieces[self._part]
        self._part += 1
        if self.complete:
            return np.zeros(0, np.int16)
        self._windows, self._part_said = Windows(self._config, self._request.manner.speed), False
        pause_s = self._serving.sentence_pause_s if ended.ends_sentence else self._serving.clause_pause_s
        return self._sound.pause(pause_s / self._request.manner.speed)

    def _speaking(self) -> float:
        """Seconds that a second of sound took to be spoken so far."""
        first, last = self._spoken_at
        if self._tokens < 2:
            return 0.0
        return (last - first) / (self._tokens - 1) * self._config.tokens_per_second * self._request.manner.speed
