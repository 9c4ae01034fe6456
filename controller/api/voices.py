"""The API's routes about voices: who is enrolled, what is known of them, and all that can be done with them.

Recordings come as WAV in base64, within JSON. What is asked is checked before any model hears of it.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from controller.api.access import Access, wrong
from controller.api.fields import BadRequest, only, read_fields, shown, whole, word, words
from controller.api.keeping import Keeping
from controller.errors import AudioFileError, EngineError, EngineRejected, VoiceError
from controller.voices.calibration import Calibration, NotEnough, Refusal, take, takes
from controller.voices.keeper import Person
from controller.voices.likeness import NoClaim
from controller.voices.npz import Card
from controller.voices.objects import StoreTrouble
from controller.voices.profile import Consent, check_name, told
from controller.voices.quality import Take
from controller.voices.store import Changed, NoVoice, now

log = logging.getLogger(__name__)

MOST_BYTES: Final = 48 << 20
"""Of a request: ten clips of 30 s at 48 kHz in 16 bits, in base64."""

READ_S: Final = 60.0
"""How long it may take to come: nobody else's recordings are worked on meanwhile."""

_LESS: Final = "give fewer or shorter clips"
_EXAMPLE: Final = '{"clip": "UklGR..."}'
_LANGUAGE: Final = re.compile("[a-z]{2}")

Act = Callable[[Request, dict[str, Any]], Awaitable[Response]]


