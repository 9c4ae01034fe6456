"""WAV files: a person's recordings made fit for a phone, and what the phones record.

Knows the RIFF format and resampling; knows nothing of calls.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import soxr

from controller.audio.g711 import ALAW, MULAW
from controller.errors import AudioFileError
from controller.frames import Pcm

PHONE_RATE: Final = 8000
"""Hertz of a G.711 phone."""

MAX_SECONDS: Final = 3600.0
"""Longest recording that is taken: all of it is held in memory."""

WAV_HEADER_BYTES: Final = 44
"""Of the header that we write."""

_PCM: Final = 1
_FLOAT: Final = 3
_COMPANDED: Final = {6: ALAW, 7: MULAW}
"""G.711, as telephones record it: what each code stands for."""
_EXTENSIBLE: Final = 0xFFFE
_UNKNOWN_SIZE: Final = 0xFFFFFFFF
"""What programs that write into a pipe put for a length they cannot know."""

_OTHER_FORMATS: Final = {
    2: "ADPCM",
    17: "IMA ADPCM",
    49: "GSM",
    80: "MPEG",
    85: "MP3",
}
_CONVERT: Final = "convert it, for example with `ffmpeg -i IN -c:a pcm_s16le OUT.wav`"


@dataclass(frozen=True, slots=True)
class _Format:
    """The `fmt ` chunk."""

    kind: int
    channels: int
    rate: int
    block: int
    """Bytes of one sample of all channels."""

    @property
    def width(self) -> int:
        """Bytes of one sample of one channel."""
        return self.block // self.channels


def read_wav(path: Path, rate: int = PHONE_RATE) -> Pcm:
    """A recording as mono int16 at `rate` hertz.

    Takes integer samples of 8, 16, 24 and 32 bits, floating point ones of 32 and 64, mu-law and A-law, at 4 to 384 kHz,
    with any number of channels (their mean is taken). A mono 16-bit file at `rate` comes back bit for bit.

    Raises:
        AudioFileError: it cannot be read, is no WAV, empty, cut short, compressed, or longer than an hour.
    """
    return decode_wav(read_content(path), str(path), rate)[0]


def decode_wav(content: bytes, name: str, rate: int | None = None, *, most_s: float = MAX_SECONDS) -> tuple[Pcm, int]:
    """What `read_wav` makes of a file's content, and its rate in hertz: `rate`, or the recording's own where that is
    None.

    Args:
        name: what the recording is called in an error.
        most_s: a longer one is refused before it is looked at.
    Raises:
        AudioFileError: as `read_wav`.
    """
    form, data = _parse(name, _checked(content, name), strict=True)
    rate = rate or form.rate
    samples = len(data) // form.block
    if samples == 0:
        raise AudioFileError(f"{name} holds no sound: record or export it again.")
    if samples > form.rate * most_s:
        longest = "an hour" if most_s == MAX_SECONDS else f"{most_s:g} s"
        raise AudioFileError(f"{name} is longer than {longest}: cut out the part to be spoken.")
    if form.kind == _PCM and form.width == 2 and form.channels == 1 and form.rate == rate:
        return np.frombuffer(data[: samples * 2], "<i2").astype(np.int16), rate
    mono = _decode(form, data[: samples * form.block]).reshape(-1, form.channels).mean(axis=1)
    if not np.isfinite(mono).all():
        raise AudioFileError(f"{name} holds samples that are no numbers: export it again.")
    if form.rate != rate:
        mono = soxr.resample(mono, form.rate, rate, quality="HQ")
    return np.clip(np.rint(mono * 32768), -32768, 32767).astype(np.int16), rate


def read_recording(path: Path) -> tuple[Pcm, int]:
    """A 16-bit mono recording as its writer left it, even killed before the sizes were in the header: the
    samples, and their rate in hertz.

    Raises:
        AudioFileError: it is no 16-bit mono WAV.
    """
    form, data = _parse(str(path), read_content(path), strict=False)
    if (form.kind, form.width, form.channels) != (_PCM, 2, 1):
        raise AudioFileError(f"{path} is not a 16-bit mono recording: {_CONVERT}.")
    return np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.int16), form.rate


def rate_of(path: Path) -> int:
    """The rate in hertz that a recording was made at.

    Raises:
        AudioFileError: it cannot be read, or is no WAV.
    """
    return _parse(str(path), read_content(path), strict=False)[0].rate


def write_wav(path: Path, pcm: Pcm, rate: int) -> None:
    """Write mono 16-bit samples."""
    data = pcm.astype("<i2").tobytes()
    path.write_bytes(wav_header(rate, len(pcm)) + data)


def wav_header(rate: int, samples: int | None) -> bytes:
    """What stands before mono 16-bit samples; `samples` is None where nobody knows yet how many will come."""
    size = _UNKNOWN_SIZE if samples is None else samples * 2
    whole = _UNKNOWN_SIZE if samples is None else WAV_HEADER_BYTES - 8 + size
    riff = struct.pack("<4sI4s", b"RIFF", whole, b"WAVE")
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, _PCM, 1, rate, rate * 2, 2, 16)
    return riff + form + struct.pack("<4sI", b"data", size)


def read_content(path: Path) -> bytes:
    """A recording's bytes.

    Raises:
        AudioFileError: it cannot be read, or is no WAV.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise AudioFileError(f"{path} cannot be read: {error.strerror or error}. Name a WAV file.") from error
    return _checked(content, str(path))


