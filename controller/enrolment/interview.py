"""The way through an enrolment: a number, consent, three recordings, a voice. What is not whole is not kept.

Knows what is said and heard on the line, and the keeper of voices; knows no channel.
"""

from __future__ import annotations

import asyncio
import logging
import re
from enum import StrEnum
from typing import Final

from controller.enrolment.hearing import what_to_say
from controller.enrolment.line import Line
from controller.enrolment.sentences import CONSENT_TEXT, MANNERS, Sentence
from controller.errors import EngineError, UsageError, VoiceError
from controller.voices.calibration import NotEnough
from controller.voices.keeper import Keeper, Person
from controller.voices.npz import Card
from controller.voices.profile import Consent
from controller.voices.quality import Take, listen
from controller.voices.store import now

log = logging.getLogger(__name__)

TRIES: Final = 3
"""At each recording; and so often all of them are tried together."""

ASKED: Final = 2
"""So often the question for consent is put."""

PATIENCE_S: Final = 8.0
"""For the answer, after it has been put."""

YES, NO = "1", "2"


class Outcome(StrEnum):
    """How an enrolment ended."""

    ENROLLED = "enrolled"
    DECLINED = "declined"
    """They did not agree, or did not answer"""
    NO_NUMBER = "no_number"
    TAKEN = "taken"
    """The number's voice is another's, or it cannot be told whether it is theirs"""
    FAILED = "failed"
    HUNG_UP = "hung_up"


class Unusable(VoiceError):
    """They could not be recorded."""


class Interview:
    """With one caller."""

    def __init__(self, line: Line, keeper: Keeper, number: str) -> None:
        """`number`: the caller's, empty where it is not known."""
        self._line = line
        self._keeper = keeper
        self._number = number

    async def run(self) -> Outcome:
        """From the first word to the last; what goes wrong is told them, and is an outcome."""
        try:
            outcome = await self._enrol()
        except (NotEnough, Unusable) as error:
            log.info("nobody enrols from %s: %s", self._number, error)
            outcome = Outcome.FAILED
        except (EngineError, VoiceError, UsageError) as error:
            log.warning("an enrolment from %s failed: %s", self._number or "an unknown number", error)
            outcome = Outcome.FAILED
        if outcome is Outcome.FAILED:
            try:
                await self._line.say(Sentence.FAILED)
            except EngineError as error:  # the voice itself may be what is wrong
                log.debug("that could not be told: %s", error)
        return outcome

    async def _enrol(self) -> Outcome:
        line = self._line
        name = voice_name(self._number)
        if not name:
            await line.say(Sentence.NO_NUMBER)
            return Outcome.NO_NUMBER
        if not await self._agreed():
            await line.say(Sentence.DECLINED)
            return Outcome.DECLINED
        consent = Consent(who=self._number, given=now(), how="phone", text=CONSENT_TEXT)
        takes = [await self._recorded(number) for number in range(len(MANNERS))]
        before = self._owner()
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
        raise Unusable(f"{MANNERS[number].value}, the last of {TRIES} times: {heard.trouble}")

    def _owner(self) -> Card | None:
        """Whose number it is already."""
        cards = self._keeper.library.cards
        return next((one for one in cards if self._number in one.callers), None)

    async def _theirs(self, before: Card, takes: list[Take]) -> bool:
        """Whether they are who enrolled from this number: numbers can be forged, and a voice must not be lost to one
        who does. Where nothing is left of it, there is nothing to lose."""
        if not before.clips:
            return True
        try:
            verdicts = [await self._keeper.verify(before.name, one) for one in takes]
        except (UsageError, VoiceError) as error:
            log.warning("it cannot be told whether the voice %s is theirs who call: %s", before.name, error)
            return False
        return all(one.same for one in verdicts)

    async def _keep(self, name: str, before: Card | None, takes: list[Take], consent: Consent) -> None:
        """
        Raises:
            NotEnough: they are not three of one person.
            VoiceError, EngineError: as the keeper's.
        """
        if before is None:
            person = Person(self._number, (self._number,), (self._line.language,), consent)
            await self._keeper.enrol(name, takes, person)
        else:
            await self._keeper.calibrate(before.name, takes, consent=consent)


def voice_name(number: str) -> str:
    """What the voice of a number is called; empty where there is no number."""
    plain = re.sub(r"[^a-z0-9]", "", number.lower())
    return f"tel-{plain}"[:63] if plain else ""
