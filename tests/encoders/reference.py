"""What the references make of the material: run in speechbrain's environment (`make reference-env PEER=speechbrain`).

`python -m tests.encoders.reference --out FILE.npz` writes the tiny networks' answers; with `--full SEED` those of an
ECAPA of the full size and of the trained CAM++. torchaudio gives Kaldi's features, which 3D-Speaker's models were
trained behind; their network comes in the package that brings its weights.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torchaudio.compliance import kaldi

from export.identity import manifest
from export.identity.manifest import BANDS, Ecapa
from export.identity.structural import Structural
from export.runtime.identity.clips import Pcm
from export.runtime.identity.encoders import WINDOW
from export.setup.cache import Cache
from loadtest.encoders.brain import Reference
from tests.encoders import material

Answers = Iterator[tuple[str, NDArray[Any]]]


def vectors(sizes: Ecapa, seed: int) -> Answers:
    """Of each clip alone, as the network gives them."""
    reference = Reference(sizes, seed)
    for name, pcm in material.clips():
        yield f"vectors/{seed}/{name}", reference(pcm[None])[0]


def features(sizes: Ecapa) -> Answers:
    """Of each clip: speechbrain's, and Kaldi's."""
    reference = Reference(sizes, 0)
    for name, pcm in material.heard():
        yield f"features/ecapa/{name}", reference.features(pcm[None])[0].numpy()
        yield f"features/campplus/{name}", kaldi_features(pcm).numpy()


def kaldi_features(pcm: Pcm) -> torch.Tensor:
    """As 3D-Speaker frees them of their mean."""
    sound = torch.from_numpy(pcm.astype(np.float32) / np.float32(32_768))
    fbank: torch.Tensor = kaldi.fbank(sound[None], num_mel_bins=BANDS, sample_frequency=16_000, dither=0.0)
    return fbank - fbank.mean(0, keepdim=True)


def windows(network: Any, name: str) -> Answers:
    """What CAM++ says of the first window of a clip, by itself."""
    network.eval()
    # The package wrote the network down anew, with a ReLU at its end that 3D-Speaker's (`batchnorm_`) does not have.
    del network.xvector.dense.nonlinear.relu
    for clip, pcm in material.clips():
        window = np.resize(pcm, WINDOW)
        yield f"windows/{name}/{clip}", network(kaldi_features(window)[None])[0].numpy()


def tiny_campplus(seed: int) -> Any:
    """3D-Speaker's network with random weights of ours."""
    sizes = material.tiny_campplus()
    network = _campplus()(
        embedding_size=sizes.width, growth_rate=sizes.growth, init_channels=sizes.first, memory_efficient=False
    )
    tensors = Structural(sizes, seed)
    network.load_state_dict({name: torch.from_numpy(np.asarray(array)) for name, array in tensors.items()})
    return network


def trained_campplus() -> Any:
    network = _campplus()(embedding_size=192, memory_efficient=False)
    network.load_state_dict(torch.load(Cache.default().campplus, map_location="cpu", weights_only=True))
    return network


def _campplus() -> Any:
    """The class, out of the file that comes with the weights."""
    spec = spec_from_file_location("camplusplus", Cache.default().campplus.with_name("camplusplus.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.CAMPPlus


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--full", type=int, metavar="SEED")
    options = parser.parse_args()
    found: dict[str, NDArray[Any]] = {}
    with torch.inference_mode():
        if options.full is not None:
            full = manifest.FULL["ecapa_tdnn"]
            assert isinstance(full, Ecapa)
            found.update(vectors(full, options.full))
            found.update(windows(trained_campplus(), "trained"))
        else:
            tiny = material.tiny_ecapa()
            for seed in material.SEEDS:
                found.update(vectors(tiny, seed))
                found.update(windows(tiny_campplus(seed), str(seed)))
            found.update(features(tiny))
    arrays: dict[str, Any] = found
    np.savez_compressed(options.out, **arrays)
    return 0


if __name__ == "__main__":
    sys.exit(main())
