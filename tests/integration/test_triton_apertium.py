"""The offline translator on the real Triton: by value both ways, and when its programs die."""

from __future__ import annotations

import os
import signal

import pytest

from controller.errors import EngineRejected
from controller.stack.process import Run
from controller.stack.triton import TritonServer
from controller.triton.contracts import translate
from tests.integration.asking import ask, metric, programs, until


def translated(triton: TritonServer, text: str, source: str, target: str) -> str:
    return ask(triton, lambda client: translate(client, text, source, target))


@pytest.mark.parametrize(
    ("text", "source", "target", "expected"),
    [
        ("Hello. Where is the hotel?", "en", "es", "Hola. ¿Dónde es el hotel?"),
        ("Good morning!", "en-US", "es-MX", "¡Buenos días!"),
        ("¡Hola! Necesito hablar con alguien.", "es", "en", "Hello! I need to speak with somebody."),
    ],
)
def test_it_translates_both_ways(triton: TritonServer, text: str, source: str, target: str, expected: str) -> None:
    assert translated(triton, text, source, target) == expected


def test_values_come_back_as_they_were(triton: TritonServer) -> None:
    """Unknown words pass through. With numpy 2 in Triton's environment they would be garbage, and the model ready."""
    strange = "日本 [42] $5 ^x$ q/z \\ {c} 😀 7"
    assert translated(triton, strange, "es", "en") == strange


def test_a_long_text_is_translated_whole(triton: TritonServer) -> None:
    greetings = "Hola. " * 15_000  # more than a pipe holds
    assert translated(triton, greetings, "es", "en") == ("Hello. " * 15_000).strip()


def test_an_unknown_pair_is_refused_and_names_those_there_are(triton: TritonServer) -> None:
    with pytest.raises(EngineRejected, match=r"cannot translate en to zh: it has .*en-es.*es-en"):
        translated(triton, "hello", "en", "zh")


def shells(triton: TritonServer, run: Run) -> list[int]:
    stub = triton.stub_pid("apertium")
    assert stub is not None
    return sorted(programs(run.mark, parent=stub))


def test_killed_pipelines_are_replaced_within_the_request(triton: TritonServer, triton_run: Run) -> None:
    before, restarts = shells(triton, triton_run), metric(triton, "dragoman_apertium_restarts_total")
    assert len(before) == 2
    for shell in before:
        os.killpg(shell, signal.SIGKILL)
    assert translated(triton, "Hello", "en", "es") == "Hola"
    assert translated(triton, "Hola", "es", "en") == "Hello"
    assert not set(before) & set(shells(triton, triton_run))
    assert metric(triton, "dragoman_apertium_restarts_total") == restarts + 2


def test_its_programs_end_with_a_killed_stub(triton: TritonServer, triton_run: Run) -> None:
    old = shells(triton, triton_run)
    helpers = {pid for pid in programs(triton_run.mark) if os.getpgid(pid) in old}
    assert len(helpers) > 10
    stub = triton.stub_pid("apertium")
    assert stub is not None
    os.kill(stub, signal.SIGKILL)
    until("no helper is left", lambda: not helpers & programs(triton_run.mark).keys())
    triton.revive("apertium")
    assert translated(triton, "Hello", "en", "es") == "Hola"
