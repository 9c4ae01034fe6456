"""Speech from the API's own process, which asks the real Triton: understood, streamed, given up, told."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from controller.api.link import ApiLink
from controller.api.speaking import hand_over
from controller.cli import main
from controller.settings import load
from controller.stack.triton import TritonServer
from controller.stack.wav import WAV_HEADER_BYTES, read_wav
from controller.telemetry.first_audio import FirstAudio
from controller.triton.contracts import recognise
from tests.integration.asking import ask, metric, until, word_errors

TEXT = "Please enter the number of your party, followed by the pound key."


@pytest.fixture(scope="module")
def api(triton: TritonServer) -> Iterator[ApiLink]:
    link = ApiLink("127.0.0.1", 0, speech=hand_over(load(triton={"grpc": triton.addresses.grpc}, api={"speeches": 2})))
    try:
        due = time.monotonic() + 30
        while True:
            assert time.monotonic() < due
            link.send({"asterisk": True}, [], [], FirstAudio().told())
            try:
                if post(link, "/v1/speech/warm", language="en")[0] == 200:
                    break
            except ConnectionError:
                time.sleep(0.05)
        yield link
    finally:
        link.close()


def post(link: ApiLink, path: str = "/v1/speech", **fields: Any) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", link.port, timeout=30)
    try:
        connection.request("POST", path, json.dumps(fields), {"content-type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_what_it_says_is_understood(api: ApiLink, triton: TritonServer, tmp_path: Path) -> None:
    code, wav = post(api, text=TEXT, language="en")
    assert code == 200
    (tmp_path / "said.wav").write_bytes(wav)
    heard = ask(triton, lambda client: recognise(client, read_wav(tmp_path / "said.wav", 16_000), "en"))
    wrong, words = word_errors(TEXT, heard.text)
    assert wrong <= 0.3 * words, heard.text


def test_bare_samples_are_the_wavs(api: ApiLink) -> None:
    _, wav = post(api, text=TEXT, language="en", sample_rate=16_000)
    code, pcm = post(api, text=TEXT, language="en", sample_rate=16_000, format="pcm")
    assert code == 200
    assert np.array_equal(np.frombuffer(wav[WAV_HEADER_BYTES:], "<i2"), np.frombuffer(pcm, "<i2"))


def test_what_cannot_be_said_is_refused(api: ApiLink) -> None:
    for fields, code in (({"language": "xx"}, 400), ({"language": "en", "text": "..."}, 422)):
        status, said = post(api, **({"text": TEXT} | fields))
        assert status == code
        assert json.loads(said)["error"]


def test_a_client_that_goes_away_stops_the_engine_and_leaves_its_place(api: ApiLink, triton: TritonServer) -> None:
    cancelled = metric(triton, "dragoman_pico_cancelled_total")
    text = json.dumps({"text": "This is a sentence that nobody will ever hear. " * 40, "language": "en"})
    for _ in range(3):  # more than there are places: none is lost
        connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=30)
        connection.request("POST", "/v1/speech", text, {"content-type": "application/json"})
        assert connection.getresponse().status == 200
        connection.close()
    until("the model is told", lambda: metric(triton, "dragoman_pico_cancelled_total") > cancelled)
    until("nothing is under way", lambda: metric(triton, "dragoman_pico_utterances") == 0)
    until("every place is free", lambda: health(api)["speaking"] == 0)
    assert post(api, text=TEXT, language="en")[0] == 200


def health(api: ApiLink) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=30)
    try:
        connection.request("GET", "/v1/speech/health")
        body: dict[str, Any] = json.load(connection.getresponse())
        return body
    finally:
        connection.close()


def test_health_counts_what_was_said(api: ApiLink) -> None:
    body = health(api)
    assert (body["engine"], body["works"], body["most"]) == ("pico", True, 2)
    assert body["first_audio_ms"]["requests"]["n"] >= 1
    assert body["first_audio_ms"]["calls"]["n"] == 0


def test_the_command_says_it_by_the_service_and_by_triton(
    api: ApiLink, triton: TritonServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service, direct = tmp_path / "service.wav", tmp_path / "direct.wav"
    assert main(["say", TEXT, "--out", str(service), "--url", f"http://127.0.0.1:{api.port}"]) == 0
    assert main(["say", TEXT, "--out", str(direct), "--triton", triton.addresses.grpc]) == 0
    assert service.read_bytes() == direct.read_bytes()
    assert capsys.readouterr().err.count("first audio after") == 2
