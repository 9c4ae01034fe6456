"""Triton with what knows and speaks in voices: the real CAM++, and the tiny XTTS and style network of random weights.

Who speaks is really told from who does not; what is spoken in a cloned voice is noise of the right length.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

from controller.demo.script import prompts, voiced_span
from controller.frames import Pcm
from export.setup.cache import REPOSITORY, Cache
from export.setup.components import missing
from tests.fakes.sounds import RATE
from tests.integration import xtts_rig
from tests.requirements import require_or_skip

CLIPS = (
    ("conf-placeintoconf", "all-circuits-busy-now", "vm-nobodyavail"),
    ("privacy-prompt", "check-number-dial-again", "vm-msgsaved"),
    ("conf-waitforleader", "conf-onlyperson", "number-not-answering"),
)
"""What Ana enrols with: prompts of one speaker, three a clip, some 6 s."""

SHORT = ("vm-goodbye",)
"""Less than anybody is known by."""

TURNS = (
    ("followme/pls-hold-while-try", "dir-nomore"),
    ("followme/sorry", "please-try-call-later"),
    ("privacy-unident", "conf-onlyone"),
    ("conf-roll-callcomplete", "dir-nomatch"),
    ("conf-leaderhasleft", "vm-mismatch"),
)
"""What the same speaker says on calls: nothing of the above."""


def require() -> None:
    """Skip, or fail where it is required, what is not here."""
    xtts_rig.require()
    for one in missing(Cache.default(), ["campplus", "prompts"]):
        require_or_skip("offline", False, one.sentence)


def exported(folder: Path) -> Path:
    """`folder` with the models in it, exported as a user would, and a house voice (`house.npz`) beside it."""
    xtts_rig.exported(folder)
    for words in (("campplus",), ("gst", "--structural", "tiny")):
        command: list[str | Path] = [Cache.default().python("export"), "-m", "export", *words, "--out", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)
        assert done.returncode == 0, done.stderr
    return folder


def said(names: tuple[str, ...]) -> Pcm:
    """One turn of the speaker of the English prompts: whole sentences with a breath between, int16 at 8 kHz."""
    breath = np.zeros(round(0.15 * RATE), np.int16)
    pieces: list[Pcm] = []
    for _, pcm in prompts(Cache.default().prompts, "en", names):
        start_s, end_s = voiced_span(pcm)
        pieces += [pcm[round(start_s * RATE) : round(end_s * RATE)], breath]
    joined: Pcm = np.concatenate(pieces[:-1])
    return joined
