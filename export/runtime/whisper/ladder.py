"""The ladder of encoder windows: which window a recording is decoded in.

Whisper was trained on 30 s windows, and its encoder costs in proportion to the window. Shorter ones work when every
request uses one of a few fixed lengths: only equal windows then share a batch, and none is padded for another.
"""

from __future__ import annotations

SAMPLE_RATE = 16_000
WINDOWS_S = (4.5, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0)
TAIL_S = 1.5
"""Silence kept behind the sound where the ladder allows: with less, the decoder says the last words twice."""

LONGEST_S = WINDOWS_S[-1]


def window_s(samples: int) -> float:
    """The window in seconds for `samples` samples at 16 kHz.

    Raises:
        ValueError: longer than the longest window.
    """
    duration = samples / SAMPLE_RATE
    if duration > LONGEST_S:
        raise ValueError(
            f"the recording is {duration:.1f} s long and whisper takes {LONGEST_S:.0f} s: cut it at a pause first"
        )
    return next((window for window in WINDOWS_S if window >= duration + TAIL_S), LONGEST_S)
