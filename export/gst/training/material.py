"""What is trained on and tested with: passages of each speaker, each said in several manners, and what that changed.

Made by several processes, the same every time. Knows no network.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from export.gst.recordings import Pack
from export.gst.training.progress import Progress
from export.gst.training.saying import Manner, Saying
from export.gst.training.sound import all_of, passages, spread_evenly
from export.runtime.mel import GST, Mel
from export.runtime.prosody.features import levels
from export.runtime.prosody.measures import measured

Pcm = NDArray[np.int16]

NEUTRAL: Final = Manner()
MANNERS: Final = 6
"""Of each passage; the first is neutral."""
PASSAGES: Final = 8
"""Of each speaker, at most."""

LABELS: Final = ("rate", "pitch", "spread")
"""As `Prosody` has them, each in the unit below."""
UNITS: Final = np.array([0.3, 0.2, 0.8])


@dataclass(frozen=True, slots=True)
class Material:
    """Clips in order of their passages, a passage's manners in order, neutral first."""

    levels: NDArray[np.float16]
    """[frames of all clips, 80], see `features.levels`."""
    ends: NDArray[np.int64]
    """[clips], in frames."""
    labels: NDArray[np.float32]
    """[clips, 3]"""
    packs: NDArray[np.int64]
    """[clips], which speaker."""

    def save(self, path: Path) -> None:
        fresh = path.with_name(f"{path.name}.tmp.npz")
        np.savez(fresh, levels=self.levels, ends=self.ends, labels=self.labels, packs=self.packs)
        fresh.rename(path)


def load(path: Path) -> Material:
    with np.load(path) as stored:
        return Material(stored["levels"], stored["ends"], stored["labels"], stored["packs"])


def random_manners(seed: int) -> list[Manner]:
    """Neutral and five others."""
    chance = np.random.default_rng(seed)
    return [
        NEUTRAL,
        *(
            Manner(
                rate=float(np.exp(chance.normal(0, 0.25))),
                semitones=float(chance.normal(0, 2.2)),
                width=float(chance.uniform(0.15, 2.0)),
            )
            for _ in range(MANNERS - 1)
        ),
    ]


def made(packs: Sequence[Pack], root: Path, processes: int, progress: Progress) -> Material:
    """The material of these speakers, whose recordings lie below `root`.

    Raises:
        FileNotFoundError: a speaker has none.
    """
    jobs = []
    for number, pack in enumerate(packs):
        found = list(passages(all_of(pack.paths(root))))
        jobs += [(number, found[place]) for place in spread_evenly(len(found), PASSAGES)]
    return of([(number, pcm, seed) for seed, (number, pcm) in enumerate(jobs)], processes, progress)


def of(jobs: Sequence[tuple[int, Pcm, int]], processes: int, progress: Progress) -> Material:
    """The material of passages: each a speaker's number, the sound, and the seed of its manners.

    A passage whose rate or pitch cannot be measured is left out.
    """
    clips: list[NDArray[np.float16]] = []
    labels: list[NDArray[np.float32]] = []
    packs: list[int] = []
    for done, (number, made_of) in enumerate(at_once(_one, jobs, processes), 1):
        progress.at(done, len(jobs), "passages taken apart")
        if made_of is not None:
            clips += made_of[0]
            labels.append(made_of[1])
            packs += [number] * MANNERS
    return Material(
        np.concatenate(clips),
        np.cumsum([len(clip) for clip in clips]),
        np.concatenate(labels),
        np.array(packs, np.int64),
    )


def at_once(act: Any, jobs: Sequence[Any], processes: int) -> Iterator[Any]:
    """`act` of each job, in order, by several processes."""
    if processes == 1:
        yield from map(act, jobs)
        return
    with get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(act, jobs)


def _one(job: tuple[int, Pcm, int]) -> tuple[int, tuple[list[NDArray[np.float16]], NDArray[np.float32]] | None]:
    number, pcm, seed = job
    base = measured(pcm)
    if not np.isfinite([base.rate, base.pitch, base.spread]).all():
        return number, None
    saying, manners, mel = Saying(pcm), random_manners(seed), Mel(GST)
    clips = [levels(mel, saying.said(manner)).astype(np.float16) for manner in manners]
    quartiles = 2.0**base.spread - 0.5
    change = partial(_changed, base.rate, base.pitch, quartiles)
    return number, (clips, np.array([change(manner) for manner in manners], np.float32))


def _changed(rate: float, pitch: float, quartiles: float, manner: Manner) -> NDArray[np.float64]:
    """The labels of a recording that measured so, said in a manner."""
    labels = np.array(
        [rate + np.log2(manner.rate), pitch + manner.semitones / 12, np.log2(quartiles * manner.width + 0.5)]
    )
    scaled: NDArray[np.float64] = labels / UNITS
    return scaled
