"""Who is vocoded next, and the thread that does it: whoever has had no sound first, then whoever runs out soonest."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from export.runtime.xtts.config import ModelConfig
from export.runtime.xtts.serving.chunks import Pace
from export.runtime.xtts.serving.cores import Cores
from export.runtime.xtts.serving.settings import Serving
from export.runtime.xtts.serving.track import Track
from export.runtime.xtts.serving.watch import Watch
from export.runtime.xtts.windows import Window

Float = NDArray[np.float32]

Vocode = Callable[[Window, Float], Float]
"""(window, speaker) to what is new of its sound: `export.runtime.xtts.vocoder.Vocoder`."""


def chosen(tracks: Iterable[Track], *, overlap: bool) -> Track | None:
    """Whose turn it is: an end to be told (also where nothing is said: both cost nothing), a first chunk by order of
    admission, then whoever runs out of sound next.

    Without `overlap` what is vocoded keeps the GPT from its work, so nothing but ends and first chunks is due as long
    as somebody who has a slot has had no sound.
    """
    tracks = list(tracks)
    held = not overlap and is_awaited(tracks)
    due = [track for track in tracks if track.ending or (not (held and track.began) and track.is_due())]
    return min(due, key=lambda track: (not (track.ending or track.complete), track.began, track.runs_out), default=None)


def is_awaited(tracks: Iterable[Track]) -> bool:
    """Whether somebody who has a slot has had no sound."""
    return any(track.has_slot and not track.began for track in tracks)


def most_s(tracks: Sequence[Track], serving: Serving) -> float:
    """Seconds of sound that a chunk may have by now: many where many wait for theirs, few where somebody may come."""
    crowded = 2 * sum(track.has_slot for track in tracks) >= serving.slots
    return serving.most_s if crowded and not is_awaited(tracks) else serving.hurried_s


class Vocoding:
    """A thread that makes sound of what tracks hold."""

    def __init__(
        self,
        vocode: Vocode,
        cores: Cores,
        config: ModelConfig,
        serving: Serving,
        watch: Watch,
        clock: Callable[[], float],
        ended: Callable[[], None],
    ) -> None:
        """`ended` is called when a track is over."""
        self._vocode, self._cores, self._serving = vocode, cores, serving
        self._watch, self._clock, self._ended = watch, clock, ended
        self._frame_s = config.hop / config.output_rate
        self._pace = Pace()
        self._tracks: list[Track] = []
        self._changed = threading.Condition()
        self._woken = self._stopping = False
        self._thread = threading.Thread(target=self._run, name="vocoding", daemon=True)
        self._thread.start()

    def add(self, track: Track) -> None:
        """Make sound of `track` from now on."""
        with self._changed:
            self._tracks.append(track)
        self.wake()

    def wake(self) -> None:
        """There may be more to do."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def stop(self, timeout_s: float) -> bool:
        """Tell of all ends that are to be told, then end the thread; whether it did in time."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def end_all(self, error: BaseException) -> None:
        """All that are not over fail."""
        with self._changed:
            tracks = list(self._tracks)
        for track in tracks:
            track.fail(error if isinstance(error, Exception) else RuntimeError(repr(error)))

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._woken or self._stopping)
                self._woken = False
                tracks = list(self._tracks)
            try:
                track = chosen(tracks, overlap=self._serving.overlap)
            except Exception as error:  # noqa: BLE001 - nobody may be left waiting
                self.end_all(error)
                continue
            if track is not None:
                self._serve(track, tracks)
                self.wake()
            elif self._stopping:
                return

    def _serve(self, track: Track, tracks: list[Track]) -> None:
        try:
            if not track.ending and track.gone():
                track.drop()
            if track.ending:
                track.end()
            else:
                self._sound(track, tracks)
        except Exception as error:  # noqa: BLE001 - the listener must hear of it, and the others go on
            track.fail(error)
        if track.over:
            with self._changed:
                self._tracks.remove(track)
            self._ended()

    def _sound(self, track: Track, tracks: list[Track]) -> None:
        window = track.next(most_s(tracks, self._serving))
        sound = np.zeros(0, np.float32)
        if window is not None:
            with self._cores.lent():
                began = self._clock()
                sound = self._vocode(window, track.speaker)
            seconds = self._clock() - began
            self._pace.vocoded(window.work * self._frame_s, seconds)
            self._watch.vocoded(window.work, seconds)
        track.deliver(sound, vocoding=(self._pace.vocoding or 0.0) * len(tracks))
