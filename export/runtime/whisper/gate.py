"""The hallucination gate: Whisper writes fluent sentences about noise, and its own scores give it away.

Knows three numbers of a decode and its text; knows no audio. The cheaper gate before it is `export.runtime.silero`.
"""

from __future__ import annotations

import zlib

LOWEST_LOGPROB = -1.0
"""Mean log-probability a token, as in openai/whisper. Whole sentences scored -0.97 and better (120 recorded
prompts), noise -1.3 to -2.6, sentences in a language other than the one asked for -1.2 in the median."""

LOWEST_TOTAL = -8.0
"""Log-probability of all tokens together, which is enough by itself: the start of any decode costs about 4, so that a
mean would drop two of three single words ("Goodbye." scores -1.1 a token, -4.3 in all) and short sentences ("Usted no
tiene" -1.3, -6.6). Of 140 prompts under 3.2 s it keeps 131 (-6: 128), and of 100 in another language none more; at -9
it would take seven more of those."""

HIGHEST_NO_SPEECH = 0.7
"""Probability that nobody speaks; above it, LOWEST_TOTAL excuses nothing. By itself it condemns nothing, as in
openai/whisper: recorded Spanish sentences reached 0.92 (at a mean of -0.75), as much as silence and dial tones. Of 444
prompts of 9 s and less, as a telephone carries them, 440 are kept; 433 were where it condemned alone."""

HIGHEST_COMPRESSION = 2.4
"""Of a text, in bytes, by zlib, as in openai/whisper: what says the same again and again is a decoder in a loop, and
its scores are good ("No, no, no, no" about a dial tone: -0.43)."""


def is_speech(logprob: float, no_speech: float, tokens: int, text: str) -> bool:
    """Whether a decode is to be believed.

    Args:
        logprob: mean log-probability a token.
        no_speech: probability that nobody speaks, 0 to 1.
        tokens: how many there were, time stamps included.
        text: what was decoded.
    """
    plain = text.encode()
    if len(plain) > HIGHEST_COMPRESSION * len(zlib.compress(plain)):
        return False
    excused = no_speech <= HIGHEST_NO_SPEECH and logprob * tokens >= LOWEST_TOTAL
    return excused or logprob >= LOWEST_LOGPROB
