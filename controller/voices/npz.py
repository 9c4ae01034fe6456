"""A profile as one NPZ: plain arrays, or, where there is a key, the same arrays each sealed; a checksum over all of it.

    head             JSON in the clear: schema, salt (null where nothing is sealed), a number of the file's own
    meta             JSON: everything that is no array
    identity, style  float32[2, 256] and [2, 64]: the means, so that whoever looks for a voice need not read the clips
    clip_identity, clip_style                                 float32[n, 2, 256] and [n, 2, 64]
    clip_latents, clip_speakers                               float16[n, T, width] and float32[n, 512]
    clip_0, ...      int16: the recordings, in sealed files only
    checksum         uint8[32]: SHA-256 over the others

No pickle is ever read. A sealed array is uint8: nonce, then AES-256-GCM of it in numpy's own format, bound to its name
and to the file.
"""

from __future__ import annotations

import hashlib
import io
import json
import secrets
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.lib.npyio import NpzFile

from controller import sealing
from controller.errors import UsageError, VoiceError
from controller.sealing import NONCE_BYTES, Seal
from controller.triton.contracts import Latents
from controller.voices.latents import SPEAKER_WIDTH
from controller.voices.profile import (
    BANDS,
    IDENTITY_WIDTH,
    STYLE_WIDTH,
    Clip,
    Consent,
    Encoder,
    Encoders,
    Profile,
    Quality,
    Vectors,
    check_name,
    unusable,
)

SCHEMA: Final = "dragoman/voice-profile/1"

MAX_BYTES: Final = 64 << 20
"""Of a profile, packed and unpacked: the largest that is taken at all."""

_CHECKSUM: Final = "checksum"
_ANEW: Final = "import another copy of it, or enrol the voice anew"

Array = np.ndarray[Any, Any]

_BROKEN: Final = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, MemoryError),
    *(ValueError, LookupError, TypeError, AttributeError, RuntimeError, OverflowError),
)
"""What numpy and zipfile raise of what is no archive of arrays, or a damaged one."""


@dataclass(frozen=True, eq=False, slots=True)
class Card:
    """What is known of a profile without reading its clips."""

    name: str
    version: int
    user: str
    callers: tuple[str, ...]
    languages: tuple[str, ...]
    consent: Consent | None
    encoders: Encoders | None
    clips: int
    created: str
    has_recordings: bool
    wideband: bool
    """Whether it was recorded in more than a telephone's band"""
    identity: Vectors
    """float32[2, 256]; zeros where nothing of a voice is in it"""

    @property
    def usable(self) -> str | None:
        """See `Profile.usable`."""
        return unusable(self.name, self.consent, self.clips)


def card(profile: Profile) -> Card:
    """What `read_card` would tell of it."""
    return Card(
        name=profile.name,
        version=profile.version,
        user=profile.user,
        callers=profile.callers,
        languages=profile.languages,
        consent=profile.consent,
        encoders=profile.encoders,
        clips=len(profile.clips),
        created=profile.created,
        has_recordings=profile.has_recordings,
        wideband=any(one.quality.band == "wideband" for one in profile.clips),
        identity=profile.identity if profile.clips else np.zeros((2, IDENTITY_WIDTH), np.float32),
    )


# Writing


def packed(profile: Profile, key: str = "", salt: bytes = b"") -> bytes:
    """The content of its file. Without a key the recordings themselves are left out.

    Args:
        salt: to seal with; a new one where there is none. Files of one salt are opened in a tenth of the time.
    Raises:
        VoiceError: there is a key and nothing to seal with.
    """
    salt = (salt or sealing.salt()) if key else b""
    head = json.dumps({"schema": SCHEMA, "salt": salt.hex() or None, "file": secrets.token_hex(8)}).encode()
    arrays = {"head": np.frombuffer(head, np.uint8)}
    seal = _seal(key, salt) if key else None
    for name, array in _arrays(profile, recordings=seal is not None):
        arrays[name] = array if seal is None else _closed(seal, name, array, head)
    arrays[_CHECKSUM] = np.frombuffer(_checksum(arrays), np.uint8)
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()


