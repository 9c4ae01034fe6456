"""Texts that are asked for in the same moment go to DeepL in one request. Nothing waits for others to come.

A request leaves in the loop's next turn; what else is asked until then goes with it, where it is to be translated in
the same manner and in sight of the same words. Knows nothing of HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial

from controller.engines.mt.deepl.wire import MOST_BYTES, MOST_TEXTS, NAME, Manner
from controller.errors import EngineUnavailable

Send = Callable[[Sequence[str], Manner, str], Coroutine[None, None, Sequence[str]]]
"""Texts, how, and in sight of what: gives their translations."""


class _Batch:
    """One request that has not left yet."""

    def __init__(self, manner: Manner, context: tuple[str, ...]) -> None:
        self.manner = manner
        self.shown = context
        """What DeepL is shown: all that any of the texts is to be translated in sight of."""
        self._context = context
        self.texts: list[str] = []
        self.bytes = sum(len(one.encode()) for one in context)
        self.waiting: list[asyncio.Future[str]] = []
        self.task: asyncio.Task[Sequence[str]] | None = None

    def takes(self, text: str, manner: Manner, context: tuple[str, ...]) -> bool:
        """Whether `text` can go with it. Its context must be the same words, or go on with what is asked here: a
        speaker's next sentence. Nobody's words are shown with those of another call."""
        if manner != self.manner or len(self.texts) >= MOST_TEXTS:
            return False
        if self.bytes + 2 * len(text.encode()) > MOST_BYTES:
            return False
        before = (*self._context, *self.texts)
        return context == self._context or (
            len(context) > 0 and context[-1] == self.texts[-1] and before[-len(context) :] == context
        )

    def add(self, text: str, context: tuple[str, ...]) -> asyncio.Future[str]:
        if context != self._context:
            self.shown = (*self._context, *self.texts)
        self.texts.append(text)
        self.bytes += 2 * len(text.encode())  # as itself, and perhaps as the next one's context
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.waiting.append(future)
        return future


class Gathering:
    """Makes requests of texts."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._open: list[_Batch] = []
        self._under_way: set[asyncio.Task[Sequence[str]]] = set()

    async def translate(self, text: str, manner: Manner, context: tuple[str, ...]) -> str:
        """The translation of `text`. Raises what `send` raises."""
        batch = next((one for one in self._open if one.takes(text, manner, context)), None)
        if batch is None:
            batch = _Batch(manner, context)
            self._open.append(batch)
            batch.task = asyncio.create_task(self._run(batch), name="a request to DeepL")
            self._under_way.add(batch.task)
            batch.task.add_done_callback(self._under_way.discard)
            batch.task.add_done_callback(partial(_tell, batch))
        future = batch.add(text, context)
        try:
            return await future
        finally:
            if not future.cancel() and not future.cancelled():
                future.exception()  # seen, even where it came with the caller's own end
            if batch.task is not None and all(one.cancelled() for one in batch.waiting):
                batch.task.cancel()  # nobody waits for it any more
                self._forget(batch)

    async def close(self) -> None:
        """Give up what is under way; who waits for it is told."""
        for task in list(self._under_way):
            task.cancel()
        if self._under_way:
            await asyncio.wait(self._under_way)

    def _forget(self, batch: _Batch) -> None:
        if batch in self._open:
            self._open.remove(batch)

    async def _run(self, batch: _Batch) -> Sequence[str]:
        self._forget(batch)
        return await self._send(batch.texts, batch.manner, " ".join(batch.shown))


def _tell(batch: _Batch, task: asyncio.Task[Sequence[str]]) -> None:
    """Give everyone who still waits the translation, or what became of it."""
    error: BaseException | None
    if task.cancelled():
        error = EngineUnavailable("The request to DeepL was given up: the engine is closed", engine=NAME)
    else:
        error = task.exception()
    texts = [""] * len(batch.texts) if error else task.result()
    for future, text in zip(batch.waiting, texts, strict=True):
        if future.done():
            continue
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(text)
