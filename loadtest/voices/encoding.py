"""Encodes clips where onnxruntime is: `python -m loadtest.voices.encoding WHAT CLIPS OUT ...`, a process of its own.

`styles CLIPS OUT NAME=WEIGHTS.npz...` writes what each network says and what is measured; `identities CLIPS OUT FOLDER`
the vectors of an encoder of speakers. Everything as recorded, and over a telephone.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadtest.voices.telephone import over_telephone

Pcm = NDArray[np.int16]
Float = NDArray[np.float32]


def clips(file: Path) -> list[Pcm]:
    with np.load(file) as stored:
        return np.split(stored["pcm"], stored["ends"][:-1])


def styles(heard: Sequence[Pcm], networks: dict[str, Path]) -> dict[str, Float]:
    """float32[clips, ...]: NAME, 56 numbers of each network; `measures`, 7; `styles`, 64, of the network `trained`."""
    from export.gst import network
    from export.gst.source import trained_source
    from export.runtime.prosody.encoder import Encoder, joined
    from export.runtime.prosody.measures import coordinates, measured
    from export.runtime.prosody.model import GRAPH, Model

    found = {"measures": np.stack([coordinates(measured(clip)) for clip in heard])}
    for name, weights in networks.items():
        source = trained_source(weights, {})
        with tempfile.TemporaryDirectory() as folder:
            network.write(Path(folder) / GRAPH, source.weights)
            Model(source.digest[:16], False).save(Path(folder))
            found[name] = Encoder(Path(folder)).tokens(heard)
    found["styles"] = joined(found["trained"], found["measures"])
    return found


def identities(heard: Sequence[Pcm], folder: Path) -> dict[str, Any]:
    """`vectors` float32[clips, 256], and the id of what made them."""
    from export.runtime.identity.encoders import opened

    encoder = opened(folder)
    return {"vectors": encoder(heard), "model_id": np.array(encoder.id)}


def main(words: Sequence[str]) -> int:
    what, file, out, *others = words
    act: Callable[[Sequence[Pcm]], dict[str, Any]]
    if what == "styles":
        networks = {name: Path(weights) for name, weights in (other.split("=", 1) for other in others)}

        def act(heard: Sequence[Pcm]) -> dict[str, Any]:
            return styles(heard, networks)
    else:

        def act(heard: Sequence[Pcm]) -> dict[str, Any]:
            return identities(heard, Path(others[0]))

    wide = clips(Path(file))
    print(f"{what}: {len(wide)} clips as recorded, then over a telephone", file=sys.stderr)
    narrow = act([over_telephone(clip) for clip in wide])
    np.savez(out, **act(wide), **{f"telephone_{name}": found for name, found in narrow.items()})
    print(json.dumps({"clips": len(wide)}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
