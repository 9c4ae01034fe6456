"""How many users there are to be at a moment: so many more each step, until one breaks twice. Pure.

Knows neither Locust nor what is measured: it is told the time, and of each step whether it held.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

TRIES: Final = 2
"""A step that breaks is held once more: a machine has other things to do now and then."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of a run."""

    first: int
    """Users of the first step."""
    by: int
    """Users more, each step."""
    most: int
    """No step has more; the last one that holds is then the end, and nothing has broken."""
    settle_s: float
    """From the change to the moment from which it counts."""
    hold_s: float
    """For so long it counts."""


class Moment(Enum):
    """What is due."""

    NOTHING = "nothing"
    BEGIN = "begin"
    """From here on the step counts."""
    END = "end"
    """The step is over: `judged` is due."""


class Stepper:
    """`tick` as often as it pleases; after an END `judged`; until `done`."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.users = min(plan.first, plan.most)
        self.carried = 0
        """Users of the last step that held."""
        self.broke_at: int | None = None
        self.done = False
        self._failed = 0
        self._since: float | None = None
        """When the step was begun, or was begun to count."""
        self._counting = False

    def tick(self, now_s: float) -> Moment:
        """What is due at `now_s`, on any clock that does not go back."""
        if self.done:
            return Moment.NOTHING
        if self._since is None:
            self._since = now_s
        if not self._counting and now_s - self._since >= self._plan.settle_s:
            self._counting, self._since = True, now_s
            return Moment.BEGIN
        if self._counting and now_s - self._since >= self._plan.hold_s:
            return Moment.END
        return Moment.NOTHING

    def judged(self, held: bool) -> None:
        """The step that is over held its limits, or did not."""
        self._counting, self._since = False, None
        if held:
            self.carried, self._failed = self.users, 0
            if self.users >= self._plan.most:
                self.done = True
            self.users = min(self.users + self._plan.by, self._plan.most)
            return
        self._failed += 1
        if self._failed == TRIES:
            self.broke_at, self.done = self.users, True
