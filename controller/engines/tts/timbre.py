"""Whose voice, and how, a clause shall be spoken in; what a voice that clones is handed with a clause's text."""

from __future__ import annotations

from dataclasses import dataclass

from controller.triton.contracts import Latents


@dataclass(frozen=True, eq=False, slots=True)
class Timbre:
    """For one clause. Nobody keeps one any longer: before the next clause a consent may have been revoked."""

    latents: Latents
    """As the model takes them: `gpt_conditioning` float16[T, width], `speaker` float32[512]"""
    key: str
    """Profile, version and clip, as `ana@3/mean` or `ana@3/1`: for logs and for what is kept by voice; no number of the
    voice is in it"""
