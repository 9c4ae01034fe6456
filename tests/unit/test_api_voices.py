"""Voices over HTTP, on scripted encoders: what is made, what is refused and how, who may, and what is described."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from controller.api.app import Snapshot, make_app
from controller.api.keeping import Keeping, hand_over, take_over
from controller.api.openapi import DOCUMENT
from controller.api.voices import MOST_BYTES
from controller.errors import EngineUnavailable, SettingsError
from controller.frames import Pcm
from controller.settings import load
from controller.voices.objects import StoreTrouble
from tests.fakes.fake_encoders import IDENTITY, FakeEncoders, somebody
from tests.fakes.fake_triton import FakeTriton
from tests.unit.test_api_speech import speaking
from tests.unit.test_calibration import ANA, BOB, file
from tests.unit.test_keeper import Rig

CONSENT = {"who": "Ana Peña", "text": "2026-01"}


def b64(pcm: Pcm, rate: int = 16_000) -> str:
    return base64.b64encode(file(pcm, rate)).decode()


def clips(pitch: float = ANA, count: int = 3) -> list[str]:
    return [b64(somebody(pitch, seed=seed)) for seed in range(count)]


class Api:
    """The application, asked without a network."""

    def __init__(
        self,
        folder: Path,
        *,
        client: str = "127.0.0.1",
        token: str = "",
        most: int = 100,
        encoders: FakeEncoders | None = None,
        scoped: Any = (),
    ) -> None:
        self.now = 0.0
        self.rig = Rig(folder / "voices", encoders=encoders)
        self.keeping = Keeping(self.rig.keeper, most, lambda: self.now)
        self.app = make_app(Snapshot(), token=token, keeping=self.keeping, scoped=scoped)
        self.http = TestClient(self.app, base_url="http://127.0.0.1:8090", client=(client, 50000))

    def post(self, path: str, fields: Any = None, **more: Any) -> Any:
        return self.http.post(f"/v1/voices{path}", json={} if fields is None else fields, **more)

    def enrol(self, name: str = "ana", **more: Any) -> Any:
        return self.post("", {"name": name, "clips": clips(), "consent": CONSENT, **more})


@pytest.fixture
def api(tmp_path: Path) -> Api:
    return Api(tmp_path)


def test_a_voice_is_made_and_known(api: Api) -> None:
    answer = api.enrol(user="Ana", callers=["100"], languages=["es"])
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["name"], made["version"], made["accepted"], made["refused"], made["usable"]) == ("ana", 1, 3, [], True)
    assert made["consent"]["who"] == "Ana Peña"
    assert made["consent"]["how"] == "api"
    assert made["consent"]["given"].startswith("20")
    (line,) = api.http.get("/v1/voices").json()["voices"]
    assert (line["name"], line["user"], line["callers"], line["clips"]) == ("ana", "Ana", ["100"], 3)
    one = api.http.get("/v1/voices/ana").json()
    assert [clip["band"] for clip in one["clips"]] == ["wideband"] * 3
    assert "0." in str(one["clips"][0]["snr_db"]) or one["clips"][0]["snr_db"] > 0
    assert api.http.get("/v1/voices", params={"language": "fr"}).json()["voices"] == []
    assert len(api.http.get("/v1/voices", params={"user": "Ana"}).json()["voices"]) == 1
    assert api.enrol().status_code == 409
    loaded = api.post("/ana/load").json()
    assert (loaded["name"], loaded["version"]) == ("ana", 1)


def test_what_cannot_be_a_voice_is_told_clip_by_clip(api: Api) -> None:
    answer = api.post("", {"name": "ana", "clips": [*clips(count=2), b64(somebody(BOB)), b64(somebody(ANA, 0.5))]})
    assert answer.status_code == 422
    body = answer.json()
    assert [one["number"] for one in body["refused"]] == [3, 4] or [one["number"] for one in body["refused"]] == [4]
    assert "Clip 4 (clip-4): it lasts 0.5 s: record 3 to 30 s." in body["error"]
    looked_at = api.post("", {"name": "ana", "clips": clips(count=2)})
    assert looked_at.status_code == 422
    assert "2 of these can be used. Record more." in looked_at.json()["error"]
    assert api.http.get("/v1/voices").json()["voices"] == []


@pytest.mark.parametrize(
    ("fields", "code", "said"),
    [
        ({}, 400, "The field name is missing"),
        ({"name": "ana"}, 400, "The field clips is missing"),
        ({"name": "../ana", "clips": []}, 422, "is no name for a voice"),
        ({"name": "ana", "clips": ["!"]}, 400, "clip-1 is missing, or not in base64"),
        ({"name": "ana", "clips": [None]}, 400, "clip-1 is missing, or not in base64"),
        ({"name": "ana", "clips": "x"}, 400, "give a list of WAV files"),
        ({"name": "ana", "clips": ["aaaa"] * 11}, 422, "11 clips are too many"),
        ({"name": "ana", "clips": [], "language": "es"}, 400, "There is no field 'language'"),
        ({"name": "ana", "clips": [], "languages": ["Spanish"]}, 400, "write languages as en"),
        ({"name": "ana", "clips": [], "callers": "100"}, 400, "The field callers is"),
        ({"name": "ana", "clips": [], "user": 3}, 400, "The field user is 3"),
        ({"name": "ana", "clips": [], "user": "\ud800"}, 400, "half a character"),
        ({"name": "ana", "clips": [], "consent": True}, 400, "The field consent must be an object"),
        ({"name": "ana", "clips": [], "consent": {"who": "Ana"}}, 400, "The field text is missing"),
        ([1], 400, "This takes a JSON object"),
    ],
)
def test_what_is_no_request_is_told(api: Api, fields: Any, code: int, said: str) -> None:
    answer = api.http.post("/v1/voices", content=json.dumps(fields), headers={"content-type": "application/json"})
    assert (answer.status_code, said in answer.json()["error"]) == (code, True), answer.text
    assert api.rig.encoders.asked == [], "no model hears of it"


def test_too_much_is_told(api: Api) -> None:
    answer = api.http.post("/v1/voices", content=b" " * (MOST_BYTES + 1), headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert "give fewer or shorter clips" in answer.json()["error"]


@pytest.mark.parametrize("name", ["%2e%2e", "..%2fvoices", "Ana", "a%00b"])
def test_no_path_leads_out_of_the_store(api: Api, name: str) -> None:
    for answer in (
        api.http.get(f"/v1/voices/{name}"),
        api.http.delete(f"/v1/voices/{name}"),
        api.post(f"/{name}/load"),
    ):
        assert answer.status_code in (404, 405, 422), answer.text


def test_owners_are_verified_and_likenesses_found(api: Api) -> None:
    api.enrol()
    api.post("", {"name": "bob", "clips": clips(BOB)})
    mine = api.post("/ana/verify", {"clip": b64(somebody(ANA, seed=9))}).json()
    assert (mine["same"], mine["band"], mine["encoder"]) == (True, "wideband", IDENTITY)
    assert not api.post("/ana/verify", {"clip": b64(somebody(BOB, seed=9))}).json()["same"]
    found = api.post("/similar", {"clip": b64(somebody(BOB, seed=9))}).json()["voices"]
    assert [one["name"] for one in found] == ["bob", "ana"]
    assert [one["name"] for one in api.post("/similar", {"voice": "ana"}).json()["voices"]] == ["bob"]
    assert api.post("/eve/verify", {"clip": b64(somebody(ANA))}).status_code == 404
    assert api.post("/ana/verify", {"clip": b64(somebody(ANA, 0.2))}).status_code == 422
    assert api.post("/ana/verify", {}).status_code == 400


def test_random_weights_verify_nobody(tmp_path: Path) -> None:
    api = Api(tmp_path, encoders=FakeEncoders(f"{IDENTITY}:structural"))
    made = api.enrol().json()
    assert made["structural"]
    assert "random weights" in made["notes"][0]
    answer = api.post("/ana/verify", {"clip": b64(somebody(ANA, seed=9))})
    assert (answer.status_code, "tells nobody from anybody" in answer.json()["error"]) == (409, True)


def test_a_voice_is_calibrated_rebuilt_consented_revoked_and_deleted(api: Api) -> None:
    api.enrol(consent=None)
    assert not api.http.get("/v1/voices/ana").json()["usable"]
    assert api.post("/ana/consent", CONSENT).json()["usable"]
    assert api.post("/ana/consent", {"who": "Ana"}).status_code == 400
    dry = api.post("/ana/calibrate", {"clips": clips(), "dry_run": True}).json()
    assert (dry["version"], dry["accepted"]) == (2, 3)
    assert api.post("/ana/calibrate", {"clips": clips()}).json()["version"] == 3
    assert api.post("/ana/calibrate", {"clips": clips(), "dry_run": 1}).status_code == 400
    assert api.post("/ana/rebuild").json()["version"] == 4
    assert api.post("/ana/consent/revoke").json() == {"name": "ana", "server_told": True, "trouble": None}
    left = api.http.get("/v1/voices/ana").json()
    assert (left["clips"], left["encoders"], left["usable"]) == ([], None, False)
    assert left["consent"]["revoked"]
    assert api.http.delete("/v1/voices/ana").json()["name"] == "ana"
    assert api.http.get("/v1/voices/ana").status_code == 404
    assert api.http.delete("/v1/voices/ana").status_code == 404


def test_no_more_recordings_are_taken_than_can_be_worked_on(tmp_path: Path) -> None:
    api = Api(tmp_path, most=2)
    api.keeping.busy = True
    answer = api.enrol()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    api.keeping.busy = False
    codes = [api.post("/similar", {"voice": "ana"}).status_code for _ in range(3)]
    assert codes == [404, 404, 429]
    assert api.http.get("/v1/voices").status_code == 200, "nothing else is kept waiting"
    api.now = 61.0
    assert api.enrol().status_code == 201
    assert not api.keeping.busy


@pytest.mark.parametrize(
    ("error", "code"),
    [(EngineUnavailable("gst is not loaded", engine="gst"), 503), (StoreTrouble("The disk is full."), 503)],
)
def test_what_does_not_work_at_this_moment_may_be_tried_again(
    error: Any, code: int, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    if isinstance(error, StoreTrouble):

        def fails(*_: Any) -> Any:
            raise error

        monkeypatch.setattr(api.rig.store, "create", fails)
    else:
        api.rig.encoders.failing = error
    answer = api.enrol()
    assert answer.status_code == code
    assert answer.headers["retry-after"]
    assert answer.json()["error"] == str(error)


# Who may


def test_voices_are_for_this_machine_alone_without_a_token(tmp_path: Path) -> None:
    stranger = Api(tmp_path, client="192.0.2.7")
    for answer in (
        stranger.http.get("/v1/voices"),
        stranger.http.get("/v1/voices/ana"),
        stranger.enrol(),
        stranger.http.delete("/v1/voices/ana"),
    ):
        assert answer.status_code == 403
        assert "from the service's own machine, or with its api.token" in answer.json()["error"]
    page = Api(tmp_path)
    page.http.headers["host"] = "evil.example"
    assert page.http.get("/v1/voices").status_code == 403
    plain = Api(tmp_path).http.post("/v1/voices", content="{}", headers={"content-type": "text/plain"})
    assert plain.status_code == 415


def test_a_token_is_good_for_its_scopes(tmp_path: Path) -> None:
    scoped = [("reader", ["voices:read"]), ("desk", ["voices:read", "voices:write"])]
    for token in ("", "all"):
        api = Api(tmp_path / token, client="192.0.2.7", token=token, scoped=scoped)
        for borne, read, write, calls in (
            ("", 401, 401, 401),
            ("wrong", 401, 401, 401),
            ("reader", 200, 403, 403),
            ("desk", 200, 404, 403),
            ("all", *((200, 404, 503) if token else (401, 401, 401))),
        ):
            headers = {"authorization": f"Bearer {borne}"} if borne else {}
            codes = (
                api.http.get("/v1/voices", headers=headers).status_code,
                api.http.delete("/v1/voices/ana", headers=headers).status_code,
                api.http.get("/calls", headers=headers).status_code,
            )
            assert codes == (read, write, calls), borne
    said = api.http.delete("/v1/voices/ana", headers={"authorization": "Bearer reader"}).json()["error"]
    assert said == "This token is not good for this: it lacks the scope voices:write."


# What is described


def test_the_document_names_every_route_and_no_other(tmp_path: Path) -> None:
    rig = Api(tmp_path)
    app = make_app(Snapshot(), speaking=speaking(FakeTriton()), keeping=rig.keeping)
    served = {
        (route.path, method.lower())
        for route in app.routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    described = {(path, method) for path, operations in DOCUMENT["paths"].items() for method in operations}
    assert described == served
    for path, operations in DOCUMENT["paths"].items():
        for operation in operations.values():
            assert operation["summary"].endswith(".")
            named = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
            assert named == ({"name"} if "{name}" in path else set())
    assert TestClient(app).get("/openapi.json").json() == DOCUMENT


def test_what_a_route_takes_is_what_it_is_described_to_take(api: Api) -> None:
    for path, operations in DOCUMENT["paths"].items():
        for method, operation in operations.items():
            if not path.startswith("/v1/voices") or method != "post":
                continue
            known = operation["requestBody"]["content"]["application/json"]["schema"]["properties"]
            answer = api.http.post(path.format(name="ana"), json={"nonesuch": 1})
            assert answer.status_code == 400, path
            for name in known:
                assert name in answer.json()["error"], (path, name)


# From the call process to the API's


def test_the_api_process_is_told_of_voices_and_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGOMAN_VOICES__KEY", "s3cret")
    settings = load(
        voices={"store": str(tmp_path), "requests": 7},
        api={"tokens": {"desk": {"token": "t", "scopes": ["voices:read"]}}},
    )

    async def main() -> None:
        keeping, scoped = take_over(hand_over(settings))
        assert keeping is not None
        assert keeping.keeper.store.sealed
        assert scoped == [("t", frozenset({"voices:read"}))]
        assert take_over(hand_over(load())) == (None, [])
        assert take_over("") == (None, [])

    asyncio.run(main())
    with pytest.raises(SettingsError, match=r"voices\.store cannot be used|nonesuch"):
        hand_over(load(voices={"store": "nonesuch://x"}))
    with pytest.raises(SettingsError, match="scopes"):
        load(api={"tokens": {"desk": {"token": "t", "scopes": ["everything"]}}})
