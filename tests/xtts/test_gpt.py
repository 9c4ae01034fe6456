"""Utterances that share a GPT say what each says alone, whoever comes and goes; and that is what the equations say."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from export.runtime.session import PROVIDERS
from export.runtime.weights import WeightsError
from export.runtime.xtts.cache import DeviceCache
from export.runtime.xtts.config import TINY, Sampling
from export.runtime.xtts.gpt import Float, Gpt, NoRoom, Precision, Row
from export.runtime.xtts.sampler import Draws, Sampler, penalised
from export.runtime.xtts.vocoder import Vocoder
from export.weights import Weights
from export.xtts import plain

TEXTS = {"short": 3, "middle": 20, "long": 90}


def prompt(gpt: Gpt, name: str) -> Float:
    """Conditioning and a text as random as its name."""
    bits = np.random.Generator(np.random.Philox(TEXTS[name]))
    latents = bits.standard_normal((TINY.latents, TINY.width)).astype(np.float32)
    ids = [TINY.start_text, *bits.integers(1, TINY.text_tokens, TEXTS[name]).tolist(), TINY.stop_text]
    return gpt.embeddings.prefix(latents, ids)


class Speaker:
    """Draws one utterance's tokens, keeping what it saw."""

    def __init__(self, gpt: Gpt, name: str, sampling: Sampling | None = None) -> None:
        self.row = gpt.open(prompt(gpt, name))
        self.sampler = Sampler(TINY, sampling or Sampling(), Draws(TEXTS[name]), least=99)
        self.codes: list[int] = []
        self.latents: list[Float] = []

    def draw(self) -> int:
        self.latents.append(self.row.latent)
        self.codes.append(self.sampler.draw(self.row.logits))
        return self.codes[-1]


def alone(folder: Path, precision: Precision, name: str, count: int) -> Speaker:
    gpt = Gpt(folder, TINY, precision=precision, threads=1)
    speaker = Speaker(gpt, name)
    for _ in range(count):
        gpt.step({speaker.row: speaker.draw()})
    return speaker


def assert_same(found: Speaker, expected: Speaker) -> None:
    count = len(found.codes)
    assert count
    assert found.codes == expected.codes[:count]
    assert np.abs(np.stack(found.latents) - np.stack(expected.latents[:count])).max() < 2e-6


@pytest.mark.parametrize("penalty", [1.0, 5.0, 10.0])
def test_greedy_tokens_and_latents_are_those_of_the_equations(folder: Path, weights: Weights, penalty: float) -> None:
    gpt = Gpt(folder, TINY, precision="fp32", threads=1)
    greedy = Speaker(gpt, "middle", Sampling(temperature=0.0, repetition_penalty=penalty))
    for _ in range(12):
        gpt.step({greedy.row: greedy.draw()})
    prefix = prompt(gpt, "middle")
    fed = gpt.embeddings.audio(greedy.codes[:-1], range(1, 12))
    latents, scores = plain.gpt(weights, TINY, np.concatenate([prefix, fed]).astype(np.float64))
    assert np.abs(np.stack(greedy.latents) - latents[len(prefix) - 1 :]).max() < 5e-6
    seen = np.zeros(TINY.audio_tokens, bool)
    seen[[1, TINY.start_audio]] = True
    for code, row in zip(greedy.codes, scores[len(prefix) - 1 :], strict=True):
        allowed = penalised(row.astype(np.float32), seen, penalty)
        allowed[TINY.stop_audio] = -np.inf
        assert code == allowed.argmax()
        seen[code] = True


@pytest.mark.parametrize("precision", get_args(Precision))
def test_who_comes_and_goes_changes_nothing_for_the_others(folder: Path, precision: Precision) -> None:
    gpt = Gpt(folder, TINY, slots=3, precision=precision, threads=1)
    expected = {name: alone(folder, precision, name, 30) for name in TEXTS}
    comings = {0: ["short", "long"], 4: ["middle"], 9: ["short"], 13: ["long"]}
    goings = {7: [0], 11: [1], 20: [2]}
    there: list[tuple[str, Speaker]] = []
    everyone: list[tuple[str, Speaker]] = []
    for step in range(24):
        for name in comings.get(step, []):
            there.append((name, Speaker(gpt, name)))
            everyone.append(there[-1])
        for index in goings.get(step, []):
            gpt.close(everyone[index][1].row)
            there.remove(everyone[index])
        gpt.step({speaker.row: speaker.draw() for _, speaker in there})
        assert sorted(row.index for row in gpt.rows) == list(range(len(there)))
    assert len(everyone) == 5
    for name, speaker in everyone:
        assert_same(speaker, expected[name])


