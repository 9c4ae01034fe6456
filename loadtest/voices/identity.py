"""The part `eer` of voices.json: how often speakers are taken for each other, on packaged recordings of professionals.

Scores are plain cosines. An equal error rate needs no threshold; what the house's own make of the same clips stands
beside it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import numpy as np

from controller.voices.likeness import thresholds
from controller.voices.profile import BANDS, Band, Encoder
from export.gst import recordings
from export.gst.kept import Kept
from export.setup.cache import REPOSITORY
from loadtest.frames.report import Bound
from loadtest.voices import figures
from loadtest.voices.figures import Array

ENROLLED: Final = 3
"""Clips of a profile; the others of a speaker are probes."""

MOST: Final = {"wideband": 0.04, "telephone": 0.10}
"""Equal error rates."""


def measure(kept: Kept, folder: Path) -> tuple[dict[str, Any], list[Bound]]:
    """The fields of voices.json, and what must hold; exports CAM++ and works in `folder`."""
    clips, python = kept.made("speakers"), kept.cache.python("export")
    repository, out = folder / "weights", folder / "identities.npz"
    subprocess.run([python, "-m", "export", "campplus", "--out", repository], cwd=REPOSITORY, check=True)
    weights = repository / "campplus" / "1" / "weights"
    command: list[str | Path] = [python, "-m", "loadtest.voices.encoding", "identities", clips, out, weights]
    subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
    with np.load(clips) as stored, np.load(out) as encoded:
        speakers = stored["speakers"]
        found = evaluated(encoded["vectors"], encoded["telephone_vectors"], speakers)
        made_by = Encoder(str(encoded["model_id"]))
        found["model_id"] = made_by.id
        found["verified"] = verified(
            encoded["vectors"],
            encoded["telephone_vectors"],
            speakers,
            {band: thresholds(made_by, band).verified for band in BANDS},
        )
    found["recordings"] = [vars_of(pack) for pack in recordings.PROFESSIONAL]
    return found, bounds(found)


def vars_of(pack: recordings.Pack) -> dict[str, str]:
    return {"speaker": pack.speaker, "package": pack.package}


def evaluated(wide: Array, narrow: Array, speakers: Array) -> dict[str, Any]:
    """All figures of vectors [clips, n] as recorded and over a telephone."""
    wide, narrow = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in (wide, narrow))
    same = speakers[:, None] == speakers[None]
    upper, apart = np.triu(np.ones_like(same), 1).astype(bool), ~np.eye(len(same), dtype=bool)
    conditions = {
        "wideband": (wide @ wide.T, upper),
        "telephone": (narrow @ narrow.T, upper),
        "cross": (wide @ narrow.T, apart),
    }
    rates = {}
    for name, (scores, counted) in conditions.items():

        def rate(drawn: Array, scores: Array = scores, counted: Array = counted) -> Any:
            return figures.eer(scores[counted], same[counted], np.outer(drawn, drawn)[counted])

        rates[name] = figures.value(rate(np.ones(len(same))), figures.intervals(rate, speakers))
    profiles = _Profiles(wide, narrow, speakers)
    single, double = profiles.rates(np.ones(len(same)))
    resampled = figures.intervals(profiles.rates, speakers)
    return {
        "eer": rates,
        "identification_top1": {"wideband": profiles.top1(narrow=False), "telephone": profiles.top1(narrow=True)},
        "dual_band": {
            "wideband_profiles": figures.value(single, resampled[:, 0]),
            "dual_band_profiles": figures.value(double, resampled[:, 1]),
            "difference": figures.value(double - single, resampled[:, 1] - resampled[:, 0]),
        },
        "clips": len(speakers),
        "speakers": len(set(speakers)),
    }


def verified(wide: Array, narrow: Array, speakers: Array, least: Mapping[Band, float]) -> dict[str, Any]:
    """How often a clip is taken for the owner's of a profile, both of one band, by the house's threshold for a single
    recording: which it should be, and which not."""
    wide, narrow = _unit(wide), _unit(narrow)
    profiles = _Profiles(wide, narrow, speakers)
    return {
        band: {"threshold": least[band], **profiles.taken(vectors, least[band])}
        for band, vectors in zip(BANDS, (wide, narrow), strict=True)
    }


class _Profiles:
    """Profiles of three clips against the other clips over a telephone, in all ways to choose the three."""

    def __init__(self, wide: Array, narrow: Array, speakers: Array) -> None:
        self._names, owners = np.unique(speakers, return_inverse=True)
        own = [np.flatnonzero(owners == number) for number in range(len(self._names))]
        self._splits = [
            np.array([places[list(chosen)] for places in own]) for chosen in combinations(range(len(own[0])), ENROLLED)
        ]
        self._wide, self._narrow, self._owners = wide, narrow, owners
        rows = [self._scores(enrolled) for enrolled in self._splits]
        columns = [np.concatenate(column) for column in zip(*rows, strict=True)]
        self._single, self._double, self._same, self._probes = columns

    def rates(self, drawn: Array) -> Array:
        """Equal error rates of profiles as recorded, and of both bands, probes counted as often as they were drawn."""
        weights = drawn[self._probes]
        return np.array([figures.eer(scores, self._same, weights) for scores in (self._single, self._double)])

    def taken(self, vectors: Array, least: float) -> dict[str, Any]:
        """Shares of owners' clips that are refused, and of others' that are accepted, of profiles of `vectors`."""
        alike = np.concatenate([self._against(vectors, enrolled).ravel() for enrolled in self._splits])
        own, others = self._same, ~self._same
        return {
            "owners_refused": figures.share(alike[own] < least, self._probes[own]),
            "others_accepted": figures.share(alike[others] >= least, self._probes[others]),
        }

    def _against(self, vectors: Array, enrolled: Array) -> Array:
        """[profiles, probes], in the order of `_scores`."""
        probes = np.setdiff1d(np.arange(len(vectors)), enrolled)
        likeness: Array = _unit(vectors[enrolled].mean(axis=1)) @ vectors[probes].T
        return likeness

    def top1(self, *, narrow: bool) -> dict[str, Any]:
        """How often the nearest profile, as recorded, is the speaker's own."""
        heard = self._narrow if narrow else self._wide
        right, units = [], []
        for enrolled in self._splits:
            probes = np.setdiff1d(np.arange(len(heard)), enrolled)
            likeness = heard[probes] @ _unit(self._wide[enrolled].mean(axis=1)).T
            right.append(likeness.argmax(axis=1) == self._owners[probes])
            units.append(probes)
        return figures.share(np.concatenate(right), np.concatenate(units))

    def _scores(self, enrolled: Array) -> tuple[Array, Array, Array, Array]:
        """By profile and probe, flat: scores of both kinds of profile, whether it is the speaker's own, which probe."""
        probes = np.setdiff1d(np.arange(len(self._wide)), enrolled)
        single = self._wide[enrolled].mean(axis=1)
        double = (single + self._narrow[enrolled].mean(axis=1)) / 2
        heard = self._narrow[probes].T
        same = np.arange(len(enrolled))[:, None] == self._owners[probes][None]
        which = np.broadcast_to(probes, same.shape)
        return (_unit(single) @ heard).ravel(), (_unit(double) @ heard).ravel(), same.ravel(), which.ravel()


def _unit(vectors: Array) -> Array:
    unit: Array = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return unit


def bounds(found: dict[str, Any]) -> list[Bound]:
    rates = found["eer"]
    return [
        Bound(
            f"equal error rate, {name}",
            f"{rates[name]['value']:.3f} ({rates[name]['interval'][0]:.3f} to {rates[name]['interval'][1]:.3f})",
            f"<= {most}",
            rates[name]["value"] <= most,
        )
        for name, most in MOST.items()
    ]
