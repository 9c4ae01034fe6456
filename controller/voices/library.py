"""Profiles in memory, for who must not wait: what is known of all of them, and the latest that were spoken with.

It looks at the store every few seconds, so that what another process enrols, changes or deletes is known here, too, and
what is gone there goes here. Used by one event loop; only what is `async` waits for a disk.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from controller.errors import VoiceError
from controller.voices.npz import Card
from controller.voices.profile import IDENTITY_WIDTH, Encoder, Profile, Vectors
from controller.voices.store import NoVoice, Seen, VoiceStore

log = logging.getLogger(__name__)

REFRESH_S: Final = 2.0
"""How long a voice that was deleted elsewhere may be known here."""

CACHED: Final = 64
"""Voices that are held whole: 0.3 MB each, without recordings."""


class Library:
    """The voices of one store."""

    def __init__(self, store: VoiceStore, cached: int = CACHED, refresh_s: float = REFRESH_S) -> None:
        self.store = store
        self.broken: dict[str, str] = {}
        """Voices that cannot be read, and why."""
        self._most = cached
        self._refresh_s = refresh_s
        self._cards: dict[str, Card] = {}
        self._callers: dict[str, str] = {}
        self._held: OrderedDict[str, Profile] = OrderedDict()
        self._loading: dict[str, asyncio.Task[Profile]] = {}
        self._epoch = 0
        """Counts what was forgotten: what was read before that is not held."""
        self._seen: dict[str, Seen] = {}
        """What was read, and what cannot be: neither is tried again."""
        self._matrices: dict[Encoder, _Matrix] = {}
        self._watching: asyncio.Task[None] | None = None
        self._complained = ""

    # Without waiting

    @property
    def names(self) -> list[str]:
        return sorted(self._cards)

    @property
    def cards(self) -> list[Card]:
        """What is known of all voices, by name."""
        return [self._cards[name] for name in self.names]

    def card(self, name: str) -> Card | None:
        return self._cards.get(name)

    def whose(self, *, name: str = "", caller: str = "") -> Card | None:
        """The voice that a call shall speak with: by the name that it was given, or else by the caller's number; None
        where there is none that may be used."""
        card = self._cards.get(name or self._callers.get(caller, ""))
        return card if card is not None and card.usable is None else None

    def held(self, name: str) -> Profile | None:
        """A voice that may be used, if it is here; otherwise it begins to be fetched, for the next who asks."""
        card = self._cards.get(name)
        if card is None or card.usable is not None:
            return None
        if name in self._held:
            self._held.move_to_end(name)
            return self._held[name]
        self._fetch(name)
        return None

    def nearest(
        self, encoder: Encoder, telephone: NDArray[np.float32], wideband: NDArray[np.float32] | None, most: int
    ) -> list[tuple[str, float]]:
        """Those voices that sound most alike, and how much (cosine), the first the most; of one encoder's only.

        Args:
            telephone: who is looked for, float32[256], as through a telephone line.
            wideband: the same as it was, where that was more; voices of which more is known are compared by it.
        """
        if encoder not in self._matrices:
            self._matrices[encoder] = _Matrix(
                [card for card in self._cards.values() if card.clips and _made_by(card) == encoder]
            )
        return self._matrices[encoder].nearest(telephone, wideband, most)

    def forget(self, name: str) -> None:
        """Keep nothing of a voice."""
        self._epoch += 1
        self._held.pop(name, None)
        self.broken.pop(name, None)
        self._seen.pop(name, None)
        if card := self._cards.pop(name, None):
            self._changed(card)

    # Waiting

    async def open(self) -> None:
        """Know all voices, and what becomes of them from now on; a store that does not work yet is looked at again."""
        try:
            await asyncio.to_thread(self.store.sweep)
            await self.refresh()
        except VoiceError as error:
            self._complain(error)
        self._watching = asyncio.create_task(self._watch(), name="voices")

    async def close(self) -> None:
        tasks = [*self._loading.values(), *([self._watching] if self._watching else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def load(self, name: str) -> Profile:
        """A voice, whole; it is held from now on, unless others are wanted more.

        Raises:
            NoVoice: there is none.
            VoiceError: it cannot be read.
        """
        if name in self._held:
            self._held.move_to_end(name)
            return self._held[name]
        return await asyncio.shield(self._fetch(name))

    async def refresh(self) -> None:
        """Look at the store.

        Raises:
            VoiceError: it does not work.
        """
        before = self._epoch
        there = await asyncio.to_thread(self.store.seen)
        if self._epoch != before:  # it is looked at again soon
            return
        for name in (self._cards.keys() | self._seen.keys() | self._held.keys()) - there.keys():
            self.forget(name)
        fresh = {name: seen for name, seen in there.items() if self._seen.get(name) != seen}
        before = self._epoch
        read, broken = await asyncio.to_thread(_read, self.store, fresh)
        if self._epoch != before:
            return
        for card in read:
            self._know(card)
        for name, why in broken.items():
            log.error("the voice %s cannot be used: %s", name, why)
            self.forget(name)
            self.broken[name] = why
        self._seen.update(fresh)

    def know(self, card: Card) -> None:
        """A voice was made or changed here: nobody need wait until that is seen."""
        self.forget(card.name)
        self._know(card)

    def _know(self, card: Card) -> None:
        self.broken.pop(card.name, None)
        if (known := self._cards.get(card.name)) is not None:
            if not _same(known, card):
                self._epoch += 1
                self._held.pop(card.name, None)
            self._changed(known)
        self._cards[card.name] = card
        self._changed(card)
        self._callers.update(dict.fromkeys(card.callers, card.name))

    def _changed(self, card: Card) -> None:
        for caller in card.callers:
            if self._callers.get(caller) == card.name:
                del self._callers[caller]
        if (encoder := _made_by(card)) is not None:
            self._matrices.pop(encoder, None)

    def _fetch(self, name: str) -> asyncio.Task[Profile]:
        if name not in self._loading:
            task = asyncio.create_task(self._fetched(name), name=f"loading the voice {name}")
            self._loading[name] = task
            task.add_done_callback(lambda _: self._loading.pop(name, None))
            task.add_done_callback(_heard)
        return self._loading[name]

    async def _fetched(self, name: str) -> Profile:
        before = self._epoch
        profile = await asyncio.to_thread(_without_recordings, self.store, name)
        if self._epoch == before:
            self._held[name] = profile
            while len(self._held) > self._most:
                self._held.popitem(last=False)
        return profile

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._refresh_s)
            try:
                await self.refresh()
            except VoiceError as error:
                self._complain(error)
            except Exception as error:  # whatever a kind of store raises: what is revoked must be noticed once it works
                if str(error) != self._complained:
                    log.exception("voices are used as they were last known")
                self._complained = str(error)
            else:
                self._complained = ""

    def _complain(self, error: VoiceError) -> None:
        """Once: it is tried every few seconds."""
        if str(error) != self._complained:
            log.warning("voices are used as they were last known: %s", error)
        self._complained = str(error)


class _Matrix:
    """Who is who, of all voices that one encoder made, one product away."""

    def __init__(self, cards: Iterable[Card]) -> None:
        cards = list(cards)
        self._names = [card.name for card in cards]
        self._identities = np.stack([card.identity for card in cards], axis=1) if cards else _none()
        self._wideband = np.array([card.wideband for card in cards], np.bool_)

    def nearest(
        self, telephone: NDArray[np.float32], wideband: NDArray[np.float32] | None, most: int
    ) -> list[tuple[str, float]]:
        alike = self._identities[1] @ telephone
        if wideband is not None:
            alike = np.where(self._wideband, self._identities[0] @ wideband, alike)
        order = np.argsort(-alike, kind="stable")[:most]
        return [(self._names[place], float(alike[place])) for place in order]


def _none() -> Vectors:
    return np.zeros((2, 0, IDENTITY_WIDTH), np.float32)


def _made_by(card: Card) -> Encoder | None:
    return card.encoders.identity if card.encoders else None


def _same(one: Card, other: Card) -> bool:
    """Whether both are of one version of one voice: after a deletion versions begin anew."""
    return (one.version, one.created) == (other.version, other.created) and np.array_equal(one.identity, other.identity)


def _read(store: VoiceStore, wanted: Mapping[str, Seen]) -> tuple[list[Card], dict[str, str]]:
    """Those cards that can be read, and why the others cannot."""
    read, broken = [], {}
    for name, seen in wanted.items():
        try:
            read.append(store.card(name, seen.version))
        except NoVoice:  # just gone
            continue
        except VoiceError as error:
            broken[name] = str(error)
    return read, broken


def _without_recordings(store: VoiceStore, name: str) -> Profile:
    found = store.get(name)
    return replace(found, clips=tuple(replace(one, pcm=None, rate=0) for one in found.clips))


def _heard(task: asyncio.Task[Profile]) -> None:
    """Who fetched in passing asks nobody how it went; the log is told."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.info("%s: %s", task.get_name(), error)
