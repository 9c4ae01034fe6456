"""The way through an enrolment: a number, consent, three recordings, a voice. What is not whole is not kept.

Knows what is said and heard on the line, and the keeper of voices; knows no channel.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from enum import StrEnum
from typing import Final

import numpy as np

from controller.enrolment.hearing import what_to_say
from controller.enrolment.line import Line
from controller.enrolment.sentences import CONSENT_TEXT, MANNERS, Sentence
from controller.errors import EngineError, UsageError, VoiceError
from controller.frames import SAMPLE_RATE
from controller.voices.calibration import NotEnough
from controller.voices.keeper import Keeper, Person
from controller.voices.npz import Card
from controller.voices.profile import Consent, Profile
from controller.voices.quality import LONGEST_S, Take, listen
from controller.voices.store import now

log = logging.getLogger(__name__)

TRIES: Final = 3
"""At each recording; and so often all of them are tried together."""

ASKED: Final = 2
"""So often the question for consent is put."""

PATIENCE_S: Final = 8.0
"""For the answer, after it has been put."""

YES, NO = "1", "2"

HIDDEN: Final = frozenset(("anonymous", "private", "restricted", "unavailable", "unknown"))
"""What phones and providers send in the place of a number: everybody's, so nobody's."""

_PLAIN: Final = re.compile(r"[a-z0-9]{1,40}")


class Outcome(StrEnum):
    """How an enrolment ended."""

    ENROLLED = "enrolled"
    DECLINED = "declined"
    """They did not agree, or did not answer"""
    NO_NUMBER = "no_number"
    NOT_KEPT = "not_kept"
    """No voices are kept here"""
    TAKEN = "taken"
    """The number's voice is another's, or it cannot be told whether it is theirs"""
    FAILED = "failed"
    HUNG_UP = "hung_up"


class Unusable(VoiceError):
    """They could not be recorded."""

    def __init__(self, message: str, sentence: Sentence) -> None:
        """`sentence`: what was wrong the last time, and has not been told yet."""
        super().__init__(message)
        self.sentence = sentence


class Interview:
    """With one caller."""

    def __init__(self, line: Line, keeper: Keeper, number: str) -> None:
        """`number`: the caller's, empty where it is not known."""
        self.outcome = Outcome.HUNG_UP
        """What it comes to if it is given up now: once a voice is kept, that is what happened."""
        self._line = line
        self._keeper = keeper
        self._number = number

    async def run(self) -> Outcome:
        """From the first word to the last; what goes wrong is told them, and is an outcome."""
        why: list[Sentence] = []
        try:
            outcome = await self._enrol()
        except (NotEnough, Unusable) as error:
            log.info("nobody enrols from %s: %s", self._number, error)
            outcome = Outcome.FAILED
            why.append(error.sentence if isinstance(error, Unusable) else Sentence.ANOTHER)
        except (EngineError, VoiceError, UsageError) as error:
            log.warning("an enrolment from %s failed: %s", self._number or "an unknown number", error)
            outcome = Outcome.FAILED
        if outcome is Outcome.FAILED:
            try:
                for sentence in (*why, Sentence.FAILED):
                    await self._line.say(sentence)
            except EngineError as error:  # the voice itself may be what is wrong
                log.debug("that could not be told: %s", error)
        self.outcome = outcome
        return outcome

    async def _enrol(self) -> Outcome:
        line = self._line
        name = voice_name(self._number)
        if not name:
            await line.say(Sentence.NO_NUMBER)
            return Outcome.NO_NUMBER
        before = self._owner()
        if before is None and self._keeper.library.card(name) is not None:  # somebody's who never called from here
            await line.say(Sentence.TAKEN)
            return Outcome.TAKEN
        if not await self._agreed():
            await line.say(Sentence.DECLINED)
            return Outcome.DECLINED
        consent = Consent(who=self._number, given=now(), how="phone", text=CONSENT_TEXT)
        takes = [await self._recorded(number) for number in range(len(MANNERS))]
        for attempt in range(TRIES):
            await line.say(Sentence.MOMENT)
            if before is not None and not await self._theirs(before, takes):
                await line.say(Sentence.TAKEN)
                return Outcome.TAKEN
            try:
                await self._keep(name, before, takes, consent)
            except NotEnough as error:
                if attempt + 1 == TRIES:
                    raise
                for refusal in error.calibration.refused:
                    await line.say(Sentence.ANOTHER)
                    takes[refusal.number - 1] = await self._recorded(refusal.number - 1)
            else:
                break
        self.outcome = Outcome.ENROLLED
        await line.say(Sentence.DONE)
        return Outcome.ENROLLED

    async def _agreed(self) -> bool:
        for _ in range(ASKED):
            log.info("enrolment from %s: consent is asked for", self._number)
            if (key := await self._line.ask(Sentence.CONSENT, YES + NO, PATIENCE_S)) is not None:
                return key == YES
        return False

    async def _recorded(self, number: int) -> Take:
        """One recording that can be used.

        Raises:
            Unusable: none of a few could be.
        """
        sentence = MANNERS[number]
        for _ in range(TRIES):
            await self._line.say(sentence)
            log.info("enrolment from %s: %s is recorded", self._number, MANNERS[number].value)
            take = (await self._line.record()).take(MANNERS[number].value)
            heard = await asyncio.to_thread(listen, take)
            trouble = what_to_say(heard)
            if trouble is None:
                return take
            sentence = trouble
        raise Unusable(f"{MANNERS[number].value}, the last of {TRIES} times: {heard.trouble}", sentence)

    def _owner(self) -> Card | None:
        """Whose number it is already."""
        cards = self._keeper.library.cards
        return next((one for one in cards if self._number in one.callers), None)

    async def _theirs(self, before: Card, takes: list[Take]) -> bool:
        """Whether they are who enrolled from this number: numbers can be forged, and a voice must not be lost to one
        who does. Where nothing is left of it, there is nothing to lose.

        They are told by all that they said, as on a call: by 3 s alone a telephone's owner is missed one time in five.
        That all of it is one person's, the calibration looks for itself.
        """
        if not before.clips:
            return True
        try:
            verdict = await self._keeper.verify(before.name, together(takes))
        except (UsageError, VoiceError) as error:
            log.warning("it cannot be told whether the voice %s is theirs who call: %s", before.name, error)
            return False
        return verdict.same

    async def _keep(self, name: str, before: Card | None, takes: list[Take], consent: Consent) -> None:
        """
        Raises:
            NotEnough: they are not three of one person.
            VoiceError, EngineError: as the keeper's.
        """
        made = await self._keeper.listened(takes)
        made.check()
        person = Person(self._number, (self._number,), (self._line.language,), consent)
        keeping = asyncio.ensure_future(
            self._keeper.keep(before.name if before else name, made, person, over=before.version if before else None)
        )
        try:
            await asyncio.shield(keeping)
        except asyncio.CancelledError:
            await self._take_back(keeping, before)
            raise

    async def _take_back(self, keeping: asyncio.Future[Profile], before: Card | None) -> None:
        """They hung up while it was written, which no thread can be kept from: it goes again.

        Where it has replaced a voice of theirs it stays: the old one is gone, and they agreed to this one, too.
        """
        try:
            kept = await keeping
            if before is None:
                await self._keeper.delete(kept.name)
            elif not before.clips:
                await self._keeper.revoke(kept.name)
        except (EngineError, VoiceError) as error:
            log.warning("somebody hung up at %s while their voice was written: %s", self._number, error)


def together(takes: list[Take]) -> Take:
    """All of them as one, as much of each as fits into what an encoder takes."""
    share = round(LONGEST_S / len(takes) * SAMPLE_RATE)
    return Take("all of it", np.concatenate([one.pcm[:share] for one in takes]), SAMPLE_RATE)


def voice_name(number: str) -> str:
    """What the voice of a number is called, no two alike; empty where there is no number."""
    plain = re.sub(r"[^a-z0-9]", "", number.lower())
    if not plain or number.lower() in HIDDEN:
        return ""
    if _PLAIN.fullmatch(number):
        return f"tel-{number}"
    return f"tel-{plain[:40]}-{hashlib.sha256(number.encode()).hexdigest()[:8]}"
