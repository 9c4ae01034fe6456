"""The measured process: windows of calls, of a bare timer in their place, and of calls that are scraped, in turns."""

from __future__ import annotations

import asyncio
import json
import mmap
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from controller.api.link import ApiLink
from controller.frames import FRAME_S, Pcm
from controller.observer import Observers
from controller.telemetry.calls import CallFigures
from controller.telemetry.figures import Figures
from controller.telemetry.metrics import Registry
from controller.ticker import SLICES
from controller.triton.client import TritonClient
from loadtest.frames.calls import BenchCalls
from loadtest.frames.cores import THEIRS
from loadtest.frames.engines import scripted
from loadtest.frames.exchange import CHANNELS, RING
from loadtest.frames.gauges import Gauges
from loadtest.frames.speech import PAUSE_S, track

WARM_S = 3.0
"""Seconds of calls before a window begins: speech is heard, translated and sounding by then."""

TELL_S = 1.0
"""How often the API process is told; as the service does."""


@dataclass
class Window:
    """What one window gave. Times in seconds."""

    channels: int
    seconds: float
    cpu_s: float
    frames: int
    """Frames consumed."""
    dropped: int
    lost: int
    """Frames that the exchange sent and that never arrived."""
    gaps: int
    """Frames that the exchange should have played and did not have."""
    played: int
    """Translations played to their end."""
    late_s: list[float]
    frame_s: list[float] = field(default_factory=list)
    period_s: list[float] = field(default_factory=list)
    waits_s: dict[str, list[float]] = field(default_factory=dict)
    """By queue, in the watched calls."""
    watched_calls: int = 0
    scrapes: int = 0


class Exchange:
    """The process that plays Asterisk, from this side."""

    def __init__(self, process: subprocess.Popen[str], clock: mmap.mmap) -> None:
        assert process.stdout is not None
        self.clock = clock
        self.pid = process.pid
        self.url = f"http://127.0.0.1:{int(process.stdout.readline())}/"

    async def ask(self, path: str) -> dict[str, float]:
        """`counts`, or `quiet` to end all sending."""
        answer = await asyncio.to_thread(lambda: urllib.request.urlopen(self.url + path, timeout=5).read())
        counts: dict[str, float] = json.loads(answer)
        return counts


@contextmanager
def exchange(clips: dict[str, list[Pcm]], pause_s: tuple[float, float] = PAUSE_S) -> Iterator[Exchange]:
    """Start it; `clips`: what its channels say, by language, a in the first, b in the second, with such pauses."""
    with tempfile.TemporaryDirectory() as folder:
        clock = Path(folder, "clock")
        clock.write_bytes(bytes(CHANNELS * RING * 8))
        tracks = []
        for language, said in clips.items():
            tracks.append(Path(folder, language))
            tracks[-1].write_bytes(track(said, pause_s=pause_s).astype("<i2").tobytes())
        process = subprocess.Popen(
            [sys.executable, "-m", "loadtest.frames.exchange", str(THEIRS), clock, *tracks],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            with clock.open("r+b") as file, mmap.mmap(file.fileno(), 0) as shared:
                yield Exchange(process, shared)
        finally:
            process.communicate()


async def window(
    peer: Exchange,
    clips: dict[str, list[Pcm]],
    channels: int,
    seconds: float,
    api: ApiLink | None = None,
    *,
    warm_s: float = WARM_S,
) -> Window:
    """Calls on `channels` channels, measured for `seconds` after they have warmed up.

    Args:
        clips: what translations sound like, by language.
        api: told every second how things are, as the service does.
    """
    gauges, registry = Gauges(), Registry()
    figures, call_figures = Figures(registry), CallFigures()
    before = await peer.ask("counts")
    observer = Observers([figures, call_figures, gauges])
    async with (
        TritonClient("127.0.0.1:1") as triton,  # nobody is asked there
        BenchCalls(peer.url, peer.clock, gauges, observer, figures, scripted(triton, clips)) as calls,
    ):
        telling = asyncio.create_task(_tell(api, figures, call_figures, registry, calls)) if api else None
        await calls.open(channels)
        await asyncio.sleep(warm_s)
        began, cpu, dropped = time.monotonic(), _cpu_s(), calls.dropped
        gaps = (await peer.ask("counts"))["gaps"]
        gauges.on = True
        await asyncio.sleep(seconds)
        gauges.on = False
        took, cpu = time.monotonic() - began, _cpu_s() - cpu
        after = await peer.ask("quiet")
        await asyncio.sleep(3 * FRAME_S)
        if telling is not None:
            telling.cancel()
        return Window(
            channels=channels,
            seconds=took,
            cpu_s=cpu,
            frames=gauges.frames_in,
            dropped=calls.dropped - dropped,
            lost=round((await peer.ask("counts"))["sent"] - before["sent"]) - calls.arrived,
            gaps=round(after["gaps"] - gaps),
            played=sum(one.balance.played for one in calls.conversations),
            late_s=list(gauges.late_s),
            frame_s=list(gauges.frame_s),
            period_s=gauges.period_s,
            waits_s={name: list(samples) for name, samples in gauges.waits_s.items()},
            watched_calls=calls.watched,
        )


async def bare_timer(seconds: float) -> Window:
    """A timer of the ticker's step with nothing to do: how late this machine itself makes one."""
    late = []
    start, cpu, loop = time.monotonic(), _cpu_s(), asyncio.get_running_loop()
    step = FRAME_S / SLICES
    for number in range(1, round(seconds / step)):
        due = start + number * step
        await asyncio.sleep(due - loop.time())
        late.append(time.monotonic() - due)
    return Window(0, seconds, _cpu_s() - cpu, 0, 0, 0, 0, 0, late)


async def scraping(api: ApiLink, work: Coroutine[Any, Any, Window]) -> Window:
    """`work` while its metrics are read every second, by a process of its own."""
    scraper = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "loadtest.frames.scraper", str(THEIRS), f"http://127.0.0.1:{api.port}/metrics"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        result = await work
    finally:
        said, _ = await scraper.communicate(b"")  # which also closes its input
    return replace(result, scrapes=len(said.splitlines()))


async def _tell(
    api: ApiLink, figures: Figures, call_figures: CallFigures, registry: Registry, calls: BenchCalls
) -> None:
    while True:
        figures.sample(calls.conversations)
        api.send({}, registry.snapshot(), call_figures.snapshot(calls.conversations))
        await asyncio.sleep(TELL_S)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
