"""Somebody's voice as it is kept: who they are and how they speak as numbers, clip by clip, and what they agreed to.

256 numbers of identity and 64 of style are the profile's own 320; what a cloning voice speaks with are each clip's
latents. Knows no file and no model: `npz` writes it, `calibration` makes it.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from controller.errors import VoiceError
from controller.frames import Pcm
from controller.triton.contracts import Latents

IDENTITY_WIDTH: Final = 256
STYLE_WIDTH: Final = 64

NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
"""What a voice may be called: a part of a path in any store."""

Band = Literal["wideband", "telephone"]
BANDS: Final[tuple[Band, Band]] = ("wideband", "telephone")
"""In the order of the first axis but one of a clip's vectors."""

Vectors = NDArray[np.float32]


def check_name(name: str) -> str:
    """
    Raises:
        VoiceError: no voice may be called that.
    """
    if not NAME.fullmatch(name):
        raise VoiceError(
            f"{name!r} is no name for a voice: give up to 63 of a-z, 0-9, - and _, a letter or digit first."
        )
    return name


@dataclass(frozen=True, slots=True)
class Encoder:
    """What made a vector. Vectors of different encoders are never compared."""

    id: str
    """Such as campplus:192:0123456789abcdef: network, native width, digest, and what else tells it from others."""

    @property
    def network(self) -> str:
        return self.id.partition(":")[0]

    @property
    def native_width(self) -> int | None:
        """Numbers before it was filled up with zeros; None where the id does not say."""
        parts = self.id.split(":")
        return int(parts[1]) if len(parts) > 1 and parts[1].isdecimal() else None

    @property
    def structural(self) -> bool:
        """Whether its weights are random: such vectors tell nobody from anybody."""
        return "structural" in self.id.split(":")


@dataclass(frozen=True, slots=True)
class Encoders:
    """All that made a profile."""

    identity: Encoder
    style: Encoder
    latents: Encoder


@dataclass(frozen=True, slots=True)
class Consent:
    """What somebody agreed to, and whether they still do."""

    who: str
    """The person, as they called themselves"""
    given: str
    """When, ISO 8601"""
    how: str
    """Such as api, command or phone"""
    text: str
    """Which version of the text they agreed to"""
    revoked: str = ""
    """When they took it back, ISO 8601; empty while it holds"""

    @property
    def holds(self) -> bool:
        return bool(self.given) and not self.revoked


@dataclass(frozen=True, slots=True)
class Quality:
    """What was measured in a clip."""

    seconds: float
    speech_s: float
    """Of them, by the house's voice activity detector"""
    level_dbfs: float
    """Of the speech"""
    snr_db: float
    """Speech over what is left when nobody speaks"""
    clipped: float
    """Share of samples that lie flat at the top or bottom"""
    band: Band
    """Whether there is anything above a telephone's band"""
    warnings: tuple[str, ...] = ()
    """What is not as good as it could be, a sentence each"""


@dataclass(frozen=True, eq=False, slots=True)
class Clip:
    """One accepted recording, as numbers."""

    name: str
    identity: Vectors
    """float32[2, 256], of length 1 each: as it was recorded, and as through a telephone line"""
    style: Vectors
    """float32[2, 64], the same"""
    latents: Latents
    quality: Quality
    pcm: Pcm | None = None
    """The recording itself, int16[n], where it is kept"""
    rate: int = 0
    """Its hertz, where it is kept"""


@dataclass(frozen=True, eq=False, slots=True)
class Profile:
    """One version of somebody's voice."""

    name: str
    version: int
    created: str
    """When this version was made, ISO 8601"""
    user: str = ""
    """Whose voice it is, as the service's owner knows them"""
    callers: tuple[str, ...] = ()
    """Numbers whose calls are theirs"""
    languages: tuple[str, ...] = ()
    """Which they speak (ISO 639-1)"""
    consent: Consent | None = None
    encoders: Encoders | None = None
    """None where nothing of a voice is in it"""
    clips: tuple[Clip, ...] = ()

    @property
    def usable(self) -> str | None:
        """Why it must not be spoken with, in a sentence; None where it may."""
        return unusable(self.name, self.consent, len(self.clips))

    @property
    def latents(self) -> Latents:
        """What speaks when nothing is known of the moment: the mean over clips, as XTTS itself takes several."""
        return Latents(
            np.stack([one.latents.gpt_conditioning.astype(np.float32) for one in self.clips])
            .mean(axis=0)
            .astype(np.float16),
            self.speaker,
        )

    @property
    def speaker(self) -> NDArray[np.float32]:
        """float32[512]: the mean of all clips', which identity stays with whatever clip's latents speak."""
        mean: NDArray[np.float32] = np.stack([one.latents.speaker for one in self.clips]).mean(axis=0)
        return mean

    @property
    def identity(self) -> Vectors:
        """float32[2, 256], of length 1: the mean as recorded, and as through a telephone line."""
        return means([one.identity for one in self.clips], [one.quality.band for one in self.clips])

    @property
    def style(self) -> Vectors:
        """float32[2, 64]: the mean, which is how they speak when nothing moves them; not of length 1."""
        mean: Vectors = np.stack([one.style for one in self.clips]).mean(axis=0)
        return mean

    @property
    def timbres(self) -> list[Latents]:
        """All that may ever have been sent to what speaks."""
        return [self.latents, *(one.latents for one in self.clips)] if self.clips else []

    @property
    def numbers(self) -> NDArray[np.float32]:
        """float32[320]: identity and style, as recorded."""
        return np.concatenate([self.identity[0], self.style[0]])

    @property
    def has_recordings(self) -> bool:
        """Whether the clips themselves are kept, so that another model can make the profile anew."""
        return bool(self.clips) and all(one.pcm is not None for one in self.clips)


def unusable(name: str, consent: Consent | None, clips: int) -> str | None:
    """See `Profile.usable`."""
    if consent is not None and consent.revoked:
        return f"The consent to use the voice {name} was revoked: it can be enrolled anew."
    if not clips:
        return f"Nothing was recorded of the voice {name}: enrol it."
    if consent is None or not consent.holds:
        return f"Nobody has consented to the use of the voice {name}: see `dragoman voice consent`."
    return None


def means(identities: list[Vectors], bands: list[Band]) -> Vectors:
    """float32[2, 256], of length 1: who speaks in all clips, as recorded and as through a telephone line.

    A recording from a telephone says nothing of how they sound in wideband, so it counts there only where there is no
    other.
    """
    wide = [one for one, band in zip(identities, bands, strict=True) if band == "wideband"] or identities
    both = np.stack(
        [np.stack([one[0] for one in wide]).mean(axis=0), np.stack([one[1] for one in identities]).mean(axis=0)]
    )
    unit: Vectors = both / np.maximum(np.linalg.norm(both, axis=1, keepdims=True), np.float32(1e-12))
    return unit.astype(np.float32)


def told(profile: Profile) -> dict[str, Any]:
    """All that is to be told of it, without a number of the voice itself. JSON-ready."""
    return {
        "name": profile.name,
        "version": profile.version,
        "created": profile.created,
        "user": profile.user,
        "callers": list(profile.callers),
        "languages": list(profile.languages),
        "consent": asdict(profile.consent) if profile.consent else None,
        "usable": profile.usable is None,
        "why_not": profile.usable,
        "encoders": asdict(profile.encoders) if profile.encoders else None,
        "structural": bool(profile.encoders and profile.encoders.identity.structural),
        "recordings_kept": profile.has_recordings,
        "clips": [{"name": one.name, **asdict(one.quality)} for one in profile.clips],
    }
