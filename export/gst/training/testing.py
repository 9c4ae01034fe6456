"""What benches hear: speakers whom no training saw, said in five manners and neutrally; and speakers as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from export.gst.recordings import Pack
from export.gst.training.material import NEUTRAL, at_once
from export.gst.training.progress import Progress
from export.gst.training.saying import Manner, Saying
from export.gst.training.sound import all_of, passages, spread_evenly, trimmed
from export.runtime.prosody.pitch import RATE

Pcm = NDArray[np.int16]

MANNERS: Final[Mapping[str, Manner]] = {
    "calm": Manner(rate=0.8, semitones=-1.0, width=0.6),
    "lively": Manner(rate=1.15, semitones=2.5, width=1.6),
    "hurried": Manner(rate=1.35, semitones=0.5, width=1.0),
    "flat": Manner(rate=1.0, semitones=-1.0, width=0.2),
    "emphatic": Manner(rate=0.85, semitones=1.0, width=1.8),
}
"""Set down before anything was trained. Each clip is said a little otherwise than its manner."""

CALIBRATION, QUERIES = 3, 6
"""Passages of each speaker: said neutrally, for what is neutral of them; and others, said in all five manners."""

CLIPS, LONGEST_S, SHORTEST_S = 7, 3.0, 2.0
"""Of each speaker as they are."""


def make(packs: Sequence[Pack], root: Path, out: Path, processes: int, progress: Progress) -> None:
    """Write pcm (all clips end to end), ends, and of each clip its speaker, passage and manner ("" is neutral)."""
    jobs: list[tuple[Pack, int, Pcm, list[str]]] = []
    for pack in packs:
        found = list(passages(all_of(pack.paths(root))))
        places = spread_evenly(len(found), CALIBRATION + QUERIES)
        if len(places) < CALIBRATION + QUERIES:
            raise FileNotFoundError(f"{pack.package} has only {len(places)} passages of {pack.speaker}")
        calibration = spread_evenly(len(places), CALIBRATION)
        for number, place in enumerate(places):
            manners = [""] if number in calibration else list(MANNERS)
            jobs.append((pack, number, found[place], manners))
    clips: list[Pcm] = []
    rows: list[tuple[str, str, str]] = []
    made = at_once(_said, jobs, processes)
    for done, ((pack, number, _, manners), said) in enumerate(zip(jobs, made, strict=True), 1):
        progress.at(done, len(jobs), "passages for the test")
        clips += said
        rows += [(pack.speaker, f"{pack.package}/{number}", manner) for manner in manners]
    speakers, numbered, named = (np.array(column) for column in zip(*rows, strict=True))
    _save(out, clips, speakers=speakers, passages=numbered, manners=named)


def gather(packs: Sequence[Pack], root: Path, out: Path) -> None:
    """Write pcm (all clips end to end), ends, and of each clip its speaker: as recorded, nothing changed."""
    clips: list[Pcm] = []
    speakers: list[str] = []
    for pack in packs:
        sounds = [pcm for sound in all_of(pack.paths(root)) if len(pcm := trimmed(sound)) >= SHORTEST_S * RATE]
        if len(sounds) < CLIPS:
            raise FileNotFoundError(f"{pack.package} has only {len(sounds)} recordings of {pack.speaker} long enough")
        clips += [sounds[place][: round(LONGEST_S * RATE)] for place in spread_evenly(len(sounds), CLIPS)]
        speakers += [pack.speaker] * CLIPS
    _save(out, clips, speakers=np.array(speakers))


def _said(job: tuple[Pack, int, Pcm, list[str]]) -> list[Pcm]:
    pack, number, pcm, manners = job
    chance = np.random.default_rng([number, *pack.speaker.encode()])
    saying = Saying(pcm)
    return [saying.said(_a_little_otherwise(MANNERS[name], chance) if name else NEUTRAL) for name in manners]


def _a_little_otherwise(manner: Manner, chance: np.random.Generator) -> Manner:
    return Manner(
        manner.rate * float(np.exp(chance.normal(0, 0.05))),
        manner.semitones + float(chance.normal(0, 0.4)),
        manner.width * float(np.exp(chance.normal(0, 0.1))),
    )


def _save(out: Path, clips: Sequence[Pcm], **columns: NDArray[np.generic]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = out.with_name(f"{out.name}.tmp.npz")
    arrays: dict[str, Any] = {"pcm": np.concatenate(clips), "ends": np.cumsum([len(clip) for clip in clips]), **columns}
    np.savez(fresh, **arrays)
    fresh.rename(out)
