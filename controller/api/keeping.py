"""What keeps voices for whoever asks the API: made from what the call process hands over, and not for everyone at once.

Knows voices; knows nothing of HTTP.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Collection
from typing import Final

from controller.settings import Settings, VoiceSettings
from controller.triton.client import TritonClient
from controller.voices.keeper import Keeper
from controller.voices.opening import keeper_of, store_of

MINUTE_S: Final = 60.0


class Keeping:
    """A keeper with room for one recording's work at a time, and for so many in a minute."""

    def __init__(self, keeper: Keeper, most: int, now: Callable[[], float] = time.monotonic) -> None:
        """`most`: requests with recordings in them, in a minute."""
        self.keeper = keeper
        self.busy = False
        """Whether somebody's recordings are being worked on."""
        self._most = most
        self._now = now
        self._taken: deque[float] = deque()

    def wait_s(self) -> int:
        """Take one more request; seconds to wait where there were too many, and then it is not taken."""
        now = self._now()
        while self._taken and now - self._taken[0] >= MINUTE_S:
            self._taken.popleft()
        if len(self._taken) >= self._most:
            return max(1, round(MINUTE_S - (now - self._taken[0])))
        self._taken.append(now)
        return 0


def hand_over(settings: Settings) -> str:
    """What the API process must know to keep voices, and which tokens are good for what; no more.

    Raises:
        SettingsError: as `store_of`.
    """
    voices = settings.voices
    if voices.store:
        store_of(voices)
    kept = {**voices.model_dump(mode="json"), "key": voices.key.get_secret_value()}
    tokens = [(one.token.get_secret_value(), one.scopes) for one in settings.api.tokens.values()]
    return json.dumps({"voices": kept, "grpc": settings.triton.grpc, "tokens": tokens})


def take_over(told: str) -> tuple[Keeping | None, list[tuple[str, Collection[str]]]]:
    """What `hand_over` told of. Needs the running event loop."""
    if not told:
        return None, []
    known = json.loads(told)
    settings = VoiceSettings(**known["voices"])
    tokens: list[tuple[str, Collection[str]]] = [(str(token), frozenset(scopes)) for token, scopes in known["tokens"]]
    if not settings.store:
        return None, tokens
    return Keeping(keeper_of(settings, TritonClient(known["grpc"])), settings.requests), tokens
