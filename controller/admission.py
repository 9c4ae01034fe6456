"""Which calls are taken.

Knows what the dialplan said; asks nobody, and waits for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from controller.engines import Engines
from controller.pbx.ari_events import CallStarted
from controller.pbx.registry import Registry
from controller.settings import CallSettings


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that is not taken."""

    why: str
    """For the log, a sentence."""

    reason: str
    """For the caller, as ARI names it: `busy` or `rejected`."""


def refusal(
    started: CallStarted, source: str, target: str, settings: CallSettings, engines: Engines, registry: Registry
) -> Refusal | None:
    """Why a call between one who speaks `source` and one who speaks `target` is not taken; None where it is."""
    if why := engines.refusal(source, target) or engines.refusal(target, source):
        return Refusal(why, "rejected")
    if not started.options.get("dial"):
        return Refusal("The dialplan names nobody to call: it must pass dial=PJSIP/... to Stasis().", "rejected")
    if registry.full:
        stopping = "The service is stopping."
        return Refusal(stopping if registry.draining else f"The limit of {settings.limit} calls is reached.", "busy")
    return None
