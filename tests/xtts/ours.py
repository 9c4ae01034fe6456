"""What our own parts make of the material, under the names that the reference answers by.

Graphs are written by the exporter and run by the runtime, nothing between them is made for tests.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from export.runtime.mel import XTTS_CONDITIONING, XTTS_SPEAKER, Mel
from export.runtime.resampling import resampled
from export.runtime.xtts import sampler
from export.runtime.xtts.conditioning import Conditioning, Recording
from export.runtime.xtts.config import ModelConfig, Sampling
from export.runtime.xtts.gpt import Gpt, Row
from export.runtime.xtts.sampler import Draws, Sampler
from export.runtime.xtts.vocoder import Vocoder
from export.runtime.xtts.windows import Windows
from export.xtts.parts import plan
from export.xtts.source import structural_source
from tests.xtts import material

Answers = Iterator[tuple[str, NDArray[Any]]]

ROUNDED: Final = ("gpt-8bit.onnx", "gpt-fp16.onnx", "gpt-prefill.onnx")
"""They are what rounding makes of the same weights; the export says how far that is."""

BUT_GPT: Final = ("vocoder-coarse.onnx", "conditioning.onnx", "speaker.onnx")


def written(size: str, seed: int, repository: Path, without: Collection[str] = ROUNDED) -> Path:
    """A model repository of structural weights, in the files that are compared."""
    for model, parts in plan(structural_source(size, seed)).items():
        weights = repository / model / "1" / "weights"
        weights.mkdir(parents=True)
        for part in parts:
            if part.files[0] not in without:
                part.write(weights / part.files[0])
    return repository


class Parts:
    """The runtime over one repository."""

    def __init__(self, repository: Path, config: ModelConfig) -> None:
        self.weights = repository / "xtts_v2" / "1" / "weights"
        self.voices = repository / "xtts_conditioning" / "1" / "weights"
        self.config = config

    def greedy(self, seed: int, limit: int, lengths: Sequence[int], at_once: int = 3) -> Answers:
        """All utterances, `at_once` of them sharing each step, one more of them joining at every other step."""
        gpt = Gpt(self.weights, self.config, slots=at_once, positions=200, precision="fp32", threads=2)
        waiting = list(material.utterances(self.config, seed, limit, lengths))[::-1]
        under_way: list[_Utterance] = []
        step = 0
        while waiting or under_way:
            if waiting and len(under_way) < at_once and step % 2 == 0:
                under_way.append(_Utterance(gpt, self.config, waiting.pop()))
            gpt.step({one.row: one.draw() for one in under_way if not one.ended})
            for one in [one for one in under_way if one.ended]:
                gpt.close(one.row)
                under_way.remove(one)
                yield from one.answers()
            step += 1

    def vocoder(self) -> Answers:
        vocoder = Vocoder(self.weights, threads=2)
        for one in material.frames(self.config):
            windows = Windows(self.config, one.speed)
            for latent in one.latents:
                windows.add(latent)
            window = windows.next(last=True)
            assert window is not None
            yield f"{one.name}/pcm", vocoder(window, one.speaker)

    def windowed(self) -> Answers:
        """The same in windows, as it is spoken while it is still being decoded: after every third token."""
        vocoder = Vocoder(self.weights, threads=2)
        for one in material.frames(self.config):
            windows = Windows(self.config, one.speed)
            pieces = []
            for number, latent in enumerate(one.latents, 1):
                windows.add(latent)
                window = windows.next(last=number == len(one.latents)) if number % 3 == 0 else None
                if window is not None:
                    pieces.append(vocoder(window, one.speaker))
            if (window := windows.next(last=True)) is not None:
                pieces.append(vocoder(window, one.speaker))
            yield f"{one.name}/pcm", np.concatenate(pieces)

    def conditioning(self) -> Answers:
        conditioning = Conditioning(self.voices, threads=2)
        for one in material.voices():
            voice = conditioning([Recording(clip.samples, clip.rate) for clip in one.clips])
            yield f"{one.name}/latents", voice.latents
            yield f"{one.name}/speaker", voice.speaker


class _Utterance:
    """One of those that share the steps."""

    def __init__(self, gpt: Gpt, config: ModelConfig, given: material.Utterance) -> None:
        self.given = given
        self.row: Row = gpt.open(
            gpt.embeddings.prefix(given.latents, [config.start_text, *given.text.tolist(), config.stop_text])
        )
        greedy = replace(Sampling(), temperature=0.0, repetition_penalty=given.penalty)
        self._sampler = Sampler(config, greedy, Draws(0))
        self._stop = config.stop_audio
        self.codes: list[int] = []
        self.latents: list[NDArray[np.float32]] = []
        self.logits: list[NDArray[np.float32]] = []

    @property
    def ended(self) -> bool:
        return len(self.codes) == self.given.limit or self._stop in self.codes

    def draw(self) -> int:
        self.latents.append(self.row.latent)
        self.logits.append(self.row.logits)
        self.codes.append(self._sampler.draw(self.row.logits))
        return self.codes[-1]

    def answers(self) -> Answers:
        yield f"{self.given.name}/codes", np.array(self.codes)
        yield f"{self.given.name}/latents", np.stack(self.latents)
        if self.given.penalty == 1.0:
            yield f"{self.given.name}/logits", np.stack(self.logits[: material.SHOWN_STEPS])


def sampled(config: ModelConfig, module: ModuleType = sampler) -> Answers:
    """Which tokens may be drawn, and how likely each is, by the rules in `module`."""
    for row in material.rows(config):
        drawing = module.Sampler(config, row.sampling, module.Draws(0))
        for token in row.said.tolist():
            drawing.say(token)
        support, probabilities = drawing.odds(row.logits)
        yield f"{row.name}/support", support
        yield f"{row.name}/probabilities", probabilities


def front_ends(bands: Path) -> Answers:
    """Log-mels of both branches, the speaker's with the bands of its model, and resampled sound."""
    of_gpt, of_speaker = Mel(XTTS_CONDITIONING), Mel(XTTS_SPEAKER, np.load(bands).T)
    for sound in material.heard(XTTS_CONDITIONING.sample_rate):
        yield f"mel/gpt/{sound.name}", np.log(np.maximum(of_gpt(sound.samples), np.float32(1e-5)))
    for sound in material.heard(XTTS_SPEAKER.sample_rate):
        yield f"mel/speaker/{sound.name}", np.log(of_speaker(sound.samples) + np.float32(1e-6))
    for one in material.resampled():
        yield one.name, resampled(one.samples, one.before, one.after)
