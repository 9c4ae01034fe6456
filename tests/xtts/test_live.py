"""What is asked of the reference each time (`make parity-xtts`): texts, and one model of the full size."""

from __future__ import annotations

from pathlib import Path

from export.runtime.xtts import config as configs
from export.runtime.xtts.gpt import FILES
from export.runtime.xtts.text import languages
from export.runtime.xtts.text.vocabulary import Vocabulary
from export.xtts import structural
from tests.xtts import asking, mates, ours, parity, text_cases
from tests.xtts.ours import Parts
from tests.xtts.test_parity import compare

FULL_SEED, FULL_LIMIT, FULL_LENGTH = 3, 24, 21


def test_texts(tmp_path: Path) -> None:
    """The reference still makes of each text what is kept of it, and has the same tokens where it says the same."""
    structural.save_vocabulary(tmp_path)
    vocabulary = Vocabulary(tmp_path / "vocab.json")
    cases = list(text_cases.cases())
    answers = asking.texts((one.language, one.text) for one in cases)
    changed, other_tokens = [], []
    for one, answer in zip(cases, answers, strict=True):
        if answer.get("cleaned") != one.reference:
            changed.append(answer)
        elif answer.get("cleaned") == one.ours:
            ids = vocabulary.encode(one.ours, languages.find(one.language))
            if ids != answer["ids"]:
                other_tokens.append((answer, ids))
    assert changed == []
    assert other_tokens == []


def test_the_full_size(tmp_path: Path) -> None:
    """And rows of the weights in 8 bits are as alone, whoever shares their steps."""
    options = ("--seed", str(FULL_SEED), "--limit", str(FULL_LIMIT), "--lengths", str(FULL_LENGTH))
    reference = asking.arrays("--config", "full", *options)
    without = {*ours.ROUNDED} - {FILES["8bit"]}
    full = Parts(ours.written("full", FULL_SEED, tmp_path, without), configs.FULL)
    compare(reference, full.greedy(FULL_SEED, FULL_LIMIT, (FULL_LENGTH,)), latents=parity.FULL_LATENTS)
    compare(reference, full.vocoder())
    compare(dict(full.vocoder()), full.windowed(), pcm=parity.WINDOWS)
    compare(reference, full.conditioning())
    assert mates.unlike_alone(full.weights, configs.FULL) == []
