"""Recordings made into a profile's clips: each is listened to, all must be one person's, three are the least.

What is refused is told clip by clip: which one, what is wrong with it, what to do. Takes seconds; never on a call's
path.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple

import numpy as np

from controller.audio.g711 import telephone
from controller.engines.embed import VoiceEncoders
from controller.errors import AudioFileError, EngineRejected, VoiceError
from controller.frames import Pcm
from controller.stack.wav import decode_wav
from controller.triton.contracts import Embedding, Latents
from controller.voices.likeness import NoClaim, Thresholds, odd_one, thresholds
from controller.voices.profile import BANDS, Band, Clip, Encoder, Encoders, Vectors
from controller.voices.quality import COMPARISON, LONGEST_S, Heard, Take, listen

LEAST_CLIPS: Final = 3
MOST_CLIPS: Final = 10

MOST_BYTES: Final = 16 << 20
"""Of a recording: 30 s of stereo at 48 kHz in 32 bits, and more."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A clip of which nothing was made."""

    number: int
    """From 1, as they were given"""
    name: str
    why: str
    """What is wrong, and what to do"""

    @property
    def sentence(self) -> str:
        return f"Clip {self.number} ({self.name}): {self.why}."


@dataclass(frozen=True, eq=False, slots=True)
class Calibration:
    """What became of the recordings."""

    given: int
    """How many there were"""
    clips: tuple[Clip, ...]
    """Those that were accepted"""
    encoders: Encoders | None
    """None where no clip got so far"""
    refused: tuple[Refusal, ...]
    notes: tuple[str, ...]
    """What else is to be told, a sentence each"""

    @property
    def enough(self) -> bool:
        return len(self.clips) >= LEAST_CLIPS

    def check(self) -> None:
        """
        Raises:
            NotEnough: too few clips were accepted.
        """
        if not self.enough:
            raise NotEnough(self)


class NotEnough(VoiceError):
    """Too few recordings can be used; the message says why of each."""

    def __init__(self, calibration: Calibration) -> None:
        count = calibration.given - len(calibration.refused)
        told = [one.sentence for one in calibration.refused]
        need = f"A voice is made from {LEAST_CLIPS} clips or more, and {count} of these can be used."
        super().__init__(" ".join([need, *(told or ["Record more."])]))
        self.calibration = calibration


def take(content: bytes, name: str) -> Take:
    """A WAV's content as a recording.

    Raises:
        AudioFileError: it cannot be used.
    """
    if len(content) > MOST_BYTES:
        raise AudioFileError(
            f"{name} has {len(content) >> 20} MB: {MOST_BYTES >> 20} MB are the most. Record 3 to {LONGEST_S:g} s."
        )
    return Take(name, *decode_wav(content, name, most_s=LONGEST_S))


def takes(given: Sequence[tuple[str, bytes]]) -> list[Take | Refusal]:
    """Recordings by name and content: each as a take, or why it is none.

    Raises:
        VoiceError: there are too many.
    """
    if len(given) > MOST_CLIPS:
        raise VoiceError(f"{len(given)} clips are too many: give {LEAST_CLIPS} to {MOST_CLIPS}.")
    found: list[Take | Refusal] = []
    for number, (name, content) in enumerate(given, 1):
        try:
            found.append(take(content, name))
        except AudioFileError as error:
            found.append(Refusal(number, name, str(error).removeprefix(f"{name} ").rstrip(".")))
    return found


async def calibrate(
    given: Sequence[Take | Refusal], encoders: VoiceEncoders, verified: Mapping[str, float] | None = None
) -> Calibration:
    """Make clips of recordings.

    Args:
        given: in the order in which they are told of.
        verified: see `likeness.thresholds`.
    Raises:
        EngineError: an encoder failed or is not there.
    """
    candidates = [await _listened(number, one) for number, one in enumerate(given, 1)]
    notes: list[str] = []
    if len(_left(candidates)) >= LEAST_CLIPS:  # otherwise nothing need be asked of any model
        await asyncio.gather(*(one.identify(encoders) for one in _left(candidates)))
        _check_person(_left(candidates), notes, verified)
    if len(_left(candidates)) >= LEAST_CLIPS:
        await asyncio.gather(*(one.hear_how(encoders) for one in _left(candidates)))
        for one in _left(candidates):  # in turn: the model takes them one at a time
            await one.condition(encoders)
    whole = [one for one in _left(candidates) if one.latents is not None]
    return Calibration(
        given=len(given),
        clips=tuple(one.clip() for one in whole),
        encoders=whole[0].made_by() if whole else None,
        refused=tuple(Refusal(one.number, one.name, one.trouble) for one in candidates if one.trouble is not None),
        notes=tuple(notes),
    )


