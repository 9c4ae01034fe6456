"""Neural translators of one's own on Triton, as `dragoman export mt` puts them there: one a pair, or one for many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Any, Final

from controller.engines.registry import EngineContext
from controller.errors import EngineRejected, SettingsError
from controller.triton.client import Lane, TritonClient
from controller.triton.contracts import translate

NAME: Final = "neural"
_HOW: Final = (
    'engines.options.neural.models names each model of Triton and what it translates: { "opus-mt-en-es" = ["en-es"] }, '
    'or { "nllb" = ["en", "es"] } for every pair of these. `dragoman export mt` makes such models and says the line.'
)

Pair = tuple[str, str]


class Neural:
    """The translator. The first model that has a pair is asked."""

    name = NAME

    def __init__(self, triton: TritonClient, models: Mapping[str, Sequence[Pair]], deadline_s: float) -> None:
        self._triton = triton
        self._deadline_s = deadline_s
        self._of: dict[Pair, str] = {}
        for model, pairs in models.items():
            for pair in pairs:
                self._of.setdefault(pair, model)

    def translates(self, source: str, target: str) -> bool:
        return _pair(source, target) in self._of

    async def translate(self, text: str, source: str, target: str, context: Sequence[str]) -> str:
        model = self._of.get(_pair(source, target))
        if model is None:
            raise EngineRejected(f"No neural model has the pair {source} -> {target}", engine=self.name)
        return await translate(self._triton, text, source, target, model=model, deadline_s=self._deadline_s)

    async def probe(self) -> None:
        """Every model, by a tiny translation."""
        asked = {model: pair for pair, model in self._of.items()}
        for model, (source, target) in asked.items():
            await translate(
                self._triton, "1.", source, target, model=model, deadline_s=self._deadline_s, lane=Lane.PROBE
            )


def make(context: EngineContext) -> Neural:
    """The engine from its settings.

    Raises:
        SettingsError: they name no model, or what one translates is not told as it should be.
    """
    match context.options:
        case {"models": {**models}, **others} if models and not others:
            told = {str(name): _pairs(name, said) for name, said in models.items()}
            return Neural(context.triton, told, context.deadlines.mt_deadline_s)
    raise SettingsError(f"The engine neural does not know its models: {_HOW}")


def _pairs(model: Any, said: Any) -> list[Pair]:
    if not isinstance(said, list) or not all(isinstance(one, str) for one in said):
        raise SettingsError(f"What the model {model} translates is no list of texts: {_HOW}")
    pairs = [_pair(*one.split("-")) for one in said if one.count("-") == 1]
    pairs += permutations([one for one in said if "-" not in one], 2)
    codes = [code for pair in pairs for code in pair]
    if (
        not pairs
        or any(len(code) != 2 or not code.isalpha() for code in codes)
        or any(one == other for one, other in pairs)
    ):
        raise SettingsError(f"What the model {model} translates is no pair of languages: {_HOW}")
    return pairs


def _pair(source: str, target: str) -> Pair:
    """es-MX is translated as es."""
    return source.partition("-")[0].lower(), target.partition("-")[0].lower()
