"""Which calls are taken.

Knows what the dialplan said; asks nobody, and waits for nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import product

from controller.engines import Engines
from controller.languages import Spoken
from controller.pbx.ari_events import CallStarted
from controller.pbx.registry import Registry
from controller.settings import CallSettings


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that is not taken."""

    why: str
    """For the log, a sentence."""

    reason: str
    """For the caller, as ARI names it: `busy`, `rejected`, or `congestion` where Asterisk did not answer."""


def number_refusal(started: CallStarted, settings: CallSettings) -> Refusal | None:
    """Why calls to a number are not taken; None where they are."""
    if any(fnmatchcase(started.extension, pattern) for pattern in settings.allow):
        return None
    return Refusal(f"The number {started.extension or '(none)'} is not among those in calls.allow.", "rejected")


def dialled_refusal(
    started: CallStarted,
    spoken: Mapping[str, Spoken],
    settings: CallSettings,
    engines: Engines,
    registry: Registry,
) -> Refusal | None:
    """Why a call to somebody is not taken, between two who speak `spoken`; None where it is."""
    no = pair_refusal(spoken, settings, engines, registry)
    if no is None and not started.options.get("dial"):
        nobody = "The dialplan names nobody to call: it must pass dial=PJSIP/..., room=... or enrol=yes to Stasis()."
        return Refusal(nobody, "rejected")
    return no


def pair_refusal(
    spoken: Mapping[str, Spoken], settings: CallSettings, engines: Engines, registry: Registry
) -> Refusal | None:
    """Why two who speak `spoken`, by side, are not interpreted; None where they are.

    Of one who is still to be identified every candidate counts: whichever is heard, the call must go on.
    """
    one, other = (_all_of(side, engines) for side in spoken.values())
    for source, target in product(one, other):
        if why := _no_pair(source, target, engines):
            return Refusal(why, "rejected")
    return _full(settings, registry)


def room_refusal(
    spoken: Spoken,
    present: Collection[Spoken] | None,
    settings: CallSettings,
    engines: Engines,
    registry: Registry,
) -> Refusal | None:
    """Why one who speaks `spoken` is not let into a room; None where they are.

    Args:
        present: what the participants speak, each of them; None where there is no such room yet.
    """
    languages = _all_of(spoken, engines)
    for language in languages:
        if not engines.stt.hears(language):
            return Refusal(f"The recogniser {engines.stt.name} does not understand '{language}'.", "rejected")
        if not engines.tts.speaks(language):
            return Refusal(f"The voice {engines.tts.name} does not speak '{language}'.", "rejected")
    if present is None:
        return _full(settings, registry)
    for other in {language for one in present for language in _all_of(one, engines)}:
        for language in languages:
            if why := _no_pair(language, other, engines):
                return Refusal(why, "rejected")
    if registry.draining:
        return _full(settings, registry)
    if len(present) >= settings.participants:
        return Refusal(f"The room's limit of {settings.participants} participants is reached.", "busy")
    return None


def enrolment_refusal(settings: CallSettings, registry: Registry) -> Refusal | None:
    """Why somebody who wants to enrol is not let in; None where they are."""
    return _full(settings, registry)


def _all_of(spoken: Spoken, engines: Engines) -> tuple[str, ...]:
    """What one may turn out to speak."""
    return spoken.candidates if engines.identifies(spoken.candidates) else (spoken.language,)


def _no_pair(one: str, other: str, engines: Engines) -> str | None:
    return engines.refusal(one, other) or engines.refusal(other, one)


def _full(settings: CallSettings, registry: Registry) -> Refusal | None:
    if registry.draining:  # as 503: who asks can ask another server, where busy would end the search
        return Refusal("The service is stopping.", "congestion")
    if registry.full:
        return Refusal(f"The limit of {settings.limit} calls is reached.", "busy")
    return None
