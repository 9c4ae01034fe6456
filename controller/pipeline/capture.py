"""The first stage of a speaker, inside the tick: frames off the wire, onto the call's clock, into utterances."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

from controller.audio.vad import Endpointer
from controller.frames import SILENCE, AudioFrame, Pcm
from controller.media_clock import ON_TIME_FRAMES, MediaClock
from controller.messages import VoiceEvent
from controller.pipeline.queues import BoundedQueue, Overflow

INPUT_FRAMES = 50
"""Capacity of the input queue: one second."""

ASR_EVENTS = 500
"""Capacity of the recogniser's queue: ten seconds."""

_PASS_ON_MARGIN = 1
"""Frames held back of the original, so that a frame a little late leaves no gap in it."""

_PASS_ON_MOST = 4
"""More than this is a burst: the oldest goes, so that the original never lags."""


class Capture:
    """Takes what has arrived for one leg at each tick.

    Every input frame is consumed or dropped for a reason: `overflow` where the tick did not come in time, `late`
    where there was no place for it on the clock, `asr` where the recogniser fell behind, `hold` and `switched_off`
    where it was not listened to.
    """

    def __init__(
        self,
        clock: MediaClock,
        endpointer: Endpointer,
        tap: Callable[[AudioFrame], None] | None = None,
        listener: Callable[[VoiceEvent], None] | None = None,
    ) -> None:
        """
        Args:
            tap: shown every frame that is listened to as it came, silence that was filled in included.
            listener: given what the recogniser is given.
        """
        self.arrived = 0
        self.filled = 0
        self.held = False
        self.switched_off = False
        """While the line is on hold, or nobody is to be interpreted, the clock goes on and the others hear what comes,
        but the recogniser gets silence: an utterance under way ends there, and none begins."""
        self.dropped: Counter[str] = Counter()
        self.lost = 0
        """All that were dropped, for whatever reason."""
        self.input: BoundedQueue[Pcm] = BoundedQueue(
            "input", INPUT_FRAMES, Overflow.DROP_OLDEST, lambda _: self._drop("overflow")
        )
        self.asr: BoundedQueue[VoiceEvent] = BoundedQueue("asr", ASR_EVENTS, Overflow.DROP_OLDEST, self._drop_event)
        self._dropped_to = -1
        """Index of the last frame that the recogniser did not get."""
        self._tap = tap
        self._listener = listener
        self.clock = clock
        self._endpointer = endpointer
        self._guard = endpointer.guard
        self._pass_on: deque[Pcm] = deque(maxlen=_PASS_ON_MOST)
        self._holding = True

    @property
    def echo_frames(self) -> int:
        """Voiced frames that were the speaker's own phone playing what it was sent."""
        return 0 if self._guard is None else self._guard.frames_echo

    def push(self, pcm: Pcm) -> None:
        """A frame came off the wire."""
        self.arrived += 1
        self.input.put_nowait(pcm)

    def tick(self, now_s: float) -> None:
        """Consume what is at hand, fill what is given up, feed the recogniser."""
        room = self.clock.room(now_s)
        if waiting := len(self.input):
            # After a gap in the network all that was held up comes at once: the oldest has lost its place.
            # (What comes too much where nothing was missing has no place yet: kept, it would make what follows lag.)
            for _ in range(waiting - room):
                self.input.get_nowait()
                self._drop("late")
            for _ in range(min(waiting, room)):
                pcm = self.input.get_nowait()
                assert pcm is not None
                self._consume(AudioFrame(pcm, self.clock.take()), now_s)
        if room > ON_TIME_FRAMES and self.clock.behind(now_s):
            for index in self.clock.fill(now_s):
                self.filled += 1
                self._consume(AudioFrame(SILENCE, index, filled=True), now_s)

    def original(self) -> Pcm | None:
        """The speaker's own voice for this tick, for those who listen; None where there is none."""
        waiting = len(self._pass_on)
        self._holding = waiting <= _PASS_ON_MARGIN if self._holding else not waiting
        return None if self._holding else self._pass_on.popleft()

    def _consume(self, frame: AudioFrame, now_s: float) -> None:
        cleaned = frame if self._guard is None else self._guard.clean(frame)
        self._pass_on.append(cleaned.pcm)
        if self.held or self.switched_off:
            self._drop("hold" if self.held else "switched_off", not frame.filled)
            frame = cleaned = AudioFrame(SILENCE, frame.index, filled=True)
        if self._tap is not None:
            self._tap(frame)
        for event in self._endpointer.feed(cleaned, now_s):
            self.asr.put_nowait(event)
            if self._listener is not None:
                self._listener(event)

    def _drop_event(self, event: VoiceEvent) -> None:
        """The oldest that waits for the recogniser goes. What arrived counts once, though it be given again."""
        if isinstance(event, AudioFrame) and event.index > self._dropped_to:
            self._dropped_to = event.index
            self._drop("asr", not event.filled)

    def _drop(self, reason: str, is_frame: bool = True) -> None:
        self.dropped[reason] += is_frame
        self.lost += is_frame