def voice_routes(keeping: Keeping, access: Access) -> list[Route]:
    """Those below `/v1/voices`; the API's document says what each takes and gives."""

    def reading(then: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def route(request: Request) -> Response:
            if no := access.refused_from_afar(request, "Voices are looked at", "voices:read"):
                return no
            return await _answered(lambda: then(request))

        return route

    def acting(then: Act, *, heavy: bool = False) -> Callable[[Request], Awaitable[Response]]:
        """A route that takes a JSON object; `heavy`: with recordings, which are worked on one request at a time."""

        async def route(request: Request) -> Response:
            if no := access.refused_to_act(request, "Voices are changed and asked about", "voices:write"):
                return no
            if not heavy:
                return await _answered(lambda: _with_fields(request, then))
            if keeping.busy:
                return wrong(503, "Other recordings are being worked on: try again.", {"retry-after": "2"})
            if wait_s := keeping.wait_s():
                sentence = f"Too many recordings came in the last minute: try again in {wait_s} s."
                return wrong(429, sentence, {"retry-after": str(wait_s)})
            keeping.busy = True
            try:
                return await _answered(lambda: _with_fields(request, then))
            finally:
                keeping.busy = False

        return route

    do = _Acts(keeping)
    return [
        Route("/v1/voices", reading(do.listed)),
        Route("/v1/voices", acting(do.create, heavy=True), methods=["POST"]),
        Route("/v1/voices/similar", acting(do.similar, heavy=True), methods=["POST"]),
        Route("/v1/voices/{name}", reading(do.shown_one)),
        Route("/v1/voices/{name}", acting(do.delete), methods=["DELETE"]),
        Route("/v1/voices/{name}/load", acting(do.load), methods=["POST"]),
        Route("/v1/voices/{name}/calibrate", acting(do.calibrate, heavy=True), methods=["POST"]),
        Route("/v1/voices/{name}/rebuild", acting(do.rebuild, heavy=True), methods=["POST"]),
        Route("/v1/voices/{name}/verify", acting(do.verify, heavy=True), methods=["POST"]),
        Route("/v1/voices/{name}/consent", acting(do.consent), methods=["POST"]),
        Route("/v1/voices/{name}/consent/revoke", acting(do.revoke), methods=["POST"]),
    ]


class _Acts:
    """What each route does."""

    def __init__(self, keeping: Keeping) -> None:
        self._keeper = keeping.keeper

    async def listed(self, request: Request) -> Response:
        cards = self._keeper.library.cards
        if user := request.query_params.get("user"):
            cards = [one for one in cards if one.user == user]
        if language := request.query_params.get("language"):
            cards = [one for one in cards if language in one.languages]
        broken = [{"name": name, "trouble": why} for name, why in sorted(self._keeper.library.broken.items())]
        return JSONResponse({"voices": [summary(one) for one in cards], "broken": broken})

    async def shown_one(self, request: Request) -> Response:
        return JSONResponse(told(await self._keeper.library.load(_name(request))))

    async def create(self, request: Request, fields: dict[str, Any]) -> Response:
        only(fields, "name", "clips", "user", "callers", "languages", "consent")
        name, person = check_name(word(fields, "name", None)), _person(fields)
        given = await _clips(fields)
        profile, made = await self._keeper.enrol(name, given, person)
        return JSONResponse({**told(profile), **report(made)}, status_code=201)

    async def calibrate(self, request: Request, fields: dict[str, Any]) -> Response:
        only(fields, "clips", "dry_run")
        dry_run = fields.get("dry_run", False)
        if not isinstance(dry_run, bool):
            raise BadRequest(f"The field dry_run is {shown(dry_run)}: it may be true or false.")
        profile, made = await self._keeper.calibrate(_name(request), await _clips(fields), keep=not dry_run)
        return JSONResponse({**told(profile), **report(made)})

    async def rebuild(self, request: Request, fields: dict[str, Any]) -> Response:
        only(fields)
        profile, made = await self._keeper.rebuild(_name(request))
        return JSONResponse({**told(profile), **report(made)})

    async def verify(self, request: Request, fields: dict[str, Any]) -> Response:
        only(fields, "clip")
        verdict = await self._keeper.verify(_name(request), await _clip(fields))
        return JSONResponse(verdict.told())

    async def similar(self, request: Request, fields: dict[str, Any]) -> Response:
        only(fields, "clip", "voice")
        if "voice" in fields:
            found = await self._keeper.similar_to(check_name(word(fields, "voice", None)))
        else:
            found = await self._keeper.similar(await _clip(fields))
        return JSONResponse({"voices": [{"name": name, "likeness": round(alike, 4)} for name, alike in found]})

    async def load(self, request: Request, fields: dict[str, Any]) -> Response:
        only(fields)
        began = time.perf_counter()
        profile = await self._keeper.library.load(_name(request))
        took_ms = (time.perf_counter() - began) * 1000
        return JSONResponse({"name": profile.name, "version": profile.version, "load_ms": round(took_ms, 2)})

    async def consent(self, request: Request, fields: dict[str, Any]) -> Response:
        profile = await self._keeper.consent(_name(request), _consent(fields))
        return JSONResponse(told(profile))

    async def revoke(self, request: Request, fields: dict[str, Any]) -> Response:
        only(fields)
        return JSONResponse((await self._keeper.revoke(_name(request))).told())

    async def delete(self, request: Request, fields: dict[str, Any]) -> Response:
        return JSONResponse((await self._keeper.delete(_name(request))).told())


def summary(card: Card) -> dict[str, Any]:
    """A line of the list."""
    return {
        "name": card.name,
        "version": card.version,
        "created": card.created,
        "user": card.user,
        "callers": list(card.callers),
        "languages": list(card.languages),
        "clips": card.clips,
        "usable": card.usable is None,
        "why_not": card.usable,
        "recordings_kept": card.has_recordings,
    }


def report(made: Calibration) -> dict[str, Any]:
    """What became of recordings."""
    return {"accepted": len(made.clips), "refused": [asdict(one) for one in made.refused], "notes": list(made.notes)}


# How it went


async def _with_fields(request: Request, then: Act) -> Response:
    fields: dict[str, Any] = {}
    if request.method != "DELETE":
        try:
            async with asyncio.timeout(READ_S):
                fields = await read_fields(request, MOST_BYTES, _LESS, _EXAMPLE)
        except TimeoutError as error:
            raise BadRequest(f"The request did not come within {READ_S:g} s: send it again.", 408) from error
    return await then(request, fields)


async def _answered(act: Callable[[], Awaitable[Response]]) -> Response:
    """What `act` answers, or the sentence that says why it cannot."""
    try:
        return await act()
    except BadRequest as error:
        return wrong(error.code, str(error))
    except NotEnough as error:
        return JSONResponse({"error": str(error), **report(error.calibration)}, status_code=422)
    except NoVoice as error:
        return wrong(404, str(error))
    except (Changed, NoClaim) as error:
        return wrong(409, str(error))
    except StoreTrouble as error:
        log.error("%s", error)
        return wrong(503, str(error), {"retry-after": "10"})
    except (VoiceError, AudioFileError) as error:
        return wrong(422, str(error))
    except EngineRejected as error:
        return wrong(422, str(error))
    except EngineError as error:
        return wrong(503, str(error), {"retry-after": "5"})


# What is asked


def _name(request: Request) -> str:
    return check_name(str(request.path_params["name"]))


def _person(fields: dict[str, Any]) -> Person:
    """
    Raises:
        BadRequest: a field is wrong.
    """
    user = fields.get("user", "")
    if not isinstance(user, str):
        raise BadRequest(f"The field user is {shown(user)}: give a text.")
    languages = words(fields, "languages")
    for one in languages:
        if not _LANGUAGE.fullmatch(one):
            raise BadRequest(f"The field languages holds {shown(one)}: write languages as en.")
    agreed = fields.get("consent")
    return Person(
        user=whole("user", user),
        callers=words(fields, "callers"),
        languages=languages,
        consent=None if agreed is None else _consent(agreed),
    )


def _consent(fields: Any) -> Consent:
    """
    Raises:
        BadRequest: it does not say who agreed to what.
    """
    if not isinstance(fields, dict):
        raise BadRequest('The field consent must be an object, such as {"who": "Ana Peña", "text": "2026-01"}.')
    only(fields, "who", "how", "text")
    return Consent(word(fields, "who", None), now(), word(fields, "how", "api"), word(fields, "text", None))


async def _clip(fields: dict[str, Any]) -> Take:
    """
    Raises:
        BadRequest: it is no recording in base64.
        AudioFileError: the recording cannot be used.
    """
    return await asyncio.to_thread(take, _content(fields.get("clip"), "clip"), "clip")


async def _clips(fields: dict[str, Any]) -> list[Take | Refusal]:
    """
    Raises:
        BadRequest: they are no list of recordings in base64.
        VoiceError: there are too many.
    """
    given = fields.get("clips")
    if not isinstance(given, list):
        raise BadRequest("The field clips is missing: give a list of WAV files in base64.")
    named = [(f"clip-{number}", one) for number, one in enumerate(given, 1)]
    return await asyncio.to_thread(lambda: takes([(name, _content(one, name)) for name, one in named]))


def _content(given: Any, name: str) -> bytes:
    try:
        return base64.b64decode(given, validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        raise BadRequest(f"The recording {name} is missing, or not in base64: give a WAV file in base64.") from error