def test_a_row_that_is_left_out_stays_as_it_is(folder: Path) -> None:
    gpt = Gpt(folder, TINY, slots=2, precision="fp32", threads=1)
    speakers = {name: Speaker(gpt, name) for name in ("middle", "short")}
    for step in range(20):
        steps = [speaker for name, speaker in speakers.items() if name == "short" or step % 3 == 0]
        gpt.step({speaker.row: speaker.draw() for speaker in (steps if step % 5 else [speakers["middle"]])})
    for name, speaker in speakers.items():
        assert 5 < len(speaker.codes) < 20
        assert_same(speaker, alone(folder, "fp32", name, 20))


def test_a_full_row_beside_others_is_harmless(folder: Path) -> None:
    gpt = Gpt(folder, TINY, slots=2, positions=32 + 22 + 1 + 4, precision="fp32", threads=1)
    full, other = Speaker(gpt, "middle"), Speaker(gpt, "short")
    while gpt.room(full.row):
        gpt.step({full.row: full.draw()})
    full.draw()
    while gpt.room(other.row):
        gpt.step({other.row: other.draw()})
    other.draw()
    assert_same(full, alone(folder, "fp32", "middle", 30))
    assert_same(other, alone(folder, "fp32", "short", 30))
    with pytest.raises(ValueError, match="all are taken"):
        gpt.step({full.row: 3})


def test_a_quick_prompt_is_nearly_the_same(folder: Path) -> None:
    exact, quick = (Gpt(folder, TINY, precision="8bit", quick_prefill=one, threads=1) for one in (False, True))
    rows = [gpt.open(prompt(gpt, "middle")) for gpt in (exact, quick)]
    exact.step({rows[0]: 7})
    quick.step({rows[1]: 7})
    difference = rows[1].latent - rows[0].latent
    assert 0 < np.sqrt(np.square(difference).mean()) < 0.03 * np.sqrt(np.square(rows[0].latent).mean())


def test_a_row_that_closed_is_taken_again(folder: Path) -> None:
    gpt = Gpt(folder, TINY, slots=2, precision="fp32", threads=1)
    first, second = (gpt.open(prompt(gpt, "short")) for _ in range(2))
    with pytest.raises(NoRoom, match="all 2 rows"):
        gpt.open(prompt(gpt, "short"))
    gpt.close(first)
    again = gpt.open(prompt(gpt, "short"))
    gpt.close(first)
    assert (again.index, second.index) == (0, 1)
    gpt.step({})
    assert {row.index for row in gpt.rows} == {0, 1}


def test_a_row_that_closed_does_nothing_to_the_one_that_has_its_place(folder: Path) -> None:
    gpt = Gpt(folder, TINY, slots=2, precision="fp32", threads=1)
    former = gpt.open(prompt(gpt, "short"))
    gpt.close(former)
    with pytest.raises(ValueError, match="this row was closed"):
        gpt.step({former: 9})
    later = Speaker(gpt, "middle")
    assert later.row.index == former.index
    with pytest.raises(ValueError, match="this row was closed"):
        gpt.step({later.row: later.draw(), former: 9})
    with pytest.raises(ValueError, match="this row was closed"):
        gpt.fill(former, prompt(gpt, "long"))
    gpt.step({later.row: later.codes[-1]})
    for _ in range(5):
        gpt.step({later.row: later.draw()})
    assert_same(later, alone(folder, "fp32", "middle", 6))


