"""A translator that does not let a number, a time, a sum, a name or a negation get lost: another is asked then.

It has the time of one clause for all of them. Whether the translation that goes on is marked is not its business: the
translation stage looks at every one, whoever made it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from controller.engines.mt import Rendered, Translator
from controller.errors import EngineError
from controller.meaning import Finding, check

OUTCOMES: Final = ("mended", "better", "no_better", "failed", "too_late")

Tell = Callable[[str, str, str], None]
"""Told of each further opinion: whose translation had lost something, who was asked, and what came of it (OUTCOMES)."""


class Guarded:
    """`first`, and those who are asked for a second opinion, in order."""

    def __init__(self, first: Translator, others: Sequence[Translator], deadline_s: float, tell: Tell) -> None:
        """
        Args:
            deadline_s: of a translation, further opinions included.
        """
        self.name = first.name
        self.translates = first.translates
        self.probe = first.probe
        self.first = first
        self._others = others
        self._deadline_s = deadline_s
        self._tell = tell

    async def translate(self, text: str, source: str, target: str, context: Sequence[str]) -> str:
        """The first translation in which nothing got lost, or else the one in which least did, the earliest of them."""
        now = asyncio.get_running_loop().time
        due_s = now() + self._deadline_s
        best = await self.first.translate(text, source, target, context)
        lost = check(text, source, best, target)
        maker = self._maker(best)
        for other in self._others:
            if not lost:
                break
            if other.name == self._maker(best) or not other.translates(source, target):
                continue
            opinion = await self._opinion(other, due_s - now(), (text, source, target, context), maker)
            if opinion is None:
                continue
            left: tuple[Finding, ...] = check(text, source, opinion, target)
            self._tell(maker, other.name, "mended" if not left else "better" if len(left) < len(lost) else "no_better")
            if len(left) < len(lost):
                best = opinion if isinstance(opinion, Rendered) else Rendered(opinion, other.name)
                lost = left
        return best

    async def _opinion(
        self, other: Translator, seconds: float, request: tuple[str, str, str, Sequence[str]], maker: str
    ) -> str | None:
        """What `other` says, where it says anything within `seconds`."""
        patience = asyncio.timeout(max(0.0, seconds))
        try:
            async with patience:
                return await other.translate(*request)
        except TimeoutError:
            if not patience.expired():  # the engine's own, and a fault in it
                raise
            self._tell(maker, other.name, "too_late")
        except EngineError:
            self._tell(maker, other.name, "failed")
        return None

    def _maker(self, translation: str) -> str:
        """Who made it: a translator made of several says so."""
        return translation.engine if isinstance(translation, Rendered) else self.first.name
