"""The reference, coqui-tts, with our structural weights in it. Runs in its own environment (`make reference-env`) only.

What is compared with it gets arrays, never tensors; nothing of ours is on this side but names, shapes and weights.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from TTS.tts.configs.xtts_config import XttsArgs, XttsConfig
from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer
from TTS.tts.models.xtts import Xtts

from export.runtime.xtts.config import ModelConfig
from export.xtts import structural


def construct(config: ModelConfig) -> Xtts:
    """The reference in our sizes, as it initialises itself, not yet in its form for inference."""
    arguments = XttsArgs(
        gpt_layers=config.layers,
        gpt_n_model_channels=config.width,
        gpt_n_heads=config.heads,
        gpt_max_audio_tokens=config.max_audio,
        gpt_max_text_tokens=config.max_text,
        gpt_max_prompt_tokens=config.prompt,
        gpt_number_text_tokens=config.text_tokens,
        gpt_start_text_token=config.start_text,
        gpt_stop_text_token=config.stop_text,
        gpt_num_audio_tokens=config.audio_tokens,
        gpt_start_audio_token=config.start_audio,
        gpt_stop_audio_token=config.stop_audio,
        gpt_code_stride_len=config.code_stride,
        gpt_use_perceiver_resampler=True,
        input_sample_rate=config.input_rate,
        output_sample_rate=config.output_rate,
        output_hop_length=config.hop,
        decoder_input_dim=config.decoder_input,
        d_vector_dim=config.speaker_width,
    )
    return Xtts(XttsConfig(model_args=arguments))


def structural_model(config: ModelConfig, seed: int, vocabulary: Path | None = None) -> Any:
    """The reference with `structural.tensors(config, seed)` in it, ready for inference.

    Args:
        vocabulary: a vocab.json for its tokenizer; without one it takes token ids only.
    Raises:
        ValueError: its tensors are not those of our manifest.
    """
    model = construct(config)
    tensors = structural.tensors(config, seed)
    state = model.state_dict()
    if strange := state.keys() ^ tensors.keys():
        raise ValueError(f"the reference and the manifest differ in {', '.join(sorted(strange))}")
    for name, tensor in state.items():
        made = torch.from_numpy(tensors[name])
        if made.shape != tensor.shape:
            raise ValueError(f"{name} has the shape {tuple(tensor.shape)} in the reference, not {tuple(made.shape)}")
        tensor.copy_(made)
    model.eval()
    if vocabulary is not None:
        model.tokenizer = VoiceBpeTokenizer(vocab_file=vocabulary)
    return model
