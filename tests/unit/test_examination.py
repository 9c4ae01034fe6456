"""What `dragoman doctor --asterisk` finds, against a small ARI that lacks one thing each time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from controller.cli import main
from controller.pbx.examination import Finding, examine
from controller.settings import AsteriskSettings
from tests.certificates import certificate
from tests.fakes.small_ari import SmallAri, small_ari
from tests.tls_server import tls_server

WHOLE = [
    "app_stasis",
    "bridge_simple",
    "chan_audiosocket",
    "chan_pjsip",
    "chan_websocket",
    "codec_alaw",
    "codec_g722",
    "codec_resample",
    "codec_ulaw",
    "res_ari_bridges",
    "res_ari_channels",
    "res_ari_events",
    "res_pjsip_sdp_rtp",
    "res_rtp_asterisk",
    "res_stasis_answer",
    "res_timing_timerfd",
    "res_srtp",
]
INFO, MODULES, MEDIA = "/ari/asterisk/info", "/ari/asterisk/modules", "/ari/channels/externalMedia"
TLS = "/ari/asterisk/config/dynamic/res_pjsip/transport/tls"


def settings(url: str, **more: Any) -> AsteriskSettings:
    return AsteriskSettings(url=url, password="p", **more)  # type: ignore[arg-type]


def has(server: SmallAri, version: str = "22.10.1", without: str = "", declined: str = "") -> None:
    """Let it have all that is needed but one module."""
    server.answers["GET", INFO] = (200, {"system": {"version": version}})
    server.answers["GET", MODULES] = (
        200,
        [
            {"name": f"{one}.so", "status": "Not Running" if one == declined else "Running"}
            for one in WHOLE
            if one != without
        ],
    )


def found(prepare: Callable[[SmallAri], None], **more: Any) -> list[Finding]:
    async def main() -> list[Finding]:
        async with small_ari() as (server, url):
            prepare(server)
            return await examine(settings(url, **more))

    return asyncio.run(asyncio.wait_for(main(), 30))


def wrong(findings: list[Finding]) -> list[str]:
    return [f"{one.what}: {one.advice}" for one in findings if not one.good]


def test_a_chan_websocket_that_is_too_old() -> None:
    (only,) = wrong(found(lambda server: has(server, version="22.7.0")))
    assert only.startswith("version 22.7.0: ") and "22.8" in only
    assert wrong(found(lambda server: has(server, version="23.0.0")))[0].startswith("media over websocket"), (
        "new enough"
    )


@pytest.mark.parametrize("module", ["chan_websocket", "codec_resample", "chan_pjsip", "app_stasis"])
def test_a_module_that_is_missing_is_named_with_the_line_that_brings_it(module: str) -> None:
    (only,) = wrong(found(lambda server: has(server, without=module)))
    assert only.startswith(f"{module} is missing") and f"load = {module}.so" in only


def test_what_carries_the_audio_is_what_the_settings_say() -> None:
    (only,) = wrong(found(lambda server: has(server, without="chan_audiosocket"), media="audiosocket"))
    assert only.startswith("chan_audiosocket is missing")


def test_a_module_that_was_declined() -> None:
    (only,) = wrong(found(lambda server: has(server, declined="res_rtp_asterisk")))
    assert only.startswith("res_rtp_asterisk does not run")


def test_an_asterisk_without_a_clock() -> None:
    (only,) = wrong(found(lambda server: has(server, without="res_timing_timerfd")))
    assert "res_timing_timerfd" in only


def test_a_user_who_may_only_look() -> None:
    def prepare(server: SmallAri) -> None:
        has(server)
        server.answers["POST", MEDIA] = (403, {"message": "Forbidden"})

    (only,) = wrong(found(prepare))
    assert "read_only = no" in only


def test_media_that_asterisk_refuses_is_told_in_its_words() -> None:
    def prepare(server: SmallAri) -> None:
        has(server)
        server.answers["POST", MEDIA] = (500, {"message": "Allocation failed"})

    (only,) = wrong(found(prepare))
    assert only.startswith("media over websocket") and "Allocation failed" in only


@pytest.mark.parametrize(("days", "seen"), [(-1, "has expired"), (3, "expires in 3 days"), (60, "")])
def test_the_certificate_of_phones_over_tls(days: int, seen: str, tmp_path: Path) -> None:
    async def main() -> list[Finding]:
        async with tls_server(certificate(tmp_path, days=days)) as port, small_ari() as (server, url):
            has(server, without="chan_websocket")  # what else is wrong does not matter here
            server.answers["GET", TLS] = (
                200,
                [
                    {"attribute": "bind", "value": f"0.0.0.0:{port}"},
                    {"attribute": "cert_file", "value": "/etc/c.pem"},
                ],
            )
            return await examine(settings(url))

    last = asyncio.run(asyncio.wait_for(main(), 30))[-1]
    assert last.what.startswith("the certificate")
    assert last.good is not bool(seen)
    if seen:
        assert seen in last.advice and "/etc/c.pem" in last.advice


def test_who_is_refused_is_told_what_ari_conf_needs() -> None:
    async def main() -> list[Finding]:
        async def refuse(request: web.Request) -> web.Response:
            return web.json_response({"message": "Authentication required"}, status=401)

        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", refuse)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            return await examine(settings(f"http://127.0.0.1:{runner.addresses[0][1]}", user="interpreter"))
        finally:
            await runner.cleanup()

    (only,) = wrong(asyncio.run(asyncio.wait_for(main(), 30)))
    assert "[interpreter]" in only and "DRAGOMAN_ASTERISK__PASSWORD" in only


def test_something_else_at_the_address() -> None:
    def prepare(server: SmallAri) -> None:
        server.documented = False

    (only,) = wrong(found(prepare))
    assert "does not speak ARI" in only


def test_the_command_tells_it_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DRAGOMAN_ASTERISK__URL", raising=False)
    file = tmp_path / "dragoman.toml"
    file.write_text('[asterisk]\nurl = "http://127.0.0.1:9"\n')
    assert main(["doctor", "--asterisk", "--config", str(file)]) == 1
    said = capsys.readouterr().out
    assert "WRONG ARI at http://127.0.0.1:9" in said and "cannot be reached" in said
    assert "1 things are to be changed" in said
