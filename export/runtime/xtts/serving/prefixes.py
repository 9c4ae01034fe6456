"""What a voice's latents left in the GPT, so that the next utterance in that voice need not run them again.

They stand first in every prompt and are run by themselves, so what is kept is to the bit what would be computed. It is
somebody's voice: it goes once it has not been used for a while, or at once where that is asked for. Knows no GPT.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from export.runtime.xtts.cache import Kept

Key = bytes


def key(latents: NDArray[np.float32]) -> Key:
    """The same for the same numbers only."""
    return hashlib.blake2b(np.ascontiguousarray(latents).data, digest_size=32).digest()


class Prefixes:
    """At most so many, the least lately used going first. May be used by several threads."""

    def __init__(self, most: int, ttl_s: float, clock: Callable[[], float]) -> None:
        self._most, self._ttl_s, self._clock = most, ttl_s, clock
        self._kept: OrderedDict[Key, tuple[float, Kept]] = OrderedDict()
        self._barred: OrderedDict[Key, float] = OrderedDict()
        """Voices that are to be forgotten, and when that was asked for: one may be speaking at that moment."""
        self._lock = threading.Lock()

    def __len__(self) -> int:
        with self._lock:
            return len(self._kept)

    def get(self, voice: Key) -> Kept | None:
        """What was kept of it, which is not to be changed."""
        with self._lock:
            self._purge()
            if voice not in self._kept:
                return None
            _, kept = self._kept[voice]
            self._keep(voice, kept)
            return kept

    def put(self, voice: Key, kept: Kept) -> None:
        with self._lock:
            self._purge()
            if voice in self._barred:
                return
            self._keep(voice, kept)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)

    def purge(self) -> None:
        """Forget what has not been used for long."""
        with self._lock:
            self._purge()

    def forget(self, voice: Key) -> None:
        """Forget one voice, and keep nothing of it for as long as one is kept at most: who speaks in it goes on."""
        with self._lock:
            self._purge()
            self._kept.pop(voice, None)
            self._barred[voice] = self._clock()
            self._barred.move_to_end(voice)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()

    def _keep(self, voice: Key, kept: Kept) -> None:
        self._kept[voice] = (self._clock(), kept)
        self._kept.move_to_end(voice)

    def _purge(self) -> None:
        oldest = self._clock() - self._ttl_s
        while self._kept and next(iter(self._kept.values()))[0] < oldest:
            self._kept.popitem(last=False)
        while self._barred and next(iter(self._barred.values())) < oldest:
            self._barred.popitem(last=False)
