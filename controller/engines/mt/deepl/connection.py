"""Requests to DeepL, each within its time: one more try where that may help, none where it cannot.

DeepL's own library blocks its thread, waits 10 s for an answer and a second before it tries again: too long for a call.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, Final

import aiohttp

from controller.engines.mt.deepl import wire
from controller.engines.mt.deepl.wire import NAME, Usage
from controller.errors import EngineError, EngineTimeout, EngineUnavailable

FIRST_SHARE: Final = 0.6
"""Of the time, at most, is the first try's: one that hangs leaves the second enough for a usual answer."""

BACKOFF_S: Final = 0.2
"""The longest pause before the second try, where DeepL names none; a random part of it is waited."""

LEAST_S: Final = 0.1
"""With less time than this left nothing is tried."""

DNS_S: Final = 300
"""For so long an address is known."""


class Connection:
    """One session of HTTP, for all calls; opened with the first request."""

    def __init__(self, host: str, key: str, chance: Callable[[], float]) -> None:
        """
        Args:
            host: its URL, without a slash at the end.
            chance: random numbers in [0, 1).
        """
        self._host = host
        self._headers = wire.headers(key)
        self._chance = chance
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close what is open."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def translate(self, body: dict[str, Any], deadline_s: float) -> Any:
        """DeepL's answer, decoded.

        Raises:
            EngineTimeout: no answer within `deadline_s` seconds, both tries together.
            EngineUnavailable: throttled, failing, unreachable, at the second try too.
            EngineBarred, EngineRejected: refused; there was no second try.
        """
        loop = asyncio.get_running_loop()
        due = loop.time() + deadline_s
        try:
            return await self._ask("POST", "/v2/translate", deadline_s * FIRST_SHARE, body)
        except EngineError as error:
            if not error.retryable:
                raise
            pause_s = max(self._chance() * BACKOFF_S, _asked_to_wait_s(error))
            if loop.time() + pause_s + LEAST_S > due:
                raise
        await asyncio.sleep(pause_s)
        return await self._ask("POST", "/v2/translate", due - loop.time(), body)

    async def usage(self, deadline_s: float) -> Usage:
        """What the account has used; that is not billed. Raises as `translate`; there is one try."""
        return wire.usage(await self._ask("GET", "/v2/usage", deadline_s))

    async def _ask(self, method: str, path: str, time_s: float, body: dict[str, Any] | None = None) -> Any:
        try:
            async with (
                asyncio.timeout(time_s),
                self._open().request(method, self._host + path, json=body, headers=self._headers) as answer,
            ):
                said = await answer.read()
        except TimeoutError as error:
            raise EngineTimeout(f"DeepL gave no answer within {time_s:.2g} s", engine=NAME) from error
        except (aiohttp.ClientError, OSError) as error:
            raise EngineUnavailable(f"DeepL cannot be reached at {self._host}: {error}", engine=NAME) from error
        if answer.status != 200:
            refused = wire.refusal(answer.status, _message(said))
            if isinstance(refused, EngineUnavailable):
                raise _Busy(str(refused), answer.headers.get("Retry-After", ""))
            raise refused
        try:
            return json.loads(said)
        except ValueError as error:
            raise EngineUnavailable("DeepL's answer is no JSON: is there a proxy in between?", engine=NAME) from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            # Our own time limits hold: aiohttp's would end a request with an error of another kind.
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(),
                connector=aiohttp.TCPConnector(ttl_dns_cache=DNS_S),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


class _Busy(EngineUnavailable):
    """It said that it cannot now, and perhaps when it can again."""

    def __init__(self, message: str, retry_after: str) -> None:
        super().__init__(message, engine=NAME)
        self.retry_after = retry_after


def _asked_to_wait_s(error: EngineError) -> float:
    """What Retry-After says in seconds; 0 where it is missing, or a date: none lies within a clause."""
    try:
        return max(0.0, float(error.retry_after)) if isinstance(error, _Busy) else 0.0
    except ValueError:
        return 0.0


def _message(said: bytes) -> str:
    """DeepL's own words about an error, shortened."""
    try:
        found = json.loads(said)
    except ValueError:
        return ""
    return str(found.get("message", ""))[:200] if isinstance(found, dict) else ""