@pytest.mark.parametrize("precision", get_args(Precision))
def test_what_is_no_number_stays_in_its_row_and_goes_with_it(folder: Path, precision: Precision) -> None:
    gpt = Gpt(folder, TINY, slots=2, precision=precision, threads=1)
    healthy, ill = Speaker(gpt, "middle"), gpt.take(200)
    gpt.fill(ill, np.full((200, TINY.width), np.nan, np.float32))
    for _ in range(5):
        gpt.step({healthy.row: healthy.draw(), ill: 7})
    assert np.isnan(ill.logits).any()
    gpt.close(ill)
    after = Speaker(gpt, "short")
    for _ in range(10):
        gpt.step({one.row: one.draw() for one in (healthy, after)})
    assert_same(healthy, alone(folder, precision, "middle", 30))
    assert_same(after, alone(folder, precision, "short", 30))


def test_what_cannot_be_spoken_is_refused(folder: Path) -> None:
    gpt = Gpt(folder, TINY, positions=60, precision="fp32", threads=1)
    with pytest.raises(ValueError, match="a row has 60: split"):
        gpt.open(prompt(gpt, "long"))
    latents = np.zeros((TINY.latents, TINY.width), np.float32)
    with pytest.raises(ValueError, match="402 tokens, the model takes 401"):
        gpt.embeddings.prefix(latents, [5] * 404)
    assert len(gpt.embeddings.prefix(latents, [5] * 403)) == 32 + 403 + 1
    with pytest.raises(ValueError, match="another model's vocabulary"):
        gpt.embeddings.prefix(latents, [TINY.text_tokens])
    with pytest.raises(ValueError, match="latents of"):
        gpt.embeddings.prefix(latents[:5], [5])


def test_files_that_do_not_fit_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"text_embedding\.npy is missing"):
        Gpt(tmp_path, TINY)
    for path in folder.iterdir():
        (tmp_path / path.name).symlink_to(path)
    with pytest.raises(WeightsError, match="use it with fp32 or 8bit"):
        Gpt(tmp_path, TINY, precision="fp16", quick_prefill=True)
    (tmp_path / "gpt-8bit.onnx").unlink()
    with pytest.raises(WeightsError, match=r"gpt-8bit.onnx is missing from .* run `dragoman export xtts`"):
        Gpt(tmp_path, TINY)
    (tmp_path / "gpt-8bit.onnx").write_bytes(b"not a graph")
    with pytest.raises(WeightsError, match="cannot be read"):
        Gpt(tmp_path, TINY)
    (tmp_path / "mel_positions.npy").unlink()
    np.save(tmp_path / "mel_positions.npy", np.zeros((5, TINY.width), np.float32))
    with pytest.raises(WeightsError, match=r"is float32\[5, 64\], not float32\[608, 64\]"):
        Gpt(tmp_path, TINY)


def test_rows_are_told_apart_by_identity() -> None:
    assert Row(0, 5) != Row(0, 5)


def test_keys_and_values_on_a_device_are_those_of_the_host(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way a GPU is used, on a processor that plays one: no rows are moved, and as many run as a bucket has."""
    monkeypatch.setattr(DeviceCache, "device", "cpu")
    monkeypatch.setitem(PROVIDERS, "cuda", PROVIDERS["cpu"])
    gpt = Gpt(folder, TINY, slots=6, precision="fp16", threads=1, provider="cuda")
    speakers = {name: Speaker(gpt, name) for name in TEXTS}
    assert gpt.kept(speakers["short"].row) is None
    for step in range(12):
        if step == 4:
            gpt.close(speakers["short"].row)
            later = Speaker(gpt, "middle")
            speakers["short"], closed = later, speakers["short"]
        gpt.step({one.row: one.draw() for one in speakers.values()})
        if step == 8:
            gpt.close(speakers.pop("middle").row)
    assert {one.row.index for one in speakers.values()} == {0, 2}
    assert_same(closed, alone(folder, "fp16", "short", 20))
    assert_same(later, alone(folder, "fp16", "middle", 20))
    assert_same(speakers["long"], alone(folder, "fp16", "long", 20))


def test_a_provider_that_is_not_there_is_missed_in_a_sentence(folder: Path) -> None:
    with pytest.raises(WeightsError, match="no CUDAExecutionProvider: install the extra `triton-gpu`"):
        Gpt(folder, TINY, precision="fp16", provider="tensorrt")
    with pytest.raises(WeightsError, match="no TensorrtExecutionProvider"):
        Vocoder(folder, provider="tensorrt")
