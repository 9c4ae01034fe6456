"""The training itself: what was changed of a passage is to be read off the network's numbers, whoever said it.

Each clip is seen beside the neutral rendering of its own passage, and beside that of another passage by the same
speaker, as it will be in use; nothing is asked of the numbers themselves. What is kept is the state that was best on
speakers of the validation split.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from export.gst.shapes import WIDTH
from export.gst.training.batches import Batch, Batches
from export.gst.training.material import LABELS, MANNERS, Material
from export.gst.training.network import Network
from export.runtime.prosody.features import scaled

STEPS: Final = 800
EACH: Final = 50
"""Steps between two looks at the validation split."""
RATE: Final = 3e-3
DISTANCES: Final = 0.5
"""What they count beside what can be read off."""
SCALE: Final = 4.0
"""Of the network's numbers where the training begins: about what distances of labels need."""
MEAN_SQUARE: Final = 0.5
"""Of the length of what the exported network says, over the training material."""
MOMENTUM: Final = 0.1
"""Of the means of activations: torch's own."""
SETTLING: Final = 10
"""Batches by which the untrained network learns how large its own activations are, and nothing else."""

Tensors = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Result:
    trained: Tensors
    untrained: Tensors
    """The same network as it was before the first step."""
    log: dict[str, Any]


def train(
    learned: Material,
    validated: Material,
    *,
    seed: int,
    steps: int,
    shuffled: bool,
    at: Callable[[int, int, str], None],
) -> Result:
    """Train a network.

    Args:
        shuffled: give each clip the labels of another, in both splits: a control that has nothing to learn.
        at: is told how many of how many steps are done, and what was found.
    """
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    began = time.monotonic()
    chance = np.random.default_rng(seed)
    drawn, kept_apart = (
        Batches(one, chance.permutation(one.labels) if shuffled else one.labels, seed) for one in (learned, validated)
    )
    network, head = Network(), nn.Linear(WIDTH, len(LABELS), bias=False)
    scale = nn.Parameter(torch.tensor(SCALE).log())
    _settle(network, drawn)
    untrained = _finished(network, learned)

    optimiser = torch.optim.AdamW([*network.parameters(), *head.parameters(), scale], lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=0.2)
    looks = kept_apart.all_in_order()
    best, best_step, best_state, losses = np.inf, 0, copy.deepcopy(network.state_dict()), []
    for step in range(1, steps + 1):
        network.train()
        batch = drawn.drawn()
        loss = _loss(_said(network, batch) * scale.exp(), batch, head)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if step % EACH == 0 or step == steps:
            network.eval()
            with torch.no_grad():
                found = float(np.mean([_loss(_said(network, one) * scale.exp(), one, head).item() for one in looks]))
            losses.append({"step": step, "training": loss.item(), "validation": found})
            if found < best:
                best, best_step, best_state = found, step, copy.deepcopy(network.state_dict())
        at(step, steps, f"steps, validation {losses[-1]['validation']:.3f}" if losses else "steps")
    network.load_state_dict(best_state)
    log = {
        "steps": steps,
        "best_step": best_step,
        "losses": losses,
        "shuffled": shuffled,
        "seed": seed,
        "clips": {"training": len(learned.ends), "validation": len(validated.ends)},
        "seconds": round(time.monotonic() - began, 1),
        "torch": torch.__version__,
    }
    return Result(_finished(network, learned), untrained, log)


def _settle(network: Network, drawn: Batches) -> None:
    for norm in network.norms:
        norm.momentum = None  # the plain mean of the batches
    with torch.no_grad():
        for _ in range(SETTLING):
            _said(network, drawn.drawn())
    for norm in network.norms:
        norm.momentum = MOMENTUM


def _said(network: Network, batch: Batch) -> Tensor:
    return network(torch.from_numpy(batch.features), torch.from_numpy(batch.lengths))


def _loss(said: Tensor, batch: Batch, head: nn.Module) -> Tensor:
    """How far what was changed is from what can be read off, and distances from those of what was changed."""
    clips, labels = _of_passages(said), _of_passages(torch.from_numpy(batch.labels))
    changed = labels - labels[:, :, :1]
    beside_own, beside_other = clips - clips[:, :, :1], clips - clips[:, :, :1].flip(0)
    read: Tensor = nn.functional.smooth_l1_loss(head(beside_own), changed)
    read = read + nn.functional.smooth_l1_loss(head(beside_other), changed)
    distances = nn.functional.smooth_l1_loss(_distances(beside_other), _distances(changed))
    return read + DISTANCES * distances


def _of_passages(rows: Tensor) -> Tensor:
    """[which of a speaker's two passages, speaker, manner, numbers]"""
    return rows.view(2, -1, MANNERS, rows.shape[-1])


def _distances(clips: Tensor) -> Tensor:
    """Of each two clips."""
    rows = clips.flatten(0, 2)
    pairs = torch.triu_indices(len(rows), len(rows), 1)
    squares = (rows[pairs[0]] - rows[pairs[1]]).square().sum(-1)
    return (squares + 1e-4).sqrt()  # no infinite slope where two are the same


def _finished(network: Network, learned: Material) -> dict[str, NDArray[np.float32]]:
    """The tensors to be exported: about the middle of the training material, of the agreed size."""
    network.eval()
    network.centre.zero_()
    network.gain.fill_(1.0)
    said = []
    starts = np.concatenate([[0], learned.ends[:-1]])
    with torch.no_grad():
        for start, end in zip(starts, learned.ends, strict=True):
            features = torch.from_numpy(scaled(learned.levels[start:end].astype(np.float32)))[None]
            said.append(network(features, torch.tensor([int(end - start)]))[0].numpy())
    rows = np.stack(said)
    centre = rows.mean(axis=0)
    size = np.square(rows - centre).sum(axis=1).mean()
    network.centre.copy_(torch.from_numpy(centre))
    network.gain.fill_(float(np.sqrt(MEAN_SQUARE / max(size, 1e-12))))
    tensors = network.tensors()
    network.centre.zero_()
    network.gain.fill_(1.0)
    return tensors
