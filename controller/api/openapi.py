"""The API as an OpenAPI document: every route, what it takes and what it gives. A test holds it to the routes."""

from __future__ import annotations

from typing import Any, Final

_TEXT: Final = {"type": "string"}
_FLAG: Final = {"type": "boolean"}
_TEXTS: Final = {"type": "array", "items": _TEXT}
_WAV: Final = {"type": "string", "contentEncoding": "base64", "contentMediaType": "audio/wav"}
_CLIPS: Final = {"type": "array", "items": _WAV, "minItems": 3, "maxItems": 10}
_WRONG: Final = {"$ref": "#/components/schemas/Wrong"}
_CONSENT: Final = {
    "type": "object",
    "required": ["who", "text"],
    "properties": {"who": _TEXT, "text": _TEXT, "how": _TEXT},
}

_SAYS: Final = {
    "400": "The request is wrong; the sentence says what.",
    "401": "A token is needed.",
    "403": "The token is not good for this, or this machine alone may do it.",
    "404": "There is no such thing.",
    "409": "Somebody else was sooner, or nothing can be claimed by this encoder.",
    "413": "The request is too large.",
    "415": "This takes application/json.",
    "422": "It was understood and cannot be done; the sentence says why.",
    "429": "Too many recordings in a minute: see Retry-After.",
    "503": "Busy, or a part does not work at this moment: see Retry-After.",
}


def _operation(
    summary: str,
    scope: str = "",
    takes: dict[str, Any] | None = None,
    gives: str = "application/json",
    codes: str = "",
    query: tuple[str, ...] = (),
    needed: tuple[str, ...] = (),
    made: str = "200",
) -> dict[str, Any]:
    """One route's description; `takes` are the fields of the object that it is sent."""
    found: dict[str, Any] = {"summary": summary, "responses": {made: {"description": "Done.", "content": {gives: {}}}}}
    for code in codes.split():
        found["responses"][code] = {"description": _SAYS[code], "content": {"application/json": {"schema": _WRONG}}}
    if scope:
        found["security"] = [{"token": []}]
        found["description"] = f"Scope: `{scope}`."
    if takes is not None:
        schema: dict[str, Any] = {
            "type": "object",
            "properties": takes,
            "required": list(needed),
            "additionalProperties": False,
        }
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if query:
        found["parameters"] = [{"name": one, "in": "query", "schema": _TEXT} for one in query]
    return found


_READ: Final = "401 403 404 422 503"
_WRITE: Final = "400 401 403 404 409 413 415 422 503"
_HEAVY: Final = "400 401 403 404 409 413 415 422 429 503"
_SPEECH: Final = {
    "text": _TEXT,
    "language": _TEXT,
    "voice": _TEXT,
    "speed": {"type": "number", "minimum": 0.5, "maximum": 2},
    "sample_rate": {"enum": [16000, 24000]},
    "format": {"enum": ["wav", "pcm"]},
}
_PERSON: Final = {"user": _TEXT, "callers": _TEXTS, "languages": _TEXTS, "consent": _CONSENT}

_PATHS: Final[dict[str, dict[str, dict[str, Any]]]] = {
    "/livez": {"get": _operation("Whether the call process lives.", codes="503")},
    "/readyz": {"get": _operation("Whether a call can be taken, part by part.", codes="503")},
    "/metrics": {"get": _operation("Figures for Prometheus.", gives="text/plain")},
    "/openapi.json": {"get": _operation("This document.")},
    "/calls": {"get": _operation("The calls that are up.", "calls:read", codes="401 403 503")},
    "/calls/{name}": {"get": _operation("One call.", "calls:read", codes="401 403 404 503")},
    "/calls/{name}/end": {"post": _operation("End a call.", "calls:end", {}, codes="401 403 404 415 503", made="202")},
    "/v1/speech": {
        "post": _operation(
            "A text, spoken as it is made.",
            "speech",
            _SPEECH,
            "audio/wav",
            "400 401 403 413 415 422 503",
            needed=("text", "language"),
        )
    },
    "/v1/speech/warm": {
        "post": _operation(
            "Make a voice ready.",
            "speech",
            {"language": _TEXT, "voice": _TEXT},
            codes="400 401 403 413 415 422 503",
            needed=("language",),
        )
    },
    "/v1/speech/health": {"get": _operation("Whether the voice works, and how soon.", "speech", codes="401 403 503")},
    "/v1/voices": {
        "get": _operation("Who is enrolled.", "voices:read", codes="401 403", query=("user", "language")),
        "post": _operation(
            "Enrol somebody with three to ten recordings.",
            "voices:write",
            {"name": _TEXT, "clips": _CLIPS, **_PERSON},
            codes=_HEAVY,
            needed=("name", "clips"),
            made="201",
        ),
    },
    "/v1/voices/similar": {
        "post": _operation(
            "Who sounds most like a recording, or like a voice.",
            "voices:write",
            {"clip": _WAV, "voice": _TEXT},
            codes=_HEAVY,
        )
    },
    "/v1/voices/{name}": {
        "get": _operation("One voice: whose it is, and how good its recordings are.", "voices:read", codes=_READ),
        "delete": _operation("Leave nothing of a voice, nor of whose it was.", "voices:write", codes="401 403 404 503"),
    },
    "/v1/voices/{name}/load": {"post": _operation("Have a voice in memory.", "voices:write", {}, codes=_WRITE)},
    "/v1/voices/{name}/calibrate": {
        "post": _operation(
            "Make a voice anew of other recordings; with dry_run they are only looked at.",
            "voices:write",
            {"clips": _CLIPS, "dry_run": _FLAG},
            codes=_HEAVY,
            needed=("clips",),
        )
    },
    "/v1/voices/{name}/rebuild": {
        "post": _operation("Make a voice anew of its own recordings, for new models.", "voices:write", {}, codes=_HEAVY)
    },
    "/v1/voices/{name}/verify": {
        "post": _operation(
            "Whether a recording is the voice's owner's.",
            "voices:write",
            {"clip": _WAV},
            codes=_HEAVY,
            needed=("clip",),
        )
    },
    "/v1/voices/{name}/consent": {
        "post": _operation(
            "Note that a voice's owner agrees to its use.",
            "voices:write",
            {"who": _TEXT, "text": _TEXT, "how": _TEXT},
            codes=_WRITE,
            needed=("who", "text"),
        )
    },
    "/v1/voices/{name}/consent/revoke": {
        "post": _operation(
            "Note that they agree no more, and leave nothing of the voice.", "voices:write", {}, codes=_WRITE
        )
    },
}

for _path, _operations in _PATHS.items():
    if "{name}" in _path:
        for _one in _operations.values():
            _one["parameters"] = [{"name": "name", "in": "path", "required": True, "schema": _TEXT}]

DOCUMENT: Final[dict[str, Any]] = {
    "openapi": "3.1.0",
    "info": {"title": "Dragoman", "version": "1", "description": "Calls, speech and voices of a running service."},
    "paths": _PATHS,
    "components": {
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        "schemas": {"Wrong": {"type": "object", "properties": {"error": _TEXT}, "required": ["error"]}},
    },
}
"""Served as `/openapi.json`, whether or not this service has speech and voices."""
