"""The log-mel front end against the reference implementation's own output.

`data/mel_whisper.npz` holds a chirp over silence (int16, 16 kHz) and what faster-whisper 1.2.1's FeatureExtractor makes
of it: made once, with none of this repository's code.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from export.runtime.mel import WHISPER, LogMel

REFERENCE = Path(__file__).parent / "data" / "mel_whisper.npz"


def test_whisper_preset_equals_the_reference() -> None:
    with np.load(REFERENCE) as stored:
        pcm, expected = stored["pcm"], stored["mel"]
    found = LogMel(WHISPER)(pcm.astype(np.float32) / 32768)
    assert found.shape == expected.shape == (80, len(pcm) // 160)
    assert np.abs(found - expected).max() < 1e-4


def test_silence_is_flat_and_finite() -> None:
    silence = LogMel(WHISPER)(np.zeros(16_000, np.float32))
    assert silence.shape == (80, 100)
    assert np.all(silence == silence[0, 0])


def test_a_preset_changes_the_shape() -> None:
    wide = replace(WHISPER, n_mels=128, hop=80)
    assert LogMel(wide)(np.ones(1_600, np.float32)).shape == (128, 20)
