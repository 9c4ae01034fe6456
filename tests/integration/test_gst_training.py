"""The training of the style network from end to end on made-up voices: a few steps, in the environment it runs in."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.gst.shapes import shapes
from export.gst.source import digest, trained_source
from export.setup.cache import REPOSITORY, Cache
from export.setup.components import missing
from tests.requirements import require_or_skip

TRAINING = """
import sys
from dataclasses import asdict
from pathlib import Path
import numpy as np
import torch
from export.gst.training import material, testing
from export.gst.training.network import Network
from export.gst.training.progress import Progress
from export.gst.training.training import train
from tests.fakes.voices import voice

out = Path(sys.argv[1])
torch.set_num_threads(1)
jobs = [(n // 2, voice(1.6, hz=100.0 + 30 * n, syllables=3.0 + 0.5 * n), n) for n in range(6)]
made = material.of(jobs, 1, Progress())
made.save(out / "material.npz")
made = material.load(out / "material.npz")
for name, shuffled in (("true", False), ("again", False), ("shuffled", True)):
    result = train(made, made, seed=1, steps=4, shuffled=shuffled, at=lambda *told: None)
    np.savez(out / f"{name}.npz", **result.trained)
    np.savez(out / f"{name}-untrained.npz", **result.untrained)
features = np.random.default_rng(0).normal(0, 1, (2, 70, 80)).astype(np.float32)
network = Network().eval()
network.load_state_dict({k: torch.from_numpy(v) for k, v in np.load(out / "true.npz").items()}, strict=False)
with torch.no_grad():
    said = network(torch.from_numpy(features), torch.tensor([70, 33])).numpy()
np.savez(out / "said.npz", features=features, said=said, labels=made.labels, ends=made.ends, packs=made.packs)
"""

GRAPH = """
import json, sys
from pathlib import Path
import numpy as np
from export.checking import run
from export.gst import network
from export.gst.source import trained_source

out = Path(sys.argv[1])
network.write(out / "gst.onnx", trained_source(out / "true.npz", {}).weights)
with np.load(out / "said.npz") as kept:
    (found,) = run(out / "gst.onnx", features=kept["features"], lengths=np.array([70, 33], np.int64))
    print(json.dumps(float(np.abs(found - kept["said"]).max())))
"""


def ran(environment: str, script: str, out: Path) -> str:
    done = subprocess.run(
        [Cache.default().python(environment), "-W", "ignore", "-c", script, out],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    there = not missing(Cache.default(), ["env-training", "env-export"])
    require_or_skip("training", there, "run `python3 -m export.setup env-training env-export` (torch: 250 MB)")
    folder = tmp_path_factory.mktemp("training")
    ran("training", TRAINING, folder)
    return folder


def tensors(file: Path) -> dict[str, Any]:
    with np.load(file) as stored:
        return {name: stored[name] for name in stored.files}


def test_a_training_gives_a_network_that_is_not_the_one_it_began_with(out: Path) -> None:
    for name in ("true", "true-untrained", "shuffled"):
        found = tensors(out / f"{name}.npz")
        assert {key: one.shape for key, one in found.items()} == shapes()
        assert all(np.isfinite(one).all() for one in found.values())
        assert trained_source(out / f"{name}.npz", {}).structural is False
    moved = digest(tensors(out / "true.npz"))
    assert moved != digest(tensors(out / "true-untrained.npz"))
    assert moved != digest(tensors(out / "shuffled.npz"))
    assert digest(tensors(out / "true-untrained.npz")) == digest(tensors(out / "shuffled-untrained.npz"))


def test_the_same_training_gives_the_same_network(out: Path) -> None:
    assert digest(tensors(out / "true.npz")) == digest(tensors(out / "again.npz"))


def test_the_labels_are_what_was_changed(out: Path) -> None:
    """Six clips of a passage; the first is as it was, and the others differ from it by their manners."""
    found = tensors(out / "said.npz")
    labels = found["labels"].reshape(-1, 6, 3)
    assert labels.shape[0] == 6
    assert np.abs(labels[:, 1:] - labels[:, :1]).max(axis=(1, 2)).min() > 0.5
    lengths = np.diff(found["ends"], prepend=0).reshape(-1, 6)
    faster = labels[:, 1:, 0] - labels[:, :1, 0]
    shorter = np.log2(lengths[:, :1] / lengths[:, 1:]) / 0.3
    assert np.abs(faster - shorter).max() < 0.3, "the rate is the length's inverse"


def test_the_graph_says_what_the_training_s_own_network_says(out: Path) -> None:
    assert json.loads(ran("export", GRAPH, out)) < 1e-4
