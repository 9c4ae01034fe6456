"""Media channels and an Asterisk for tests of parties and calls: they keep what they are told."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from controller.errors import PbxError
from controller.frames import FRAME_S, SILENCE, Pcm
from controller.pbx.media import MediaChannel, MediaCounts, MediaEvent, QueueStatus


class FakeMedia:
    """A media channel that keeps what it is sent, and answers for its queue."""

    paces = True

    def __init__(
        self,
        channel_id: str = "media",
        on_frame: Callable[[Pcm], None] = lambda pcm: None,
        on_event: Callable[[MediaEvent], None] = lambda event: None,
        on_closed: Callable[[str], None] = lambda reason: None,
    ) -> None:
        self.counts = MediaCounts()
        self.channel_id = channel_id
        self.closed = False
        self.on_frame = on_frame
        self.on_event = on_event
        self._on_closed = on_closed
        self.sent: list[Pcm] = []
        self.marks: list[str] = []
        self.asked = 0
        self.flushed = 0
        self.depth = 2
        """What it says of its queue."""

    def send(self, frame: Pcm) -> bool:
        self.sent.append(frame)
        return True

    def mark(self, name: str) -> bool:
        self.marks.append(name)
        return True

    def flush(self) -> bool:
        self.flushed += 1
        return True

    def request_status(self) -> bool:
        self.asked += 1
        self.on_event(QueueStatus(self.depth, False))
        return True

    async def close(self) -> None:
        self.closed = True

    def lose(self, reason: str = "the other side closed it") -> None:
        """The socket ends, and not by us."""
        self.closed = True
        self._on_closed(reason)


class FakeOpener:
    """Opens fake media channels; `failures` of the next tries fail, each after `takes_s`."""

    def __init__(self) -> None:
        self.opened: list[FakeMedia] = []
        self.tries: list[tuple[float, str]] = []
        self.failures = 0
        self.fault: Exception | None = None
        """What the next tries raise that no opener should."""
        self.takes_s = 0.0

    async def __call__(
        self,
        channel_id: str,
        *,
        on_frame: Callable[[Pcm], None],
        on_event: Callable[[MediaEvent], None],
        on_closed: Callable[[str], None],
    ) -> FakeMedia:
        self.tries.append((asyncio.get_running_loop().time(), channel_id))
        await asyncio.sleep(self.takes_s)
        if self.fault is not None:
            raise self.fault
        if self.failures:
            self.failures -= 1
            raise PbxError("The fake media channel is told to fail.")
        self.opened.append(FakeMedia(channel_id, on_frame, on_event, on_closed))
        return self.opened[-1]


class FakeAri:
    """The requests that parties make, kept in order as (verb, *arguments)."""

    app = "dragoman"

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.refuse: Counter[str] = Counter()
        """How many of the next requests of a verb are refused."""
        self.answers_s = 0.0
        self.variables: dict[str, str] = {}
        """Of every channel."""

    async def variable(self, channel_id: str, name: str) -> str:
        await asyncio.sleep(self.answers_s)
        self.asked.append(("variable", channel_id, name))
        return self.variables.get(name, "")

    def __getattr__(self, verb: str) -> Callable[..., object]:
        if verb.startswith("_"):
            raise AttributeError(verb)

        async def ask(*arguments: object, **named: object) -> None:
            await asyncio.sleep(self.answers_s)
            self.asked.append((verb, *(str(one) for one in arguments)))
            if self.refuse[verb] > 0:
                self.refuse[verb] -= 1
                raise PbxError(f"The fake Asterisk refuses {verb}.")

        return ask


class FakeLeg:
    """What becomes of a party: keeps what it is told."""

    def __init__(self) -> None:
        self.frames: list[Pcm] = []
        self.marks: list[str] = []
        self.holds: list[bool] = []
        self.keys = ""
        self.own_keys = "*"
        """Keys that are controls, and not passed on."""

    def push(self, pcm: Pcm) -> None:
        self.frames.append(pcm)

    def reached(self, mark: str) -> None:
        self.marks.append(mark)

    def held(self, on: bool) -> None:
        self.holds.append(on)

    def taken_over(self) -> None:
        self.holds.append(False)

    def pressed(self, digit: str) -> str:
        self.keys += digit
        return "" if digit in self.own_keys else digit


async def fill(stalled: MediaChannel, send: Callable[[], bool]) -> None:
    """Send on a channel whose other side does not read until it takes no more: the kernels of both sides take some."""
    refusals = 0
    while refusals < 50:
        refusals = 0 if send() else refusals + 1
        await asyncio.sleep(0.005)
    assert stalled.counts.dropped_full >= 50


async def keep_pace(stalled: MediaChannel, well: MediaChannel, frames: int = 25) -> None:
    """Send frames on a filled channel and on one that is well: the first costs the second nothing."""
    refused = stalled.counts.dropped_full
    for _ in range(frames):
        stalled.send(SILENCE)
        assert well.send(SILENCE)
        await asyncio.sleep(FRAME_S)
    assert stalled.counts.dropped_full >= refused + frames - 5 and well.counts.dropped_full == 0
