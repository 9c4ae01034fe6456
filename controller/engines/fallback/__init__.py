"""Engines made of engines: the first that works is asked, and what it fails at goes to the next within the clause.

Whoever asks need not know. What they have in common is here; a module a kind beside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from controller.errors import EngineError, EngineTimeout, EngineUnavailable
from controller.recovery.breaker import Attempt, Breaker, Watch

T = TypeVar("T")


class Engine(Protocol):
    """What engines of all kinds have."""

    @property
    def name(self) -> str: ...

    async def probe(self) -> None: ...


E = TypeVar("E", bound=Engine)


@dataclass(frozen=True, slots=True)
class Member(Generic[E]):
    """One of several engines of a kind, and whether it is asked at this moment."""

    engine: E
    breaker: Breaker


@dataclass(frozen=True, slots=True)
class Terms:
    """How several engines share a piece of work."""

    patience_s: float
    """How long one may take before its work is given to the next; the last one has its own time."""

    deadline_s: float
    """How long all of them together may."""

    now: Callable[[], float]
    """The clock of the breakers, in seconds."""

    watch: Watch


class Chain(Generic[E]):
    """Several engines of a kind, in the order in which they are asked; at least one."""

    def __init__(self, kind: str, members: Sequence[Member[E]], terms: Terms) -> None:
        self.kind = kind
        self.members = members
        self.name = " or ".join(one.engine.name for one in members)
        self._terms = terms

    async def probe(self) -> None:
        """Raises EngineError, the first one's, where none of them works at this moment."""
        first: EngineError | None = None
        for one in self.members:
            try:
                await one.engine.probe()
            except EngineError as error:
                first = first or error
            else:
                return
        assert first is not None
        raise first

    def _none_left(self) -> EngineUnavailable:
        return EngineUnavailable(f"{self.name} failed a moment ago and is left alone for now", engine=self.name)


class Turns(Generic[E]):
    """The engines that can do one piece of work, as they are let at it, one after the other until one has done it.

    Each comes with its attempt, which is a context and must be entered.
    """

    def __init__(self, chain: Chain[E], able: Sequence[Member[E]], terms: Terms) -> None:
        self.failure: EngineError | None = None
        """Of the engine before this one."""
        self._chain = chain
        self._able = able
        self._terms = terms
        self._due_s = terms.now() + terms.deadline_s
        self._behind: Sequence[Member[E]] = ()

    def __iter__(self) -> Iterator[tuple[Member[E], Attempt]]:
        for place, member in enumerate(self._able):
            attempt = member.breaker.enter()
            if attempt is None:
                continue
            self._behind = self._able[place + 1 :]
            if self.failure is not None:
                self._terms.watch.switched(self._chain.kind, self.failure, member.engine.name)
            yield member, attempt

    async def within(self, work: Awaitable[T], engine: str) -> T:
        """What `work` gives, in as long as there is: not so long that the next engine would come too late.

        Raises:
            EngineTimeout: it gave nothing.
        """
        left_s = self._due_s - self._terms.now()
        seconds: float | None = None
        if any(one.breaker.allows for one in self._behind):
            seconds = min(self._terms.patience_s, left_s)
        elif self._behind or self.failure is not None:
            seconds = left_s
        patience = asyncio.timeout(seconds)
        try:
            async with patience:
                return await work
        except TimeoutError as error:
            if not patience.expired():  # the engine's own, and a fault in it
                raise
            raise EngineTimeout(f"{engine} gave no answer in time: the next one is asked", engine=engine) from error
