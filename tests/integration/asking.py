"""What the tests on a real Triton share: asking it, its figures, recorded prompts, word error rates."""

from __future__ import annotations

import asyncio
import gzip
import os
import re
import time
import unicodedata
import urllib.request
import wave
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import soxr
from numpy.typing import NDArray

from controller.stack.reaper import marked
from controller.stack.triton import TritonServer
from controller.triton.client import TritonClient
from controller.triton.contracts import synthesize
from export.setup.cache import Cache

Answer = TypeVar("Answer")
Samples = NDArray[np.int16]

VOICES = {"en": "en_US_f_Allison", "es": "es_MX_f_Allison"}
WAIT_S = 30.0


def ask(triton: TritonServer, act: Callable[[TritonClient], Awaitable[Answer]]) -> Answer:
    """What `act` returns, given a client of the server."""

    async def run() -> Answer:
        async with TritonClient(triton.addresses.grpc) as client:
            return await act(client)

    return asyncio.run(run())


async def speech(client: TritonClient, text: str, language: str, rate: int = 16_000, **options: Any) -> list[Samples]:
    """All chunks of an utterance."""
    async with aclosing(synthesize(client, text, language, sample_rate=rate, **options)) as chunks:
        return [chunk async for chunk in chunks]


def until(what: str, holds: Callable[[], bool], timeout_s: float = WAIT_S) -> None:
    """Wait for a condition; fails, naming it, when it does not come."""
    due = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < due, f"not within {timeout_s:g} s: {what}"
        time.sleep(0.02)


def metric(triton: TritonServer, name: str, label: str = "") -> float:
    """The sum of a metric over its labels, or those with `label` among them; 0 where it has not been counted yet."""
    url = f"http://127.0.0.1:{triton.addresses.metrics_port}/metrics"
    with urllib.request.urlopen(url, timeout=10) as response:
        lines = response.read().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if re.match(rf"{name}[{{ ]", line) and label in line)


def cpu_s(pid: int) -> float:
    """Processor seconds a process has used, all threads together."""
    fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def programs(mark: str, parent: int | None = None) -> dict[int, str]:
    """The processes of a run and their names; only the children of `parent` where one is given."""
    found = {}
    for pid in marked(mark):
        try:
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
            name = Path(f"/proc/{pid}/comm").read_text().strip()
        except OSError:  # gone meanwhile
            continue
        if parent is None or int(fields[1]) == parent:
            found[pid] = name
    return found


@dataclass(frozen=True)
class Prompt:
    """A recorded sentence and what is said in it."""

    text: str
    pcm: Samples
    """16 kHz, from a recording of 8 kHz."""

    @property
    def seconds(self) -> float:
        return len(self.pcm) / 16_000


def prompts(language: str, names: list[str]) -> list[Prompt]:
    """Recorded prompts by name, such as `vm-review`."""
    share = Cache.default().prompts / "usr/share"
    listing = share / f"doc/asterisk-core-sounds-{language}/core-sounds-{language}.txt.gz"
    lines = gzip.decompress(listing.read_bytes()).decode("utf-8-sig", errors="replace").splitlines()
    texts = dict(line.split(":", 1) for line in lines if ":" in line and not line.startswith(";"))
    return [Prompt(texts[name].strip(), _recording(share, language, name)) for name in names]


def _recording(share: Path, language: str, name: str) -> Samples:
    with wave.open(str(share / f"asterisk/sounds/{VOICES[language]}/{name}.wav")) as file:
        narrow = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    wide: Samples = soxr.resample(narrow, 8_000, 16_000)
    return wide


def word_errors(reference: str, heard: str) -> tuple[int, int]:
    """Words wrong, missing or added, and words said; accents and case folded."""
    said, got = _words(reference), _words(heard)
    row = list(range(len(got) + 1))
    for number, word in enumerate(said, 1):
        diagonal, row[0] = row[0], number
        for place, other in enumerate(got, 1):
            diagonal, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, diagonal + (word != other))
    return row[-1], len(said)


def _words(text: str) -> list[str]:
    plain = "".join(char for char in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(char))
    return re.sub(r"[^a-z0-9 ]", " ", plain.replace("'", "")).split()
