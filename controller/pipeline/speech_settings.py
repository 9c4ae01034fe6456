"""How speakers are cut into utterances and how listeners hear, out of the settings: for calls and for their replays."""

from __future__ import annotations

from collections.abc import Mapping

from controller.audio.echo import EchoGuard
from controller.audio.mix import Ducker
from controller.audio.vad import Endpointer, WebRtcDetector
from controller.pipeline.conversation import SpeechSettings
from controller.settings import Settings


def discloses(options: Mapping[str, str]) -> bool:
    """Whether the dialplan wants everyone to be told that a machine interprets: `disclose=yes`."""
    return options.get("disclose") == "yes"


def speech_settings(settings: Settings, *, disclosed: bool) -> SpeechSettings:
    """What `settings` say of it, and whether it is said in the call that a machine interprets."""
    vad, playback = settings.vad, settings.playback
    return SpeechSettings(
        make_endpointer=lambda: Endpointer(
            WebRtcDetector(vad.mode),
            endpoint_ms=vad.endpoint_ms,
            pause_ms=vad.pause_ms,
            preroll_ms=vad.preroll_ms,
            max_utterance_s=vad.max_utterance_s,
            breath_ms=vad.breath_ms,
            guard=EchoGuard() if settings.echo.enabled else None,
        ),
        make_ducker=lambda: Ducker(duck_db=playback.duck_db, ramp_ms=playback.ramp_ms),
        controls=settings.calls.controls,
        disclosed=disclosed,
    )
