"""Apertium on Triton: rule-based, 2 ms a sentence, rough. It works everywhere and needs no key.

Set phrases of the telephone, which it is worst at, are looked up first.
"""

from __future__ import annotations

from collections.abc import Sequence

from controller.engines.mt import Translator
from controller.engines.mt.phrasebook import Phrasebook
from controller.engines.registry import EngineContext
from controller.errors import SettingsError
from controller.triton.client import TritonClient
from controller.triton.contracts import translate

PAIRS = frozenset({("en", "es"), ("es", "en")})


class Apertium:
    """The translator. It looks at one sentence at a time: context is of no use to it."""

    name = "apertium"

    def __init__(self, triton: TritonClient, deadline_s: float) -> None:
        self._triton = triton
        self._deadline_s = deadline_s

    def translates(self, source: str, target: str) -> bool:
        return (source, target) in PAIRS

    async def translate(self, text: str, source: str, target: str, context: Sequence[str]) -> str:
        return await translate(self._triton, text, source, target, model=self.name, deadline_s=self._deadline_s)

    async def probe(self) -> None:
        await self._triton.probe(self.name)


def make(context: EngineContext) -> Translator:
    """The engine from its settings: `phrasebook = false` has it translate set phrases too.

    Raises:
        SettingsError: an option is unknown or wrong.
    """
    match context.options:
        case {"phrasebook": bool(wanted), **others} if not others:
            pass
        case {**given} if not given:
            wanted = True
        case _:
            raise SettingsError("The engine apertium has one option: phrasebook = true or false.")
    engine = Apertium(context.triton, context.deadlines.mt_deadline_s)
    return Phrasebook(engine) if wanted else engine
