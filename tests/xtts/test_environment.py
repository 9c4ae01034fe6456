"""What XTTS's parts run on: nothing heavier than onnxruntime, and kernels that do what the graphs rely on."""

from __future__ import annotations

import importlib.util

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper


@pytest.mark.parametrize("name", ["torch", "transformers", "torchaudio", "librosa", "TTS"])
def test_it_is_light(name: str) -> None:
    assert importlib.util.find_spec(name) is None


def test_keys_and_values_grow_in_place() -> None:
    """One step of attention leaves the past as it was and writes one row after it, into the memory it was given."""
    heads, depth, room, past = 2, 16, 8, 3
    shape = [1, heads, room, depth]
    node = helper.make_node(
        "GroupQueryAttention",
        ["qkv", "", "", "past_k", "past_v", "seqlens_k", "total"],
        ["out", "present_k", "present_v"],
        domain="com.microsoft",
        num_heads=heads,
        kv_num_heads=heads,
    )
    floats = {"qkv": [1, 1, 3 * heads * depth], "past_k": shape, "past_v": shape}
    graph = helper.make_graph(
        [node],
        "step",
        [
            *(helper.make_tensor_value_info(name, TensorProto.FLOAT, size) for name, size in floats.items()),
            helper.make_tensor_value_info("seqlens_k", TensorProto.INT32, [1]),
            helper.make_tensor_value_info("total", TensorProto.INT32, []),
        ],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, size)
            for name, size in (("out", [1, 1, heads * depth]), ("present_k", shape), ("present_v", shape))
        ],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    bits = np.random.Generator(np.random.Philox(1))
    keys, values = (np.ascontiguousarray(bits.random(shape, np.float32)) for _ in range(2))
    before = keys.copy()
    qkv = bits.random(floats["qkv"], np.float32)
    binding = session.io_binding()
    binding.bind_output("out", "cpu")
    binding.bind_cpu_input("qkv", qkv)
    binding.bind_cpu_input("seqlens_k", np.array([past], np.int32))
    binding.bind_cpu_input("total", np.array(past + 1, np.int32))
    for name, array in (("k", keys), ("v", values)):
        binding.bind_input(f"past_{name}", "cpu", 0, np.float32, shape, array.ctypes.data)
        binding.bind_output(f"present_{name}", "cpu", 0, np.float32, shape, array.ctypes.data)
    session.run_with_iobinding(binding)

    query, new_key, new_value = qkv.reshape(3, heads, depth)
    assert np.array_equal(keys[:, :, :past], before[:, :, :past])
    assert np.array_equal(keys[0, :, past], new_key)
    assert np.array_equal(values[0, :, past], new_value)
    scores = np.einsum("hd,htd->ht", query, keys[0, :, : past + 1]) / np.sqrt(depth)
    shares = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    expected = np.einsum("ht,htd->hd", shares, values[0, :, : past + 1]).reshape(-1)
    assert np.abs(binding.copy_outputs_to_cpu()[0].reshape(-1) - expected).max() < 1e-6
