"""An engine is a name in the settings, found by entry point, so that one from another distribution plugs in.

The groups are `dragoman.stt`, `dragoman.mt` and `dragoman.tts`. An entry point names a function that takes an
`EngineContext` and gives the engine.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import entry_points
from math import inf
from typing import Any, Final

from controller.engines import Engines
from controller.engines.fallback import Member, Terms
from controller.engines.fallback.mt import FallbackTranslator
from controller.engines.fallback.stt import FallbackRecogniser
from controller.engines.fallback.tts import FallbackVoice, voice_of
from controller.engines.mt import Translator
from controller.engines.mt.guarded import OUTCOMES, Guarded
from controller.errors import SettingsError
from controller.recovery.breaker import Breaker, Limits, Watch
from controller.settings import EngineSettings, FallbackSettings, TritonSettings
from controller.telemetry.failover import FailoverFigures
from controller.telemetry.metrics import Registry as Metrics
from controller.triton.client import TritonClient
from controller.voices.library import Library

BEHIND: Final = {
    ("stt", "deepgram"): ("whisper",),
    ("mt", "deepl"): ("apertium",),
    ("mt", "neural"): ("apertium",),
    ("tts", "xtts_v2"): ("pico",),
}
"""What takes over where the settings do not say."""


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
    fallback: FallbackSettings | None = None,
    *,
    metrics: Metrics | None = None,
    lives: AsyncExitStack | None = None,
) -> Engines:
    """The engines that the settings name, each kind with those that take over from it.

    Args:
        metrics, lives: see EngineContext.
    Raises:
        SettingsError: one of them does not exist, or its options are wrong.
    """
    metrics, fallback = metrics or Metrics(), fallback or FallbackSettings()
    context = EngineContext(triton, deadlines, {}, metrics, lives or AsyncExitStack())
    chains = _Chains(settings, context, fallback, FailoverFigures(metrics))
    stt = FallbackRecogniser(*chains.of("stt", settings.stt, deadlines.stt_deadline_s))
    mt = FallbackTranslator(*chains.of("mt", settings.mt, deadlines.mt_deadline_s))
    tts = voice_of(*chains.of("tts", settings.tts, deadlines.first_chunk_s))
    identifier = chains.make("stt", settings.identifier) if settings.identifier else None
    opinions = [chains.make("mt", name) for name in second_opinions(settings, fallback)]
    careful = _guarded(mt, opinions, context) if opinions else mt
    return Engines(stt, careful, tts, identifier, partial(_out, stt, mt, tts))


def make_voice(settings: EngineSettings, context: EngineContext, fallback: FallbackSettings) -> FallbackVoice:
    """The voice that the settings name alone, with those that take over from it.

    Args:
        context: of all of them, but for their options.
    Raises:
        SettingsError: one of them does not exist, or its options are wrong.
    """
    chains = _Chains(settings, context, fallback, Watch())
    return voice_of(*chains.of("tts", settings.tts, context.deadlines.first_chunk_s))


@dataclass(frozen=True, slots=True)
class _Chains:
    """Makes engines, and what a chain of them is made of."""

    settings: EngineSettings
    context: EngineContext
    """Of all of them, but for their options."""

    fallback: FallbackSettings
    watch: Watch

    def make(self, kind: str, name: str) -> Any:
        return make(kind, name, replace(self.context, options=self.settings.options.get(name, {})))

    def of(self, kind: str, first: str, deadline_s: float) -> tuple[str, list[Member[Any]], Terms]:
        now = asyncio.get_running_loop().time
        names = chain_names(kind, first, self.fallback)
        members = [
            Member(
                self.make(kind, name),
                Breaker(name, kind, _limits(kind, self.fallback, name == names[-1]), now, self.watch),
            )
            for name in names
        ]
        return kind, members, Terms(getattr(self.fallback, f"{kind}_patience_s"), deadline_s, now, self.watch)


def chain_names(kind: str, first: str, fallback: FallbackSettings) -> list[str]:
    """The names of the engine `first` of `kind` and of those that take over from it, in order."""
    chosen = getattr(fallback, kind)
    behind = BEHIND.get((kind, first), ()) if chosen is None else chosen
    return list(dict.fromkeys((first, *behind)))


def kinds_and_names(settings: EngineSettings, fallback: FallbackSettings) -> list[tuple[str, str]]:
    """The kinds and names of all engines that may be asked, each once."""
    first = {"stt": settings.stt, "mt": settings.mt, "tts": settings.tts}
    chains = [(kind, name) for kind, engine in first.items() for name in chain_names(kind, engine, fallback)]
    opinions = [("mt", name) for name in second_opinions(settings, fallback)]
    others = [*opinions, *([("stt", settings.identifier)] if settings.identifier else [])]
    return list(dict.fromkeys((*chains, *others)))


def all_names(settings: EngineSettings, fallback: FallbackSettings) -> list[str]:
    """The names of all engines that may be asked, each once."""
    return list(dict.fromkeys(name for _, name in kinds_and_names(settings, fallback)))


def second_opinions(settings: EngineSettings, fallback: FallbackSettings) -> list[str]:
    """The names of the translators that are asked where a translation lost something, in order."""
    chosen = settings.second_opinions
    behind = chain_names("mt", settings.mt, fallback) if chosen is None else chosen
    return [name for name in dict.fromkeys(behind) if name != settings.mt]


def _guarded(mt: Translator, opinions: list[Translator], context: EngineContext) -> Guarded:
    asked = context.metrics.counter(
        "dragoman_second_opinions_total",
        "Translators asked since another's translation had lost something",
        "engine",
        "asked",
        "outcome",
    )
    asked.expect([mt.name], [one.name for one in opinions], OUTCOMES)
    return Guarded(mt, opinions, context.deadlines.mt_deadline_s, asked.add)


def _limits(kind: str, fallback: FallbackSettings, last: bool) -> Limits:
    """When an engine is left alone. With none behind it slow is better than nothing, and it is tried again at once,
    by one request at a time."""
    return Limits(
        failures=fallback.failures,
        error_rate=fallback.error_rate,
        open_s=0.0 if last else fallback.open_s,
        barred_s=fallback.barred_s,
        slow_s=inf if last else getattr(fallback, f"{kind}_slow_s"),
    )


def _out(stt: FallbackRecogniser, mt: FallbackTranslator, tts: FallbackVoice, source: str, target: str) -> str | None:
    if not stt.works(source):
        return "stt"
    if not mt.works(source, target):
        return "mt"
    return None if tts.works(target) else "tts"
