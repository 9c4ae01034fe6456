"""The API's routes about speech: a text spoken by the engine of the calls, streamed as it is made.

What is asked is checked before the engine hears of it; who goes away before the end is spoken for no longer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import fields as fields_of
from typing import Any, Final, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from controller.api.access import Access, wrong
from controller.api.fields import BadRequest, one_of, read_fields, shown, some, word
from controller.api.speaking import RATE, Ask, Saying, Speaking
from controller.engines.tts import DEFAULT, NARRATION_S, RATES, Narrator
from controller.errors import EngineError, EngineRejected
from controller.frames import Pcm
from controller.stack.wav import wav_header
from controller.telemetry.first_audio import TARGET_MS
from controller.telemetry.quantiles import Quantiles

log = logging.getLogger(__name__)

MOST_CHARACTERS: Final = 2000
MOST_BYTES: Final = 1 << 16
"""Of a text, and of a whole request."""

SPEEDS: Final = (0.5, 2.0)

FORMATS: Final = ("wav", "pcm")

GONE: Final = 499
"""What nginx calls a client that left; nobody reads it."""

_LESS: Final = "give less text"
_EXAMPLE: Final = '{"text": "Hola.", "language": "es"}'

T = TypeVar("T")


def speech_routes(speaking: Speaking, access: Access, in_calls: Callable[[], Quantiles]) -> list[Route]:
    """`POST /v1/speech`, `POST /v1/speech/warm`, `GET /v1/speech/health`.

    Args:
        in_calls: how soon the voice begins in live calls, as `FirstAudio.told` gives it.
    """

    async def begun(request: Request, fields: dict[str, Any]) -> tuple[Saying, Pcm] | Response:
        """An utterance and its first sound, or why there is none."""
        ask = _ask(fields, speaking.narrator)
        try:
            saying = speaking.begin(ask)
        except EngineError as error:
            return _cannot(error)
        try:
            first = await _unless_gone(request, saying.first())
        except EngineError as error:
            await saying.aclose()
            return _cannot(error)
        except BaseException:
            await saying.aclose()
            raise
        if first is None:
            await saying.aclose()
            return wrong(422, "There is nothing to say in this text.")
        return saying, first

    async def speech(request: Request, fields: dict[str, Any]) -> Response:
        form = one_of(fields, "format", FORMATS, FORMATS[0])
        said = await begun(request, {key: value for key, value in fields.items() if key != "format"})
        return said if isinstance(said, Response) else _Spoken(*said, form, fields.get("sample_rate", RATE))

    async def warm(request: Request, fields: dict[str, Any]) -> Response:
        if strange := sorted(set(fields) - {"language", "voice"}):
            raise BadRequest(f"There is no field {strange[0]!r}: give language and voice.")
        said = await begun(request, {**fields, "text": "1."})
        if isinstance(said, Response):
            return said
        await said[0].aclose()
        return JSONResponse({"warm": fields.get("voice", DEFAULT), "first_audio_ms": round(said[0].first_ms, 1)})

    async def health(request: Request) -> Response:
        if no := access.refused(request, "speech"):
            return no
        trouble = await speaking.trouble()
        narrator = speaking.narrator
        body = {
            "engine": speaking.engine.name,
            "works": trouble is None,
            "trouble": trouble,
            "voices": list(narrator.voices) if narrator else [],
            "speaking": speaking.active,
            "most": speaking.most,
            "target_ms": TARGET_MS,
            "first_audio_ms": {"requests": speaking.first_audio.told(), "calls": in_calls()},
        }
        return JSONResponse(body, status_code=200 if trouble is None else 503)

    def asked(
        what: str, then: Callable[[Request, dict[str, Any]], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """A route that takes a JSON object from whoever may ask for it."""

        async def route(request: Request) -> Response:
            if no := access.refused_to_act(request, what, "speech"):
                return no
            try:
                return await then(request, await read_fields(request, MOST_BYTES, _LESS, _EXAMPLE))
            except BadRequest as error:
                return wrong(error.code, str(error))
            except _Gone:
                return Response(status_code=GONE)

        return route

    return [
        Route("/v1/speech", asked("Speech is asked for", speech), methods=["POST"]),
        Route("/v1/speech/warm", asked("A voice is warmed", warm), methods=["POST"]),
        Route("/v1/speech/health", health),
    ]


class _Spoken(StreamingResponse):
    """Sound as it is made. One that breaks off half-way ends its connection without an end, so that it is noticed."""

    def __init__(self, saying: Saying, first: Pcm, form: str, rate: int) -> None:
        self._saying = saying
        media = "audio/wav" if form == "wav" else f"audio/pcm; rate={rate}; channels=1; encoding=s16le"
        head = wav_header(rate, None) if form == "wav" else b""
        headers = {"cache-control": "no-store", "server-timing": f"first-audio;dur={saying.first_ms:.1f}"}
        super().__init__(self._body(head, first), media_type=media, headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(NARRATION_S):
                await super().__call__(scope, receive, send)
        except EngineError as error:
            log.warning("a text was spoken in part only: %s", error)
        except TimeoutError:
            log.warning("a text was spoken in part only: its sound was not taken within %g s", NARRATION_S)
        finally:
            await self._saying.aclose()

    async def _body(self, head: bytes, first: Pcm) -> AsyncGenerator[bytes, None]:
        yield head + first.astype("<i2").tobytes()
        async for pcm in self._saying.rest():
            yield pcm.astype("<i2").tobytes()


class _Gone(Exception):
    """Whoever asked has left."""


async def _unless_gone(request: Request, work: Awaitable[T]) -> T:
    """What `work` gives, which is cancelled once whoever asked leaves.

    Raises:
        _Gone: they did.
    """
    mine, gone = asyncio.ensure_future(work), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait((mine, gone), return_when=asyncio.FIRST_COMPLETED)
        if not mine.done():
            raise _Gone
        return mine.result()
    finally:
        for one in (mine, gone):
            one.cancel()
        await asyncio.wait((mine, gone))


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _cannot(error: EngineError) -> Response:
    """503 where it may be tried again, 422 where the engine will not take this very text."""
    if isinstance(error, EngineRejected):
        return wrong(422, str(error))
    return wrong(503, str(error), {"retry-after": "1"})


# What is asked


def _ask(fields: dict[str, Any], engine: Narrator | None) -> Ask:
    """
    Raises:
        BadRequest: a field is missing, unknown or wrong.
    """
    known = [one.name for one in fields_of(Ask)]
    if strange := sorted(set(fields) - set(known)):
        raise BadRequest(f"There is no field {strange[0]!r}: there are {', '.join(known)} and format.")
    ask = Ask(
        text=_text(fields),
        language=word(fields, "language", None),
        voice=word(fields, "voice", DEFAULT),
        speed=_speed(fields),
        sample_rate=one_of(fields, "sample_rate", RATES, RATE),
    )
    if engine is not None and not engine.speaks(ask.language):
        raise BadRequest(f"The voice {engine.name} does not speak {ask.language!r}.")
    if engine is not None and ask.voice not in engine.voices:
        raise BadRequest(f"There is no voice {ask.voice!r}: there are {some(engine.voices)}.")
    return ask


def _text(fields: dict[str, Any]) -> str:
    text = word(fields, "text", None)
    if len(text) > MOST_CHARACTERS:
        raise BadRequest(f"The text has {len(text)} characters: {MOST_CHARACTERS} are the most, so send it in parts.")
    return text


def _speed(fields: dict[str, Any]) -> float:
    speed = fields.get("speed", 1.0)
    least, most = SPEEDS
    if isinstance(speed, bool) or not isinstance(speed, int | float) or not least <= speed <= most:
        raise BadRequest(f"The speed is {shown(speed)}: give a number from {least} to {most}.")
    return float(speed)
