"""The offline voice on the real Triton: by value, in chunks, at every rate and speed, and cancelled."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import numpy as np
import pytest

from controller.errors import EngineRejected
from controller.stack.triton import TritonServer
from controller.triton.client import TritonClient
from controller.triton.contracts import Latents, recognise, synthesize
from export.runtime.pico import sound
from tests.integration.asking import Samples, ask, metric, speech, until, word_errors

SENTENCES = {
    "en": "Please enter the number of your party, followed by the pound key. Thank you for calling.",
    "es": "Por favor, marque el número de la extensión. Gracias por su llamada.",
}


def said(triton: TritonServer, text: str, language: str, rate: int = 16_000, **options: object) -> Samples:
    chunks = ask(triton, lambda client: speech(client, text, language, rate, **options))
    return np.concatenate(chunks) if chunks else np.zeros(0, np.int16)


@pytest.mark.parametrize("language", ["en", "es"])
def test_what_it_says_is_understood(triton: TritonServer, language: str) -> None:
    text = SENTENCES[language]
    pcm = said(triton, text, language)
    assert 0.04 < len(pcm) / 16_000 / len(text) < 0.1, "seconds a character"
    level = 20 * np.log10(np.sqrt(np.mean(pcm.astype(float) ** 2)) / 32768)
    assert -26 < level < -19
    assert 20 * np.log10(np.abs(pcm.astype(int)).max() / 32768) <= sound.PEAK_DBFS
    heard = ask(triton, lambda client: recognise(client, pcm, language))
    wrong, words = word_errors(text, heard.text)
    assert wrong <= 0.3 * words, heard.text


@pytest.mark.parametrize("language", ["en-GB", "fr", "de", "it"])
def test_every_language_has_a_voice(triton: TritonServer, language: str) -> None:
    assert len(said(triton, "Radio, hotel, taxi.", language)) > 16_000


def test_chunks_are_small_first_and_larger_then(triton: TritonServer) -> None:
    chunks = ask(triton, lambda client: speech(client, SENTENCES["en"] * 8, "en", 24_000))
    sizes = [len(chunk) / 24_000 for chunk in chunks]
    assert sizes[0] == sound.FIRST_CHUNK_S
    assert set(sizes[1:-1]) == {sound.CHUNK_S}
    assert sum(sizes) > 30


def test_rates_and_speeds(triton: TritonServer) -> None:
    seconds = {
        (rate, speed): len(said(triton, SENTENCES["en"], "en", rate, speed=speed)) / rate
        for rate, speed in [(16_000, None), (24_000, None), (16_000, 1.5)]
    }
    assert seconds[24_000, None] == pytest.approx(seconds[16_000, None], rel=0.02)
    assert seconds[16_000, 1.5] < 0.8 * seconds[16_000, None]


def test_ends_are_trimmed(triton: TritonServer) -> None:
    pcm = said(triton, SENTENCES["es"], "es")
    bounds = sound.speech_bounds(pcm, 16_000)
    assert bounds is not None
    assert bounds[0] / 16_000 <= sound.LEAD_S + sound.FRAME_S
    assert (len(pcm) - bounds[1]) / 16_000 <= sound.TAIL_S + sound.FRAME_S


def test_what_only_cloning_voices_need_is_taken_and_ignored(triton: TritonServer) -> None:
    latents = Latents(np.ones((32, 1024), np.float16), np.ones(512, np.float32))
    assert len(said(triton, "Hello.", "en", latents=latents, seed=7)) > 1_600


@pytest.mark.parametrize("text", ["", "...", "日本"])
def test_nothing_to_say_ends_at_once(triton: TritonServer, text: str) -> None:
    assert len(said(triton, text, "en")) == 0


@pytest.mark.parametrize(
    ("language", "rate", "reason"), [("pt", 16_000, "no language 'pt'"), ("en", 8_000, "no rate of 8000 Hz")]
)
def test_what_it_cannot_do_is_refused(triton: TritonServer, language: str, rate: int, reason: str) -> None:
    with pytest.raises(EngineRejected, match=reason):
        said(triton, "Hello.", language, rate)


def test_a_listener_who_leaves_stops_it(triton: TritonServer) -> None:
    text = "This is one of very many sentences that nobody will ever hear. " * 400
    chunks, cancelled = (metric(triton, f"dragoman_pico_{name}_total") for name in ("chunks", "cancelled"))

    async def leave(client: TritonClient) -> None:
        stream = synthesize(client, text, "en", sample_rate=16_000)
        async with aclosing(stream) as parts:
            await anext(parts)

    ask(triton, leave)
    until("it is told", lambda: metric(triton, "dragoman_pico_cancelled_total") == cancelled + 1)
    until("nothing is under way", lambda: metric(triton, "dragoman_pico_utterances") == 0)
    whole = len(text) * 0.06 / sound.CHUNK_S
    assert metric(triton, "dragoman_pico_chunks_total") - chunks < whole / 4


def test_the_server_outlives_those_who_leave_and_those_it_refuses(triton: TritonServer) -> None:
    """It died within some dozen of either: of two threads that counted at once, and of errors sent with their codes."""
    text = "This is one of very many sentences that nobody will ever hear. " * 40

    async def leave(client: TritonClient) -> None:
        async with aclosing(synthesize(client, text, "en", sample_rate=16_000)) as parts:
            await anext(parts)

    async def crowd(client: TritonClient) -> None:
        for _ in range(12):
            await asyncio.gather(*(leave(client) for _ in range(8)))
        for _ in range(200):
            with pytest.raises(EngineRejected, match="pico refused the request: pico has no language 'pt'"):
                await speech(client, "x", "pt")

    ask(triton, crowd)
    until("nothing is under way", lambda: metric(triton, "dragoman_pico_utterances") == 0)
    assert ask(triton, lambda client: speech(client, "Hello.", "en"))
