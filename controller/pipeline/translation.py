"""The translation stage of a speaker and a target language: clauses in, translations out, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from controller.engines.mt import Rendered, Translator
from controller.errors import EngineError
from controller.meaning import check
from controller.messages import Clause, Reason, Translation
from controller.pipeline.ledger import Ledger
from controller.pipeline.queues import BoundedQueue
from controller.telemetry.waterfall import Mark

CONTEXT_CLAUSES = 3
"""How many of the speaker's clauses before this one a translator is shown."""


def following(context: Sequence[str], said: Iterable[str]) -> tuple[str, ...]:
    """The context of a clause that comes after `said`, which came after `context`."""
    return (*context, *said)[-CONTEXT_CLAUSES:]


@dataclass(frozen=True, slots=True)
class Request:
    """A clause to be translated."""

    clause: Clause
    context: tuple[str, ...]
    """What the same speaker said before, oldest first."""


class TranslationStage:
    """Translates one clause at a time."""

    def __init__(
        self,
        mt: BoundedQueue[Request],
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

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._translate(await self._mt.get())

    async def _translate(self, request: Request) -> None:
        clause = request.clause
        self._ledger.mark(clause, self._language, Mark.TRANSLATION_BEGAN, self._now())
        try:
            text = await self._engine.translate(clause.text, clause.language, self._language, request.context)
        except EngineError as error:
            self._ledger.drop_all(clause, self._language, Reason.ENGINE_FAILED)
            self._on_failure(error)
            return
        self._ledger.mark(clause, self._language, Mark.TRANSLATED, self._now())
        engine = text.engine if isinstance(text, Rendered) else self._engine.name
        lost = check(clause.text, clause.language, text, self._language)
        translation = Translation(clause, self._language, str(text), engine, lost)
        self._ledger.translated(translation)
        self._on_translation(translation)
