"""The part `style` of voices.json: is the nearest clip of another speaker one that was said in the same manner?

Speakers of packages that no training saw; each less what is neutral of them by other clips. The network as trained,
untrained, and trained on shuffled labels, in one run. Looked at once: nothing is chosen by these figures.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import numpy as np

from export.gst import recordings
from export.gst.kept import Kept
from export.runtime.prosody.encoder import recovered
from export.setup.cache import REPOSITORY
from loadtest.frames.report import Bound
from loadtest.voices import figures
from loadtest.voices.figures import Array

LEAST: Final = 0.10
"""That the trained network is better than the untrained by."""


def measure(kept: Kept, folder: Path) -> tuple[dict[str, Any], list[Bound]]:
    """The fields of voices.json, and what must hold; trains what is missing, and works in `folder`."""
    test = kept.made("test")
    trained, control = kept.trained(), kept.trained(shuffled=True)
    networks = {
        "trained": trained / "trained.npz",
        "untrained": trained / "untrained.npz",
        "shuffled": control / "trained.npz",
    }
    out = folder / "styles.npz"
    words = [f"{name}={file}" for name, file in networks.items()]
    command: list[str | Path] = [kept.cache.python("export"), "-m", "loadtest.voices.encoding", "styles", test, out]
    subprocess.run([*command, *words], cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
    with np.load(test) as clips, np.load(out) as encoded:
        found = evaluated(
            {name: encoded[name] for name in encoded.files}, clips["speakers"], clips["passages"], clips["manners"]
        )
    found["training"] = json.loads((trained / "training.json").read_text())
    found["training"].pop("losses")
    found["packages"] = {
        name: sorted({pack.package for pack in packs})
        for name, packs in (
            ("training", recordings.TRAINING),
            ("validation", recordings.VALIDATION),
            ("test", recordings.TEST),
        )
    }
    return {"style": found}, bounds(found)


def evaluated(encoded: dict[str, Array], speakers: Array, passages: Array, manners: Array) -> dict[str, Any]:
    """All figures: `encoded` as `loadtest.voices.encoding` writes it, the rest of each clip."""
    asked = manners != ""
    units = passages[asked]

    def right(vectors: Array) -> Array:
        moved = figures.relative(vectors, speakers, ~asked)[asked]
        return figures.nearest(moved, speakers[asked], manners[asked])

    found = {name: right(recovered(one) if name.endswith("styles") else one) for name, one in encoded.items()}
    shares = {name: figures.share(one, units) for name, one in found.items()}
    by_speaker = figures.difference(found["trained"], found["untrained"], speakers[asked])
    return {
        "what": "the network's 56 numbers alone, unless it says otherwise; a call chooses a clip by whole_style",
        "nearest_neighbour": shares["trained"],
        "untrained": shares["untrained"],
        "difference": {
            **figures.difference(found["trained"], found["untrained"], units),
            "interval_by_speaker": by_speaker["interval"],
        },
        "shuffled_labels": {
            **shares["shuffled"],
            "difference": figures.difference(found["shuffled"], found["untrained"], units),
        },
        "measures_alone": shares["measures"],
        "whole_style": shares["styles"],
        "telephone": {
            "nearest_neighbour": shares["telephone_trained"],
            "untrained": shares["telephone_untrained"],
            "measures_alone": shares["telephone_measures"],
            "whole_style": shares["telephone_styles"],
        },
        "chance": 1 / len(set(manners[asked])),
        "queries": int(asked.sum()),
        "recordings": len(set(units)),
        "speakers": len(set(speakers)),
    }


def bounds(found: dict[str, Any]) -> list[Bound]:
    real, control = found["difference"], found["shuffled_labels"]["difference"]
    return [
        Bound("nearest style, better than untrained by", _told(real), f">= {LEAST}, interval above 0", _passes(real)),
        Bound("the same of shuffled labels, which must fail it", _told(control), "fails", not _passes(control)),
    ]


def _passes(found: dict[str, Any]) -> bool:
    return bool(found["value"] >= LEAST and found["interval"][0] > 0)


def _told(found: dict[str, Any]) -> str:
    low, high = found["interval"]
    return f"{found['value']:.3f} ({low:.3f} to {high:.3f})"
