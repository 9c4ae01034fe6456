"""Whose voice each participant of a call is to be spoken in: named by the dialplan, or found by their number."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from controller.engines.embed import VoiceEncoders
from controller.voices.caller_voice import CallerVoice
from controller.voices.library import Library

log = logging.getLogger(__name__)

NEUTRAL: Final = "-"
"""Named instead of a voice: theirs is not wanted."""


class OwnVoices:
    """Of everybody who enrolled. Nothing in it waits."""

    def __init__(self, library: Library, encoders: VoiceEncoders, verified: Mapping[str, float] | None = None) -> None:
        """`verified`: see `likeness.thresholds`."""
        self._library = library
        self._encoders = encoders
        self._verified = verified

    def find(self, named: str, number: str) -> str:
        """The name of the voice that a participant claims; empty where there is none that may be used.

        Args:
            named: what the dialplan calls it; it goes before the number.
            number: theirs; empty when unknown.
        """
        if named == NEUTRAL:
            return ""
        card = self._library.whose(name=named, caller=number)
        if card is not None:
            return card.name
        if named:
            known = self._library.card(named)
            why = "there is no voice of that name" if known is None else known.usable
            log.warning("the voice %r that the dialplan names is not spoken with: %s", named, why)
        return ""

    def claim(self, name: str) -> CallerVoice:
        """That voice, for one who says to be its owner; to be closed."""
        self._library.held(name)  # it is fetched while the phone rings
        return CallerVoice(self._library, name, self._encoders, self._verified)
