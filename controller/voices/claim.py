"""Whether who speaks on a call is whose voice they claim: all they said so far, compared with the profile, beside it.

Until that is known, and where it is not so, nobody's voice is cloned. Nothing here waits but a task of its own. What is
found belongs to the very profile that was compared: with one that took its place it all begins anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from typing import Final

import numpy as np

from controller.engines.embed import VoiceEncoders
from controller.errors import AudioFileError, EngineError, VoiceError
from controller.frames import SAMPLE_RATE, Pcm
from controller.voices import npz
from controller.voices.library import Library
from controller.voices.likeness import NoClaim
from controller.voices.npz import Card
from controller.voices.patience import Patience
from controller.voices.profile import Profile
from controller.voices.quality import COMPARISON, LONGEST_S, Take, listen
from controller.voices.standing import Because, Standing, State
from controller.voices.turn import Turn
from controller.voices.verdict import OtherModel, Verdict, judged

log = logging.getLogger(__name__)

LOOKS_S: Final = (3.0, 6.0, 12.0)
"""Net speech, all that was heard so far, at which it is compared; with the last they are refused."""

STRICTER: Final = 0.04
"""So much more alike than a single recording must they be: there are three looks, and the more is heard, the more alike
is anybody to anybody. Measured with CAM++ over a telephone (19 speakers; G.711, no real lines): at 0.80 + 0.04 another
is taken for the owner in 0.5 % of calls, the owner refused in 3 %; without it in 2.7 % and 0.6 %. In wideband it is
none and 1 %."""

_NOT_YET: Final = Standing(State.NOT_YET, Because.TOO_LITTLE, "too little was heard of them")

_Bond = tuple[int, str, int]


class Claim:
    """Of one participant of one call, on one profile."""

    def __init__(
        self, library: Library, name: str, encoders: VoiceEncoders, verified: Mapping[str, float] | None = None
    ) -> None:
        """`verified`: see `likeness.thresholds`."""
        self._library, self._name = library, name
        self._encoders, self._verified = encoders, verified
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._begin(None)

    def _begin(self, bond: _Bond | None) -> None:
        """Nothing was heard yet that can be compared with the profile of `bond`."""
        self._bond = bond
        self._found = _NOT_YET
        self._settled = False
        self._look = 0
        self._patience = Patience()
        self._turns: deque[Pcm] = deque()
        """Not listened to yet"""
        self._speech: list[Pcm] = []
        self._speech_s = 0.0

    @property
    def standing(self) -> Standing:
        """What is known at this moment, of the profile as it is at this moment."""
        card = self._library.card(self._name)
        if card is None:
            return Standing(State.REFUSED, Because.UNUSABLE, f"There is no voice {self._name} any more.")
        if card.usable is not None:
            return Standing(State.REFUSED, Because.UNUSABLE, card.usable)
        return self._found if self._bond in (None, _bond(card)) else _NOT_YET

    @property
    def profile(self) -> Profile | None:
        """The voice to speak with now; None while it is not known to be theirs, and as soon as it must not be used."""
        if self._closed or self.standing.state is not State.CONFIRMED:
            return None
        held = self._library.held(self._name)
        return held if held is not None and _bond(npz.card(held)) == self._bond else None

    def hear(self, turn: Turn) -> None:
        """They finished a turn. Waits for nothing."""
        card = self._library.card(self._name)
        if self._closed or card is None or card.usable is not None:
            return
        if self._bond != (bond := _bond(card)):
            self._stop()
            self._begin(bond)
        if self._settled or self._patience.over:
            return
        self._turns.append(turn.pcm[-int(LONGEST_S * SAMPLE_RATE) :])
        while sum(map(len, self._turns)) > LONGEST_S * SAMPLE_RATE:
            self._turns.popleft()
        if self._task is None:
            self._task = asyncio.create_task(self._work(), name=f"verifying {self._name}")

    async def close(self) -> None:
        """The call is over: nothing of what was said is kept, and what comes now is not heard."""
        self._closed = True
        task = self._stop()
        self._turns.clear()
        self._speech = []
        if task is not None:
            await asyncio.wait([task])

    def _stop(self) -> asyncio.Task[None] | None:
        """What is under way is of no use any more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
        return task

    async def _work(self) -> None:
        """Listen to the turns in order, and compare what was said where that is due."""
        try:
            while self._turns and not self._settled:
                await self._take(self._turns.popleft())
                due = self._speech_s >= LOOKS_S[self._look]
                if self._patience.turn() and due:
                    await self._compare()
        except Exception as error:  # the boundary between a voice and its call, which goes on in another
            log.exception("verifying %s failed", self._name)
            self._fail(Because.ENCODER, str(error))
        finally:
            if self._task is asyncio.current_task():
                self._task = None

    async def _take(self, pcm: Pcm) -> None:
        """Add what was said in a turn; the latest is kept of more than an encoder takes."""
        heard = await asyncio.to_thread(listen, Take("a turn", pcm, SAMPLE_RATE), COMPARISON)
        if heard.trouble is None:
            self._speech_s += heard.quality.speech_s
            said = np.concatenate([*self._speech, heard.speech])
            self._speech = [said[-int(LONGEST_S * SAMPLE_RATE) :]]

    async def _compare(self) -> None:
        take = Take("what they said", self._speech[0], SAMPLE_RATE)
        try:
            profile = await self._library.load(self._name)
            if _bond(npz.card(profile)) != self._bond:
                return  # replaced just now: the next turn begins anew
            verdict = await judged(profile, take, self._encoders, self._verified)
        except (NoClaim, OtherModel) as error:
            self._settle(Standing(State.UNKNOWN, Because.MODEL, str(error)))
        except AudioFileError as error:
            self._found = Standing(State.NOT_YET, Because.TOO_LITTLE, str(error))
        except VoiceError as error:
            self._fail(Because.UNUSABLE, str(error))
        except EngineError as error:
            self._fail(Because.ENCODER, str(error))
        else:
            self._patience.worked()
            self._judge(verdict)

    def _judge(self, verdict: Verdict) -> None:
        least = verdict.threshold + STRICTER
        told = (
            f"by {self._speech_s:.0f} s of speech they sound {verdict.likeness:.2f} like it; {least:.2f} is the least"
        )
        self._look += 1
        while self._look < len(LOOKS_S) and self._speech_s >= LOOKS_S[self._look]:
            self._look += 1
        if verdict.likeness >= least:
            self._settle(Standing(State.CONFIRMED, Because.ALIKE, told))
        elif self._look == len(LOOKS_S):
            self._settle(Standing(State.REFUSED, Because.UNLIKE, told))
        else:
            self._found = Standing(State.NOT_YET, Because.UNLIKE, told)

    def _settle(self, found: Standing) -> None:
        self._found, self._settled = found, True
        self._speech = []
        self._turns.clear()

    def _fail(self, because: Because, why: str) -> None:
        self._patience.failed()
        self._found = Standing(State.UNKNOWN, because, why)
        if self._patience.over:
            self._settle(self._found)


def _bond(card: Card) -> _Bond:
    """What tells a profile from any other that is, was or will be of its name."""
    return card.version, card.created, hash(card.identity.tobytes())
