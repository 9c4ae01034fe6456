"""Which process runs on which core: the measured one has one of its own."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Final

OURS: Final = 1
"""The measured process."""

THEIRS: Final = 0
"""All others."""


def pin(core: int) -> None:
    """Keep this process, and what it starts, on one core; a machine that does not allow it decides for itself."""
    with suppress(OSError):
        os.sched_setaffinity(0, {core % (os.cpu_count() or 1)})
