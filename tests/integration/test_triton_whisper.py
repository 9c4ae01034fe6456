"""The offline recogniser on the real Triton, by value: alone, in company, and about nothing at all."""

from __future__ import annotations

import asyncio
import json
import urllib.request

import numpy as np
import pytest

from controller.errors import EngineRejected
from controller.stack.triton import TritonServer
from controller.triton.client import TritonClient
from controller.triton.contracts import Recognition, recognise
from export.runtime.whisper.ladder import window_s
from tests.integration.asking import Samples, ask, cpu_s, metric, prompts, until, word_errors

NAMES = {
    "en": [
        "agent-incorrect",
        "conf-getchannel",
        "conf-invalid",
        "conf-onlyone",
        "vm-review",
        "vm-goodbye",
        "auth-incorrect",
        "conf-roll-callcomplete",
    ],
    "es": [
        "agent-incorrect",
        "conf-getchannel",
        "conf-invalid",
        "conf-onlyone",
        "vm-tocancelmsg",
        "auth-incorrect",
    ],
}

EQUALS = {
    4.5: ["conf-getpin", "conf-kicked", "pls-hold-while-try", "privacy-incorrect"],
    6.0: ["conf-invalid", "followme/sorry", "vm-newpassword", "vm-tocallback"],
    8.0: ["auth-incorrect", "queue-youarenext", "ss-noservice", "vm-mismatch"],
    10.0: ["queue-periodic-announce", "vm-instructions", "vm-opts", "vm-review"],
}
"""Four English prompts for each window that the controller's utterances, of 10 s as a rule, are decoded in."""


async def together(client: TritonClient, sounds: list[Samples], language: str) -> list[Recognition]:
    return await asyncio.gather(*(recognise(client, pcm, language, deadline_s=60) for pcm in sounds))


async def one_by_one(client: TritonClient, sounds: list[Samples], language: str) -> list[Recognition]:
    return [await recognise(client, pcm, language, deadline_s=60) for pcm in sounds]


def counts(triton: TritonServer) -> tuple[int, int]:
    """Inferences and executions so far, by Triton's own statistics."""
    with urllib.request.urlopen(f"{triton.addresses.http}/v2/models/whisper/stats", timeout=10) as response:
        found = json.load(response)["model_stats"][0]
    return int(found["inference_count"]), int(found["execution_count"])


@pytest.mark.parametrize(("language", "bound"), [("en", 0.15), ("es", 0.25)])
def test_it_understands_recorded_prompts(triton: TritonServer, language: str, bound: float) -> None:
    said = prompts(language, NAMES[language])
    heard = ask(triton, lambda client: one_by_one(client, [one.pcm for one in said], language))
    errors = [word_errors(one.text, found.text) for one, found in zip(said, heard, strict=True)]
    rate = sum(wrong for wrong, _ in errors) / sum(words for _, words in errors)
    assert rate <= bound, [found.text for found in heard]
    for one, found in zip(said, heard, strict=True):
        assert [word.word for word in found.words] == found.text.split()
        times = [time for word in found.words for time in (word.start_s, word.end_s)]
        assert times == sorted(times)
        assert times[0] >= 0
        assert times[-1] <= one.seconds + 0.01
        assert (found.language, found.language_probability) == (language, 1.0)


def test_company_changes_no_text_and_no_score_and_executions_are_shared(triton: TritonServer) -> None:
    sounds = [one.pcm for one in prompts("en", NAMES["en"])]
    assert len({window_s(len(pcm)) for pcm in sounds}) >= 3, "the lengths are to be mixed"
    alone = ask(triton, lambda client: one_by_one(client, sounds, "en"))
    before = counts(triton)
    batches = metric(triton, "dragoman_whisper_batches_total")
    company = ask(triton, lambda client: together(client, sounds, "en"))
    assert company == alone
    inferences, executions = (now - then for now, then in zip(counts(triton), before, strict=True))
    assert inferences == len(sounds)
    assert executions < inferences
    assert metric(triton, "dragoman_whisper_batches_total") - batches < len(sounds)


