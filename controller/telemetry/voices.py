"""Who was taken for the owner of their voice, and what was to be spoken in it, as metrics."""

from __future__ import annotations

from controller.observer import Observer
from controller.telemetry.metrics import Registry
from controller.voices.standing import Because, Standing, State


class VoiceFigures(Observer):
    """Of all calls of a process."""

    def __init__(self, registry: Registry) -> None:
        self._claims = registry.counter(
            "dragoman_voice_claims_total",
            "Participants with a profile by whether they were taken for its owner, each time that this changed",
            "state",
            "because",
        )
        self._spoken = registry.counter(
            "dragoman_own_voice_total", "What participants with a profile said, by the voice asked for", "voice"
        )
        self._claims.expect(State, Because)
        self._spoken.expect(("own", "neutral"))

    def claimed(self, call: str, leg: str, standing: Standing) -> None:
        self._claims.add(standing.state.value, standing.because.value)

    def voiced(self, call: str, leg: str, voice: str) -> None:
        self._spoken.add("own" if voice else "neutral")
