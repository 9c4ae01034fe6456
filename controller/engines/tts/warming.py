"""Voices made ready when a call begins, beside the call: its first translation then waits for nothing else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from controller.engines.tts import Narrator, Voice
from controller.errors import EngineError

log = logging.getLogger(__name__)

WARM_S = 300.0
"""Seconds for which a voice counts as ready; what a server keeps of one, it keeps for twice as long."""


class Warming:
    """Of one engine, for all calls. Begins works and waits for none of them."""

    def __init__(self, voice: Voice, now: Callable[[], float]) -> None:
        self._voice = voice
        self._now = now
        self._begun: dict[str, float] = {}
        """When it was last made ready, by language."""
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, languages: Iterable[str]) -> None:
        """Have the voices ready that speak `languages`."""
        voice = self._voice
        if not isinstance(voice, Narrator):
            return
        for language in languages:
            if voice.speaks(language) and self._now() - self._begun.get(language, -WARM_S) >= WARM_S:
                self._begun[language] = self._now()
                task = asyncio.create_task(self._warm(voice, language), name=f"warming {language}")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _warm(self, voice: Narrator, language: str) -> None:
        try:
            await voice.warm(language)
        except EngineError as error:  # whoever speaks with it next will tell, if it lasts
            self._begun.pop(language, None)
            log.info("the voice %s could not be made ready for %s: %s", voice.name, language, error)
