"""What the reference, coqui-tts, makes of the material: run in its own environment (`make reference-env`).

`python -m tests.xtts.reference arrays --config tiny --seed 1 --out FILE.npz` writes every answer under its case's name;
`... texts --cases FILE.json --out FILE.json` writes what its text front end makes of texts.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchaudio
from numpy.typing import NDArray
from TTS.tts.models import xtts

from export.runtime.xtts.config import ModelConfig
from export.xtts import structural
from loadtest.xtts.coqui import greedily, structural_model
from tests.xtts import material
from tests.xtts.asking import write

Answers = Iterator[tuple[str, NDArray[Any]]]


def greedy(model: Any, config: ModelConfig, seed: int, limit: int, lengths: tuple[int, ...]) -> Answers:
    """Codes, and the latents that predicted them, from a second pass over the codes as the reference does it."""
    for one in material.utterances(config, seed, limit, lengths):
        codes, latents, logits = greedily(model, one.text, one.latents, one.penalty, most=one.limit)
        yield f"{one.name}/codes", codes
        yield f"{one.name}/latents", latents
        if one.penalty == 1.0:
            yield f"{one.name}/logits", torch.cat(logits[: material.SHOWN_STEPS]).numpy()


def sampler(model: Any, config: ModelConfig) -> Answers:
    """Which tokens may be drawn, and how likely each is: transformers' own processors, in the order it puts them in."""
    generator = model.gpt.gpt_inference
    for row in material.rows(config):
        settings = generator._prepare_generation_config(
            None,
            do_sample=True,
            temperature=row.sampling.temperature,
            top_k=row.sampling.top_k,
            top_p=row.sampling.top_p,
            repetition_penalty=row.sampling.repetition_penalty,
        )[0]
        # The places of voice and text hold 1, then the start token: what GPT.compute_embeddings fills in.
        ids = torch.tensor([[1, 1, 1, config.start_audio, *row.said]])
        processors = generator._get_logits_processor(settings, input_ids_seq_length=ids.shape[1], device="cpu")
        scores = processors(ids, torch.from_numpy(row.logits.copy())[None])
        support = torch.isfinite(scores[0]).nonzero()[:, 0]
        yield f"{row.name}/support", support.numpy()
        yield f"{row.name}/probabilities", torch.softmax(scores[0], -1)[support].numpy()


def vocoder(model: Any, config: ModelConfig) -> Answers:
    """The whole waveform of some latents."""
    for one in material.frames(config):
        latents = torch.from_numpy(one.latents)[None]
        if one.speed != 1.0:
            stretched = torch.nn.functional.interpolate(latents.mT, scale_factor=1.0 / one.speed, mode="linear")
            latents = stretched.mT
        waveform = model.hifigan_decoder(latents, g=torch.from_numpy(one.speaker)[None, :, None])
        yield f"{one.name}/pcm", waveform.reshape(-1).numpy()


def conditioning(model: Any) -> Answers:
    """Latents and speaker vector of recordings, taken in the way of the shipped config.json."""
    clips: dict[str, material.Clip] = {}

    def load(name: str) -> tuple[torch.Tensor, int]:
        return torch.from_numpy(clips[name].samples)[None], clips[name].rate

    xtts.torchaudio.load = load  # what it decodes is made here
    for voice in material.voices():
        clips = {str(number): clip for number, clip in enumerate(voice.clips)}
        latents, speaker = model.get_conditioning_latents(list(clips), gpt_cond_len=30, gpt_cond_chunk_len=4)
        yield f"{voice.name}/latents", latents[0].numpy()
        yield f"{voice.name}/speaker", speaker.reshape(-1).numpy()


