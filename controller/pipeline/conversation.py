"""Everyone in one call: each leg's speaker and listener, and the tick that moves a frame through all of them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from controller.audio.mix import Ducker
from controller.audio.vad import Endpointer
from controller.engines import Engines
from controller.frames import FRAME_S, AudioFrame, Pcm
from controller.messages import Clause, Delivery, Reason
from controller.observer import FrameCounts, Observer
from controller.pipeline.announcements import Announcer, Sentence
from controller.pipeline.controls import Control
from controller.pipeline.echo_text import EchoText
from controller.pipeline.ledger import Balance, Ledger
from controller.pipeline.leg import Leg, LegFigures
from controller.pipeline.orchestrator import Listener, Orchestrator
from controller.pipeline.own_voice import OwnVoice
from controller.pipeline.pace import Pace
from controller.pipeline.playback import Outlet, Overheard, Playback
from controller.ticker import TickSource
from controller.voices.standing import Standing

log = logging.getLogger(__name__)

RESTART_S = 0.5
"""Pause before a speaker's stages are started again after a fault."""

LOOK_S = 1.0
"""How often it is looked whether there are engines left for everyone."""

GONE = 100
"""So many of those who have left are kept with their figures: a room may be open for days."""

Tap = Callable[[str, AudioFrame], None]
"""Shown every frame of every leg, with the leg's name, as it is consumed. Never waits."""


@dataclass(frozen=True)
class SpeechSettings:
    """How a speaker is cut into utterances, how a listener hears, and whether keys choose anything."""

    make_endpointer: Callable[[], Endpointer]
    make_ducker: Callable[[], Ducker]
    controls: bool = True
    disclosed: bool = False
    """Whether everyone is told, first of all and in their own language, that a machine interprets."""