@pytest.mark.parametrize("window", EQUALS)
def test_four_of_a_window_cost_at_most_four_fifths(triton: TritonServer, window: float) -> None:
    sounds = [one.pcm for one in prompts("en", EQUALS[window])]
    assert {window_s(len(pcm)) for pcm in sounds} == {window}
    pid = triton.stub_pid("whisper")
    assert pid is not None

    async def costs(client: TritonClient) -> tuple[float, float]:
        start = cpu_s(pid)
        alone = await one_by_one(client, sounds, "en")
        middle = cpu_s(pid)
        company = await together(client, sounds, "en")
        end = cpu_s(pid)
        assert company == alone
        return middle - start, end - middle

    rounds = [ask(triton, costs) for _ in range(3)]
    ratio = min(shared for _, shared in rounds) / min(alone for alone, _ in rounds)
    assert ratio <= 0.8, rounds


@pytest.mark.parametrize("language", ["en", "es"])
def test_it_tells_which_of_the_call_s_languages_is_spoken(triton: TritonServer, language: str) -> None:
    (said,) = prompts(language, ["agent-incorrect"])
    found = ask(triton, lambda client: recognise(client, said.pcm, "en,es"))
    assert found.language == language
    assert 0.5 < found.language_probability <= 1.0
    assert found.text == ask(triton, lambda client: recognise(client, said.pcm, language)).text


@pytest.mark.parametrize(
    ("language", "name", "word"),
    [("en", "goodbye", "goodbye"), ("en", "minutes", "minutes"), ("es", "vm-messages", "mensajes")],
)
def test_a_single_word_is_heard(triton: TritonServer, language: str, name: str, word: str) -> None:
    (said,) = prompts(language, [name])
    heard = ask(triton, lambda client: recognise(client, said.pcm, language))
    assert heard.text.lower().strip(".!") == word


def nothings() -> dict[str, Samples]:
    time = np.arange(3 * 16_000) / 16_000
    noise = np.random.default_rng(1).normal(0, 1_500, len(time))
    dial = 3_000 * (np.sin(2 * np.pi * 350 * time) + np.sin(2 * np.pi * 440 * time))
    beeps = 6_000 * np.sin(2 * np.pi * 1_000 * time) * (time % 1 < 0.4)
    sounds = {"silence": 0 * time, "noise": noise, "dial tone": dial, "beeps": beeps}
    return {name: sound.astype(np.int16) for name, sound in sounds.items()}


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("name", nothings())
def test_it_hears_no_speech_where_there_is_none(triton: TritonServer, name: str, language: str) -> None:
    found = ask(triton, lambda client: recognise(client, nothings()[name], language))
    assert (found.text, found.words) == ("", ())
    assert found.no_speech > 0.5


def test_a_final_overtakes_the_partials_that_wait(triton: TritonServer) -> None:
    (said,) = prompts("en", ["vm-review"])
    done: list[str] = []

    async def note(client: TritonClient, name: str, *, urgent: bool) -> None:
        await recognise(client, said.pcm, "en", urgent=urgent, deadline_s=60)
        done.append(name)

    async def race(client: TritonClient) -> None:
        partials = [asyncio.create_task(note(client, "partial", urgent=False)) for _ in range(12)]
        await asyncio.sleep(0)
        await asyncio.gather(note(client, "final", urgent=True), *partials)

    ask(triton, race)
    # One batch of partials may be under way when it comes, and one more may be answered while it is.
    assert done.index("final") <= 8, done


def test_a_cancelled_request_is_not_decoded(triton: TritonServer) -> None:
    (said,) = prompts("en", ["vm-review"])
    before = metric(triton, "dragoman_whisper_cancelled_total")

    async def leave(client: TritonClient) -> None:
        waiting = [asyncio.create_task(recognise(client, said.pcm, "en", deadline_s=60)) for _ in range(12)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    ask(triton, leave)
    until("queued requests are skipped", lambda: metric(triton, "dragoman_whisper_cancelled_total") > before)
    until("the queue is empty", lambda: metric(triton, "dragoman_whisper_queue_depth") == 0)


@pytest.mark.parametrize(
    ("seconds", "language", "said"),
    [(31.0, "en", "takes 30 s"), (1.0, "xx", "no language 'xx'"), (1.0, ",", "given no language"), (0, "en", "PCM")],
)
def test_what_it_cannot_do_is_refused_with_a_reason(
    triton: TritonServer, seconds: float, language: str, said: str
) -> None:
    pcm = np.zeros(int(seconds * 16_000), np.int16)
    with pytest.raises(EngineRejected, match=said):
        ask(triton, lambda client: recognise(client, pcm, language))
