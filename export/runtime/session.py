"""An exported graph, opened by onnxruntime. onnxruntime is imported when the first one is opened."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from export.runtime.weights import WeightsError

Provider = Literal["cpu", "cuda", "tensorrt"]

PROVIDERS: dict[Provider, list[str]] = {
    "cpu": ["CPUExecutionProvider"],
    "cuda": ["CUDAExecutionProvider", "CPUExecutionProvider"],
    "tensorrt": ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"],
}
"""What each runs a graph on; the later ones take what the earlier ones cannot."""


def opened(
    path: Path,
    threads: int,
    *,
    spinning: bool = True,
    provider: Provider = "cpu",
    options: Mapping[str, str] | None = None,
    exported: str = "xtts",
) -> Any:
    """An `onnxruntime.InferenceSession` over `path`.

    Args:
        threads: that work on one run; 0 takes all cores.
        spinning: whether they burn their core for a moment while they wait, which is quicker where it is theirs alone.
        options: of the provider.
        exported: what `dragoman export` calls the model, for what is said where the file will not do.
    Raises:
        WeightsError: the file is missing, onnxruntime cannot read it, or it has no such provider.
    """
    if not path.is_file():
        raise WeightsError(f"{path.name} is missing from {path.parent}: run `dragoman export {exported}`")
    import onnxruntime
    from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, InvalidGraph, InvalidProtobuf

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = threads, 1
    if not spinning:
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    first, *others = PROVIDERS[provider]
    if first not in onnxruntime.get_available_providers():
        raise WeightsError(
            f"this onnxruntime has no {first}: install the extra `triton-gpu`, or serve with provider cpu"
        )
    try:
        session = onnxruntime.InferenceSession(str(path), settings, providers=[(first, dict(options or {})), *others])
    except (Fail, InvalidArgument, InvalidGraph, InvalidProtobuf) as error:
        raise WeightsError(f"{path} cannot be read: {error}. Run `dragoman export {exported}` again") from error
    if first not in session.get_providers():
        raise WeightsError(f"{first} cannot be used on this machine: are its driver and libraries there?")
    return session
