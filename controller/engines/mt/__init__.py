"""What a translator is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Rendered(str):
    """A translation that says which engine made it; what a translator gives that is made of several."""

    engine: str

    def __new__(cls, text: str, engine: str) -> Rendered:
        rendered = super().__new__(cls, text)
        rendered.engine = engine
        return rendered

    def __reduce__(self) -> tuple[type[Rendered], tuple[str, str]]:
        """So that it can be copied."""
        return Rendered, (str(self), self.engine)


class Translator(Protocol):
    """Text to text."""

    @property
    def name(self) -> str: ...

    def translates(self, source: str, target: str) -> bool:
        """True where it has the pair (ISO 639-1)."""
        ...

    async def translate(self, text: str, source: str, target: str, context: Sequence[str]) -> str:
        """`text` in the language `target`.

        Args:
            context: what the same speaker said before, oldest first.
        Raises:
            EngineError: it failed, or did not answer in time.
        """
        ...

    async def probe(self) -> None:
        """One tiny request. Raises EngineError where it does not work at this moment."""
        ...
