"""How long a text may become as speech: a bound on audio tokens, against the speech that XTTS invents behind the end.

Knows languages and text; draws no token.
"""

from __future__ import annotations

import re

from export.runtime.xtts.config import ModelConfig
from export.runtime.xtts.text.languages import Language

START_S = 2.0
"""Seconds beside the text's own: a breath before it, a long last syllable, a slow speaker's single word."""

PAUSE_S = 0.5
"""Seconds for each comma and full stop within."""

SPELLED_S = 0.3
"""Seconds for each letter of what is spelled: "FBI" has three letters and three words."""

_SPELLED = re.compile(r"\b[A-Z]{2,6}\b")
_PAUSES = ".,;:!?…،؛؟।॥、。，；：！？-–—"


def most_codes(text: str, spoken: str, language: Language, config: ModelConfig) -> int:
    """The most audio tokens that `text`, written out as `spoken` in its own script, can take, however slowly said.

    The reference's limits for characters tell how slowly a language may be spoken: a text just as long as its limit
    must fit into all the audio positions there are. That is 9 characters a second in English, 3 in Chinese, one and
    a half to two times slower than people speak; so what comes later is no longer the text.
    """
    said = config.max_new_tokens * len(spoken) / language.limit
    pauses = sum(char in _PAUSES for char in spoken)
    spelled = sum(len(run) for run in _SPELLED.findall(text))
    seconds = START_S + PAUSE_S * pauses + SPELLED_S * spelled
    return min(config.max_new_tokens, round(said + config.tokens_per_second * seconds))
