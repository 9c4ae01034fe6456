"""Calls over HTTP and at the command line: what is told, what is ended, and by whom."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from controller.api.app import Snapshot, make_app
from controller.api.link import ApiLink
from controller.cli import main
from tests.unit.test_api import CALL

JSON = {"content-type": "application/json"}


class Api:
    """The application with one call up."""

    def __init__(self, token: str = "", client: str = "127.0.0.1", url: str = "http://127.0.0.1:8090") -> None:
        self.ended: list[str] = []
        snapshot = Snapshot(lambda: 0.0)
        snapshot.update({"ready": {}, "metrics": [], "calls": [CALL]})
        self.http = TestClient(make_app(snapshot, self._end, token), base_url=url, client=(client, 50000))

    def _end(self, name: str) -> bool:
        self.ended.append(name)
        return True

    def end(self, name: str = "dragoman-1", headers: dict[str, str] | None = None) -> int:
        return self.http.post(f"/calls/{name}/end", headers=JSON | (headers or {}), content="{}").status_code


def test_calls_are_listed_and_shown() -> None:
    api = Api()
    assert api.http.get("/calls").json() == {"calls": [CALL]}
    assert api.http.get("/calls/dragoman-1").json() == CALL
    answer = api.http.get("/calls/other")
    assert (answer.status_code, answer.json()) == (404, {"error": "There is no call other."})


def test_nothing_is_told_once_the_call_process_is_silent() -> None:
    silent = TestClient(make_app(Snapshot()))
    assert silent.get("/calls").status_code == 503


def test_this_machine_may_end_a_call() -> None:
    api = Api()
    assert api.end() == 202
    assert api.end("other") == 404
    assert api.ended == ["dragoman-1"]


@pytest.mark.parametrize(
    ("api", "headers", "code"),
    [
        (Api(client="192.0.2.7"), {}, 403),
        (Api(url="http://evil.example:8090"), {}, 403),
        (Api(), {"content-type": "text/plain"}, 415),
        (Api(token="t"), {}, 401),
        (Api(token="t"), {"authorization": "Bearer x"}, 401),
    ],
)
def test_nobody_else_may(api: Api, headers: dict[str, str], code: int) -> None:
    assert api.end(headers=headers) == code
    assert api.ended == []


def test_a_token_of_any_letters_is_compared() -> None:
    api = Api(token="contraseña")
    assert api.http.get("/calls", headers={b"authorization": "Bearer ü".encode()}).status_code == 401
    assert api.http.get("/calls", headers={b"authorization": "Bearer contraseña".encode()}).status_code == 200


def test_who_has_the_token_may_from_anywhere() -> None:
    api = Api(token="t", client="192.0.2.7", url="http://dragoman.example")
    assert api.http.get("/calls").status_code == 401
    assert api.http.get("/calls", headers={"authorization": "Bearer t"}).status_code == 200
    assert api.end(headers={"authorization": "Bearer t"}) == 202


def test_the_commands_ask_a_running_service(capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    monkeypatch.setenv("DRAGOMAN_API__TOKEN", "señal")
    said: dict[str, str] = {}
    codes: dict[str, int] = {}
    calls = [CALL]

    async def service() -> None:
        link = ApiLink("127.0.0.1", 0, "señal")
        link.listen(lambda name: calls.clear() if name == CALL["name"] else None)
        url = f"http://127.0.0.1:{link.port}"

        async def tell() -> None:
            while True:
                link.send({"asterisk": True}, [], calls)
                await asyncio.sleep(0.05)

        async def command(*words: str) -> None:
            codes[words[0]] = await asyncio.to_thread(main, ["call", *words, "--url", url])
            captured = capsys.readouterr()
            said[words[0]] = captured.out + captured.err

        telling = asyncio.create_task(tell())
        try:
            async with asyncio.timeout(30):
                while codes.get("list") != 0:
                    await command("list")
                await command("show", "dragoman-1")
                await command("end", "dragoman-1")
                assert (codes["show"], codes["end"]) == (0, 0), said
                assert "dragoman-1  since 2026-01-02T03:04:05+00:00  a:en b:es  5 clauses" in said["list"]
                assert "lag p50 500 p95 900 p99 950 ms" in said["list"]
                assert "b speaks es; 1.5 s of translation" in said["show"]
                assert "dropped: 2 backlog" in said["show"]
                assert said["end"] == "dragoman-1 has ended\n"
                await command("end", "dragoman-1")
                assert (codes["end"], said["end"]) == (1, "dragoman: There is no call dragoman-1.\n")
                await command("list", "--json")
                assert json.loads(said["list"]) == []
                monkeypatch.setenv("DRAGOMAN_API__TOKEN", "wrong")
                await command("list")
                assert codes["list"] == 1
                assert "DRAGOMAN_API__TOKEN" in said["list"]
        finally:
            telling.cancel()
            link.close()

    asyncio.run(service())


def test_no_service_is_told_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["call", "list", "--url", "http://127.0.0.1:9"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("dragoman: No service answers at http://127.0.0.1:9 (")
    assert "dragoman serve" in said
    assert main(["call", "list", "--url", "127.0.0.1:9"]) == 1
    assert "--url takes an address" in capsys.readouterr().err
