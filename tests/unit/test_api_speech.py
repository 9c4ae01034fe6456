"""Speech over HTTP, on a scripted stand-in for Triton: what is refused, what streams, what ends with its client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import numpy as np
import pytest
import uvicorn
from starlette.testclient import TestClient

from controller.api.app import Snapshot, make_app
from controller.api.speaking import PROBED_S, Speaking, hand_over, take_over
from controller.api.speech import MOST_BYTES, MOST_CHARACTERS
from controller.engines.registry import EngineContext
from controller.engines.tts.pico import make
from controller.errors import EngineRejected, EngineUnavailable, SettingsError
from controller.messages import Clause, Delivery, Outcome, Span
from controller.settings import EngineSettings, TritonSettings, load
from controller.stack.wav import WAV_HEADER_BYTES, read_wav
from controller.telemetry.first_audio import KEPT, TARGET_MS, FirstAudio
from controller.virtual_time import run
from tests.fakes.fake_engines import FakeVoice
from tests.fakes.fake_triton import FakeTriton, Script

HELLO = {"text": "Hola.", "language": "es"}
CHUNKS = [np.arange(480, dtype=np.int16), np.arange(480, 720, dtype=np.int16)]
SOUND = np.concatenate(CHUNKS)
BUSY = EngineUnavailable("pico is busy: too many utterances at once", engine="pico")


def speaking(triton: FakeTriton, most: int = 4, **times: Any) -> Speaking:
    return Speaking(make(EngineContext(triton, TritonSettings(**times), {})), most)


class Api:
    """The application, asked without a network."""

    def __init__(self, *scripts: Script, client: str = "127.0.0.1", token: str = "", most: int = 4) -> None:
        self.triton = FakeTriton(*scripts or [CHUNKS])
        self.speaking = speaking(self.triton, most)
        self.snapshot = Snapshot(lambda: 0.0)
        app = make_app(self.snapshot, token=token, speaking=self.speaking)
        self.http = TestClient(app, base_url="http://127.0.0.1:8090", client=(client, 50000))

    def say(self, fields: Any = None, path: str = "/v1/speech", **more: Any) -> Any:
        return self.http.post(path, json=HELLO | more if fields is None else fields)

    def refused(self, fields: Any = None, **more: Any) -> tuple[int, str]:
        answer = self.say(fields, **more)
        assert self.triton.asked == [], "the engine must not hear of it"
        return answer.status_code, answer.json()["error"]


def test_a_text_becomes_a_wav_that_can_be_read(tmp_path: Any) -> None:
    api = Api()
    answer = api.say(speed=1.5)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/wav")
    (tmp_path / "said.wav").write_bytes(answer.content)
    assert np.array_equal(read_wav(tmp_path / "said.wav", 24_000), SOUND)
    assert answer.content[4:8] == answer.content[40:44] == b"\xff\xff\xff\xff", "nobody knew how long it would be"
    (asked,) = api.triton.asked
    assert (asked.text("TEXT"), asked.text("LANGUAGE")) == ("Hola.", "es")
    assert (asked.inputs["SAMPLE_RATE"].tolist(), asked.inputs["SPEED"].tolist()) == ([24_000], [1.5])
    assert api.speaking.active == 0


def test_a_text_becomes_bare_samples() -> None:
    answer = Api().say(format="pcm", sample_rate=16_000)
    assert answer.headers["content-type"] == "audio/pcm; rate=16000; channels=1; encoding=s16le"
    assert answer.content == SOUND.astype("<i2").tobytes()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"language": "es"}, "The field text is missing or empty"),
        ({"text": " ", "language": "es"}, "The field text is missing or empty"),
        ({"text": 3, "language": "es"}, "The field text is missing or empty"),
        ({"text": "x" * (MOST_CHARACTERS + 1), "language": "es"}, "The text has 2001 characters: 2000 are the most"),
        ({"text": "Hola."}, "The field language is missing"),
        (HELLO | {"language": "ja"}, "The voice pico does not speak 'ja'."),
        (HELLO | {"voice": "eve"}, "There is no voice 'eve': there are default."),
        (HELLO | {"voice": None}, "The field voice is missing or empty"),
        (HELLO | {"speed": 3}, "The speed is 3: give a number from 0.5 to 2.0."),
        (HELLO | {"speed": True}, "The speed is true: give a number"),
        (HELLO | {"format": "mp3"}, 'The field format is "mp3": it may be wav or pcm.'),
        (HELLO | {"sample_rate": 8000}, "The field sample_rate is 8000: it may be 16000 or 24000."),
        (HELLO | {"sample_rate": [16000]}, "The field sample_rate is [16000]: it may be"),
        (HELLO | {"pitch": 1}, "There is no field 'pitch': there are text, language, voice, speed, sample_rate and"),
        ([1], "This takes a JSON object"),
    ],
)
def test_what_cannot_be_said_is_told_in_a_sentence(fields: Any, said: str) -> None:
    code, sentence = Api().refused(fields)
    assert code == 400
    assert said in sentence


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (b"{", 400, "not JSON"),
        (b"\xff", 400, "not JSON"),
        (b"[" * 60_000, 400, "not JSON"),
        (b'{"text": "\\ud800", "language": "es"}', 400, "half a character"),
        (b'{"text": "a", "language": "es", "speed": NaN}', 400, "The speed is no number"),
        (b" " * (MOST_BYTES + 1), 413, "give less text"),
    ],
)
def test_what_is_no_request_is_told_in_a_sentence(body: bytes, code: int, said: str) -> None:
    api = Api()
    answer = api.http.post("/v1/speech", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == code
    assert said in answer.json()["error"]
    assert api.triton.asked == []


@pytest.mark.parametrize("path", ["/v1/speech", "/v1/speech/warm"])
def test_speech_costs_something_and_is_not_for_anyone(path: str) -> None:
    stranger = Api(client="192.0.2.7")
    answer = stranger.say(path=path)
    assert answer.status_code == 403
    assert "from the service's own machine, or with its api.token" in answer.json()["error"]
    assert Api(token="t").say(path=path).status_code == 401
    plain = Api().http.post(path, content=json.dumps(HELLO), headers={"content-type": "text/plain; application/json"})
    assert plain.status_code == 415
    known = Api(token="t", client="192.0.2.7")
    known.http.headers["authorization"] = "Bearer t"
    assert known.say().status_code == 200
    assert Api(token="t").http.get("/v1/speech/health").status_code == 401


@pytest.mark.parametrize(
    ("script", "code", "said"),
    [
        ([BUSY], 503, "pico is busy"),
        ([EngineRejected("xtts_v2 refused the request: text in 'ja' needs cutlet", engine="x")], 422, "needs cutlet"),
        ([], 422, "nothing to say"),
    ],
)
def test_an_engine_that_does_not_begin_is_no_success(script: Any, code: int, said: str) -> None:
    api = Api(script)
    answer = api.say()
    assert answer.status_code == code
    assert said in answer.json()["error"]
    assert answer.headers.get("retry-after") == ("1" if code == 503 else None)
    assert api.speaking.active == 0


def test_an_engine_of_calls_alone_says_so() -> None:
    http = TestClient(
        make_app(Snapshot(), speaking=Speaking(FakeVoice(), 4)), base_url="http://localhost", client=("::1", 5)
    )
    answer = http.post("/v1/speech", json=HELLO)
    assert answer.status_code == 422
    assert "fake-tts speaks in calls only" in answer.json()["error"]
    assert http.get("/v1/speech/health").json()["voices"] == []


def test_nothing_speaks_where_nothing_is_to() -> None:
    assert TestClient(make_app(Snapshot())).post("/v1/speech", json=HELLO).status_code == 404


def test_a_voice_is_made_ready() -> None:
    api = Api()
    answer = api.say({"language": "es"}, path="/v1/speech/warm")
    assert (answer.status_code, answer.json()["warm"]) == (200, "default")
    assert api.triton.asked[0].text("TEXT") == "1."
    assert api.triton.cancelled == 1, "the first sound is enough"
    assert api.speaking.active == 0
    assert api.say({"language": "es", "text": "x"}, path="/v1/speech/warm").status_code == 400
    assert api.say({"language": "ja"}, path="/v1/speech/warm").status_code == 400


def test_health_tells_the_engine_and_how_soon_it_speaks() -> None:
    api = Api()
    calls = FirstAudio()
    for value in (100.0, 200.0, 301.0, 1000.0):
        calls.add(value)
    api.snapshot.update({"ready": {}, "metrics": [], "calls": [], "first_audio": calls.told()})
    api.say()
    body = api.http.get("/v1/speech/health").json()
    assert (body["engine"], body["works"], body["trouble"]) == ("pico", True, None)
    assert (body["voices"], body["speaking"], body["most"], body["target_ms"]) == (["default"], 0, 4, TARGET_MS)
    first = body["first_audio_ms"]
    assert first["requests"]["n"] == 1
    assert {"p50", "p95", "p99", "max"} <= set(first["requests"])
    assert (first["calls"]["n"], first["calls"]["p50"], first["calls"]["over_target"]) == (4, 250.5, 0.5)


def test_health_of_an_engine_that_does_not_work() -> None:
    api = Api()

    async def probe(model: str, **times: Any) -> None:
        raise BUSY

    api.triton.probe = probe  # type: ignore[method-assign]
    answer = api.http.get("/v1/speech/health")
    assert (answer.status_code, answer.json()["works"], answer.json()["trouble"]) == (503, False, str(BUSY))
    assert answer.json()["first_audio_ms"]["calls"]["n"] == 0


def test_however_many_ask_for_health_the_engine_is_asked_once() -> None:
    probes = 0
    now = [0.0]

    class Counting(FakeVoice):
        async def probe(self) -> None:
            nonlocal probes
            probes += 1
            await asyncio.sleep(1)

    async def main() -> None:
        one = Speaking(Counting(), 1, lambda: now[0])
        assert await asyncio.gather(*(one.trouble() for _ in range(20))) == [None] * 20
        assert await one.trouble() is None
        assert probes == 1
        now[0] += PROBED_S
        await one.trouble()
        assert probes == 2

    run(main())


def test_only_the_latest_values_count() -> None:
    first = FirstAudio()
    for value in [10_000.0] * 10 + [100.0] * KEPT:
        first.add(value)
    assert (first.told()["max"], first.told()["n"], first.told()["over_target"]) == (100.0, KEPT, 0.0)
    clause = Clause("a-1", "a", "x", Span(0, 1), "en")
    for stages in ({"tts_first": 400.0}, {}):
        first.delivered("c", Delivery(clause, "b", "es", Outcome.PLAYED, None, "x", 2.0, 3.0, None, stages))
    assert first.told()["max"] == 400.0


# On a real connection


class Server:
    """Clients of a server, all of which are closed at its end."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._writers: list[asyncio.StreamWriter] = []

    async def asked(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection on which speech was asked for."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._writers.append(writer)
        body = json.dumps(HELLO).encode()
        writer.write(
            b"POST /v1/speech HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%s" % (len(body), body)
        )
        return reader, writer

    async def close(self) -> None:
        for writer in self._writers:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@asynccontextmanager
async def served(one: Speaking) -> AsyncIterator[Server]:
    config = uvicorn.Config(make_app(Snapshot(), speaking=one), port=0, log_level="critical", lifespan="off")
    uvicorn_server = uvicorn.Server(config)
    task = asyncio.create_task(uvicorn_server.serve())
    await until(lambda: uvicorn_server.started)
    server = Server(uvicorn_server.servers[0].sockets[0].getsockname()[1])
    try:
        yield server
    finally:
        await server.close()
        uvicorn_server.should_exit = True
        await task


async def until(holds: Any) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("script", [[60.0], [CHUNKS[0], 60.0]], ids=["before the first sound", "after it"])
def test_who_goes_away_is_spoken_for_no_longer_and_another_has_their_place(script: Any) -> None:
    async def main() -> None:
        triton = FakeTriton(script, CHUNKS)
        one = speaking(triton, 1, first_chunk_s=60, gap_s=60)
        async with served(one) as server:
            reader, writer = await server.asked()
            if script != [60.0]:
                assert await reader.readuntil(b"\r\n\r\n"), "it streams: the rest does not come for a minute"
            await until(lambda: one.active == 1 and triton.asked)
            full, _ = await server.asked()
            assert b" 503 " in await full.readline()
            writer.close()
            await until(lambda: one.active == 0)
            assert triton.cancelled == 1
            served_now, _ = await server.asked()
            assert b" 200 " in await served_now.readline()

    asyncio.run(main())


def test_a_voice_that_breaks_off_ends_the_connection_without_an_end() -> None:
    async def main() -> None:
        one = speaking(FakeTriton([CHUNKS[0], BUSY]))
        async with served(one) as server:
            reader, _ = await server.asked()
            heard = await reader.read()
            assert heard.startswith(b"HTTP/1.1 200 ")
            assert len(heard) > WAV_HEADER_BYTES + CHUNKS[0].nbytes
            assert not heard.endswith(b"0\r\n\r\n"), "that would be the end of a whole answer"
            assert one.active == 0

    asyncio.run(main())


# From the call process to the API's


def test_the_api_process_is_told_what_it_needs_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGOMAN_ASTERISK__PASSWORD", "s3cret")
    monkeypatch.setenv("DRAGOMAN_TRITON__GRPC", "127.0.0.1:9")
    settings = load(engines={"options": {"whisper": {"key": "s3cret"}}}, api={"speeches": 2})
    told = hand_over(settings)
    assert "s3cret" not in told

    async def main() -> Speaking:
        return take_over(told)

    one = asyncio.run(main())
    assert (one.engine.name, one.most) == ("pico", 2)
    (member,) = one.engine.members  # type: ignore[attr-defined]
    assert member.engine._deadlines == settings.triton.patient()
    assert hand_over(load(api={"speeches": 0})) == ""
    wrong = settings.model_copy(update={"engines": EngineSettings(options={"pico": {"pitch": 1}})})
    with pytest.raises(SettingsError, match="pico has no options"):
        asyncio.run(_made(hand_over(wrong)))


async def _made(told: str) -> Speaking:
    return take_over(told)
