"""What can be loaded, and what is started for each: it is up while its `with` lasts, and nothing of it stays behind."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from controller.errors import StackError
from controller.frames import SAMPLE_RATE
from controller.stack.asterisk import AsteriskServer
from controller.stack.port_block import PortBlock
from controller.stack.ports import LOOPBACK
from controller.stack.process import Child, Run
from controller.stack.triton import TritonServer
from export.setup.cache import REPOSITORY, Cache
from loadtest.capacity import plan, sipp, stepping
from loadtest.capacity.limits import MOST_DROPS, Limits
from loadtest.frames.speech import clips

CALLS_MOST: Final = 400
"""Calls that there are ports for: Asterisk keeps four UDP ports for each."""

READY_S: Final = 60.0
END_S: Final = 20.0
"""For all calls to be hung up."""

MODELS: Final[Mapping[str, tuple[str, ...]]] = {
    "speech": ("pico",),
    "recognition": ("whisper",),
    "embedding": ("ecapa_tdnn", "campplus"),
}
"""That are asked, the first of them that is there."""


class Missing(Exception):
    """What a target needs is not here; the others can be loaded all the same."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where everything is."""

    run: Run
    repository: Path
    """Triton's models."""
    folder: Path
    """For what is told and reported."""
    triton: str = ""
    """host:port of a Triton that runs already; empty to start one where it is needed."""
    metrics: str = ""
    """The URL of its metrics; empty where they are not to be had."""


@dataclass(frozen=True, slots=True)
class Target:
    """Something that is loaded until it breaks."""

    name: str
    what: str
    """For the table's head."""
    user: str
    """Locust's file and class."""
    steps: stepping.Plan
    limits: Limits
    least: int
    """It must carry so many, or the command fails."""


def _calls(name: str, what: str, steps: stepping.Plan, lag_ms: float, least: int) -> Target:
    return Target(name, what, "calls.py Call", steps, Limits({"lag": lag_ms}, MOST_DROPS), least)


def _model(name: str, what: str, p95_ms: Mapping[str, float]) -> Target:
    user = f"triton.py {name.capitalize()}"
    return Target(name, what, user, stepping.Plan(1, 1, 32, 3.0, 12.0), Limits(p95_ms), 1)


TARGETS: Final = {
    one.name: one
    for one in (
        _calls("scripted", "calls over SIP, scripted engines", stepping.Plan(5, 5, 200, 8.0, 20.0), 1500.0, 30),
        _calls("offline", "calls over SIP, offline engines", stepping.Plan(1, 1, 50, 10.0, 40.0), 2500.0, 1),
        _calls("legs", "calls without SIP, scripted engines", stepping.Plan(20, 20, 400, 8.0, 20.0), 1500.0, 40),
        _model("speech", "streams of speech at a time (pico)", {"first chunk": 300.0, "gap": 200.0}),
        _model("recognition", "recognitions at a time (whisper)", {"recognition": 1000.0}),
        _model("embedding", "voices embedded at a time", {"embedding": 1000.0}),
    )
}


@contextmanager
def up(target: Target, place: Place) -> Iterator[plan.Run]:
    """Start what `target` needs; what Locust is to be told of it.

    Raises:
        StackError, SetupError: something does not start.
    """
    with ExitStack() as stack:
        match target.name:
            case "scripted":
                parts = stack.enter_context(_calling(place, "scripted", {}))
            case "offline":
                parts = stack.enter_context(_triton(place, None))
                grpc = {"DRAGOMAN_TRITON__GRPC": parts["triton"]}
                calling = stack.enter_context(_calling(place, "offline", grpc))
                parts = {**parts, **calling, "processes": {**parts["processes"], **calling["processes"]}}
            case "legs":
                parts = stack.enter_context(_legs(place))
            case _:
                model = _present(MODELS[target.name], place)
                parts = {**stack.enter_context(_triton(place, model)), "model": model, "sounds": _sounds(place)}
        out = str(place.folder / f"{target.name}.json")
        yield plan.Run(target=target.name, steps=target.steps, limits=target.limits, out=out, **parts)


Parts = dict[str, Any]
"""Fields of a `plan.Run`."""


