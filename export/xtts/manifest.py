"""The frozen manifest of an XTTS v2 checkpoint: every tensor's name and shape, for any sizes of the same architecture.

Names are those of the reference's state dict (coqui-tts 0.28.0; TTS 0.22.0 has the same). Knows no file.
"""

from __future__ import annotations

from collections.abc import Iterator

from export.runtime.xtts.config import ModelConfig
from export.weights import DIRECTION, GAIN, Shape

NORM_EPSILON = 1e-5
"""Added to the variance in every norm of all four networks."""

LATENTS = 32
MEL_BANDS = 80
CONDITIONING_BLOCKS = 6
PERCEIVER_LAYERS, PERCEIVER_HEADS, PERCEIVER_HEAD = 2, 8, 64

CHANNELS = 512
"""Of the vocoder before its first up-sampling layer; each layer halves them."""
UPSAMPLING = ((8, 16), (8, 16), (2, 4), (2, 4))
"""Stride and kernel of each up-sampling layer; together 256 samples a frame."""
RESBLOCKS = ((3, (1, 3, 5)), (7, (1, 3, 5)), (11, (1, 3, 5)))
"""Kernel of each residual block behind an up-sampling layer, and its dilations."""

SPEAKER_BANDS = 64
SPEAKER_FILTERS, SPEAKER_BLOCKS = (32, 64, 128, 256), (3, 4, 6, 3)
SPEAKER_ATTENTION, SQUEEZE = 128, 8
SPEAKER_FFT, SPEAKER_WINDOW = 512, 400

_UNUSED_BY_ALL = ("torch_mel_spectrogram_style_encoder", "torch_mel_spectrogram_dvae", "dvae")


def reference(config: ModelConfig) -> dict[str, Shape]:
    """Every entry of the reference's state dict; scalars have the shape ()."""
    return {"mel_stats": (MEL_BANDS,), **dict(_gpt(config)), **dict(_vocoder(config)), **dict(_speaker(config))}


def folded(config: ModelConfig) -> dict[str, Shape]:
    """The same with each pair of weight norm as the one `.weight` it stands for."""
    return {
        name.removesuffix(DIRECTION) + ".weight" if name.endswith(DIRECTION) else name: shape
        for name, shape in reference(config).items()
        if not name.endswith(GAIN)
    }


def is_optional(name: str) -> bool:
    """Whether nothing is computed from it, so that a checkpoint may lack it: counters of training."""
    return name.endswith(".num_batches_tracked")


def canonical(name: str) -> str | None:
    """The manifest's spelling of a checkpoint's `name`; None for what only training or its aliases left there."""
    name = name.removeprefix("xtts.")
    if name.split(".")[0] in _UNUSED_BY_ALL or name.startswith(("gpt.gpt_inference.", "gpt.gpt.wte.")):
        return None
    if name.startswith("gpt.gpt.h.") and name.endswith((".attn.bias", ".attn.masked_bias")):
        return None  # causal masks, which older transformers kept
    for old, new in ((".weight_g", GAIN), (".weight_v", DIRECTION)):
        if name.endswith(old):
            return name.removesuffix(old) + new
    return name


def _layer(name: str, *weight: int, bias: int | None = None) -> Iterator[tuple[str, Shape]]:
    """A layer's weight, and its bias where it has one."""
    yield f"{name}.weight", weight
    if bias is not None:
        yield f"{name}.bias", (bias,)


def _normed(name: str, *weight: int, bias: int) -> Iterator[tuple[str, Shape]]:
    """A layer under weight norm."""
    yield f"{name}.bias", (bias,)
    yield f"{name}{GAIN}", (weight[0], 1, 1)
    yield f"{name}{DIRECTION}", weight


def _gpt(config: ModelConfig) -> Iterator[tuple[str, Shape]]:
    c = config.width
    yield from _layer("gpt.conditioning_encoder.init", c, MEL_BANDS, 1, bias=c)
    for i in range(CONDITIONING_BLOCKS):
        block = f"gpt.conditioning_encoder.attn.{i}"
        yield from _layer(f"{block}.norm", c, bias=c)
        yield from _layer(f"{block}.qkv", 3 * c, c, 1, bias=3 * c)
        yield from _layer(f"{block}.proj_out", c, c, 1, bias=c)
    yield from _layer("gpt.text_embedding", config.text_tokens, c)
    yield from _layer("gpt.mel_embedding", config.audio_tokens, c)
    for i in range(config.layers):
        block = f"gpt.gpt.h.{i}"  # its matrices are stored [in, out]
        yield from _layer(f"{block}.ln_1", c, bias=c)
        yield from _layer(f"{block}.attn.c_attn", c, 3 * c, bias=3 * c)
        yield from _layer(f"{block}.attn.c_proj", c, c, bias=c)
        yield from _layer(f"{block}.ln_2", c, bias=c)
        yield from _layer(f"{block}.mlp.c_fc", c, 4 * c, bias=4 * c)
        yield from _layer(f"{block}.mlp.c_proj", 4 * c, c, bias=c)
    yield from _layer("gpt.gpt.ln_f", c, bias=c)
    yield from _layer("gpt.mel_pos_embedding.emb", config.audio_positions, c)
    yield from _layer("gpt.text_pos_embedding.emb", config.text_positions, c)
    yield from _layer("gpt.final_norm", c, bias=c)
    yield from _layer("gpt.text_head", config.text_tokens, c, bias=config.text_tokens)
    yield from _layer("gpt.mel_head", config.audio_tokens, c, bias=config.audio_tokens)
    perceiver = "gpt.conditioning_perceiver"
    yield f"{perceiver}.latents", (LATENTS, c)
    inner, hidden = PERCEIVER_HEADS * PERCEIVER_HEAD, perceiver_hidden(config)
    for i in range(PERCEIVER_LAYERS):
        yield from _layer(f"{perceiver}.layers.{i}.0.to_q", inner, c)
        yield from _layer(f"{perceiver}.layers.{i}.0.to_kv", 2 * inner, c)
        yield from _layer(f"{perceiver}.layers.{i}.0.to_out", c, inner)
        yield from _layer(f"{perceiver}.layers.{i}.1.0", 2 * hidden, c, bias=2 * hidden)
        yield from _layer(f"{perceiver}.layers.{i}.1.2", c, hidden, bias=c)
    yield f"{perceiver}.norm.gamma", (c,)


