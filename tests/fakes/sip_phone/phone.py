"""One scripted phone: what a test holds in its hand. Its methods may be called from any thread, and do not wait for
the other side unless they say so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from controller.errors import StackError
from controller.frames import Pcm
from tests.fakes.sip_phone.exchange import EXCHANGE
from tests.fakes.sip_phone.g711 import PCMU, Law
from tests.fakes.sip_phone.line import CallState, Line
from tests.fakes.sip_phone.rtp import Stream
from tests.fakes.sip_phone.voice import RATE
from tests.fakes.udp_relay import UdpRelay

NOTHING: Pcm = np.zeros(0, np.int16)


class SipPhone:
    """`with SipPhone("a", speech) as phone: phone.dial(...)`. It never hangs up by itself.

    `heard()` and `said()` are on one time axis: sample 0 is the moment at which the call was established.
    """

    def __init__(
        self,
        name: str,
        speaks: Pcm = NOTHING,
        *,
        laws: Sequence[Law] = (PCMU,),
        auto_answer: bool = False,
        relay: UdpRelay | None = None,
    ) -> None:
        """
        Args:
            name: its SIP user.
            speaks: int16 at 8 kHz: what it says from the moment a call is established.
            laws: the codecs it speaks, best first.
            auto_answer: whether it answers a call at once, or rings until `answer`.
            relay: what its RTP passes through.
        """
        self.name = name
        self._line = Line(name, speaks, laws, auto_answer=auto_answer, relay=relay)
        self._on = False

    # -- its life

    def __enter__(self) -> SipPhone:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> SipPhone:
        """Be ready to call and to be called."""
        EXCHANGE.join()
        self._on = True
        EXCHANGE.do(self._line.open())
        return self

    def stop(self) -> None:
        """A call in progress is hung up first. What was heard can be asked for still; it cannot be started again."""
        if self._on:
            self._on = False
            EXCHANGE.do(self._line.close())
            EXCHANGE.leave()

    def vanish(self) -> None:
        """Say and hear nothing from now on, SIP included, as with the cable out. It hangs up nothing."""
        EXCHANGE.call(self._line.vanish)
        self._on = False
        EXCHANGE.leave()

    @property
    def uri(self) -> str:
        """Its SIP address. It has one once it is started."""
        return self._line.agent.uri

    # -- calls

    @property
    def calls(self) -> list[CallState]:
        """Since it was started, in and out."""
        return self._line.calls

    def dial(self, uri: str) -> None:
        """Call `uri`. Returns before anyone has answered."""
        EXCHANGE.call(lambda: self._line.dial(uri))

    def answer(self) -> None:
        """Take the call that rings."""
        EXCHANGE.call(self._line.agent.accept)

    def refuse(self, status: int = 486) -> None:
        """Refuse the call that rings: 486 busy, 603 declined."""
        EXCHANGE.call(lambda: self._line.agent.refuse(status))

    def pass_on(self, uri: str) -> None:
        """A blind transfer: whoever this phone talks to shall talk to `uri`, whoever answers there."""
        EXCHANGE.do(self._line.agent.refer(uri))

    def hand_over(self, consulted: SipPhone) -> None:
        """An attended transfer: whoever this phone talks to shall talk to whom `consulted` talks to, without the two.

        On a desk they are two lines of one phone.
        """
        line = consulted._line.agent
        EXCHANGE.do(self._line.agent.refer(f"{line.remote_uri}?Replaces={line.dialog}"))

    def hang_up(self) -> None:
        """End the call, give up the one that is being dialled, or refuse the one that rings."""
        EXCHANGE.do(self._line.agent.hang_up())

    def hold(self, music: Pcm | None = None, *, direction: str = "sendonly") -> None:
        """Put the other side on hold by a re-INVITE: with `music` (8 kHz, over and over), or without a packet.

        Args:
            direction: `sendonly`, or `inactive` as other phones do.
        """
        EXCHANGE.do(self._line.hold(music, direction))

    def resume(self) -> None:
        """End the hold."""
        EXCHANGE.do(self._line.hold(None, "sendrecv"))

    def change_codec(self, law: Law) -> None:
        """Offer `law` alone by a re-INVITE, and speak it."""
        EXCHANGE.do(self._line.change_codec(law))

    # -- audio

    def say(self, pcm: Pcm, *, at_s: float | None = None) -> float:
        """int16 at 8 kHz, now, or `at_s` after the call was established; gives back when that is."""
        stream = self.stream
        start = stream.now if at_s is None else round(at_s * RATE)
        EXCHANGE.call(lambda: stream.voice.say(pcm, start))
        return start / RATE

    def loop(self, gain_db: float, delay_s: float) -> None:
        """Send back what it hears, as a phone on its loudspeaker does: so much louder (mostly: below 0), so much later.

        Holds for the call that is up and for all that follow.
        """
        self._line.looped = gain_db, delay_s
        if self._line.stream is not None:
            self._line.stream.voice.loop(gain_db, delay_s)

    def mute(self, on: bool = True) -> None:
        """Send no RTP at all, as a phone that is broken, or one with DTX in silence; False: send again."""
        EXCHANGE.call(lambda: self._line.mute(on))

    def press(self, keys: str) -> None:
        """Send DTMF keys (RFC 4733), one after the other."""
        EXCHANGE.call(lambda: self.stream.press(keys))

    @property
    def stream(self) -> Stream:
        """The audio of its last call, for counts and times."""
        return self._line.live

    @property
    def elapsed_s(self) -> float:
        """Since the last call was established: where `heard()` and `said()` are now."""
        return time.monotonic() - self.stream.began

    def heard(self) -> Pcm:
        """What it heard in its last call: int16 at 8 kHz, silence where nothing came."""
        return NOTHING if self._line.stream is None else self._line.stream.ears.all()

    def said(self) -> Pcm:
        """What it sent in its last call, silence where it sent nothing."""
        return NOTHING if self._line.stream is None else self._line.stream.mouth.all()

    # -- waiting

    def wait_ringing(self, timeout_s: float = 10.0, *, call: int = 1) -> None:
        """Wait until its `call`-th call since it started is one that has come in."""
        self._wait(lambda: len(self.calls) >= call and self.calls[call - 1].incoming, timeout_s, "was not called")

    def wait_established(self, timeout_s: float = 10.0, *, call: int = 1) -> None:
        """Wait until its `call`-th call is established.

        Raises:
            StackError: it was refused instead, or it took too long.
        """

        def decided() -> bool:
            return len(self.calls) >= call and (self.calls[call - 1].established or self.calls[call - 1].ended)

        self._wait(decided, timeout_s, "was not connected")
        if not self.calls[call - 1].established:
            raise StackError(f"The phone {self.name} was refused: {self.calls[call - 1].status}.")

    def wait_ended(self, timeout_s: float = 10.0, *, call: int = 1) -> None:
        """Wait until its `call`-th call has ended or was refused."""
        self._wait(lambda: len(self.calls) >= call and self.calls[call - 1].ended, timeout_s, "was not hung up")

    @property
    def in_call(self) -> bool:
        """Whether a call is established now."""
        return bool(self.calls) and self.calls[-1].established and not self.calls[-1].ended

    def _wait(self, condition: Callable[[], bool], timeout_s: float, otherwise: str) -> None:
        with self._line.changed:
            if not self._line.changed.wait_for(condition, timeout_s):
                raise StackError(f"The phone {self.name} {otherwise} within {timeout_s:g} s.")
