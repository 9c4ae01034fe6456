"""All directions of an Apertium folder: pipelines started once, and again when one dies.

Knows language codes and text.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from export.runtime.apertium import modes
from export.runtime.apertium import text as fit
from export.runtime.apertium.pipeline import Pipeline, PipelineDied, PipelineStuck

ANSWER_S = 2.0
"""A sentence takes 2 ms and a fresh pipeline 0.3 s: after two seconds it hangs."""

SLOWEST_CHARACTERS_A_SECOND = 10_000
"""It was seen to do 150 000, so that a long text is given its time too."""


class UnknownPair(ValueError):
    """There is no such direction here."""


class TranslatorError(Exception):
    """A pipeline failed, and so did its successor."""


class Line(Protocol):
    """What a direction needs of a pipeline."""

    def translate(self, text: str, deadline_s: float) -> str: ...

    def close(self) -> None: ...


class Translator:
    """Translates; may be called from several threads."""

    def __init__(self, start: dict[tuple[str, str], Callable[[], Line]]) -> None:
        """`start` makes the pipeline of each (source, target); all are started now."""
        self._start = start
        self._locks = {pair: threading.Lock() for pair in start}
        self._lines = {pair: make() for pair, make in start.items()}
        self.restarts = 0
        """Pipelines started again since."""

    @classmethod
    def of_folder(cls, weights: Path) -> Translator:
        """The translator of an exported folder: data in `root`, programs in `run`.

        Raises:
            FileNotFoundError: it holds no direction.
        """
        root, programs = weights / "root", weights / "run"
        found = modes.directions(root)
        if not found or not programs.is_dir():
            raise FileNotFoundError(f"{weights} holds no Apertium: run `dragoman export offline`")

        def starter(mode: Path) -> Callable[[], Line]:
            return lambda: Pipeline(modes.command(root, mode), programs)

        return cls({pair: starter(mode) for pair, mode in found.items()})

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The (source, target) codes it has."""
        return sorted(self._start)

    def translate(self, text: str, source: str, target: str) -> str:
        """`text` in the other language; "" for nothing but white space.

        Raises:
            UnknownPair: no such direction.
            TranslatorError: its programs died twice, or hang.
        """
        pair = (_plain(source), _plain(target))
        if pair not in self._start:
            known = ", ".join(f"{one}-{other}" for one, other in self.pairs)
            raise UnknownPair(f"apertium cannot translate {source} to {target}: it has {known}")
        if not text.strip():
            return ""
        translated = self._ask(pair, text)
        if pair[1] == "es":
            return fit.with_opening_signs(translated)
        return fit.without_opening_signs(translated)

    def close(self) -> None:
        """End every program."""
        for line in self._lines.values():
            line.close()

    def _ask(self, pair: tuple[str, str], text: str) -> str:
        deadline_s = ANSWER_S + len(text) / SLOWEST_CHARACTERS_A_SECOND
        with self._locks[pair]:
            try:
                return self._lines[pair].translate(text, deadline_s)
            except PipelineDied:
                self._restart(pair)
            except PipelineStuck as error:
                self._restart(pair)
                raise TranslatorError(f"apertium's {'-'.join(pair)} pipeline hung and was restarted") from error
            try:
                return self._lines[pair].translate(text, deadline_s)
            except (PipelineDied, PipelineStuck) as error:
                self._restart(pair)
                raise TranslatorError(f"apertium's {'-'.join(pair)} pipeline died twice over one text") from error

    def _restart(self, pair: tuple[str, str]) -> None:
        self._lines[pair].close()
        self._lines[pair] = self._start[pair]()
        self.restarts += 1


def _plain(code: str) -> str:
    """es-MX is translated as es."""
    return code.partition("-")[0].lower()