class Conversation:
    """The legs of one call on one clock. It begins with its construction; `close` ends it."""

    def __init__(
        self,
        call: str,
        engines: Engines,
        speech: SpeechSettings,
        ticker: TickSource,
        observer: Observer,
        tap: Tap | None = None,
        on_fault: Callable[[], None] | None = None,
    ) -> None:
        """`on_fault`: called once, when a frame could not be moved: none is moved any more, and the call must end."""
        self.call = call
        self.legs: dict[str, Leg] = {}
        self.gone: deque[LegFigures] = deque(maxlen=GONE)
        """Those who have left, the latest last."""
        self._gone_dropped: Counter[str] = Counter()
        self._gone_refused = 0
        self._gone_frames = (0, 0, 0)
        """Of everyone who has left."""
        self._names: set[str] = set()
        self.ticks_skipped = 0
        self.interpreting = True
        """False while nobody is interpreted; `interpret` changes it."""
        self._loop = asyncio.get_running_loop()
        self.began = self._loop.time()
        """What the event loop's clock read when the call's read 0."""
        self._engines = engines
        self._speech = speech
        self._ticker = ticker
        self._observer = observer
        self._tap = tap
        self._ledger = Ledger(self._on_delivery)
        self._echo_text = EchoText(self._ledger)
        self._pace = Pace(self._ledger, self._playbacks)
        self._announcer = Announcer(engines.tts, lambda error: observer.engine_failed(call, "tts", error))
        self._last_due: float | None = None
        self._look_s = 0.0
        self._frames_seen = (0, 0, 0)
        self._faulty = False
        self._on_fault = on_fault
        ticker.add(self._tick, self._failed)

    def frame_counts(self) -> FrameCounts:
        """What became of the frames of everyone who is or was in the call."""
        dropped, refused = self._gone_dropped.copy(), self._gone_refused
        for leg in self.legs.values():
            dropped.update(leg.orchestrator.capture.dropped)
            refused += leg.frames_out_dropped
        return FrameCounts(dropped, refused, self.ticks_skipped)

    @property
    def bypassed(self) -> list[str]:
        """Those who hear the original only at this moment, since no engine is left for what others say."""
        return [leg.name for leg in self.legs.values() if leg.bypassed]

    @property
    def joined(self) -> int:
        """How many participants the call has and had."""
        return len(self._names)

    def languages(self) -> dict[str, str]:
        """What each participant speaks, as far as it is known."""
        return {leg.name: leg.language for leg in self.legs.values()}

    def standings(self) -> dict[str, Standing]:
        """Of those who have a voice of their own: whether they are taken for its owner."""
        owns = {leg.name: leg.orchestrator.own_voice for leg in self.legs.values() if not leg.orchestrator.taken_over}
        return {name: own.standing for name, own in owns.items() if own is not None}

    def backlogs_s(self) -> dict[str, float]:
        """Seconds of translation that each listener has still to hear, what is not spoken yet included."""
        return {name: self._pace.backlog_s(name) for name in self.legs}

    @property
    def backlog_s(self) -> float:
        """That of the listener who is furthest behind."""
        return max(self.backlogs_s().values(), default=0.0)

    def queue_depths(self) -> dict[str, int]:
        """Items that wait in each kind of queue, all legs together."""
        depths: Counter[str] = Counter()
        for leg in self.legs.values():
            depths.update(leg.orchestrator.queue_depths())
        return dict(depths)

    @property
    def balance(self) -> Balance:
        """Deliveries opened, played and dropped so far."""
        return self._ledger.balance

    def now(self) -> float:
        """Seconds on the call's clock."""
        return self._loop.time() - self.began

    def join(
        self,
        name: str,
        language: str,
        outlet: Outlet,
        candidates: tuple[str, ...] = (),
        own_voice: OwnVoice | None = None,
    ) -> Leg:
        """Add a participant; feed it with `Leg.push`.

        Args:
            candidates: languages among which the speaker is identified; `language` is assumed until then.
            own_voice: that of a participant who has one; it is closed when they leave.

        Raises:
            ValueError: one of that name is or was in the call: clauses are told apart by their speakers' names.
        """
        if name in self._names:
            raise ValueError(f"There is or was a participant {name} in this call; each needs a name of its own.")
        self._names.add(name)
        self._observer.joined(self.call, name, language, candidates)
        playback = Playback(name, self._ledger, self._speech.make_ducker())
        endpointer = self._speech.make_endpointer()
        if endpointer.guard is not None:
            outlet = Overheard(outlet, endpointer.guard.sent, self.now)
        orchestrator = Orchestrator(
            self.call,
            name,
            language,
            engines=self._engines,
            endpointer=endpointer,
            ledger=self._ledger,
            now=self.now,
            listeners=partial(self._listeners, name),
            playbacks=self._playbacks,
            pace=self._pace,
            observer=self._observer,
            tap=partial(self._tap, name) if self._tap else None,
            candidates=candidates,
            on_language=partial(self._language_found, name),
            is_echo=self._is_echo if endpointer.guard else lambda _: False,
            own_voice=own_voice,
        )
        on_control = partial(self._control, name) if self._speech.controls else None
        leg = self.legs[name] = Leg(name, orchestrator, playback, outlet, self.now, on_control, self._not_taken_in)
        if not self.interpreting:
            orchestrator.capture.switched_off = True
            self._announcer.say(Sentence.OFF, leg.language, playback)
        elif self._speech.disclosed:
            self._announcer.say(Sentence.DISCLOSURE, leg.language, playback)
        leg.task = asyncio.create_task(self._keep_running(leg), name=f"{self.call}/{name}")
        return leg

    async def leave(self, name: str, reason: Reason = Reason.HANGUP) -> None:
        """Take a participant out: what is due to them is dropped, and what they said and is not yet spoken too."""
        leg = self.legs.pop(name, None)
        if leg is None:
            return
        self._observer.left(self.call, name, reason)
        self._depart(leg)
        self._announcer.hush(leg.playback)
        leg.playback.flush(reason)
        for clause in self._ledger.due_to(name):
            self._ledger.drop(clause, name, reason)
        if leg.task is not None:
            leg.task.cancel()
            await asyncio.wait([leg.task])
        self._drop_unspoken(name, reason)
        if leg.orchestrator.own_voice is not None:
            await leg.orchestrator.own_voice.close()

    def _depart(self, leg: Leg) -> None:
        """Keep the figures of one who has left, and nothing else of them."""
        leg.gone = True
        figures = leg.figures()
        self.gone.append(figures)
        self._gone_dropped.update(figures.dropped)
        self._gone_refused += figures.frames_out_dropped
        arrived, dropped, echo = self._gone_frames
        self._gone_frames = arrived + figures.arrived, dropped + figures.lost, echo + figures.echo_frames

    def interpret(self, on: bool) -> None:
        """Switch interpreting off or on for everyone; they are told. What sounds or waits is dropped, and while it is
        off nobody is listened to."""
        self.interpreting = on
        for leg in self.legs.values():
            leg.orchestrator.capture.switched_off = not on
            if not on:
                self._switch_off(leg)
            self._announcer.say(Sentence.ON if on else Sentence.OFF, leg.language, leg.playback)

    async def close(self, reason: Reason = Reason.HANGUP) -> Balance:
        """End the call: every leg leaves, every delivery ends. Returns the balance, with none open."""
        self._ticker.remove(self._tick)
        for name in list(self.legs):
            await self.leave(name, reason)
        self._ledger.close(reason)
        assert self.balance.open == 0, "a delivery was opened and never ended"
        return self.balance

    def _tick(self, due: float) -> None:
        late_s, work, now_s = self._ticker.late_s(due), time.perf_counter(), self.now()
        if self._last_due is not None:
            self.ticks_skipped += max(0, round((due - self._last_due) / FRAME_S) - 1)
        self._last_due = due
        if now_s >= self._look_s:
            self._look_s = now_s + LOOK_S
            self._look_for_engines()
            self._look_at_claims()
        originals: list[tuple[Leg, str, Pcm]] = []
        arrived, dropped, echo = self._gone_frames
        for leg in self.legs.values():
            orchestrator, capture = leg.orchestrator, leg.orchestrator.capture
            if leg.taking_in or capture.clock.behind(now_s):
                orchestrator.take_in(now_s)
            if (pcm := capture.original()) is not None:
                originals.append((leg, orchestrator.language, pcm))
            arrived += capture.arrived
            dropped += capture.lost
            echo += capture.echo_frames
        for leg in self.legs.values():
            own, foreign, familiar = leg.orchestrator.language, [], []
            for one, language, pcm in originals:
                if language != own:
                    foreign.append(pcm)
                elif one is not leg:
                    familiar.append(pcm)
            leg.frames_out += 1
            if not leg.playback.tick(foreign, now_s, leg.outlet, familiar):
                leg.frames_out_dropped += 1
        seen_arrived, seen_dropped, seen_echo = self._frames_seen
        work_s = time.perf_counter() - work
        self._observer.ticked(self.call, late_s, work_s, arrived - seen_arrived, dropped - seen_dropped)
        if echo > seen_echo:
            self._observer.echoed(self.call, echo - seen_echo)
        self._frames_seen = arrived, dropped, echo

    def _look_for_engines(self) -> None:
        """Who is interpreted for nobody's want but the engines' hears the original as it is; that is counted."""
        for leg in self.legs.values():
            wants = self.interpreting and not leg.preferences.original_only
            others = {one.language for one in self.legs.values() if one is not leg} - {leg.language}
            leg.bypassed = wants and any(self._engines.out(other, leg.language) for other in others)
            leg.bypassed_s += LOOK_S * leg.bypassed

    def _look_at_claims(self) -> None:
        """Who is taken for the owner of the voice that they are to be spoken in."""
        for name, standing in self.standings().items():
            leg = self.legs[name]
            told = leg.standing
            if told is None or (standing.state, standing.because) != (told.state, told.because):
                leg.standing = standing
                self._observer.claimed(self.call, name, standing)

    def _not_taken_in(self) -> None:
        self._ticker.remove(self._tick)
        self._failed()

    def _failed(self) -> None:
        faulty, self._faulty = self._faulty, True
        if not faulty and self._on_fault is not None:
            self._on_fault()

    def _listeners(self, speaker: str) -> list[Listener]:
        return [
            Listener(leg.name, leg.language, self.interpreting and not leg.preferences.original_only)
            for leg in self.legs.values()
            if leg.name != speaker
        ]

    def _playbacks(self, names: Sequence[str]) -> list[Playback]:
        return [self.legs[name].playback for name in names if name in self.legs]

    def _is_echo(self, clause: Clause) -> bool:
        return self._echo_text.is_echo(clause, self.now())

    def _language_found(self, name: str) -> None:
        """Of two who share a pair of languages, the other is assumed to speak the other one."""
        found = self.legs.get(name)
        if found is None:  # they have just left
            return
        log.info("call %s: %s speaks %s", self.call, name, found.language)
        for leg in self.legs.values():
            rest = [one for one in leg.orchestrator.candidates if one != found.language]
            if leg.name != name and len(self.legs) == 2 and len(rest) == 1:
                leg.orchestrator.language = rest[0]

    def _control(self, name: str, control: Control) -> None:
        """Do what a participant has asked for by keys, and tell them."""
        leg = self.legs.get(name)
        if leg is None:
            return
        log.info("call %s: %s asks for %s", self.call, name, control.name.lower())
        wants = leg.preferences
        then = None
        match control:
            case Control.INTERPRETING:
                self.interpret(not self.interpreting)
                return
            case Control.REPEAT:
                then = leg.playback.repetition()
                sentence = Sentence.AGAIN if then else Sentence.NOTHING
            case Control.SLOWER:
                wants.slow = not wants.slow
                sentence = Sentence.SLOWER if wants.slow else Sentence.NORMAL
            case Control.ORIGINAL:
                wants.original_only = not wants.original_only
                sentence = Sentence.ORIGINAL if wants.original_only else Sentence.TRANSLATED
                if wants.original_only:
                    self._switch_off(leg)
            case Control.HELP:
                sentence = Sentence.HELP
        self._announcer.say(sentence, leg.language, leg.playback, then)

    def _switch_off(self, leg: Leg) -> None:
        """No more translation for this leg, at once; of one that is handed over whole the last frames are heard."""
        leg.playback.flush(Reason.SWITCHED_OFF)
        for clause in self._ledger.due_to(leg.name):
            if not leg.playback.closing(clause):
                self._ledger.drop(clause, leg.name, Reason.SWITCHED_OFF)

    def _on_delivery(self, delivery: Delivery) -> None:
        self._echo_text.delivered(delivery, self.now())
        self._observer.delivered(self.call, delivery)

    async def _keep_running(self, leg: Leg) -> None:
        """A fault in a speaker's stages costs what they had in hand, not the rest of the call."""
        while True:
            try:
                await leg.orchestrator.run()
            except Exception:  # the boundary between one speaker's work and the call
                log.exception("call %s: the stages of %s failed and are started again", self.call, leg.name)
            self._drop_unspoken(leg.name, Reason.RESTART)
            await asyncio.sleep(RESTART_S)

    def _drop_unspoken(self, speaker: str, reason: Reason) -> None:
        for clause, listener in self._ledger.said_by(speaker):
            if listener not in self.legs or not self.legs[listener].playback.holds(clause):
                self._ledger.drop(clause, listener, reason)
