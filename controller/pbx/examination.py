"""Whether a running Asterisk has what an interpreted call needs, asked over ARI; and what to change where it has not.

Looks, and makes one media channel that it takes away again; changes nothing. Knows no files of Asterisk's.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Final

import aioari
import aiohttp

from controller.errors import DragomanError, PbxError
from controller.pbx import certificate
from controller.pbx.ari import AriClient
from controller.pbx.ari_events import Event
from controller.pbx.ari_http import AriHttp, Refused, refused_with
from controller.pbx.ari_ids import PREFIX
from controller.pbx.ari_requests import REQUEST_S, AriRequests
from controller.pbx.audiosocket import AudioSocketServer
from controller.pbx.media import open_media
from controller.pbx.party import OpenMedia
from controller.settings import AsteriskSettings

APPLICATION: Final = "dragoman-doctor"
"""Ours alone: a service that is up keeps its own."""

OLDEST: Final = (22, 8)
"""The first Asterisk whose chan_websocket has marks and JSON."""

_NEEDED: Final = {
    "app_stasis": "hands calls over",
    "bridge_simple": "joins a leg and its audio",
    "chan_pjsip": "speaks SIP",
    "res_ari_bridges": "steers bridges",
    "res_ari_channels": "steers channels",
    "res_ari_events": "tells what happens",
    "res_pjsip_sdp_rtp": "agrees upon codecs",
    "res_rtp_asterisk": "carries the phones' audio",
    "res_stasis_answer": "answers calls",
    "codec_alaw": "serves G.711 phones",
    "codec_g722": "serves wideband phones",
    "codec_resample": "takes the 8 kHz of phones to the 16 kHz of ours",
    "codec_ulaw": "serves G.711 phones",
}
_MEDIA: Final = {"websocket": "chan_websocket", "audiosocket": "chan_audiosocket"}
_TIMING: Final = "res_timing_"
_NOT_FOUND: Final = 404
_FORBIDDEN: Final = 403


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    """What was seen, a few words."""

    advice: str = ""
    """What to change, a sentence; empty where all is well."""

    @property
    def good(self) -> bool:
        return not self.advice


async def examine(settings: AsteriskSettings) -> list[Finding]:
    """Look at everything that can be seen; where Asterisk cannot be asked, that is the only finding."""
    async with AsyncExitStack() as lives:
        try:
            asked = await _Asking.connect(settings, lives)
            found = [_version(await asked.version(), settings.media)]
            modules = await asked.modules()
        except PbxError as error:
            return [Finding(f"ARI at {settings.url}", _why_not(error, settings))]
        found += _modules(modules, settings.media)
        if all(one.good for one in found):
            found.append(await _media(settings))
        found += await _tls(asked, modules)
    return found


class _Asking(AriRequests):
    """Requests alone: what would answer them need not be able to tell events."""

    @classmethod
    async def connect(cls, settings: AsteriskSettings, lives: AsyncExitStack) -> _Asking:
        self = cls(settings.url)
        http = AriHttp(self.url, settings.user, settings.password.get_secret_value())
        lives.push_async_callback(http.close)
        try:
            async with asyncio.timeout(REQUEST_S):
                self._client = aioari.Client(self.url, http)
                await self._learn()
        except (Refused, OSError, aiohttp.ClientError, TimeoutError) as error:
            raise self._unreachable(error) from error
        return self


def _why_not(error: PbxError, settings: AsteriskSettings) -> str:
    if refused_with(error) == 401:
        return (
            f"It refuses the user {settings.user}: ari.conf needs a section [{settings.user}] with the password that "
            "asterisk.password (DRAGOMAN_ASTERISK__PASSWORD) says."
        )
    if refused_with(error) == _NOT_FOUND:
        return "It answers and has no ARI: load res_ari and res_ari_asterisk, and set enabled = yes in ari.conf."
    return str(error)


def _version(version: str, media: str) -> Finding:
    numbers = tuple(int(one) for one in re.findall(r"\d+", version)[:2])
    if media == "websocket" and numbers < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        return Finding(f"version {version}", f"Its chan_websocket is too old: install Asterisk {oldest} or newer.")
    return Finding(f"version {version}")


def _modules(modules: Mapping[str, bool], media: str) -> list[Finding]:
    """
    Args:
        modules: those that are loaded, without their `.so`; True for those that run.
    """
    carrier = {_MEDIA[media]: f"carries the audio to us (asterisk.media = {media})"}
    found = _lacking({**_NEEDED, **carrier}, modules)
    if not any(name.startswith(_TIMING) and runs for name, runs in modules.items()):
        found.append(Finding("there is no clock", "Nothing paces its channels: write load = res_timing_timerfd.so."))
    return found or [Finding(f"{len(modules)} modules, those that are needed among them")]


def _lacking(needed: Mapping[str, str], modules: Mapping[str, bool]) -> list[Finding]:
    """
    Args:
        needed: what each is good for, as the rest of a sentence about it.
    """
    found = []
    for name, why in needed.items():
        if name not in modules:
            found.append(Finding(f"{name} is missing", f"It {why}: write load = {name}.so in modules.conf."))
        elif not modules[name]:
            found.append(Finding(f"{name} does not run", "It was declined: its reason is in Asterisk's log."))
    return found


async def _media(settings: AsteriskSettings) -> Finding:
    """Open a media channel as a call does, under an application of our own."""
    what = f"media over {settings.media}"

    async def ignore(event: Event) -> None:
        """Only the channel's own start is of interest, and that is awaited."""

    try:
        async with AsyncExitStack() as lives:
            ari = await AriClient.connect(
                settings.url, settings.user, settings.password.get_secret_value(), APPLICATION, ignore
            )
            lives.push_async_callback(ari.close)
            channel_id = f"{PREFIX}{APPLICATION}-{secrets.token_hex(4)}"
            opened = await (await _opener(settings, ari, lives))(
                channel_id, on_frame=lambda pcm: None, on_event=lambda event: None, on_closed=lambda reason: None
            )
            await opened.close()
            await ari.hangup(channel_id)
    except DragomanError as error:
        if isinstance(error, PbxError) and refused_with(error) == _FORBIDDEN:
            return Finding(what, f"The user {settings.user} may only look: set read_only = no in ari.conf.")
        return Finding(what, f"No media channel could be opened: {error}")
    return Finding(f"{what} works")


async def _opener(settings: AsteriskSettings, ari: AriClient, lives: AsyncExitStack) -> OpenMedia:
    if settings.media == "websocket":
        return partial(open_media, ari)
    server = AudioSocketServer(ari)
    await server.start(settings.audiosocket_host, 0)  # the service's own port may be in use: by the service
    lives.push_async_callback(server.close)
    return server.open


async def _tls(asked: _Asking, modules: Mapping[str, bool]) -> list[Finding]:
    """Of the transport `tls`, where the PBX has one."""
    transport = await asked.configured("res_pjsip", "transport", "tls")
    if not transport:
        return []
    found = _lacking({"res_srtp": "encrypts secure phones' audio"}, modules)
    host, _, port = transport.get("bind", "").rpartition(":")
    host = host.strip("[]")
    trouble = await asyncio.to_thread(
        certificate.trouble, "127.0.0.1" if host in ("0.0.0.0", "::", "") else host, int(port or 5061)
    )
    if trouble is None:
        return [*found, Finding("the certificate of SIP over TLS is good")]
    advice = f"It {trouble}: renew {transport.get('cert_file', 'it')} and restart Asterisk once nobody calls."
    return [*found, Finding("the certificate of SIP over TLS", advice)]
