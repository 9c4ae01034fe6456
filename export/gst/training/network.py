"""The style network for training; its tensors have the names of `export.gst.shapes`."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from export.gst.shapes import BANDS, DEPTH, FILTERS, HEADS, NORM_EPSILON, STATE, TOKENS, WIDTH, reduced, shapes


class Network(nn.Module):  # type: ignore[misc]
    """features[rows, frames, 80], lengths[rows] -> tokens[rows, 56]"""

    def __init__(self) -> None:
        super().__init__()
        before = (1, *FILTERS)
        self.convs = nn.ModuleList(
            nn.Conv2d(before[i], filters, 3, stride=2, padding=1, bias=False) for i, filters in enumerate(FILTERS)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(filters, eps=NORM_EPSILON) for filters in FILTERS)
        self.gru = nn.GRU(FILTERS[-1] * reduced(BANDS), STATE, batch_first=True)
        self.tokens = nn.Parameter(torch.randn(TOKENS, DEPTH))
        self.query = nn.Linear(STATE, WIDTH, bias=False)
        self.key = nn.Linear(DEPTH, WIDTH, bias=False)
        self.value = nn.Linear(DEPTH, WIDTH, bias=False)
        with torch.no_grad():  # attention that tells tokens apart from the first step on
            self.query.weight.mul_(3)
            self.value.weight.mul_(2)
        self.register_buffer("centre", torch.zeros(WIDTH))
        self.register_buffer("gain", torch.ones(1))

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        state = _masked(features[:, None], lengths)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            lengths = (lengths + 1) // 2
            state = _masked(torch.relu(norm(conv(state))), lengths)
        steps, _ = self.gru(state.transpose(1, 2).flatten(2))
        last = steps[torch.arange(len(steps)), lengths - 1]
        known = torch.tanh(self.tokens)
        query = self.query(last).view(-1, HEADS, DEPTH)
        keys = self.key(known).view(TOKENS, HEADS, DEPTH)
        values = self.value(known).view(TOKENS, HEADS, DEPTH)
        shares = torch.softmax(torch.einsum("bhd,khd->bhk", query, keys) / DEPTH**0.5, dim=-1)
        found = torch.einsum("bhk,khd->bhd", shares, values).flatten(1)
        return (found - self.centre) * self.gain

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """What `export.gst.shapes` names."""
        state = self.state_dict()
        return {name: state[name].detach().numpy().astype(np.float32).copy() for name in shapes()}


def _masked(state: Tensor, lengths: Tensor) -> Tensor:
    counts = torch.arange(state.shape[2])[None] < lengths[:, None]
    return state * counts[:, None, :, None]
