"""What a request asks for: a JSON object, field by field, and a sentence for each that is wrong. Knows no route."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Sequence
from typing import Any, Final

from starlette.requests import Request

LARGE: Final = 1 << 16
"""Bytes; a larger object is taken apart beside, since others wait."""

_TOLD: Final = 20
"""Of many names, so many are told."""


class BadRequest(Exception):
    """What is wrong with a request, in one sentence."""

    def __init__(self, sentence: str, code: int = 400) -> None:
        super().__init__(sentence)
        self.code = code


async def read_fields(request: Request, most: int, advice: str, example: str) -> dict[str, Any]:
    """The object that was sent.

    Args:
        most: bytes that it may have.
        advice: what to do about a larger one.
        example: of an object that is taken.
    Raises:
        BadRequest: it is no JSON object, or too large.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise BadRequest(f"A request may have {most} bytes: {advice}.", 413)
    try:
        fields = json.loads(body) if len(body) <= LARGE else await asyncio.to_thread(json.loads, body)
    except (ValueError, RecursionError) as error:
        raise BadRequest("This is not JSON.") from error
    if not isinstance(fields, dict):
        raise BadRequest(f"This takes a JSON object, such as {example}.")
    return fields


def only(fields: dict[str, Any], *known: str) -> None:
    """Raise BadRequest where there is another field than the `known`."""
    if strange := sorted(set(fields) - set(known)):
        raise BadRequest(f"There is no field {strange[0]!r}: there are {', '.join(known)}.")


def word(fields: dict[str, Any], name: str, default: str | None) -> str:
    """A text that is not empty; `default` where there is none, unless that is None."""
    value = fields.get(name, default)
    if not isinstance(value, str) or not value.strip():
        raise BadRequest(f"The field {name} is missing or empty: give a text.")
    return whole(name, value)


def words(fields: dict[str, Any], name: str) -> tuple[str, ...]:
    """A list of texts; none where there is no such field."""
    value = fields.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, str) and one.strip() for one in value):
        raise BadRequest(f"The field {name} is {shown(value)}: give a list of texts.")
    return tuple(whole(name, one) for one in value)


def one_of(fields: dict[str, Any], name: str, choices: Sequence[Any], default: Any) -> Any:
    """One of `choices`."""
    value = fields.get(name, default)
    if isinstance(value, bool) or value not in choices:
        raise BadRequest(f"The field {name} is {shown(value)}: it may be {' or '.join(map(str, choices))}.")
    return value


def whole(name: str, value: str) -> str:
    """Raise BadRequest where a text cannot be written."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise BadRequest(f"The field {name} holds half a character: send whole ones.") from error
    return value


def shown(value: Any) -> str:
    """For a sentence: whatever it is, in a few letters."""
    said = "no number" if isinstance(value, float) and not math.isfinite(value) else json.dumps(value)
    return said if len(said) <= 40 else f"{said[:40]}..."


def some(names: Sequence[str]) -> str:
    """For a sentence: some of many names."""
    more = len(names) - _TOLD
    return ", ".join(names[:_TOLD]) + (f" and {more} more" if more > 0 else "")
