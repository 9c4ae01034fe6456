"""Writes what `torch.save` writes, without torch: so that tests can make checkpoints, whole and spoilt ones."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.runtime.xtts.config import ModelConfig
from export.xtts import structural


class Global:
    """Something that a pickle names and never carries: a class or function of somebody's package."""

    def __init__(self, module: str, name: str) -> None:
        self.line = f"c{module}\n{name}\n".encode()

    def __call__(self) -> None:
        raise AssertionError("a pickler only looks whether it could be called")


class Call:
    """Pickled as the call of a global."""

    def __init__(self, function: Global, *arguments: object) -> None:
        self.parts = function, arguments


class Instance:
    """Pickled as an object of a class, as `object.__reduce_ex__` has it."""

    def __init__(self, kind: Global, state: object) -> None:
        self.kind, self.state = kind, state


class Told:
    """Pickled as a value that is then given a new state, which is how objects get theirs."""

    def __init__(self, value: object, state: object) -> None:
        self.value, self.state = value, state


class _Storage:
    def __init__(self, key: str, array: NDArray[Any]) -> None:
        self.key, self.array = key, array


KINDS = {"f4": "FloatStorage", "f2": "HalfStorage", "u2": "BFloat16Storage", "i8": "LongStorage", "f8": "DoubleStorage"}
"""16-bit integers stand for bfloat16, which numpy has not."""


class _Pickler(pickle._Pickler):
    """The pickler in Python, since only that one lets globals be written that are not there."""

    storages: list[_Storage]

    def save(self, obj: Any, save_persistent_id: bool = True) -> Any:
        if isinstance(obj, Global):
            return self.write(obj.line)  # type: ignore[attr-defined]
        if isinstance(obj, Call):
            return self.save_reduce(*obj.parts, obj=obj)  # type: ignore[attr-defined]
        if isinstance(obj, Instance):
            self.save(obj.kind)
            self.save(())
            self.write(pickle.NEWOBJ)  # type: ignore[attr-defined]
            self.save(obj.state)
            return self.write(pickle.BUILD)  # type: ignore[attr-defined]
        if isinstance(obj, Told):
            self.save(obj.value)
            self.save(obj.state)
            return self.write(pickle.BUILD)  # type: ignore[attr-defined]
        if isinstance(obj, np.ndarray):
            storage = _Storage(str(len(self.storages)), obj)
            self.storages.append(storage)
            size = obj.itemsize
            strides = tuple(step // size for step in np.empty(obj.shape, obj.dtype).strides)
            return self.save(
                Call(Global("torch._utils", "_rebuild_tensor_v2"), storage, 0, obj.shape, strides, False, OrderedDict())
            )
        return super().save(obj, save_persistent_id)  # type: ignore[misc]

    def persistent_id(self, obj: Any) -> Any:
        if not isinstance(obj, _Storage):
            return None
        kind = Global("torch", KINDS[obj.array.dtype.str[1:]])
        return "storage", kind, obj.key, "cpu", obj.array.size


def save(value: object, path: Path) -> None:
    """Write `value`, whose numpy arrays become tensors, as `torch.save` does."""
    written = io.BytesIO()
    pickler = _Pickler(written, protocol=2)
    pickler.storages = []
    pickler.dump(value)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", written.getvalue())
        archive.writestr("archive/byteorder", "little")
        for storage in pickler.storages:
            archive.writestr(f"archive/data/{storage.key}", np.ascontiguousarray(storage.array).data)
        archive.writestr("archive/version", "3\n")


def settings(config: ModelConfig) -> dict[str, Any]:
    """A config.json as the reference writes it, less what nobody reads."""
    return {
        "model": "xtts",
        "languages": list(structural.LANGUAGES),
        "temperature": 0.75,
        "length_penalty": 1.0,
        "repetition_penalty": 5.0,
        "top_k": 50,
        "top_p": 0.85,
        "gpt_cond_len": 30,
        "gpt_cond_chunk_len": 4,
        "max_ref_len": 30,
        "sound_norm_refs": False,
        "model_args": {
            "gpt_layers": config.layers,
            "gpt_n_model_channels": config.width,
            "gpt_n_heads": config.heads,
            "gpt_number_text_tokens": config.text_tokens,
            "gpt_start_text_token": None,
            "gpt_stop_text_token": None,
            "gpt_num_audio_tokens": config.audio_tokens,
            "gpt_start_audio_token": config.start_audio,
            "gpt_stop_audio_token": config.stop_audio,
            "gpt_max_audio_tokens": config.max_audio,
            "gpt_max_text_tokens": config.max_text,
            "gpt_max_prompt_tokens": config.prompt,
            "gpt_code_stride_len": config.code_stride,
            "gpt_use_perceiver_resampler": True,
            "input_sample_rate": config.input_rate,
            "output_sample_rate": config.output_rate,
            "output_hop_length": config.hop,
            "decoder_input_dim": config.decoder_input,
            "d_vector_dim": config.speaker_width,
            "cond_d_vector_in_each_upsampling_layer": True,
        },
    }


def folder(path: Path, model: object, config: ModelConfig) -> Path:
    """A checkpoint's folder: `model.pth`, which holds `model`, with the two files that belong to it."""
    path.mkdir(parents=True)
    save(model, path / "model.pth")
    (path / "config.json").write_text(json.dumps(settings(config)))
    structural.save_vocabulary(path)
    return path