def perceiver_hidden(config: ModelConfig) -> int:
    """Width of the perceiver's gated layers: two thirds of four times the model's."""
    return config.width * 4 * 2 // 3


def _vocoder(config: ModelConfig) -> Iterator[tuple[str, Shape]]:
    name, speaker = "hifigan_decoder.waveform_decoder", config.speaker_width
    yield from _layer(f"{name}.conv_pre", CHANNELS, config.decoder_input, 7, bias=CHANNELS)
    for i, (_, kernel) in enumerate(UPSAMPLING):
        wide, narrow = CHANNELS >> i, CHANNELS >> (i + 1)
        yield from _normed(f"{name}.ups.{i}", wide, narrow, kernel, bias=narrow)
    for i in range(len(UPSAMPLING)):
        channels = CHANNELS >> (i + 1)
        for j, (kernel, dilations) in enumerate(RESBLOCKS):
            for convs in ("convs1", "convs2"):
                for k in range(len(dilations)):
                    block = f"{name}.resblocks.{i * len(RESBLOCKS) + j}.{convs}.{k}"
                    yield from _normed(block, channels, channels, kernel, bias=channels)
    yield from _layer(f"{name}.conv_post", 1, CHANNELS >> len(UPSAMPLING), 7)
    yield from _layer(f"{name}.cond_layer", CHANNELS, speaker, 1, bias=CHANNELS)
    for i in range(len(UPSAMPLING)):
        yield from _layer(f"{name}.conds.{i}", CHANNELS >> (i + 1), speaker, 1, bias=CHANNELS >> (i + 1))


def _speaker(config: ModelConfig) -> Iterator[tuple[str, Shape]]:
    name, filters = "hifigan_decoder.speaker_encoder", SPEAKER_FILTERS
    yield from _layer(f"{name}.conv1", filters[0], 1, 3, 3, bias=filters[0])
    yield from _batch_norm(f"{name}.bn1", filters[0])
    before = filters[0]
    for i, (channels, blocks) in enumerate(zip(filters, SPEAKER_BLOCKS, strict=True)):
        for j in range(blocks):
            block = f"{name}.layer{i + 1}.{j}"
            yield from _layer(f"{block}.conv1", channels, before, 3, 3)
            yield from _batch_norm(f"{block}.bn1", channels)
            yield from _layer(f"{block}.conv2", channels, channels, 3, 3)
            yield from _batch_norm(f"{block}.bn2", channels)
            yield from _layer(f"{block}.se.fc.0", channels // SQUEEZE, channels, bias=channels // SQUEEZE)
            yield from _layer(f"{block}.se.fc.2", channels, channels // SQUEEZE, bias=channels)
            if before != channels:
                yield from _layer(f"{block}.downsample.0", channels, before, 1, 1)
                yield from _batch_norm(f"{block}.downsample.1", channels)
            before = channels
    yield f"{name}.torch_spec.0.filter", (1, 1, 2)
    yield f"{name}.torch_spec.1.spectrogram.window", (SPEAKER_WINDOW,)
    yield f"{name}.torch_spec.1.mel_scale.fb", (SPEAKER_FFT // 2 + 1, SPEAKER_BANDS)
    pooled = filters[-1] * SPEAKER_BANDS // 8
    yield from _layer(f"{name}.attention.0", SPEAKER_ATTENTION, pooled, 1, bias=SPEAKER_ATTENTION)
    yield from _batch_norm(f"{name}.attention.2", SPEAKER_ATTENTION)
    yield from _layer(f"{name}.attention.3", pooled, SPEAKER_ATTENTION, 1, bias=pooled)
    yield from _layer(f"{name}.fc", config.speaker_width, 2 * pooled, bias=config.speaker_width)


def _batch_norm(name: str, channels: int) -> Iterator[tuple[str, Shape]]:
    yield from _layer(name, channels, bias=channels)
    yield f"{name}.running_mean", (channels,)
    yield f"{name}.running_var", (channels,)
    yield f"{name}.num_batches_tracked", ()
