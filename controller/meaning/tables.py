"""The languages whose rules are known. One more is a module like its neighbours and a line here."""

from __future__ import annotations

from typing import Final

from controller.meaning import english, spanish
from controller.meaning.rules import Rules

RULES: Final[dict[str, Rules]] = {one.code: one for one in (english.RULES, spanish.RULES)}
