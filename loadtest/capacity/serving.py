"""The measured process: `python -m loadtest.capacity.serving calls|legs TOLD [scripted|offline] [CONTROL]`.

`calls` is a service as `dragoman serve` runs it, by the settings in its environment; `legs` has calls in it whose other
end is a process that plays Asterisk, as many as it is told to at the UDP port CONTROL. Either writes to the file TOLD
every second how its calls fare, the first line once it is ready, and ends when it is asked to (SIGTERM).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import uvloop

from controller.errors import DragomanError
from controller.frames import Pcm
from controller.interpreting import CallWatcher
from controller.messages import Delivery, Outcome
from controller.observer import Observer, Observers
from controller.pbx.ari_events import CallStarted
from controller.pbx.call import Ended
from controller.pipeline.conversation import Conversation
from controller.pipeline.leg import LegFigures
from controller.service import Service, settle
from controller.settings import load
from controller.stack.ports import LOOPBACK
from controller.telemetry.figures import Figures
from controller.telemetry.metrics import Registry
from controller.triton.client import TritonClient
from export.setup.cache import Cache
from loadtest.frames.calls import BenchCalls
from loadtest.frames.engines import scripted
from loadtest.frames.gauges import Gauges
from loadtest.frames.speech import TALK_S, clips
from loadtest.frames.windows import exchange

TELL_S: Final = 1.0
NOBODY: Final = "127.0.0.1:1"
"""Where scripted engines look for a Triton that they never ask."""


class Seen(Observer, CallWatcher):
    """What calls come to, from inside: little, since it is the measured process that pays for it."""

    def __init__(self) -> None:
        self.lags_ms: list[float] = []
        self.dropped: Counter[str] = Counter()
        """Deliveries by reason."""
        self.tick_late_ms = 0.0
        self.up: set[Conversation] = set()
        self.all: list[Conversation] = []
        self.ended = 0
        self.refused_calls = 0

    def delivered(self, call: str, delivery: Delivery) -> None:
        if delivery.outcome is Outcome.PLAYED and delivery.lag_ms is not None:
            self.lags_ms.append(round(delivery.lag_ms, 1))
        elif delivery.reason is not None:
            self.dropped[delivery.reason.value] += 1

    def ticked(self, call: str, late_s: float, work_s: float, frames_in: int, frames_dropped: int) -> None:
        self.tick_late_ms = max(self.tick_late_ms, late_s * 1000)

    def began(self, conversation: Conversation) -> None:
        self.up.add(conversation)
        self.all.append(conversation)

    def finished(self, conversation: Conversation, ended: Ended) -> None:
        self.up.discard(conversation)
        self.ended += 1

    def refused(self, call: CallStarted, why: str) -> None:
        self.refused_calls += 1

    def line(self) -> dict[str, Any]:
        """Everything since the beginning, but for lags and lateness, which are of the time since the last line."""
        legs = [leg for one in self.all for leg in figures(one)]
        depths: Counter[str] = Counter()
        for one in self.up:
            depths.update(one.queue_depths())
        line = {
            "at_s": time.monotonic(),
            "up": len(self.up),
            "ended": self.ended,
            "refused_calls": self.refused_calls,
            "arrived": sum(leg.arrived for leg in legs),
            "filled": sum(leg.filled for leg in legs),
            "dropped": sum(leg.lost for leg in legs),
            "frames_out": sum(leg.frames_out for leg in legs),
            "refused": sum(leg.frames_out_dropped for leg in legs),
            "skipped": sum(one.ticks_skipped for one in self.all),
            "tick_late_ms": round(self.tick_late_ms, 1),
            "queues": dict(depths),
            "deliveries_dropped": dict(self.dropped),
            "lags_ms": self.lags_ms,
        }
        self.lags_ms, self.tick_late_ms = [], 0.0
        return line


def figures(conversation: Conversation) -> list[LegFigures]:
    """Of everyone who is or was in it."""
    return [*(leg.figures() for leg in conversation.legs.values()), *conversation.gone]


async def tell(file: Path, line: Callable[[], dict[str, Any]], **more: Any) -> None:
    """Until cancelled. The first line says `more`, too."""
    with file.open("w", encoding="utf-8") as lines:
        while True:
            lines.write(json.dumps({**line(), **more}) + "\n")
            lines.flush()
            await asyncio.sleep(TELL_S)


async def calls(told: Path, engines: str) -> None:
    """A service, until it is asked to end."""
    seen = Seen()
    async with TritonClient(NOBODY) as nobody:
        made = scripted(nobody, _clips()) if engines == "scripted" else None
        service = Service(load(None), observers=[seen], watcher=seen, api=False, engines=made)
        await service.start()
        settle()
        telling = asyncio.create_task(tell(told, seen.line))
        try:
            await _asked_to_end()
        finally:
            telling.cancel()
            await service.stop()


async def legs(told: Path, control: int) -> None:
    """Calls without SIP, until it is asked to end."""
    seen, gauges, said = Seen(), Gauges(), _clips()
    wanted: asyncio.Queue[int] = asyncio.Queue()
    with exchange(said, TALK_S) as peer:
        async with (
            TritonClient(NOBODY) as nobody,
            BenchCalls(
                peer.url, peer.clock, gauges, Observers([seen]), Figures(Registry()), scripted(nobody, said)
            ) as made,
        ):
            settle()
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_datagram_endpoint(lambda: Control(wanted), local_addr=(LOOPBACK, control))

            def line() -> dict[str, Any]:
                for one in made.conversations[len(seen.all) :]:
                    seen.began(one)
                return seen.line()

            telling = asyncio.create_task(tell(told, line, pids={"exchange": peer.pid}))
            opening = asyncio.create_task(_open(made, wanted))
            try:
                await _asked_to_end()
            finally:
                for task in (telling, opening):
                    task.cancel()
                transport.close()


class Control(asyncio.DatagramProtocol):
    """Hears SIPp's word for so many calls."""

    def __init__(self, wanted: asyncio.Queue[int]) -> None:
        self._wanted = wanted

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._wanted.put_nowait(int(data.decode().rpartition(" ")[2]))


async def _open(made: BenchCalls, wanted: asyncio.Queue[int]) -> None:
    while True:
        await made.open(2 * await wanted.get())


def _clips() -> dict[str, list[Pcm]]:
    folder = Cache.default().prompts
    return {language: clips(folder, language) for language in ("en", "es")}


async def _asked_to_end() -> None:
    end, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end.set)
    await end.wait()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtest.capacity.serving", description=__doc__)
    parser.add_argument("what", choices=("calls", "legs"))
    parser.add_argument("told", type=Path)
    parser.add_argument("engines", choices=("scripted", "offline"), default="scripted", nargs="?")
    parser.add_argument("control", type=int, default=0, nargs="?")
    options = parser.parse_args()
    try:
        if options.what == "calls":
            uvloop.run(calls(options.told, options.engines))
        else:
            uvloop.run(legs(options.told, options.control))
    except DragomanError as error:
        print(f"serving: {error}")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
