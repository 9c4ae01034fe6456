"""Where a delivery's time went, from the end of its clause to its first translated sample."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class Mark(Enum):
    """The moments of a delivery, in order; all on the call's clock, in seconds."""

    SPEECH_ENDED = "speech_ended"
    """End of the clause's last voiced frame."""

    ENDPOINTED = "endpointed"
    """The end was decided."""

    RECOGNISED = "recognised"
    TRANSLATION_BEGAN = "translation_began"
    TRANSLATED = "translated"
    SYNTHESIS_BEGAN = "synthesis_began"
    FIRST_CHUNK = "first_chunk"
    FIRST_PLAYED = "first_played"
    """The first translated sample was handed to the media channel."""

    EAR = "ear"
    """It was really played, as the media channel's own mark says."""


_STAGES: dict[str, tuple[tuple[Mark, Mark], ...]] = {
    "endpoint": ((Mark.SPEECH_ENDED, Mark.ENDPOINTED),),
    "stt": ((Mark.ENDPOINTED, Mark.RECOGNISED),),
    "mt": ((Mark.TRANSLATION_BEGAN, Mark.TRANSLATED),),
    "tts_first": ((Mark.SYNTHESIS_BEGAN, Mark.FIRST_CHUNK),),
    "queues": ((Mark.RECOGNISED, Mark.TRANSLATION_BEGAN), (Mark.TRANSLATED, Mark.SYNTHESIS_BEGAN)),
    "playback": ((Mark.FIRST_CHUNK, Mark.FIRST_PLAYED),),
}


def stages_ms(marks: Mapping[Mark, float]) -> dict[str, float]:
    """Milliseconds in each stage. A stage that was not passed is left out; all six add up to the lag."""
    return {
        stage: sum((marks[end] - marks[begin]) * 1000 for begin, end in parts)
        for stage, parts in _STAGES.items()
        if all(begin in marks and end in marks for begin, end in parts)
    }
