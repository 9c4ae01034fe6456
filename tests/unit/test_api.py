"""Health and metrics: what the API says is what the call process last said, and no longer than it is fresh."""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request
from http.client import HTTPResponse
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from controller.api.app import STALE_S, Snapshot, make_app
from controller.api.link import ApiLink
from controller.errors import SettingsError
from controller.telemetry.metrics import MS_BUCKETS, Registry

CALL = {
    "name": "dragoman-1",
    "since": "2026-01-02T03:04:05+00:00",
    "parties": [{"leg": "a", "language": "en"}, {"leg": "b", "language": "es"}],
    "clauses": 5,
    "deliveries": {"opened": 5, "played": 3, "dropped": {"backlog": 2}},
    "lag_ms": {"p50": 500.0, "p95": 900.0, "p99": 950.0, "max": 960.0, "n": 3},
    "backlog_s": {"a": 0.0, "b": 1.5},
    "bypassed": ["b"],
    "frames": {"arrived": 1000, "dropped": 1},
    "ticks_late": 2,
}


def registry() -> Registry:
    metrics = Registry()
    metrics.gauge("dragoman_calls", "Calls").set(3)
    metrics.counter("dragoman_things_total", "Things", "kind").add("odd", amount=2)
    lag = metrics.histogram("dragoman_lag_ms", "Lag", "language")
    for value in (0.5, 150, 300, 301, 99999):
        lag.observe(value, "es")
    return metrics


def test_metrics_are_valid_prometheus_text_by_value() -> None:
    now = [100.0]
    snapshot = Snapshot(lambda: now[0])
    snapshot.update({"ready": {}, "metrics": json.loads(json.dumps(registry().snapshot())), "calls": []})
    now[0] += 7
    text = TestClient(make_app(snapshot)).get("/metrics").text
    samples = {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["dragoman_calls", ()] == 3
    assert samples["dragoman_snapshot_age_seconds", ()] == 7, "who hangs tells nothing new, and this tells of it"
    assert samples["dragoman_things_total", ("odd",)] == 2
    assert samples["dragoman_lag_ms_bucket", ("es", "300.0")] == 3, "a bound belongs to its bucket"
    assert samples["dragoman_lag_ms_bucket", ("es", "500.0")] == 4
    assert samples["dragoman_lag_ms_count", ("es",)] == 5
    assert samples["dragoman_lag_ms_sum", ("es",)] == pytest.approx(0.5 + 150 + 300 + 301 + 99999)
    assert list(MS_BUCKETS) == sorted(MS_BUCKETS)


def test_health_follows_the_snapshot_and_its_age() -> None:
    now = [100.0]
    snapshot = Snapshot(lambda: now[0])
    client = TestClient(make_app(snapshot))
    assert client.get("/livez").status_code == 503, "nothing was heard yet"
    snapshot.update({"ready": {"asterisk": True, "stt": False}, "metrics": [], "calls": []})
    assert client.get("/livez").status_code == 200
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"] == {"asterisk": True, "stt": False}
    snapshot.update({"ready": {"asterisk": True, "stt": True}, "metrics": [], "calls": []})
    assert client.get("/readyz").status_code == 200
    now[0] += STALE_S + 0.1
    assert client.get("/livez").status_code == 503
    assert client.get("/readyz").status_code == 503


def test_it_runs_in_a_process_of_its_own_and_ends_with_ours() -> None:
    link = ApiLink("127.0.0.1", 0)
    try:
        answer = _get(link, "/readyz")
        assert json.load(answer) == {"ready": True, "draining": False, "parts": {"asterisk": True}}
    finally:
        link.close()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"http://127.0.0.1:{link.port}/livez", timeout=2)


def _get(link: ApiLink, path: str) -> HTTPResponse:
    deadline = time.monotonic() + 20
    while True:
        link.send({"asterisk": True}, [], [CALL])
        try:
            answer: HTTPResponse = urllib.request.urlopen(f"http://127.0.0.1:{link.port}{path}", timeout=2)
        except urllib.error.HTTPError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return answer


def test_a_snapshot_of_any_size_is_sent_or_refused_and_never_a_fault(caplog: pytest.LogCaptureFixture) -> None:
    link = ApiLink("127.0.0.1", 0)
    try:
        assert link.send({}, [], [CALL] * 5000)
        assert "no more than" in caplog.text
        assert not link.send({}, [{"name": "x" * (4 << 20)}], [])
        assert not link.send({}, [{"name": "x" * (4 << 20)}], [])
        assert caplog.text.count("cannot be told") == 1
    finally:
        link.close()


def test_a_proxys_word_for_a_client_counts_for_nothing_and_no_secret_is_passed_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DRAGOMAN_ASTERISK__PASSWORD", "s3cret")
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    link = ApiLink("127.0.0.1", 0)
    try:
        _get(link, "/readyz")
        assert b"s3cret" not in Path(f"/proc/{link._process.pid}/environ").read_bytes()
        request = urllib.request.Request(
            f"http://127.0.0.1:{link.port}/calls/{CALL['name']}/end",
            b"{}",
            {"Content-Type": "application/json", "X-Forwarded-For": "192.0.2.7"},
        )
        with urllib.request.urlopen(request, timeout=2) as answer:
            assert answer.status == 202, "it is us, whatever it says"
    finally:
        link.close()


def test_a_port_in_use_is_told_in_a_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"127\.0\.0\.1:{port}.*DRAGOMAN_API__PORT"):
            ApiLink("127.0.0.1", port)


@pytest.mark.parametrize("token", ["", "t"])
def test_a_service_on_its_way_out_takes_no_new_work_and_can_be_watched(token: str) -> None:
    snapshot = Snapshot(lambda: 0.0)
    ended: list[str] = []

    def end(name: str) -> bool:
        ended.append(name)
        return True

    client = TestClient(
        make_app(snapshot, end, token),
        base_url="http://127.0.0.1:8090",
        client=("127.0.0.1", 50000),
        headers={"authorization": "Bearer t"},
    )
    body = {"ready": {"asterisk": True}, "metrics": [], "calls": [CALL]}
    snapshot.update({**body, "draining": False})
    assert client.get("/readyz").status_code == 200
    assert client.post("/v1/speech", json={}).status_code == 404, "this one has no speech"
    snapshot.update({**body, "draining": True})
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["draining"]) == (503, True)
    answer = client.post("/v1/speech", json={})
    assert answer.status_code == 503
    assert "stopping" in answer.json()["error"]
    assert client.get("/livez").status_code == 200, "or it would be killed"
    assert client.get("/calls").status_code == 200
    assert client.post(f"/calls/{CALL['name']}/end", json={}).status_code == 202
    assert ended == [CALL["name"]]
    for request in (client.post("/v1/voices/ada/consent/revoke", json={}), client.delete("/v1/voices/ada")):
        assert request.status_code == 404, "asked for as ever: this one keeps no voices"
