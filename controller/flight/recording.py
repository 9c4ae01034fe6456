"""A call's boundaries, wrapped so that all that crosses them is recorded: the way in of the flight recorder.

Nothing inside the pipeline knows that it is recorded.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from controller.engines import Engines
from controller.flight.engines import recorded
from controller.flight.kinds import CLAUSE, DELIVERY, Kind
from controller.frames import Pcm
from controller.messages import Clause, Delivery, Reason
from controller.observer import Observer
from controller.pipeline.conversation import Conversation
from controller.pipeline.leg import Leg
from controller.pipeline.playback import Outlet
from controller.pipeline.speech_settings import discloses
from controller.settings import Settings
from controller.telemetry.recorder import Recorder
from controller.ticker import Tick, TickSource

log = logging.getLogger(__name__)

_NOT_KEPT = {"asterisk", "triton", "engines", "fallback", "api", "languages", "logging", "recorder", "voices"}
"""Tables of the settings that do not decide what a call does once it is up; some hold secrets or numbers."""


class Recording(Observer):
    """Of a call that is not recorded: everything is handed on as it is."""

    def engines(self, engines: Engines) -> Engines:
        """Those that the call shall use."""
        return engines

    def ticker(self, ticker: TickSource) -> TickSource:
        """The one that shall tick the call."""
        return ticker

    def outlet(self, name: str, outlet: Outlet) -> Outlet:
        """What the leg `name` shall send to."""
        return outlet

    def leg(self, leg: Leg) -> Leg | RecordedLeg:
        """What shall be fed with what comes from a leg that has joined."""
        return leg

    def began(self, conversation: Conversation) -> None:
        """The call's clock reads 0."""

    async def close(self) -> None:
        """The call is over."""


def begin(
    settings: Settings, call: str, options: Mapping[str, str], engines: Engines, now: Callable[[], float]
) -> Recording:
    """The recording of a call that begins; one that records nothing unless it is switched on and consented to.

    Args:
        options: what the dialplan says of the call: `record=yes` says that everyone in it has consented.
        now: the event loop's clock.
    """
    wanted = settings.recorder
    consented = wanted.consent == "always" or options.get("record") == "yes"
    if not (wanted.enabled and consented):
        return Recording()
    started = datetime.now(UTC)
    path = wanted.folder / f"{started:%Y%m%dT%H%M%S}-{call}.flight"
    log.warning("call %s is recorded, by consent (%s), into %s", call, wanted.consent, path)
    recorder = Recorder(path, wanted.key.get_secret_value(), now)
    return FlightRecording(recorder, call, started, engines, settings, disclosed=discloses(options))


class FlightRecording(Recording):
    """Of a call that is recorded."""

    def __init__(
        self,
        recorder: Recorder,
        call: str,
        started: datetime,
        engines: Engines,
        settings: Settings | None,
        *,
        disclosed: bool = False,
    ) -> None:
        """`settings`: kept with the recording, for its replay; None for those that are the replay's own affair."""
        self.recorder = recorder
        about: dict[str, Any] = {
            "call": call,
            "started": started.isoformat(timespec="seconds"),
            "engines": {"stt": engines.stt.name, "mt": engines.mt.name, "tts": engines.tts.name},
            "identifies": engines.identifier is not None,
            "disclosed": disclosed,
            "settings": settings.model_dump(mode="json", exclude=_NOT_KEPT) if settings else {},
        }
        recorder.put(Kind.CALL, about)

    def engines(self, engines: Engines) -> Engines:
        return recorded(engines, self.recorder)

    def ticker(self, ticker: TickSource) -> TickSource:
        return _RecordedTicks(ticker, self.recorder)

    def outlet(self, name: str, outlet: Outlet) -> Outlet:
        return _RecordedOutlet(name, outlet, self.recorder)

    def leg(self, leg: Leg) -> Leg | RecordedLeg:
        return RecordedLeg(leg, self.recorder)

    def began(self, conversation: Conversation) -> None:
        self.recorder.put(Kind.BEGAN, conversation.began)

    async def close(self) -> None:
        await self.recorder.close()

    def joined(self, call: str, leg: str, language: str, candidates: tuple[str, ...]) -> None:
        self.recorder.put(Kind.JOINED, leg, language, candidates)

    def left(self, call: str, leg: str, reason: Reason) -> None:
        self.recorder.put(Kind.LEFT, leg, reason)

    def clause(self, call: str, clause: Clause) -> None:
        self.recorder.put(Kind.CLAUSE, CLAUSE.dump(clause))

    def delivered(self, call: str, delivery: Delivery) -> None:
        self.recorder.put(Kind.DELIVERY, DELIVERY.dump(delivery))


class _RecordedTicks:
    """A ticker that notes when each tick was due, and when it came."""

    def __init__(self, ticker: TickSource, recorder: Recorder) -> None:
        self._ticker = ticker
        self._recorder = recorder
        self._wrapped: dict[Tick, Tick] = {}

    def add(self, tick: Tick, on_fault: Callable[[], None] | None = None) -> None:
        def noted(due: float) -> None:
            self._recorder.put(Kind.TICK, due)
            tick(due)

        self._wrapped[tick] = noted
        self._ticker.add(noted, on_fault)

    def remove(self, tick: Tick) -> None:
        if noted := self._wrapped.pop(tick, None):
            self._ticker.remove(noted)

    def late_s(self, due: float) -> float:
        return self._ticker.late_s(due)


class _RecordedOutlet:
    """An outlet that notes what it did not take."""

    def __init__(self, name: str, outlet: Outlet, recorder: Recorder) -> None:
        self._name = name
        self._outlet = outlet
        self._recorder = recorder
        self._calls: Counter[str] = Counter()

    def send(self, pcm: Pcm) -> bool:
        return self._noted("send", self._outlet.send(pcm))

    def mark(self, name: str) -> bool:
        return self._noted("mark", self._outlet.mark(name))

    def _noted(self, method: str, taken: bool) -> bool:
        if not taken:
            self._recorder.put(Kind.REFUSED, self._name, method, self._calls[method])
        self._calls[method] += 1
        return taken


class RecordedLeg:
    """A leg that notes what comes from its participant."""

    def __init__(self, leg: Leg, recorder: Recorder) -> None:
        self._leg = leg
        self._recorder = recorder

    def push(self, pcm: Pcm) -> None:
        self._recorder.put(Kind.FRAME, self._leg.name, self._leg.taking_in, pcm=pcm)
        self._leg.push(pcm)

    def reached(self, mark: str) -> None:
        self._recorder.put(Kind.LEG, self._leg.name, "reached", mark)
        self._leg.reached(mark)

    def held(self, on: bool) -> None:
        self._recorder.put(Kind.LEG, self._leg.name, "held", on)
        self._leg.held(on)

    def taken_over(self) -> None:
        self._recorder.put(Kind.LEG, self._leg.name, "taken_over")
        self._leg.taken_over()

    def pressed(self, digit: str) -> str:
        self._recorder.put(Kind.LEG, self._leg.name, "pressed", digit)
        return self._leg.pressed(digit)