async def probe(one: Take, encoders: VoiceEncoders, network: str = "") -> Probe:
    """Who speaks in a single recording, of half a second of speech at least.

    Args:
        network: which encoder is asked, as a profile names it (`Encoder.network`); their own choice where empty.
    Raises:
        AudioFileError: nobody can be told by it.
        EngineError: the encoder failed or is not there.
    """
    heard = await asyncio.to_thread(listen, one, COMPARISON)
    if heard.trouble is not None:
        raise AudioFileError(f"{one.name} cannot be used: {heard.trouble}.")
    both = await _both(heard, partial(encoders.identity, network=network))
    return Probe(both.vectors, Encoder(both.model), heard.quality.band)


@dataclass(frozen=True, eq=False, slots=True)
class Probe:
    """Who speaks in a recording."""

    identity: Vectors
    """float32[2, 256], as a clip's"""
    encoder: Encoder
    band: Band


class _Both(NamedTuple):
    """A clip as it is, and as through a telephone."""

    vectors: Vectors
    """float32[2, n]"""
    model: str


class _Candidate:
    """A recording on its way to a clip, until there is trouble."""

    def __init__(self, number: int, name: str, heard: Heard | None, trouble: str | None) -> None:
        self.number, self.name, self.trouble = number, name, trouble
        self.identity: _Both | None = None
        self.latents: Latents | None = None
        self._heard = heard
        self._style: _Both | None = None

    @property
    def heard(self) -> Heard:
        assert self._heard is not None, "nothing is asked of one that is in trouble"
        return self._heard

    async def identify(self, encoders: VoiceEncoders) -> None:
        with self._refusing():
            self.identity = await _both(self.heard, encoders.identity)

    async def hear_how(self, encoders: VoiceEncoders) -> None:
        with self._refusing():
            self._style = await _both(self.heard, encoders.style)

    async def condition(self, encoders: VoiceEncoders) -> None:
        """Of all of it, with the silence before and after."""
        with self._refusing():
            self.latents = await encoders.latents(self.heard.take.pcm, self.heard.take.rate)

    def clip(self) -> Clip:
        assert self.identity and self._style and self.latents
        taken = self.heard.take
        return Clip(
            name=self.name,
            identity=self.identity.vectors,
            style=self._style.vectors,
            latents=self.latents,
            quality=self.heard.quality,
            pcm=taken.pcm,
            rate=taken.rate,
        )

    def made_by(self) -> Encoders:
        assert self.identity and self._style and self.latents
        return Encoders(Encoder(self.identity.model), Encoder(self._style.model), Encoder(self.latents.model))

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        """A model that will not take this very clip is the clip's trouble."""
        try:
            yield
        except EngineRejected as error:
            self.trouble = str(error).rstrip(".")


async def _listened(number: int, one: Take | Refusal) -> _Candidate:
    if isinstance(one, Refusal):
        return _Candidate(number, one.name, None, one.why)
    heard = await asyncio.to_thread(listen, one)
    return _Candidate(number, one.name, heard, heard.trouble)


def _left(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    return [one for one in candidates if one.trouble is None]


def _check_person(candidates: Sequence[_Candidate], notes: list[str], verified: Mapping[str, float] | None) -> None:
    """Trouble for those that are not the person who speaks in most."""
    found = {one: one.identity for one in candidates if one.identity is not None}
    if not found:
        return
    try:
        encoder = Encoder(next(iter(found.values())).model)
        of: dict[Band, Thresholds] = {band: thresholds(encoder, band, verified) for band in BANDS}
    except NoClaim as error:
        notes.append(f"It was not looked whether all clips are one person's. {error}")
        return
    while odd := odd_one([one.vectors for one in found.values()], [one.heard.quality.band for one in found], of):
        one = list(found)[odd.number]
        del found[one]
        one.trouble = (
            f"it sounds like another person than the others (likeness {odd.likeness:.2f}): record the same one"
            if odd.different
            else f"it may be another person than the others (likeness {odd.likeness:.2f}): record a longer one"
        )


async def _both(heard: Heard, encode: Callable[[Pcm], Awaitable[Embedding]]) -> _Both:
    """As it is, and as through a telephone, whatever it came through: lines that carry more or less of 200 to 3800 Hz
    compare only in the band that all of them have.

    Raises:
        EngineError: the encoder failed.
    """
    narrow = await asyncio.to_thread(telephone, heard.speech)
    both = await asyncio.gather(encode(heard.speech), encode(narrow))
    return _Both(np.stack([one.vector for one in both]), both[0].model)
