"""Whether two voices are one person's: cosines of what one encoder made of them, and from where on they count.

A threshold belongs to an encoder and a band. Where none is known, or where an encoder's weights are random, nothing is
claimed. Knows vectors; knows no sound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from controller.errors import UsageError
from controller.voices.profile import Band, Encoder, Vectors


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Cosines."""

    different: float
    """Two clips that are less alike are two people's"""
    same: float
    """Two clips that are more alike are one person's; between the two nobody can say"""
    verified: float
    """A clip that is more alike to a profile is its owner's"""


KNOWN: Final[dict[tuple[str, Band], Thresholds]] = {
    # 3 s clips of 29 speakers: of three clips of one person the two least alike have .34 at the 1st percentile, .45 at
    # the 5th; with one of another's among them .37 in the median, .49 at the 95th. `verified`: between the means of the
    # same (.68 to .75) and the 95th percentile of others (.53).
    ("campplus", "wideband"): Thresholds(0.35, 0.50, 0.57),
    # Through a telephone all are far more alike: 3 s clips of 19 speakers, through G.711, no real lines. Of three clips
    # of one person the two least alike have .26 at the 1st percentile, .45 at the 5th; with one of another's among them
    # .48 in the median, .63 at the 95th. `verified`, by profiles of three clips of 5 s: of others' clips of 3 s 0.3 %
    # are taken for the owner's (37 % were at .60), of 6 s 1.3 %; 18 % and 4 % of the owner's own are not.
    ("campplus", "telephone"): Thresholds(0.40, 0.65, 0.80),
    # What speechbrain ships with its checkpoint; not measured here.
    ("ecapa_tdnn", "wideband"): Thresholds(0.15, 0.25, 0.25),
    ("ecapa_tdnn", "telephone"): Thresholds(0.15, 0.25, 0.25),
}
"""By network and band."""


class NoClaim(UsageError):
    """Nothing can be said of who speaks."""


def thresholds(encoder: Encoder, band: Band, verified: Mapping[str, float] | None = None) -> Thresholds:
    """Those of `encoder`.

    Args:
        verified: other values than the house's, by `network:band`.
    Raises:
        NoClaim: its weights are random, or nothing is known of it.
    """
    if encoder.structural:
        raise NoClaim(
            f"The encoder of speakers ({encoder.id}) has random weights: it tells nobody from anybody. "
            "Run `dragoman export campplus`, or `dragoman export ecapa --checkpoint FILE`."
        )
    known = KNOWN.get((encoder.network, band))
    if known is None:
        raise NoClaim(f"Nobody knows how alike two voices of one person are by the encoder {encoder.id}.")
    own = (verified or {}).get(f"{encoder.network}:{band}")
    return known if own is None else Thresholds(known.different, known.same, own)


@dataclass(frozen=True, slots=True)
class Odd:
    """A clip that is not the others'."""

    number: int
    likeness: float
    """To the one that it is least alike to"""
    different: bool
    """Whether it is surely another's; otherwise nobody can say"""


def odd_one(identities: Sequence[Vectors], bands: Sequence[Band], of: Mapping[Band, Thresholds]) -> Odd | None:
    """The clip that is least like the others, where any two are not surely one person's; None where all are.

    Two clips of wideband are compared as such, any others as through a telephone.
    """
    count = len(identities)
    if count < 2:
        return None
    alike = np.ones((count, count))
    short_by = np.full((count, count), -np.inf)
    sure = np.zeros((count, count), np.bool_)
    for one in range(count):
        for other in range(one):
            band: Band = "wideband" if bands[one] == bands[other] == "wideband" else "telephone"
            row = 0 if band == "wideband" else 1
            cosine = float(identities[one][row] @ identities[other][row])
            alike[one, other] = alike[other, one] = cosine
            short_by[one, other] = short_by[other, one] = of[band].same - cosine
            sure[one, other] = sure[other, one] = cosine < of[band].different
    if short_by.max() <= 0:
        return None
    odd = int(np.argmin(alike.sum(axis=1)))
    return Odd(odd, float(alike[odd].min()), bool(sure[odd].any()))


def cosine(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Of two vectors of length 1."""
    return float(one @ other)
