"""Scripted engines: the delays of the lag budget, no models; everything before and after them is the product's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from controller.engines import Engines
from controller.engines.stt.whisper import Whisper
from controller.engines.tts.timbre import Timbre
from controller.frames import SAMPLE_RATE, Pcm
from controller.messages import SpeechChunk
from controller.triton.client import TritonClient
from controller.triton.contracts import Recognition

STT_S, MT_S, TTS_S = 0.2, 0.1, 0.3
"""The delays that the design allows."""

WORDS_A_SECOND = 2.5

CHUNK = SAMPLE_RATE // 5
"""Samples of a chunk of speech: 200 ms."""


class ScriptedRecogniser(Whisper):
    """The real stream (its ring of frames, partials, finals begun at a pause) around an answer that is made up."""

    name = "scripted-stt"

    async def recognise(self, pcm: Pcm, language: str, urgent: bool) -> Recognition:
        await asyncio.sleep(STT_S)
        words = " ".join(["word"] * max(1, round(len(pcm) / SAMPLE_RATE * WORDS_A_SECOND)))
        return Recognition(words, (), language, 1.0, 0.0, 0.0)

    async def probe(self) -> None:
        return None


class ScriptedTranslator:
    """Gives back what it is given."""

    name = "scripted-mt"

    def translates(self, source: str, target: str) -> bool:
        return source != target

    async def translate(self, text: str, source: str, target: str, context: Sequence[str]) -> str:
        await asyncio.sleep(MT_S)
        return text

    async def probe(self) -> None:
        return None


class ScriptedVoice:
    """Says a recorded clip of about the length that the words would take."""

    name = "scripted-tts"

    def __init__(self, clips: dict[str, list[Pcm]]) -> None:
        """`clips`: what can be said in each language."""
        self._clips = clips

    def speaks(self, language: str) -> bool:
        return language in self._clips

    async def synthesize(
        self, text: str, language: str, *, speed: float = 1.0, timbre: Timbre | None = None
    ) -> AsyncGenerator[SpeechChunk, None]:
        wanted = len(text.split()) / WORDS_A_SECOND * SAMPLE_RATE
        pcm = min(self._clips[language], key=lambda clip: abs(len(clip) - wanted))
        await asyncio.sleep(TTS_S)
        for start in range(0, len(pcm), CHUNK):
            yield SpeechChunk(pcm[start : start + CHUNK], last=start + CHUNK >= len(pcm))

    async def probe(self) -> None:
        return None


def scripted(triton: TritonClient, clips: dict[str, list[Pcm]]) -> Engines:
    """The three; `triton` is never asked."""
    return Engines(ScriptedRecogniser(triton, 5.0), ScriptedTranslator(), ScriptedVoice(clips))
