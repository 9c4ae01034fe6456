"""What happens to clauses, as log lines with their ids; the words themselves go into a field that is speech."""

from __future__ import annotations

import logging

from controller.errors import EngineError, EngineRejected
from controller.messages import Clause, Delivery, Outcome
from controller.observer import Observer
from controller.voices.standing import Standing, State

log = logging.getLogger(__name__)


class Journal(Observer):
    """Tells commits and deliveries at INFO, and engine failures as warnings."""

    def clause(self, call: str, clause: Clause) -> None:
        log.info(
            "call %s: clause %s was committed", call, clause.id, extra=_about(call, clause) | {"text": clause.text}
        )

    def delivered(self, call: str, delivery: Delivery) -> None:
        played = delivery.outcome is Outcome.PLAYED
        log.info(
            "call %s: clause %s to %s %s",
            call,
            delivery.clause.id,
            delivery.listener,
            f"was played, lag {delivery.lag_ms:.0f} ms" if played else f"was dropped ({delivery.reason})",
            extra=_about(call, delivery.clause) | {"listener": delivery.listener, "text": delivery.target or ""},
        )

    def engine_failed(self, call: str, kind: str, error: EngineError) -> None:
        # A refusal is about this very request, and may quote it.
        why = "" if isinstance(error, EngineRejected) else f": {error}"
        log.warning(
            "call %s: the %s engine %s failed, %s%s",
            call,
            kind,
            error.engine,
            type(error).__name__,
            why,
            extra={"call": call, "engine": error.engine, "stage": kind},
        )

    def claimed(self, call: str, leg: str, standing: Standing) -> None:
        level = logging.WARNING if standing.state is State.REFUSED else logging.INFO
        log.log(
            level, "call %s: the voice of %s is %s: %s", call, leg, standing.state, standing.why, extra={"call": call}
        )

    def voiced(self, call: str, leg: str, voice: str) -> None:
        log.info("call %s: %s is to be spoken in %s", call, leg, voice or "a neutral voice", extra={"call": call})


def _about(call: str, clause: Clause) -> dict[str, str]:
    return {"call": call, "clause": clause.id}
