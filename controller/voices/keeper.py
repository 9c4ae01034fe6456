"""What can be done with voices: enrol, calibrate, verify, find, consent, revoke, delete, make anew for another model.

The API and the command line both ask this, so that both do the same. Knows store, library and encoders; knows no HTTP.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from controller.engines.embed import VoiceEncoders
from controller.errors import EngineError, VoiceError
from controller.triton.contracts import Latents
from controller.voices import npz
from controller.voices.calibration import Calibration, Refusal, calibrate, probe
from controller.voices.library import Library
from controller.voices.likeness import thresholds
from controller.voices.profile import Consent, Profile, check_name
from controller.voices.quality import Take
from controller.voices.store import Changed, NoVoice, VoiceStore, now
from controller.voices.verdict import Verdict, judged

log = logging.getLogger(__name__)

MOST_FOUND: Final = 10


@dataclass(frozen=True, slots=True)
class Person:
    """Whose voice it is."""

    user: str = ""
    callers: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    consent: Consent | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """What became of a voice that must leave nothing."""

    name: str
    untold: str | None
    """Why what speaks could not be told to forget it, in a sentence; None where it was"""

    def told(self) -> dict[str, Any]:
        return {"name": self.name, "server_told": self.untold is None, "trouble": self.untold}


class Keeper:
    """Of the voices in one library."""

    def __init__(self, library: Library, encoders: VoiceEncoders, verified: Mapping[str, float] | None = None) -> None:
        """`verified`: see `likeness.thresholds`."""
        self.library = library
        self._encoders = encoders
        self._verified = verified or {}

    @property
    def store(self) -> VoiceStore:
        return self.library.store

    async def enrol(self, name: str, given: Sequence[Take | Refusal], person: Person) -> tuple[Profile, Calibration]:
        """Make a new voice of recordings.

        Raises:
            NotEnough: too few of them can be used.
            Changed: there is a voice of that name.
            VoiceError: it cannot be kept.
            EngineError: an encoder failed.
        """
        check_name(name)
        made = await self.listened(given)
        return await self.keep(name, made, person), made

    async def listened(self, given: Sequence[Take | Refusal]) -> Calibration:
        """What could be made of recordings; nothing is kept of them yet.

        Raises:
            EngineError: an encoder failed.
        """
        return await calibrate(given, self._encoders, self._verified)

    async def keep(self, name: str, made: Calibration, person: Person, *, over: int | None = None) -> Profile:
        """Keep what was made of recordings, as a voice. Not to be cancelled: what a thread writes is written.

        Args:
            over: in the place of this version of the voice of that name, which stays until the new one is written.
                Whose it is stays, unless nothing is left of it.
        Raises:
            NotEnough: it is made of too few.
            Changed: there is a voice of that name, or (`over`) somebody else was sooner: they revoked it, say.
            NoVoice: (`over`) there is none.
            VoiceError: it cannot be kept, or what is in its place cannot be read.
        """
        made.check()
        if over is None:
            profile = Profile(
                name=check_name(name),
                version=0,
                created=now(),
                user=person.user,
                callers=person.callers,
                languages=person.languages,
                consent=person.consent,
                encoders=made.encoders,
                clips=made.clips,
            )
            return self._known(await asyncio.to_thread(self.store.create, profile))
        before = await asyncio.to_thread(self.store.get, name)
        if before.version != over:
            raise Changed(f"The voice {name} was changed or revoked meanwhile: nothing is kept.")
        if not before.clips:  # whoever it was has revoked it: nothing shows that this is the same person
            before = replace(before, user=person.user, callers=person.callers, languages=())
        fresh = replace(
            before,
            created=now(),
            languages=tuple(dict.fromkeys((*before.languages, *person.languages))),
            encoders=made.encoders,
            clips=made.clips,
            consent=person.consent,
        )
        kept = await self._changed(fresh)
        await self._forget(before)
        return kept

    async def calibrate(
        self, name: str, given: Sequence[Take | Refusal], *, keep: bool = True
    ) -> tuple[Profile, Calibration]:
        """Make a voice anew of other recordings.

        Args:
            keep: otherwise they are only looked at, and nothing changes.
        Raises:
            NoVoice: there is none of that name.
            NotEnough, VoiceError, EngineError: as `enrol`.
        """
        before = await asyncio.to_thread(self.store.get, name)
        made = await self.listened(given)
        if not keep:
            return before, made
        made.check()
        await self._forget(before)
        return await self._changed(replace(before, created=now(), encoders=made.encoders, clips=made.clips)), made

    async def rebuild(self, name: str) -> tuple[Profile, Calibration]:
        """Make a voice anew of its own recordings, for models that have come since.

        Raises:
            VoiceError: its recordings were not kept, or as `calibrate`.
        """
        before = await asyncio.to_thread(self.store.get, name)
        if not before.has_recordings:
            raise VoiceError(
                f"The recordings of the voice {name} were not kept, since no key was set (voices.key) when it was "
                "made: enrol it anew."
            )
        given = [Take(one.name, one.pcm, one.rate) for one in before.clips if one.pcm is not None]
        return await self.calibrate(name, given)

    async def verify(self, name: str, one: Take) -> Verdict:
        """Whether a recording is that of the voice's owner.

        Raises:
            NoClaim: nothing can be said, by this encoder.
            VoiceError: the voice was made by another encoder, or cannot be read.
            AudioFileError: the recording cannot be used.
            EngineError: the encoder failed.
        """
        return await judged(await self.library.load(name), one, self._encoders, self._verified)

    async def similar(self, one: Take, most: int = MOST_FOUND) -> list[tuple[str, float]]:
        """The voices that are most like a recording, and how much, the first the most.

        Raises:
            NoClaim, AudioFileError, EngineError: as `verify`.
        """
        heard = await probe(one, self._encoders)
        thresholds(heard.encoder, heard.band, self._verified)
        wideband = heard.identity[0] if heard.band == "wideband" else None
        return self.library.nearest(heard.encoder, heard.identity[1], wideband, most)

    async def similar_to(self, name: str, most: int = MOST_FOUND) -> list[tuple[str, float]]:
        """The other voices that are most like one of them.

        Raises:
            NoVoice: there is none of that name.
            NoClaim: nothing can be said, by its encoder.
        """
        card = self.library.card(name)
        if card is None or card.encoders is None:
            raise NoVoice(f"There is no voice {name}, or nothing is left of it.")
        thresholds(card.encoders.identity, "wideband" if card.wideband else "telephone", self._verified)
        wideband = card.identity[0] if card.wideband else None
        found = self.library.nearest(card.encoders.identity, card.identity[1], wideband, most + 1)
        return [one for one in found if one[0] != name][:most]

    async def consent(self, name: str, consent: Consent) -> Profile:
        """Note that a voice's owner agrees to its use.

        Raises:
            NoVoice: there is none of that name.
            VoiceError: nothing is left of it, or it cannot be kept.
        """
        before = await asyncio.to_thread(self.store.get, name)
        if not before.clips:
            raise VoiceError(f"Nothing is left of the voice {name}, since its consent was revoked: enrol it anew.")
        return await self._changed(replace(before, consent=consent))

    async def revoke(self, name: str) -> Gone:
        """Note that a voice's owner agrees no more, and leave nothing of the voice anywhere.

        Raises:
            NoVoice: there is none of that name.
            VoiceError: the store does not work.
        """
        timbres = await self._timbres(name)
        empty = await asyncio.to_thread(self.store.revoke, name)
        self._known(empty)
        return Gone(name, await self._told_to_forget(timbres))

    async def delete(self, name: str) -> Gone:
        """Leave nothing of a voice, nor of whose it was.

        Raises:
            NoVoice: there is none of that name.
            VoiceError: the store does not work.
        """
        timbres = await self._timbres(name)
        await asyncio.to_thread(self.store.remove, name)
        self.library.forget(name)
        return Gone(name, await self._told_to_forget(timbres))

    # What all of them need

    async def _changed(self, profile: Profile) -> Profile:
        return self._known(await asyncio.to_thread(self.store.update, profile))

    def _known(self, profile: Profile) -> Profile:
        self.library.know(npz.card(profile))
        return profile

    async def _forget(self, before: Profile) -> None:
        """What is told here is only told: nobody has revoked anything."""
        if trouble := await self._told_to_forget(before.timbres):
            log.info("%s", trouble)

    async def _timbres(self, name: str) -> list[Latents | None]:
        """All that what speaks may have kept of a voice; [None], everything, where nobody can tell."""
        try:
            profile = await asyncio.to_thread(self.store.get, name)
        except NoVoice:
            raise
        except VoiceError:  # damaged, or of another key: it must go all the same
            return [None]
        return list(profile.timbres)

    async def _told_to_forget(self, timbres: Sequence[Latents | None]) -> str | None:
        try:
            for one in timbres:
                await self._encoders.forget(one)
        except EngineError as error:
            return (
                f"What speaks could not be told to forget the voice ({str(error).rstrip('.')}): it forgets it by "
                "itself 10 minutes after it last spoke in it."
            )
        return None