def front_ends(model: Any, config: ModelConfig) -> Answers:
    """Log-mels of the GPT's branch (not divided by mel_stats) and of the speaker encoder's; resampled sound."""
    for sound in material.heard(config.input_rate):
        mel = xtts.wav_to_mel_cloning(
            torch.from_numpy(sound.samples)[None],
            mel_norms=torch.ones(80),
            n_fft=2048,
            hop_length=256,
            win_length=1024,
        )
        yield f"mel/gpt/{sound.name}", mel[0].numpy()
    for sound in material.heard(16_000):
        spectrum = model.hifigan_decoder.speaker_encoder.torch_spec
        samples = torch.from_numpy(sound.samples)[None]
        log = (spectrum(samples) + 1e-6).log()[0]
        yield f"mel/speaker/{sound.name}", log.numpy()
        yield f"mel/speaker/{sound.name}/off", (log - exactly(spectrum, samples)).abs().numpy().astype(np.float16)
    for one in material.resampled():
        after = torchaudio.functional.resample(torch.from_numpy(one.samples)[None], one.before, one.after)
        yield one.name, after[0].numpy()


def exactly(spectrum: torch.nn.Sequential, samples: torch.Tensor) -> torch.Tensor:
    """The speaker encoder's log-mel with its Fourier transform in float64, and all else as it is.

    In float32 the transform alone is 4e-5 off where a band is nearly empty.
    """
    emphasise, mel = spectrum
    of = mel.spectrogram
    padded = torch.nn.functional.pad(emphasise(samples), (of.n_fft // 2, of.n_fft // 2), mode="reflect")
    aside = (of.n_fft - of.win_length) // 2
    frames = padded[0].unfold(0, of.n_fft, of.hop_length) * torch.nn.functional.pad(of.window, (aside, aside))
    power = torch.fft.rfft(frames.double()).abs().square()
    return (power @ mel.mel_scale.fb.double() + 1e-6).log().T


def arrays(options: argparse.Namespace) -> None:
    """Every answer, into one file."""
    config = structural.SIZES[options.config]
    model = structural_model(config, options.seed)
    found: dict[str, NDArray[Any]] = {}
    with torch.inference_mode():
        found.update(greedy(model, config, options.seed, options.limit, tuple(options.lengths)))
        if not options.only_greedy:
            found.update(sampler(model, config))
            found.update(vocoder(model, config))
            found.update(conditioning(model))
            found.update(front_ends(model, config))
    write(options.out, found)


def texts(options: argparse.Namespace) -> None:
    """For each [language, text]: the cleaned text and its ids, or the fault it has there."""
    with tempfile.TemporaryDirectory() as folder:
        structural.save_vocabulary(Path(folder))
        tokenizer = xtts.VoiceBpeTokenizer(vocab_file=Path(folder) / "vocab.json")
    answers = []
    for language, text in json.loads(options.cases.read_text(encoding="utf-8")):
        answer: dict[str, Any] = {"language": language, "text": text}
        stripped = text.strip().lower()  # as `inference` does before
        try:
            cleaned = tokenizer.preprocess_text(stripped, language.split("-")[0])
            answer |= {"cleaned": cleaned, "ids": tokenizer.encode(stripped, lang=language)}
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
            answer["error"] = type(error).__name__
        answers.append(answer)
    options.out.write_text(json.dumps(answers, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.xtts.reference", description=__doc__)
    kinds = parser.add_subparsers(required=True)
    command = kinds.add_parser("arrays")
    command.add_argument("--config", choices=sorted(structural.SIZES), required=True)
    command.add_argument("--seed", type=int, required=True)
    command.add_argument("--limit", type=int, default=40, help="audio tokens of an utterance")
    command.add_argument("--lengths", type=int, nargs="+", default=material.LENGTHS, help="of the texts, in tokens")
    command.add_argument("--only-greedy", action="store_true")
    command.set_defaults(run=arrays)
    command = kinds.add_parser("texts")
    command.add_argument("--cases", type=Path, required=True)
    command.set_defaults(run=texts)
    for command in kinds.choices.values():
        command.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.run(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