def _arrays(profile: Profile, *, recordings: bool) -> Iterator[tuple[str, Array]]:
    keeps = recordings and profile.has_recordings
    clips = profile.clips
    about = [{"name": one.name, "rate": one.rate if keeps else 0, "quality": asdict(one.quality)} for one in clips]
    meta = {
        **{name: getattr(profile, name) for name in ("name", "version", "created", "user", "callers", "languages")},
        "consent": asdict(profile.consent) if profile.consent else None,
        "encoders": asdict(profile.encoders) if profile.encoders else None,
        "clips": about,
        "recordings": keeps,
    }
    yield "meta", np.frombuffer(json.dumps(meta, ensure_ascii=False).encode(), np.uint8)
    if not clips:
        return
    yield "identity", profile.identity
    yield "style", profile.style
    yield "clip_identity", np.stack([one.identity for one in clips])
    yield "clip_style", np.stack([one.style for one in clips])
    yield "clip_latents", np.stack([one.latents.gpt_conditioning for one in clips])
    yield "clip_speakers", np.stack([one.latents.speaker for one in clips])
    if keeps:
        for number, one in enumerate(clips):
            assert one.pcm is not None
            yield f"clip_{number}", one.pcm


def _closed(seal: Seal, name: str, array: Array, head: bytes) -> Array:
    plain = io.BytesIO()
    np.lib.format.write_array(plain, np.ascontiguousarray(array), allow_pickle=False)
    nonce = secrets.token_bytes(NONCE_BYTES)
    return np.frombuffer(nonce + seal.close(plain.getvalue(), nonce, _about(name, head)), np.uint8)


def _about(name: str, head: bytes) -> bytes:
    return name.encode() + b"\n" + head


