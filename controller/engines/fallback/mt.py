"""A translator made of translators: the text that one fails at goes into the next, within the clause's deadline."""

from __future__ import annotations

from collections.abc import Sequence

from controller.engines.fallback import Chain, Turns
from controller.engines.mt import Rendered, Translator
from controller.errors import EngineError
from controller.recovery.breaker import State


class FallbackTranslator(Chain[Translator]):
    """What it gives says which of them gave it."""

    def translates(self, source: str, target: str) -> bool:
        return any(one.engine.translates(source, target) for one in self.members)

    def works(self, source: str, target: str) -> bool:
        """Whether one of those that have the pair works, as far as is known."""
        return any(one.breaker.state is State.CLOSED and one.engine.translates(source, target) for one in self.members)

    async def translate(self, text: str, source: str, target: str, context: Sequence[str]) -> str:
        able = [one for one in self.members if one.engine.translates(source, target)]
        turns = Turns(self, able, self._terms)
        for member, attempt in turns:
            engine = member.engine
            with attempt:
                try:
                    translation = await turns.within(engine.translate(text, source, target, context), engine.name)
                except EngineError as error:
                    attempt.failed(error)
                    turns.failure = error
                else:
                    attempt.succeeded(self._terms.now() - attempt.began_s)
                    self._terms.watch.worked(engine.name, self.kind)
                    return translation if isinstance(translation, Rendered) else Rendered(translation, engine.name)
        raise turns.failure or self._none_left()
