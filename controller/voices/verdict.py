"""Whether a recording is a voice's owner's: how alike the two are, against the encoder's own threshold for the band.

The one comparison of the house: who asks by the API and who speaks on a call are told by the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controller.engines.embed import VoiceEncoders
from controller.errors import VoiceError
from controller.voices.calibration import Probe, probe
from controller.voices.likeness import cosine, thresholds
from controller.voices.profile import BANDS, Encoder, Profile
from controller.voices.quality import Take


class OtherModel(VoiceError):
    """The voice and the recording were heard by different encoders: their numbers do not compare."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a recording is a voice's owner's."""

    same: bool
    likeness: float
    """Cosine"""
    threshold: float
    band: str
    """In which they were compared"""
    encoder: str

    def told(self) -> dict[str, Any]:
        return {
            "same": self.same,
            "likeness": round(self.likeness, 4),
            "threshold": self.threshold,
            "band": self.band,
            "encoder": self.encoder,
        }


async def judged(
    profile: Profile,
    one: Take,
    encoders: VoiceEncoders,
    verified: Mapping[str, float] | None = None,
) -> Verdict:
    """Asks the encoder that the profile was made by.

    Args:
        verified: see `likeness.thresholds`.
    Raises:
        NoClaim: nothing can be said, by this encoder.
        OtherModel: the encoder of that name has other weights than the one that made the voice.
        VoiceError: nothing was recorded of the voice.
        AudioFileError: the recording cannot be used.
        EngineError: the encoder failed or is not there.
    """
    if profile.encoders is None:
        raise VoiceError(profile.usable or f"Nothing was recorded of the voice {profile.name}: enrol it.")
    thresholds(profile.encoders.identity, "telephone", verified)  # nothing need be asked of one that tells nobody
    heard = await probe(one, encoders, profile.encoders.identity.network)
    return _compared(profile, profile.encoders.identity, heard, verified)


def _compared(profile: Profile, made_by: Encoder, heard: Probe, verified: Mapping[str, float] | None) -> Verdict:
    """In wideband where both are, else as through a telephone."""
    if heard.encoder != made_by:
        raise OtherModel(
            f"The voice {profile.name} was made by {made_by.id}, and {heard.encoder.id} is asked now: "
            "their numbers do not compare. Run `dragoman voice rebuild`, or enrol it anew."
        )
    wide = heard.band == "wideband" and any(one.quality.band == "wideband" for one in profile.clips)
    row = 0 if wide else 1
    least = thresholds(heard.encoder, BANDS[row], verified).verified
    likeness = cosine(heard.identity[row], profile.identity[row])
    return Verdict(likeness >= least, likeness, least, BANDS[row], heard.encoder.id)