def _checksum(arrays: dict[str, Array]) -> bytes:
    """Over names, types, shapes and numbers of all arrays."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        found.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        found.update(array.tobytes())
    return found.digest()


def _seal(key: str, salt: bytes) -> Seal:
    try:
        return Seal(key, salt)
    except UsageError as error:
        raise VoiceError(str(error)) from error


# Reading


def read(file: BinaryIO, what: str, key: str = "") -> Profile:
    """The profile in an open file.

    Args:
        what: what the file is called in an error.
        key: opens it where it is sealed.
    Raises:
        VoiceError: it is no profile, damaged, sealed with another key, or its numbers are no voice.
    """
    with _opened(file, what, key) as members:
        members.check()
        meta = members.meta()
        profile = Profile(**_known(meta), clips=_clips(meta, members))
    if wrong := _wrong(profile):
        raise VoiceError(f"The voice in {what} cannot be used: {wrong}; {_ANEW}.")
    return profile


def read_card(file: BinaryIO, what: str, key: str = "") -> Card:
    """The same, without the clips: a hundredth of the reading.

    Raises:
        VoiceError: as `read`.
    """
    with _opened(file, what, key) as members:
        meta = members.meta()
        bands = [one["quality"]["band"] for one in meta["clips"]]
        identity = members["identity"] if bands else np.zeros((2, IDENTITY_WIDTH), np.float32)
        found = Card(
            **_known(meta),
            clips=len(bands),
            has_recordings=bool(meta["recordings"]),
            wideband="wideband" in bands,
            identity=identity,
        )
    if wrong := _no_array("identity", identity, np.float32, (2, IDENTITY_WIDTH)):
        raise VoiceError(f"The voice in {what} cannot be used: {wrong}; {_ANEW}.")
    return found


class _Members:
    """The arrays of one file."""

    def __init__(self, stored: NpzFile, what: str, key: str) -> None:
        self._stored = stored
        self._head = stored["head"].tobytes()
        head = json.loads(self._head)
        if head["schema"] != SCHEMA:
            raise VoiceError(f"{what} is a profile of another kind ({head['schema']!r}, not {SCHEMA!r}): {_ANEW}.")
        salt = bytes.fromhex(head["salt"] or "")
        if salt and not key:
            raise VoiceError(f"{what} is sealed: give its key as DRAGOMAN_VOICES__KEY.")
        self._seal = _seal(key, salt) if salt else None
        self._what = what

    def __getitem__(self, name: str) -> Array:
        array: Array = self._stored[name]
        if self._seal is None:
            return array
        sealed = array.tobytes()
        plain = self._seal.open(sealed[NONCE_BYTES:], sealed[:NONCE_BYTES], _about(name, self._head))
        if plain is None:
            raise VoiceError(f"The key does not open {self._what}: it was sealed with another one, or is damaged.")
        opened: Array = np.lib.format.read_array(io.BytesIO(plain), allow_pickle=False)
        return opened

    def meta(self) -> dict[str, Any]:
        """Everything that is no array."""
        found = json.loads(self["meta"].tobytes())
        if not isinstance(found, dict):
            raise ValueError("meta is no table")
        return found

    def check(self) -> None:
        """Raise ValueError where an array is not the one that was written."""
        arrays = {name: self._stored[name] for name in self._stored.files}
        if arrays.pop(_CHECKSUM).tobytes() != _checksum(arrays):
            raise ValueError("the checksum is another one")


@contextmanager
def _opened(file: BinaryIO, what: str, key: str) -> Iterator[_Members]:
    try:
        stored = np.load(file, allow_pickle=False)
        if not isinstance(stored, NpzFile):
            raise ValueError("a single array")
        with stored:
            if stored.zip is None or sum(int(one.file_size) for one in stored.zip.infolist()) > MAX_BYTES:
                raise VoiceError(f"{what} is too large for a profile: {_ANEW}.")
            yield _Members(stored, what, key)
    except _BROKEN as error:
        raise VoiceError(f"{what} is no voice profile, or is damaged: {_ANEW}.") from error


def _known(meta: dict[str, Any]) -> dict[str, Any]:
    """What a profile and its card have in common."""
    consent, encoders = meta["consent"], meta["encoders"]
    return {
        "name": check_name(str(meta["name"])),
        "version": int(meta["version"]),
        "created": str(meta["created"]),
        "user": str(meta["user"]),
        "callers": tuple(map(str, meta["callers"])),
        "languages": tuple(map(str, meta["languages"])),
        "consent": Consent(**consent) if consent else None,
        "encoders": Encoders(**{one: Encoder(**made) for one, made in encoders.items()}) if encoders else None,
    }


def _clips(meta: dict[str, Any], members: _Members) -> tuple[Clip, ...]:
    about = meta["clips"]
    if not about:
        return ()
    names = ("clip_identity", "clip_style", "clip_latents", "clip_speakers")
    identity, style, latents, speakers = (members[name] for name in names)
    if not len(about) == len(identity) == len(style) == len(latents) == len(speakers):
        raise ValueError("there are not as many clips as it says")
    return tuple(
        Clip(
            name=str(one["name"]),
            identity=identity[number],
            style=style[number],
            latents=Latents(latents[number], speakers[number]),
            quality=Quality(**{**one["quality"], "warnings": tuple(one["quality"]["warnings"])}),
            pcm=members[f"clip_{number}"] if meta["recordings"] else None,
            rate=int(one["rate"]),
        )
        for number, one in enumerate(about)
    )


def _wrong(profile: Profile) -> str | None:
    """What is wrong with a profile's numbers; None where nothing is."""
    if profile.clips and profile.encoders is None:
        return "it does not say what made it"
    for clip in profile.clips:
        bands = len(BANDS)
        for name, array, kind, shape in (
            ("identity", clip.identity, np.float32, (bands, IDENTITY_WIDTH)),
            ("style", clip.style, np.float32, (bands, STYLE_WIDTH)),
            ("latents", clip.latents.gpt_conditioning, np.float16, None),
            ("speaker", clip.latents.speaker, np.float32, (SPEAKER_WIDTH,)),
        ):
            if wrong := _no_array(name, array, kind, shape):
                return f"{wrong} (clip {clip.name})"
        if clip.pcm is not None and (clip.pcm.dtype != np.int16 or clip.pcm.ndim != 1 or clip.rate <= 0):
            return f"the recording of clip {clip.name} is none"
        if clip.quality.band not in BANDS:
            return f"clip {clip.name} has a band of {clip.quality.band!r}"
    return None


def _no_array(name: str, array: Array, kind: type[Any], shape: tuple[int, ...] | None) -> str | None:
    if array.dtype != kind or (array.ndim != 2 if shape is None else array.shape != shape):
        return f"its {name} is {array.dtype}{list(array.shape)}"
    return None if np.isfinite(array).all() else f"its {name} holds what is no number"


def salt_of(file: BinaryIO) -> bytes:
    """What a file was sealed with; empty where it was not, or is none."""
    try:
        with np.load(file, allow_pickle=False) as stored:
            return bytes.fromhex(json.loads(stored["head"].tobytes())["salt"] or "")
    except _BROKEN:
        return b""
