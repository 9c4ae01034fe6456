"""The translation stage of a speaker and a target language: clauses in, translations out, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from controller.engines.mt import Translator
from controller.errors import EngineError
from controller.messages import Clause, Reason, Translation
from controller.pipeline.ledger import Ledger
from controller.pipeline.queues import BoundedQueue
from controller.telemetry.waterfall import Mark

CONTEXT_CLAUSES = 3
"""How many of the speaker's clauses before this one a translator is shown."""


class TranslationStage:
    """Translates one clause at a time."""

    def __init__(
        self,
        mt: BoundedQueue[Clause],
        engine: Translator,
        language: str,
        ledger: Ledger,
        now: Callable[[], float],
        on_translation: Callable[[Translation], None],
        on_failure: Callable[[EngineError], None],
    ) -> None:
        self._mt = mt
        self._engine = engine
        self._language = language
        self._ledger = ledger
        self._now = now
        self._on_translation = on_translation
        self._on_failure = on_failure
        self._context: deque[str] = deque(maxlen=CONTEXT_CLAUSES)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._translate(await self._mt.get())

    async def _translate(self, clause: Clause) -> None:
        self._ledger.mark(clause, self._language, Mark.TRANSLATION_BEGAN, self._now())
        try:
            text = await self._engine.translate(clause.text, clause.language, self._language, tuple(self._context))
        except EngineError as error:
            self._ledger.drop_all(clause, self._language, Reason.ENGINE_FAILED)
            self._on_failure(error)
            return
        finally:
            self._context.append(clause.text)
        self._ledger.mark(clause, self._language, Mark.TRANSLATED, self._now())
        translation = Translation(clause, self._language, text, self._engine.name)
        self._ledger.translated(translation)
        self._on_translation(translation)
