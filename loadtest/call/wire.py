"""Asterisk's own log of the RTP packets of a call: what makes a clock of a phone's recording.

A recording holds what was sent, packet after packet, and nothing of the time in which nothing was sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from controller.frames import FRAME_S
from controller.stack.wav import PHONE_RATE

LOG: Final = "wire.log"
TURN_ON: Final = "rtp set debug on"

_PACKET: Final = re.compile(r"^\[(?P<time>[\d:. -]+)\].*Sent RTP packet to\s+\S+:(?P<port>\d+) \(type 0[09],")
_WINDOW: Final = 25
"""Packets on either side: Asterisk's timer and its log are a little early or late, a pause stays."""

_STEP_S: Final = 0.015
"""More than this, and lasting, is a pause."""


def configure(templates: Path, folder: Path) -> Path:
    """A copy of Asterisk's configuration templates in `folder`, with a log file that has times to a millisecond."""
    folder.mkdir(parents=True, exist_ok=True)
    for template in sorted(templates.glob("*.conf")):
        text = template.read_text()
        (folder / template.name).write_text(text + f"{LOG} => verbose\n" if template.name == "logger.conf" else text)
    return folder


class Wire:
    """When each packet left for one phone."""

    def __init__(self, sent_s: npt.NDArray[np.floating]) -> None:
        """`sent_s`: float[packets], in order."""
        self._paused = _pauses(sent_s)

    @property
    def packets(self) -> int:
        return len(self._paused)

    @property
    def slips(self) -> list[tuple[float, float]]:
        """Where in the recording, in seconds, the stream had paused, and for how long (below zero: it made up)."""
        steps = np.diff(self._paused, prepend=0.0)
        return [(index * FRAME_S, round(float(steps[index]), 3)) for index in np.flatnonzero(steps)]

    def heard_s(self, sample: int) -> float:
        """When a sample of the recording was heard, in seconds after its first one."""
        return sample / PHONE_RATE + self.paused_s(sample / PHONE_RATE)

    def paused_s(self, recording_s: float) -> float:
        """Seconds in which nothing was sent, until this place of the recording."""
        if not len(self._paused):
            return 0.0
        return float(self._paused[min(max(0, int(recording_s / FRAME_S)), len(self._paused) - 1)])


def read(log: Path, begin: int, ports: Iterable[int]) -> Wire:
    """What went to the phone that listens at one of `ports`, from the log's byte `begin` on."""
    wanted = {str(port) for port in ports}
    with log.open(errors="replace") as lines:
        lines.seek(begin)
        found = [match for line in lines if (match := _PACKET.match(line)) and match["port"] in wanted]
    return Wire(np.array([datetime.fromisoformat(one["time"]).timestamp() for one in found]))


def _pauses(sent_s: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Seconds that the stream has paused until each packet: a lasting change against one packet every 20 ms."""
    behind = sent_s - np.arange(len(sent_s)) * FRAME_S
    paused = np.zeros(len(sent_s))
    level = 0.0
    if not len(behind):
        return paused
    base = float(np.median(behind[: 2 * _WINDOW]))
    for index in range(len(behind)):
        # What follows tells whether a late packet was only late.
        ahead = float(np.median(behind[index : index + _WINDOW])) - base
        if abs(ahead - level) > _STEP_S and abs(behind[index] - base - level) > _STEP_S:
            level = round(ahead / FRAME_S) * FRAME_S
        paused[index] = level
    return paused
