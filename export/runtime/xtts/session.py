"""An exported graph, opened by onnxruntime on the CPU. onnxruntime is imported when the first one is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from export.runtime.weights import WeightsError


def opened(path: Path, threads: int, *, spinning: bool = True) -> Any:
    """An `onnxruntime.InferenceSession` over `path`.

    Args:
        threads: that work on one run; 0 takes all cores.
        spinning: whether they burn their core for a moment while they wait, which is quicker where it is theirs alone.
    Raises:
        WeightsError: the file is missing, or onnxruntime cannot read it.
    """
    if not path.is_file():
        raise WeightsError(f"{path.name} is missing from {path.parent}: run `dragoman export xtts`")
    import onnxruntime
    from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, InvalidGraph, InvalidProtobuf

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    if not spinning:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except (Fail, InvalidArgument, InvalidGraph, InvalidProtobuf) as error:
        raise WeightsError(f"{path} cannot be read: {error}. Run `dragoman export xtts` again") from error