def _checked(content: bytes, name: str) -> bytes:
    if not content:
        raise AudioFileError(f"{name} is empty: record or export it again.")
    if len(content) < 12 or content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise AudioFileError(f"{name} is not a WAV file: {_CONVERT}.")
    return content


def _parse(name: str, content: bytes, *, strict: bool) -> tuple[_Format, bytes]:
    """The format, and the samples' bytes. Unless `strict`, the length in the header is not believed."""
    form: _Format | None = None
    position = 12
    while position + 8 <= len(content):
        chunk, size = struct.unpack_from("<4sI", content, position)
        body = position + 8
        if chunk == b"data":
            if form is None:
                raise AudioFileError(f"{name} does not say how its samples are stored: export it again.")
            there = len(content) - body
            if not strict or size == _UNKNOWN_SIZE:
                size = there
            if size > there:
                raise AudioFileError(
                    f"{name} is cut short: its header promises {size} bytes of sound and {there} are there. "
                    "Copy or record it again."
                )
            return form, content[body : body + size]
        if chunk == b"fmt ":
            form = _format(name, content[body : body + size])
        position = body + size + size % 2
    raise AudioFileError(f"{name} holds no sound: record or export it again.")


def _format(name: str, chunk: bytes) -> _Format:
    if len(chunk) < 16:
        raise AudioFileError(f"{name} is cut short in its header: copy or record it again.")
    kind, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", chunk)
    if kind == _EXTENSIBLE and len(chunk) >= 26:
        kind = struct.unpack_from("<H", chunk, 24)[0]  # the first two bytes of the sub-format's GUID
    if kind not in (_PCM, _FLOAT, *_COMPANDED):
        raise AudioFileError(f"{name} is compressed ({_OTHER_FORMATS.get(kind, f'format {kind}')}): {_CONVERT}.")
    form = _Format(kind, channels, rate, block)
    sizes = {_PCM: (1, 2, 3, 4), _FLOAT: (4, 8)}.get(kind, (1,))
    if (
        channels == 0
        or block % channels
        or form.width not in sizes
        or bits > form.width * 8
        or not 4000 <= rate <= 384_000
    ):
        raise AudioFileError(
            f"{name} has a header that makes no sense ({channels} channels, {rate} Hz, {bits} bits in "
            f"{block} bytes): {_CONVERT}."
        )
    return form


def _decode(form: _Format, data: bytes) -> npt.NDArray[np.float64]:
    """The samples of all channels in turn, full scale being 1."""
    if form.kind == _FLOAT:
        return np.frombuffer(data, f"<f{form.width}").astype(np.float64)
    if form.kind in _COMPANDED:
        return _COMPANDED[form.kind][np.frombuffer(data, np.uint8)] / 2.0**15
    if form.width == 1:  # the only unsigned one
        return (np.frombuffer(data, np.uint8).astype(np.float64) - 128) / 128
    if form.width == 3:
        padded = np.zeros((len(data) // 3, 4), np.uint8)
        padded[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return padded.reshape(-1).view("<i4") / 2.0**31
    return np.frombuffer(data, f"<i{form.width}") / 2.0 ** (form.width * 8 - 1)
