"""An engine is a name in the settings, found by entry point, so that one from another distribution plugs in.

The groups are `dragoman.stt`, `dragoman.mt` and `dragoman.tts`. An entry point names a function that takes an
`EngineContext` and gives the engine.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any

from controller.engines import Engines
from controller.errors import SettingsError
from controller.settings import EngineSettings, TritonSettings
from controller.telemetry.metrics import Registry as Metrics
from controller.triton.client import TritonClient
from controller.voices.library import Library


@dataclass(frozen=True, slots=True)
class EngineContext:
    """What an engine may use."""

    triton: TritonClient
    deadlines: TritonSettings
    options: dict[str, Any]
    """The engine's own table in the settings, `engines.options.<name>`."""

    metrics: Metrics = field(default_factory=Metrics)
    """Where its figures are told."""

    lives: AsyncExitStack = field(default_factory=AsyncExitStack)
    """What it holds open is closed with this."""
    profiles: Library | None = None
    """The voices that were enrolled; None where none are kept."""


def names(kind: str) -> list[str]:
    """The names of all engines of `kind` (stt, mt, tts) that are installed."""
    return sorted({point.name for point in entry_points(group=f"dragoman.{kind}")})


def make(kind: str, name: str, context: EngineContext) -> Any:
    """The engine `name` of `kind`.

    Raises:
        SettingsError: there is none of that name.
    """
    for point in entry_points(group=f"dragoman.{kind}"):
        if point.name == name:
            return point.load()(context)
    raise SettingsError(f"There is no {kind} engine '{name}'; installed are: {', '.join(names(kind)) or 'none'}.")


def make_all(
    settings: EngineSettings,
    triton: TritonClient,
    deadlines: TritonSettings,
    *,
    metrics: Metrics | None = None,
    lives: AsyncExitStack | None = None,
) -> Engines:
    """The engines that the settings name.

    Args:
        metrics, lives: see EngineContext.
    Raises:
        SettingsError: one of them does not exist, or its options are wrong.
    """

    def one(kind: str, name: str) -> Any:
        options = settings.options.get(name, {})
        return make(
            kind, name, EngineContext(triton, deadlines, options, metrics or Metrics(), lives or AsyncExitStack())
        )

    identifier = one("stt", settings.identifier) if settings.identifier else None
    return Engines(one("stt", settings.stt), one("mt", settings.mt), one("tts", settings.tts), identifier)