@contextmanager
def _calling(place: Place, engines: str, settings: Mapping[str, str]) -> Iterator[Parts]:
    """Asterisk, a service, and phones that call nobody yet."""
    cache, run, phones = Cache.default(), place.run, place.folder / "phones"
    if not cache.sipp.exists():
        raise StackError("SIPp is missing: run `make loadtest`, or `python3 -m export.setup sipp`.")
    sipp.prepare(cache, phones)
    ports = PortBlock.take(16)
    callers, control, called, its_control = (ports[offset] for offset in (1, 2, 5, 6))
    with (
        closing(ports),
        AsteriskServer(run, extensions=[sipp.dialled(called)], rtp_ports=4 * CALLS_MOST) as asterisk,
    ):
        answering = run.spawn("sipp-called", sipp.called(cache.sipp, phones, called, its_control))
        told = place.folder / f"told-{engines}.jsonl"
        given = {
            "DRAGOMAN_ASTERISK__URL": asterisk.ari_url.rstrip("/"),
            "DRAGOMAN_ASTERISK__USER": asterisk.ari_user,
            "DRAGOMAN_ASTERISK__PASSWORD": asterisk.ari_password,
            "DRAGOMAN_CALLS__LIMIT": str(CALLS_MOST),
            **settings,
        }
        serving = _serve(run, told, given, "calls", str(told), engines)
        command = sipp.callers(cache.sipp, phones, asterisk.sip_port, callers, control)
        calling = run.spawn("sipp-callers", command)
        pids = {
            "controller": serving.pid,
            "asterisk": asterisk.pid,
            "sipp callers": calling.pid,
            "sipp called": answering.pid,
        }
        try:
            yield {"processes": pids, "told": str(told), "control": control}
        finally:
            sipp.no_more(control)  # or it would call anew for each call that ends
            for one in (serving, calling, answering):
                one.stop(END_S)


@contextmanager
def _legs(place: Place) -> Iterator[Parts]:
    """Calls without SIP, none yet."""
    ports = PortBlock.take(4)
    told = place.folder / "told-legs.jsonl"
    with closing(ports):
        serving = _serve(place.run, told, {}, "legs", str(told), "scripted", str(ports[1]))
        pids = json.loads(told.read_text(encoding="utf-8").splitlines()[0])["pids"]
        try:
            yield {"processes": {"controller": serving.pid, **pids}, "told": str(told), "control": ports[1]}
        finally:
            serving.stop(END_S)


def _serve(run: Run, told: Path, settings: Mapping[str, str], *words: str) -> Child:
    """The measured process, once it has told something."""
    told.unlink(missing_ok=True)
    command = [sys.executable, "-m", "loadtest.capacity.serving", *words]
    child = run.spawn(f"serving-{words[0]}", command, env=settings, cwd=REPOSITORY)
    due = time.monotonic() + READY_S
    while not (told.exists() and told.read_bytes().endswith(b"\n")):
        if child.exit_code is not None or time.monotonic() > due:
            child.stop(0)
            raise StackError(f"The measured process does not work: {child.log_tail(1)} (see {child.log})")
        time.sleep(0.05)
    return child


@contextmanager
def _triton(place: Place, model: str | None) -> Iterator[Parts]:
    """A Triton: the one that runs already, or one of our own, with `model` alone or with all that calls need."""
    if place.triton:
        yield {"processes": {}, "triton": place.triton, "metrics": place.metrics}
        return
    calls = ("whisper", "apertium", "pico")
    wanted = calls if model is None else (model,)
    every = {one.parent.name for one in place.repository.glob("*/config.pbtxt")}
    server = TritonServer(place.run, place.repository, models=wanted, without=every - set(wanted))
    server.start()
    try:
        stubs = {f"triton/{name}": server.stub_pid(name) for name in wanted}
        pids = {"triton": server.pid, **{name: pid for name, pid in stubs.items() if pid is not None}}
        at = server.addresses
        yield {"processes": pids, "triton": at.grpc, "metrics": f"http://{LOOPBACK}:{at.metrics_port}/metrics"}
    finally:
        server.stop()


def _present(models: Sequence[str], place: Place) -> str:
    """The first that has weights here; of a Triton that runs already the first."""
    for name in models:
        if place.triton or (place.repository / name / "1" / "weights").exists():
            return name
    raise Missing(
        f"none of the models {', '.join(models)} has weights in {place.repository}: "
        "`dragoman export offline` or `dragoman export campplus` puts them there"
    )


def _sounds(place: Place) -> str:
    """Recorded prompts as raw int16 at 16 kHz, a file each."""
    folder = place.folder / "sounds"
    folder.mkdir(parents=True, exist_ok=True)
    for number, pcm in enumerate(clips(Cache.default().prompts, "en")):
        if len(pcm) >= SAMPLE_RATE:
            (folder / f"{number:02}.raw").write_bytes(pcm.astype("<i2").tobytes())
    return str(folder)
