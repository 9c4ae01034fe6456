"""The tensors of the style network by name, as torch names them: Global Style Tokens over a reference encoder.

Y. Wang et al., Style Tokens: Unsupervised Style Modeling, Control and Transfer in End-to-End Speech Synthesis, 2018.
Our sizes; nothing of theirs. numpy is not needed here, nor anything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Final

Shape = tuple[int, ...]

BANDS: Final = 80
FILTERS: Final = (16, 16, 32, 32, 64, 64)
"""Channels of the six convolutions, 3 by 3; each halves frames and bands."""
STATE: Final = 64
"""Width of the recurrent layer over what is left of the frames."""
TOKENS, HEADS, DEPTH = 10, 4, 14
"""Style tokens, heads of the attention over them, numbers of each head."""
WIDTH: Final = HEADS * DEPTH
NORM_EPSILON: Final = 1e-5


def reduced(length: int) -> int:
    """Frames or bands that the convolutions leave of `length`."""
    for _ in FILTERS:
        length = ceil(length / 2)
    return length


def shapes() -> Mapping[str, Shape]:
    """Every tensor and its shape."""
    found: dict[str, Shape] = {}
    before = 1
    for i, filters in enumerate(FILTERS):
        found[f"convs.{i}.weight"] = (filters, before, 3, 3)
        for part in ("weight", "bias", "running_mean", "running_var"):
            found[f"norms.{i}.{part}"] = (filters,)
        before = filters
    found["gru.weight_ih_l0"] = (3 * STATE, before * reduced(BANDS))
    found["gru.weight_hh_l0"] = (3 * STATE, STATE)
    found["gru.bias_ih_l0"] = found["gru.bias_hh_l0"] = (3 * STATE,)
    found["tokens"] = (TOKENS, DEPTH)
    found["query.weight"] = (WIDTH, STATE)
    found["key.weight"] = found["value.weight"] = (WIDTH, DEPTH)
    found["centre"] = (WIDTH,)
    found["gain"] = (1,)
    return found
