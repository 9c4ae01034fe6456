"""What DeepL bills, in characters: counted, told as figures, and stopped at the limits of the settings.

A day is one of UTC, counted since the process began. A month is the account's own billing period: what DeepL itself has
counted, and what it has billed us since it was asked, so that a restart forgets nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from controller.engines.mt.deepl.wire import NAME, Usage
from controller.errors import EngineBarred
from controller.telemetry.metrics import Registry


class Spending:
    """The account, as far as it is known here."""

    def __init__(self, per_day: int, per_month: int, today: Callable[[], date], metrics: Registry) -> None:
        """`per_day`, `per_month`: characters; 0 sets no limit."""
        self._per_day = per_day
        self._per_month = per_month
        self._today = today
        self._day = today()
        self._of_day = 0
        self._of_month = 0
        """Billed since DeepL was asked, or since the process began."""
        self._reserved = 0
        self._usage = Usage(0, 0)
        self._characters = metrics.counter(
            "dragoman_deepl_characters_total", "Characters that DeepL has billed us, or may have where no answer came"
        )
        self._quota = metrics.gauge(
            "dragoman_deepl_quota_characters", "The account's characters in this billing period, all its users", "what"
        )

    def afford(self, characters: int) -> None:
        """Raises EngineBarred where so many more would go over a limit."""
        if self._today() != self._day:
            self._day, self._of_day = self._today(), 0
        coming = self._reserved + characters
        self._check(self._of_day + coming, self._per_day, "characters_per_day", "until midnight, UTC")
        month = self._usage.used + self._of_month
        self._check(month + coming, self._per_month, "characters_per_month", "until the next billing period")

    def reserve(self, characters: int) -> None:
        """Before a request. Raises as `afford`."""
        self.afford(characters)
        self._reserved += characters

    def settle(self, reserved: int, billed: int) -> None:
        """After it, however it ended. `billed` is what DeepL said, or may have counted where nobody waited for it."""
        self._reserved -= reserved
        self._of_day += billed
        self._of_month += billed
        self._characters.add(amount=billed)

    def learn(self, usage: Usage) -> None:
        """DeepL has told what it counted.

        Raises:
            EngineBarred: the account's own quota is used up.
        """
        self._usage, self._of_month = usage, 0
        self._quota.set(usage.used, "used")
        self._quota.set(usage.limit, "limit")
        if usage.limit and usage.used >= usage.limit:
            raise EngineBarred(
                f"DeepL's quota of {usage.limit:,} characters is used up until the account is given more", engine=NAME
            )

    def _check(self, would: int, limit: int, name: str, until: str) -> None:
        if limit and would > limit:
            raise EngineBarred(
                f"The limit engines.options.deepl.{name} of {limit:,} is reached: DeepL is not asked {until}",
                engine=NAME,
            )
