"""The reference, coqui-tts, with our structural weights in it. Runs in its own environment (`make reference-env`) only.

What is compared with it gets arrays, never tensors; nothing of ours is on this side but names, shapes and weights.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
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


def greedily(
    model: Any,
    text: NDArray[np.integer[Any]],
    voice: NDArray[np.float32],
    penalty: float,
    *,
    most: int,
    least: int | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32], list[torch.Tensor]]:
    """Decode without chance.

    Args:
        text: its token ids, without the two around them.
        voice: float32[32, width].
        most, least: audio tokens.
    Returns:
        int64[codes]; the latents that predicted them, float32[codes, width], from a second pass over the codes, as the
        reference does it; the logits of each step, each [1, audio_tokens].
    """
    gpt = model.gpt
    ids, latents = torch.from_numpy(text)[None].int(), torch.from_numpy(voice)[None]
    codes, whole = gpt.generate(
        cond_latents=latents,
        text_inputs=ids,
        do_sample=False,
        num_beams=1,
        repetition_penalty=penalty,
        min_new_tokens=least,
        max_new_tokens=most,
        return_dict_in_generate=True,
        output_logits=True,
    )
    length = torch.tensor([codes.shape[-1] * gpt.code_stride_len])
    heard = gpt(ids, torch.tensor([ids.shape[-1]]), codes, length, cond_latents=latents, return_latent=True)
    return codes[0].numpy(), heard[0].numpy(), list(whole.logits)
