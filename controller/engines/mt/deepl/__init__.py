"""DeepL: the translator for those who have a key. docs/deepl.md says what it does, what it costs and when it stops.

It fails in time and says how; what is done then, and when it is asked again, is others' business.
"""

from __future__ import annotations

import asyncio
import random
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Final

from controller.engines.mt.deepl import wire
from controller.engines.mt.deepl.connection import Connection
from controller.engines.mt.deepl.gathering import Gathering
from controller.engines.mt.deepl.options import Options, read
from controller.engines.mt.deepl.spending import Spending
from controller.engines.mt.deepl.wire import LANGUAGES, MOST_BYTES, NAME, Manner
from controller.engines.registry import EngineContext
from controller.errors import EngineError, EngineRejected, EngineTimeout
from controller.telemetry.metrics import Registry

CONTEXT_CHARACTERS: Final = 1000
"""Of what was said before, as much as this is shown: the last of it."""

PROBED_S: Final = 60.0
"""For so long an answer shows that it works, and DeepL is not asked for the sake of a probe."""

USAGE_S: Final = 5.0
"""Time-out of a probe; no call waits for it."""


def _today() -> date:
    return datetime.now(UTC).date()


class DeepL:
    """The translator."""

    name = NAME

    def __init__(
        self,
        options: Options,
        metrics: Registry,
        *,
        today: Callable[[], date] = _today,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._options = options
        formality = options.formality
        self._formality = "" if formality == "default" else f"prefer_{formality.removeprefix('prefer_')}"
        self._connection = Connection(options.where, options.key.get_secret_value(), chance)
        self._gathering = Gathering(self._send)
        self._spending = Spending(options.characters_per_day, options.characters_per_month, today, metrics)
        self._known: OrderedDict[tuple[str, Manner, tuple[str, ...]], str] = OrderedDict()
        self._worked_s: float | None = None
        self._cache = metrics.counter("dragoman_deepl_cache_total", "Texts that were known already, or not", "outcome")
        self._cache.expect(("hit", "miss"))

    def translates(self, source: str, target: str) -> bool:
        """An empty `source` is detected."""
        one, other = wire.language(source), wire.language(target)
        return (not one or one in LANGUAGES) and other in LANGUAGES and one != other

    async def translate(self, text: str, source: str, target: str, context: Sequence[str]) -> str:
        """What was said before is part of what is known: a short answer means something else after another question."""
        if not text.strip():
            return ""
        if len(text.encode()) > MOST_BYTES // 2:
            raise EngineRejected(f"A text of {len(text):,} characters is more than DeepL takes at once", engine=NAME)
        if not self.translates(source, target):
            raise EngineRejected(f"DeepL has no pair {source} -> {target}", engine=NAME)
        manner, before = self._manner(source, target), _shown(context)
        request = text, manner, before
        if (known := self._known.get(request)) is not None:
            self._known.move_to_end(request)
            self._cache.add("hit")
            return known
        self._cache.add("miss")
        translated = await self._gathering.translate(text, manner, before)
        self._keep(request, translated)
        return translated

    async def probe(self) -> None:
        """Asks what the account has used, which is not billed; nothing where an answer came lately."""
        self._spending.afford(1)
        now = asyncio.get_running_loop().time()
        if self._worked_s is not None and now - self._worked_s < PROBED_S:
            return
        self._spending.learn(await self._connection.usage(USAGE_S))
        self._worked_s = now

    async def aclose(self) -> None:
        """Give up what is under way and close the connections."""
        await self._gathering.close()
        await self._connection.close()

    def _manner(self, source: str, target: str) -> Manner:
        one, other = wire.language(source), wire.language(target)
        glossary = self._options.glossaries.get(f"{one}-{other}", "")
        return Manner(one, wire.target_code(other, self._options.targets), self._formality, glossary)

    async def _send(self, texts: Sequence[str], manner: Manner, context: str) -> list[str]:
        wanted = sum(map(len, texts))
        billed = wanted  # what is given up, or not answered in time, DeepL may have translated all the same
        self._spending.reserve(wanted)
        try:
            found = await self._connection.translate(wire.body(texts, manner, context), self._options.deadline_s)
            answers = wire.answers(found, texts)
            billed = sum(one.billed for one in answers)
        except EngineError as error:
            self._worked_s = None
            if not isinstance(error, EngineTimeout):
                billed = 0
            raise
        finally:
            self._spending.settle(wanted, billed)
        return [one.text for one in answers]

    def _keep(self, request: tuple[str, Manner, tuple[str, ...]], translated: str) -> None:
        self._known[request] = translated
        while len(self._known) > self._options.cache:
            self._known.popitem(last=False)


def _shown(context: Sequence[str]) -> tuple[str, ...]:
    """The last whole clauses of it that are not too much together."""
    kept: list[str] = []
    left = CONTEXT_CHARACTERS
    for one in reversed(context):
        left -= len(one)
        if left < 0:
            break
        kept.insert(0, one)
    return tuple(kept)


def make(context: EngineContext) -> DeepL:
    """The engine from its settings.

    Raises:
        SettingsError: an option is wrong, or there is no key.
    """
    engine = DeepL(read(context.options), context.metrics)
    context.lives.push_async_callback(engine.aclose)
    return engine
