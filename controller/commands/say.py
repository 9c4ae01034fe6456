"""`dragoman say TEXT`: a text as a WAV file, spoken by a running service or by a Triton, written as it comes."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, aclosing, contextmanager
from http.client import HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final

from controller.commands.reaching import Api, add_api, asking_triton, triton_settings
from controller.engines.registry import EngineContext, make
from controller.engines.tts import DEFAULT, NARRATION_S, RATES, Narrator
from controller.errors import StackError, UsageError
from controller.settings import Settings, TritonSettings, load
from controller.stack.wav import wav_header
from controller.triton.client import TritonClient

PATIENCE_S: Final = 60.0
"""For a service's first sound, and for each further piece of it."""

PIECE: Final = 4096
"""Bytes of an answer that are read at most at a time."""


class Sink:
    """Where the sound goes, and how soon and how fast it came. Nothing is left behind where none comes."""

    def __init__(self, out: str, rate: int) -> None:
        """`out`: a file, or - for standard output."""
        self._out = out
        self._rate = rate
        self._began = time.monotonic()
        self._first_s = 0.0
        self._samples = 0
        self._file: BinaryIO | None = None
        self._closing = ExitStack()

    def __enter__(self) -> Sink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def take(self, piece: bytes) -> None:
        """More sound, 16-bit samples.

        Raises:
            UsageError: it cannot be written.
        """
        with self._told():
            if self._file is None:
                self._first_s = time.monotonic() - self._began
                self._file = self._opened()
                # Good as it is as long as nobody knows how much will come.
                self._file.write(wav_header(self._rate, None))
            self._file.write(piece)
            self._file.flush()
        self._samples += len(piece) // 2

    def end(self) -> str:
        """That was all; returns how it went.

        Raises:
            UsageError: it was nothing, or cannot be written.
        """
        took_s, sound_s = time.monotonic() - self._began, self._samples / self._rate
        if self._file is None:
            raise UsageError("There is nothing to say in this text.")
        with self._told():
            if self._file.seekable():
                self._file.seek(0)
                self._file.write(wav_header(self._rate, self._samples))
        return (
            f"first audio after {self._first_s * 1000:.0f} ms; {sound_s:.2f} s of sound in {took_s:.2f} s"
            f" (real-time factor {took_s / sound_s:.2f})"
        )

    def _opened(self) -> BinaryIO:
        return sys.stdout.buffer if self._out == "-" else self._closing.enter_context(Path(self._out).open("wb"))

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError as error:
            raise UsageError(f"What reads {self._out} has gone.") from error
        except OSError as error:
            raise UsageError(f"{self._out} cannot be written: {error.strerror}.") from error


def add(commands: Any) -> None:
    """Add `say` to the command line's sub-commands."""
    say = commands.add_parser("say", help="speak a text into a WAV: asks a running service, or Triton with --triton")
    say.add_argument("text")
    say.add_argument("--language", default="en", help="of the text (ISO 639-1)")
    say.add_argument("--voice", help="a name that the service knows; with --triton also a voice file (.npz)")
    say.add_argument("--speed", type=float, default=1.0, help="2 takes half the time")
    say.add_argument("--rate", type=int, choices=RATES, default=RATES[-1], help="hertz")
    say.add_argument("--out", default="said.wav", help="the WAV; - is standard output, such as for a player")
    say.add_argument("--triton", metavar="HOST:PORT", help="ask this Triton's gRPC service, with no service between")
    say.add_argument("--tts", help="the engine, with --triton; by default the settings', or xtts_v2 for a voice file")
    add_api(say)
    say.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Say it, write it, and tell how soon and how fast it came.

    Raises:
        DragomanError: nobody speaks, or not this.
    """
    if not options.text.strip():
        raise UsageError("There is nothing to say: give a text.")
    if options.triton is None and (options.tts or str(options.voice).endswith(".npz")):
        raise UsageError("A voice file, or an engine by name, is for Triton itself: add --triton HOST:PORT.")
    with Sink(options.out, options.rate) as sink:
        if options.triton:
            asyncio.run(_from_triton(options, sink))
        else:
            _from_service(options, sink)
        said = sink.end()
    print(said if options.out == "-" else f"{options.out}: {said}", file=sys.stderr)
    return 0


# By a service


def _from_service(options: argparse.Namespace, sink: Sink) -> None:
    asked = {
        "text": options.text,
        "language": options.language,
        "voice": options.voice or DEFAULT,
        "speed": options.speed,
        "sample_rate": options.rate,
        "format": "pcm",
    }
    with Api(options).open("/v1/speech", json.dumps(asked).encode(), patience_s=PATIENCE_S) as answer:
        half = b""  # of a sample
        try:
            while piece := answer.read1(PIECE):
                whole = (len(half) + len(piece)) // 2 * 2
                piece = half + piece
                half = piece[whole:]
                sink.take(piece[:whole])
        except (OSError, HTTPException) as error:
            raise StackError("The service broke off half-way: see its log.") from error


# By Triton itself


async def _from_triton(options: argparse.Namespace, sink: Sink) -> None:
    settings = load(options.config)
    deadlines = triton_settings(settings, options.triton).patient()
    with asking_triton(deadlines.grpc):
        await _narrated(options, settings, deadlines, sink)


async def _narrated(options: argparse.Namespace, settings: Settings, deadlines: TritonSettings, sink: Sink) -> None:
    async with TritonClient(deadlines.grpc) as triton:
        name, given, voice = _engine(options, settings)
        engine = make("tts", name, EngineContext(triton, deadlines, given))
        if not isinstance(engine, Narrator):
            raise UsageError(f"The voice {name} speaks in calls only.")
        if not engine.speaks(options.language):
            raise UsageError(f"The voice {name} does not speak '{options.language}'.")
        sound = engine.narrate(
            options.text,
            options.language,
            voice=voice,
            speed=options.speed,
            sample_rate=options.rate,
            deadline_s=NARRATION_S,
        )
        async with aclosing(sound):
            async for pcm in sound:
                sink.take(pcm.astype("<i2").tobytes())


def _engine(options: argparse.Namespace, settings: Settings) -> tuple[str, dict[str, Any], str]:
    """Which engine, with which options, in whose voice."""
    is_file = str(options.voice).endswith(".npz")
    name = options.tts or ("xtts_v2" if is_file else settings.engines.tts)
    given = dict(settings.engines.options.get(name, {}))
    if is_file:
        return name, {**given, "voice": options.voice, "voices": {}}, DEFAULT
    return name, given, options.voice or DEFAULT
