"""Guards a leg against its own echo: a phone whose loudspeaker feeds its microphone sends back what was played to it.

What was played is known. Where a voice is heard while that could be echoing, its delay is looked for, and how much of
what is heard it accounts for; once the delay is known, the echo is taken out of every frame, and what is left decides
whether a person speaks. The recogniser and the other party get the frames without the echo.

A start of speech while something was just played waits for the verdict, HOLD_FRAMES at most, and keeps its own time;
an end never waits. Knows samples and frame indexes only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from controller.audio.echo_cancel import FFT, Canceller, Reference
from controller.audio.echo_delay import BLOCK, DECIMATION, MARGIN, MAX_DELAY_S, REACH, DelaySearch, decimate, explained
from controller.audio.echo_lesson import HEARD, PLAYED, Lesson
from controller.audio.levels import mean_square
from controller.audio.track import Samples, Track
from controller.audio.vad import MAX_HELD
from controller.frames import FRAME_S, FRAME_SAMPLES, SAMPLE_RATE, SILENCE, AudioFrame, Pcm, frames_of

HOLD_FRAMES = 12
"""How long a start may wait: 240 ms, less than the silence that ends an utterance."""
assert HOLD_FRAMES <= MAX_HELD

_REACH_FRAMES = frames_of(MAX_DELAY_S) + 1
"""What is heard later than this after the last sound played is no echo."""

_STALL_FRAMES = 2
"""Ticks may be late by so much before their frames count as not sent."""

_FIRST_SEARCH = 6
_SEARCH_EVERY = 3
"""Frames after which a held start is looked into, and again."""

_SEARCH_SPEAKING = (10, 20)
"""The same while an utterance goes on over a sound whose echo is not known: a search that finds nothing doubles the
frames until the next, from the first to the second. A new utterance, a new sound, a lost path begin anew. Were they
further apart, the echo that is left when a person ends would be found late, and their utterance end with it."""

_SAME_S = 0.002
"""A search that finds the delay of the one before has found something, though it be too faint to learn from."""

_SURE = 6.0
"""A delay that stands out less is no delay. Chance gives 4.7 in the mean and 7 in one block of 20."""

_ONLY_ECHO = 0.85
"""Where what was played accounts for this share of what is heard, nobody speaks; a person as loud as the echo: 0.6."""

_LEARN = 0.7
"""Where it accounts for this share, the path is learned from it."""

_LEARN_EVERY = 3
"""Frames, once the path is not young any more."""

_LEAD = 192
"""Samples that the learned path begins before the delay that was found: 12 ms."""

_SAME_PATH_S = (-0.010, 0.020)
"""A delay so far from the known one lies within the learned path."""

_JUMPS_S = tuple(frames * FRAME_S for frames in (-3, -2, -1, 1, 2, 3))
"""By so much a delay jumps, keeping its path: where a frame is late, left out or doubled, in any buffer on the way."""

_MISSED = 0.5
_FITS = 0.25
"""A path that leaves the first share of a frame misses it; one that leaves no more than the second fits."""

_JUMP_FIRST = 3
_JUMP_EVERY = 4
"""A path that misses frames on end is tried a few frames aside with each of the first, then with one of so many: where
somebody speaks over the echo it misses them all."""

_FAINT = 30.0**2
"""Mean square of a frame under which nothing of it can be heard back."""

_LEFT = 0.2
_LEFT_YOUNG = 0.5
_YOUNG_FRAMES = 25
"""A frame is echo still where what is left of it is weaker than this share of what was taken out, and while the path
has been learned for no more than so many frames."""

_DOUBTED = 5.0
"""It is echo, too, where what is left is no more than so many times what the path is unsure of."""

_WORSE = 1.2
_WORSE_FRAMES = 10
"""A path that adds to what is heard, for so many frames on end, is a path no more."""


class EchoGuard:
    """One leg's guard: told what is sent to it, it cleans and judges what comes from it."""

    def __init__(self) -> None:
        self.frames_echo = 0
        """Voiced frames that were judged to be echo."""
        self.delay_s: float | None = None
        """The echo's delay where one is known."""
        self._sent = Track()
        self._heard = Track()
        self._cleaned = Track()
        self._next_sent: int | None = None
        self._sounded = -_REACH_FRAMES - 1
        """Index of the last frame sent that is known to be heard where it comes back."""
        self._unheard: deque[tuple[int, Pcm]] = deque(maxlen=2 * _REACH_FRAMES)
        """Frames sent since then with their indexes, not listened to yet: while that one may echo, they need not be."""
        self._search = DelaySearch()
        self._canceller: Canceller | None = None
        self._lesson: Lesson | None = None
        """The path that is being learned; until then the known one serves."""
        self._age = 0
        """Frames since the path was learned."""
        self._worse = 0
        self._powers = np.zeros(3)
        """Of what was heard, of what was taken out and of what is left, smoothed."""
        self._held: list[int] = []
        """Voiced frames that wait for the verdict."""
        self._since = 0
        """The first of them; while an utterance goes on, when the last search was made."""
        self._apart = _SEARCH_SPEAKING[0]
        """Frames from then to the next search."""
        self._found_s = 0.0
        """What the last search found, for what it is worth."""
        self._missed = 0
        """Frames on end that the path has missed."""

    def sent(self, pcm: Pcm, now_s: float) -> None:
        """The leg was sent a frame, int16[320], at `now_s` on the call's clock."""
        index = int(now_s / FRAME_S)
        if self._next_sent is None or index > self._next_sent + _STALL_FRAMES:
            self._next_sent = index
        self._sent.put(self._next_sent, pcm)
        if pcm is not SILENCE:
            self._unheard.append((self._next_sent, pcm))
        self._next_sent += 1

    def clean(self, frame: AudioFrame) -> AudioFrame:
        """The next frame from the leg, without the echo where its path is known."""
        self._heard.put(frame.index, frame.pcm)
        if self._lesson is not None:
            self._take_lesson(self._lesson)
        if self._canceller is not None and not frame.filled and self._may_echo(frame.index):
            frame = self._cancel(self._canceller, frame)
        self._cleaned.put(frame.index, frame.pcm)
        return frame

    def judge(self, index: int, voiced: bool, *, speaking: bool) -> Sequence[int]:
        """Which frames are now known to be voiced by a person, in order: this one, or those that waited."""
        may_echo = self._may_echo(index)
        if not (speaking and may_echo):
            self._apart = _SEARCH_SPEAKING[0]
        if not may_echo:
            return self._settle(index, voiced)
        if voiced and self._is_left_over():
            self.frames_echo += 1
            voiced = False
        if speaking:
            due = voiced and self._lesson is None and index - self._since >= self._apart
            if due and not self._follows():
                self._since = index
                self._look(BLOCK)
            return self._settle(index, voiced)
        if voiced:
            if not self._held:
                self._since = index
            self._held.append(index)
        if not self._held:
            return ()
        waited = index - self._since + 1
        if waited >= _FIRST_SEARCH and waited % _SEARCH_EVERY == 0:
            stretch = min(BLOCK, waited * FRAME_SAMPLES // DECIMATION)
            if self._look(stretch) > _ONLY_ECHO:
                self.frames_echo += len(self._held)
                self._held.clear()
        return self._settle(index, False) if waited >= HOLD_FRAMES else ()

    def _settle(self, index: int, voiced: bool) -> Sequence[int]:
        """All that is held, and the frame `index` where it is voiced, is a person's and not held already."""
        if not self._held:
            return (index,) if voiced else ()
        settled = [*self._held, index] if voiced else list(self._held)
        self._held.clear()
        return settled

    def _may_echo(self, index: int) -> bool:
        if index - self._sounded <= _REACH_FRAMES:
            return True
        while self._unheard:
            sent, pcm = self._unheard.pop()
            if index - sent > _REACH_FRAMES:
                self._unheard.clear()
            elif mean_square(pcm) > _FAINT:
                self._sounded = sent
                self._unheard.clear()
                return True
        return False

    def _is_left_over(self) -> bool:
        """What is left of the frame is what the path could not take out of it."""
        if self._canceller is None:
            return False
        _, taken, left = self._powers
        share = _LEFT_YOUNG if self._age <= _YOUNG_FRAMES else _LEFT
        return bool(left < max(share * taken, _DOUBTED * self._canceller.doubted))

    def _follows(self) -> bool:
        """The known path accounts for most of what is heard."""
        heard, _, left = self._powers
        return self._canceller is not None and bool(left < 0.5 * heard)

    def _cancel(self, canceller: Canceller, frame: AudioFrame) -> AudioFrame:
        assert self.delay_s is not None
        heard = self._heard.last(self._heard.end, FRAME_SAMPLES)
        left = canceller.cancel(self._reference(self.delay_s), heard, learn=self._learns(frame.index))
        power = mean_square(heard)
        if power > _FAINT and mean_square(left) > _MISSED * power:
            self._missed += 1
            if self._missed <= _JUMP_FIRST or self._missed % _JUMP_EVERY == 0:
                left = self._jump(canceller, heard, power, left)
        else:
            self._missed = 0
        self._powers += 0.5 * ((power, mean_square(heard - left), mean_square(left)) - self._powers)
        if self._powers[2] > _WORSE * self._powers[0]:
            self._worse += 1
            if self._worse > _WORSE_FRAMES:
                self._canceller = self.delay_s = None
                self._worse = 0
                self._apart = _SEARCH_SPEAKING[0]
            return frame
        self._worse = 0
        self._age += 1
        return AudioFrame(np.rint(np.clip(left, -32768, 32767)).astype(np.int16), frame.index)

    def _jump(self, canceller: Canceller, heard: Samples, power: float, left: Samples) -> Samples:
        """What is left of a frame that the path misses; where it fits a few frames aside, the delay has jumped."""
        known_s = found_s = self.delay_s
        assert known_s is not None and found_s is not None
        fit = _FITS * power
        for jump_s in _JUMPS_S:
            aside_s = known_s + jump_s
            if not 0.0 <= aside_s <= MAX_DELAY_S:
                continue
            aside = canceller.left(self._reference(aside_s).spectrum, heard)
            if (still := mean_square(aside)) < fit:
                fit, left, found_s = still, aside, aside_s
        if found_s != known_s:
            self.delay_s = found_s
            if self._lesson is not None and self._lesson.delay_s == known_s:  # not one for another delay
                self._lesson.delay_s = found_s
            self._powers[:] = power, mean_square(heard - left), fit
            self._age = 0
        return left

    def _learns(self, index: int) -> bool:
        """A path that is known well enough is kept so with less work."""
        return self._age <= _YOUNG_FRAMES or index % _LEARN_EVERY == 0

    def _played(self, delay_s: float, count: int) -> Samples:
        """The last `count` samples played that a path at `delay_s` sees."""
        return self._sent.last(self._heard.end - round(delay_s * SAMPLE_RATE) + _LEAD, count)

    def _reference(self, delay_s: float) -> Reference:
        return Reference.of(self._played(delay_s, FFT))

    def _look(self, stretch: int) -> float:
        """Look for an echo in the last `stretch` samples heard (at the search's rate), and learn it where there is one.

        The search is made in what is left of them, so that a path which fits badly shows itself.

        Returns:
            The share of what is heard that it accounts for.
        """
        end = self._heard.end
        played = decimate(self._sent.last(end, (BLOCK + REACH) * DECIMATION + MARGIN))

        def share_at(delay_s: float) -> float:
            return explained(played, decimate(self._heard.last(end, stretch * DECIMATION + MARGIN)), delay_s)

        if self._lesson is not None:
            return share_at(self._lesson.delay_s)
        left = decimate(self._cleaned.last(end, BLOCK * DECIMATION + MARGIN))
        found_s, prominence = self._search.search(played, left)
        near = prominence >= _SURE and abs(found_s - self._found_s) <= _SAME_S
        self._apart = _SEARCH_SPEAKING[0] if near else min(2 * self._apart, _SEARCH_SPEAKING[1])
        self._found_s = found_s
        share = 0.0 if self.delay_s is None else share_at(self.delay_s)
        if prominence >= _SURE and share <= _ONLY_ECHO:
            found = share_at(found_s)
            if found > max(share, _LEARN):
                self._learn(found_s)
            share = max(share, found)
        elif prominence >= _SURE and self.delay_s is not None:
            self._learn(self.delay_s)
        return share

    def _learn(self, delay_s: float) -> None:
        """Learn the path at a delay from the last frames: anew, or on from the known one where it holds the delay."""
        known = self._canceller
        if known is not None and self.delay_s is not None and _within(delay_s - self.delay_s, _SAME_PATH_S):
            delay_s = self.delay_s
        else:
            known = None
        heard = self._heard.last(self._heard.end, HEARD)
        self._lesson = Lesson(self._played(delay_s, PLAYED), heard, delay_s, known)

    def _take_lesson(self, lesson: Lesson) -> None:
        """Learn a piece; what is learned serves when the lesson is over."""
        learned = lesson.go_on()
        if learned is None:
            return
        self._lesson = None
        self._canceller, self.delay_s = learned, lesson.delay_s
        self._age = self._worse = self._missed = 0
        left = lesson.left
        self._powers[:] = mean_square(lesson.heard), mean_square(lesson.heard - left), mean_square(left)


def _within(value: float, bounds: tuple[float, float]) -> bool:
    return bounds[0] <= value <= bounds[1]
