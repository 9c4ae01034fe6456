"""The `store` part of voices.json: how soon a thousand profiles are known, looked up and told apart.

Profiles of random numbers, of their real size, in a folder: what is measured is ours, and nothing of a model.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from controller.triton.contracts import Latents
from controller.voices.library import CACHED, Library
from controller.voices.objects import Folder
from controller.voices.profile import Clip, Consent, Encoder, Encoders, Profile, Quality
from controller.voices.store import VoiceStore, now
from loadtest.frames.report import Bound, quantiles

PROFILES: Final = 1000
LOOKUPS: Final = 5000
IDENTIFIED: Final = 300

_ENCODERS: Final = Encoders(Encoder("bench:256:0"), Encoder("bench:64:0"), Encoder("bench"))
_QUALITY: Final = Quality(6.0, 4.0, -20.0, 40.0, 0.0, "wideband")


LOOKUP_MS: Final = 1.0
IDENTIFY_MS: Final = 20.0
START_UP_S: Final = 2.0


def measure() -> tuple[dict[str, Any], list[Bound]]:
    """The part `store`, and what must hold of it."""
    found = measured()
    slowest, start_up_s = found["identify_ms"]["max"], found["start_up_s"]
    lookup = found["lookup_ms"]["p99"]
    return {"store": found}, [
        Bound("a cached profile is looked up, p99", f"{lookup} ms", f"< {LOOKUP_MS} ms", lookup < LOOKUP_MS),
        Bound("identified among all, at most", f"{slowest} ms", f"< {IDENTIFY_MS} ms", slowest < IDENTIFY_MS),
        Bound("a thousand profiles are there", f"{start_up_s} s", f"< {START_UP_S} s", start_up_s < START_UP_S),
    ]


def measured(profiles: int = PROFILES, key: str = "a key") -> dict[str, Any]:
    """Make so many profiles, and measure. Half a minute.

    Args:
        key: seals them; empty does not.
    """
    with tempfile.TemporaryDirectory() as folder:
        store = VoiceStore(Folder(Path(folder)), key)
        for number in range(profiles):
            store.create(_profile(number))
        return asyncio.run(_measured(store, profiles))


async def _measured(store: VoiceStore, profiles: int) -> dict[str, Any]:
    library = Library(store)
    began = time.perf_counter()
    await library.open()
    start_up_s = time.perf_counter() - began
    try:
        assert len(library.names) == profiles
        held = [await library.load(_name(number)) for number in range(min(CACHED, profiles))]
        return {
            "profiles": profiles,
            "lookup_ms": quantiles([_lookup_s(library, number % len(held)) for number in range(LOOKUPS)]),
            "identify_ms": quantiles([_identify_s(library, held[one % len(held)]) for one in range(IDENTIFIED)]),
            "start_up_s": round(start_up_s, 3),
            "sealed": store.sealed,
        }
    finally:
        await library.close()


def _lookup_s(library: Library, number: int) -> float:
    """From a caller's number to their profile, as a call would."""
    began = time.perf_counter()
    card = library.whose(caller=str(number))
    profile = library.held(card.name) if card else None
    took_s = time.perf_counter() - began
    assert profile is not None and profile.name == _name(number)
    return took_s


def _identify_s(library: Library, profile: Profile) -> float:
    """Among all, by a vector."""
    wideband, telephone = profile.identity
    began = time.perf_counter()
    found = library.nearest(_ENCODERS.identity, telephone, wideband, 10)
    took_s = time.perf_counter() - began
    assert found[0][0] == profile.name
    return took_s


def _name(number: int) -> str:
    return f"voice-{number}"


def _profile(number: int) -> Profile:
    random = np.random.default_rng(number)
    return Profile(
        name=_name(number),
        version=0,
        created=now(),
        callers=(str(number),),
        consent=Consent("nobody", now(), "bench", "0"),
        encoders=_ENCODERS,
        clips=tuple(_clip(random, str(clip)) for clip in range(3)),
    )


def _clip(random: np.random.Generator, name: str) -> Clip:
    identity, style = random.standard_normal((2, 256), np.float32), random.standard_normal((2, 64), np.float32)
    return Clip(
        name=name,
        identity=identity / np.linalg.norm(identity, axis=1, keepdims=True),
        style=style / np.linalg.norm(style, axis=1, keepdims=True),
        latents=Latents(
            random.standard_normal((32, 1024), np.float32).astype(np.float16), random.random(512, np.float32)
        ),
        quality=_QUALITY,
        pcm=random.integers(-3000, 3000, 96_000).astype(np.int16),
        rate=16_000,
    )
