"""One run: servers and coqui-tts are started, take turns in rounds, and what they did becomes the report."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np

from controller.stack.process import Run
from controller.stack.triton import TritonServer
from controller.triton.client import TritonClient
from controller.triton.contracts import Latents
from controller.voices import latents
from export.runtime.xtts.config import ModelConfig
from export.setup.cache import Cache
from export.xtts import structural
from loadtest.tts_server import gauges, serving
from loadtest.tts_server.asking import ARRIVALS, MODEL, Asking
from loadtest.tts_server.rows import PEER, Kind, Taken, kinds, row
from loadtest.tts_server.sides import Ours, Side, Theirs
from loadtest.xtts import beginnings, task
from loadtest.xtts.exchange import Engine, forget_peak, peak_mb

TOKENS: Final[Mapping[str, int]] = {"full": task.TOKENS, "tiny": 24}
"""Of an utterance. The tiny model is a measure of nothing but the bench: a little more than coqui-tts's first chunk."""

RUNNING: Final = "ours"
"""What a server that ran already is called in the report: nobody here knows how it serves."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is measured."""

    size: str
    """full, or tiny: then it is the bench that is tried, and no figure means anything."""
    rounds: int
    streams: Sequence[int]
    precisions: Sequence[str]
    """Of our engines, each a server."""
    provider: str
    """cpu, cuda, tensorrt. coqui-tts, which is set up for processors, is measured beside cpu alone."""
    url: str | None
    """host:port of a server that runs already: it is measured by itself, whatever its weights say."""
    metrics: str | None
    """Of that server, where they are to be read."""
    voice: Path | None
    """A voice file; otherwise random numbers, which do for random weights."""
    folder: Path
    """For weights and logs."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one of our engines listens."""

    address: str
    metrics: str | None
    server: TritonServer | None = None
    """This run's own."""


def run(options: Options) -> dict[str, Any]:
    """The report, without bounds.

    Raises:
        DragomanError, EngineFailed, CalledProcessError, OSError: it could not be measured.
    """
    config = structural.SIZES[options.size]
    tokens = None if options.url else TOKENS[options.size]
    voice = latents.read(options.voice).latents if options.voice else _somebody(config)
    with ExitStack() as stack:
        places = _places(options, stack)
        peer = _peer(options, stack) if tokens is not None and options.provider == "cpu" else None
        order = kinds(list(places), options.streams, tuple(ARRIVALS), peer=peer is not None)
        measured = _measured(options, config, voice, tokens, places, peer, order)
        taken, rss_mb = asyncio.run(measured)
        server = next(iter(places.values())).server
        triton = {} if server is None else {"triton": server.version}
    first = [one for kind, found in taken.items() if kind.engine == order[0].engine for one in found]
    return {
        "schema": "dragoman/tts-server/1",
        "engines": {**beginnings.versions(), **triton},
        "cores": os.cpu_count(),
        "config": options.size if tokens is not None else None,
        "provider": options.provider if tokens is not None else None,
        "tokens": tokens,
        "rounds": options.rounds,
        "rows": [row(kind, taken[kind]) for kind in order],
        "server_rss_mb": rss_mb,
        "kv_slots_mb": None if rss_mb is None else _kv_mb(config, first, max(options.streams)),
    }


def _places(options: Options, stack: ExitStack) -> dict[str, Place]:
    """Our engines by name, each listening."""
    if options.url is not None:
        return {RUNNING: Place(options.url, options.metrics)}
    weights = beginnings.exported(Cache.default(), options.size, options.folder / f"weights-{options.size}")
    run = stack.enter_context(Run(options.folder / "logs"))
    places = {}
    for precision in options.precisions:
        name = "-".join(["ours", precision, *([options.provider] if options.provider != "cpu" else [])])
        print(f"{name}: Triton is started", file=sys.stderr)
        parameters = {"precision": precision, "provider": options.provider, "overlap": options.provider != "cpu"}
        made = options.folder / f"served-{name}"
        repository = serving.limited(weights, made, TOKENS[options.size], parameters)
        server = serving.started(run, repository)
        at = server.addresses
        places[name] = Place(at.grpc, f"http://127.0.0.1:{at.metrics_port}/metrics", server)
    return places


def _peer(options: Options, stack: ExitStack) -> Engine:
    vocabulary = options.folder / f"weights-{options.size}" / MODEL / "1" / "weights" / "vocab.json"
    words = (options.size, str(vocabulary.absolute()), str(os.cpu_count()))
    return stack.enter_context(Engine(PEER, Cache.default().python("coqui-tts"), "loadtest.xtts.peer", *words))


def _somebody(config: ModelConfig) -> Latents:
    conditioning, speaker = task.voice(config)
    return Latents(conditioning.astype(np.float16), speaker)


async def _measured(
    options: Options,
    config: ModelConfig,
    voice: Latents,
    tokens: int | None,
    places: Mapping[str, Place],
    peer: Engine | None,
    order: Sequence[Kind],
) -> tuple[dict[Kind, list[Taken]], float | None]:
    """What every round gave of each kind, and the memory of the first engine's model where it is known, megabytes."""
    async with AsyncExitStack() as stack:
        sides: dict[str, Side] = {}
        for name, place in places.items():
            client = await stack.enter_async_context(TritonClient(place.address))
            asking = Asking(client, voice, config.tokens_per_second)
            sides[name] = Ours(asking, await _seeds(name, asking, max(options.streams), tokens), place.metrics)
        if peer is not None and tokens is not None:
            sides[PEER] = Theirs(peer, tokens)
            print(f"{PEER}: a first utterance, that does not count", file=sys.stderr)
            await sides[PEER].take(order[-1])
        first = next(iter(places.values())).server
        model = None if first is None else first.stub_pid(MODEL)
        if model is not None:
            forget_peak(model)
        taken: dict[Kind, list[Taken]] = {kind: [] for kind in order}
        for number in range(options.rounds):
            begin = number % len(order)
            for kind in (*order[begin:], *order[:begin]):
                taken[kind].append(await _turn(sides[kind.engine], kind, number + 1, options.rounds))
        return taken, None if model is None else peak_mb(model)


async def _seeds(name: str, asking: Asking, count: int, tokens: int | None) -> Sequence[int]:
    """Seeds to speak with, once the engine has spoken with as many."""
    await asking.connect()
    if tokens is None:
        await asking.together(range(count), 0.0)
        return range(count)
    print(f"{name}: seeds that say all {tokens} tokens", file=sys.stderr)
    return await asking.lasting(count, tokens)


async def _turn(side: Side, kind: Kind, number: int, rounds: int) -> Taken:
    arrivals = f", {kind.arrivals.replace('_', ' ')}" if kind.streams > 1 else ""
    print(f"round {number} of {rounds}: {kind.engine}, {kind.streams}{arrivals}", end="", file=sys.stderr, flush=True)
    taken = await side.take(kind)
    firsts = median(one.first_audio_s for one in taken.heard)
    print(f": first audio {firsts:.2f} s, {taken.tokens_per_s:.1f} tokens/s", file=sys.stderr)
    return taken


def _kv_mb(config: ModelConfig, taken: Sequence[Taken], streams: int) -> float | None:
    """Keys and values that the slots in use had come to hold; None where nobody counted the prompts."""
    prompts = [one.work.positions / len(one.heard) for one in taken if one.work is not None]
    if not prompts:
        return None
    said = max(count for one in taken for count in one.tokens)
    positions = config.latents + round(max(prompts)) + said
    return round(gauges.kv_mb(config, positions, min(streams, serving.SLOTS)), 1)
