"""Profiles made of random numbers, for tests and benches that need some, or a thousand."""

from __future__ import annotations

import numpy as np

from controller.triton.contracts import Latents
from controller.voices.profile import Clip, Consent, Encoder, Encoders, Profile, Quality
from tests.fakes.fake_encoders import IDENTITY, LATENTS, STYLE

AGREED = Consent(who="Ana Peña", given="2026-01-02T03:04:05+00:00", how="command", text="1")
ENCODERS = Encoders(Encoder(IDENTITY), Encoder(STYLE), Encoder(LATENTS))
QUALITY = Quality(6.0, 4.2, -20.5, 33.0, 0.0, "wideband", ("it is very loud",))


def a_clip(seed: int, *, width: int = 64, recording: bool = True, quality: Quality = QUALITY) -> Clip:
    """`width`: of the latents."""
    random = np.random.default_rng(seed)
    identity = random.standard_normal((2, 256)).astype(np.float32)
    style = random.standard_normal((2, 64)).astype(np.float32)
    return Clip(
        name=f"{seed}.wav",
        identity=identity / np.linalg.norm(identity, axis=1, keepdims=True),
        style=style / np.linalg.norm(style, axis=1, keepdims=True),
        latents=Latents(random.standard_normal((32, width)).astype(np.float16), random.random(512, np.float32)),
        quality=quality,
        pcm=random.integers(-3000, 3000, 48_000).astype(np.int16) if recording else None,
        rate=16_000 if recording else 0,
    )


def a_profile(
    name: str = "ana",
    seed: int = 0,
    *,
    consent: Consent | None = AGREED,
    callers: tuple[str, ...] = ("+34600111222",),
    width: int = 64,
    recordings: bool = True,
) -> Profile:
    """Of three clips."""
    return Profile(
        name=name,
        version=0,
        created="2026-01-02T03:04:05+00:00",
        user="Ana Peña",
        callers=callers,
        languages=("es", "en"),
        consent=consent,
        encoders=ENCODERS,
        clips=tuple(a_clip(10 * seed + one, width=width, recording=recordings) for one in range(3)),
    )
