"""The verbs of Asterisk's REST interface that we use, each one request: what channels and bridges are told and asked.

Knows no events. A request ends within `REQUEST_S`, and its failure is one sentence.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

import aiohttp
import aioswagger11

from controller.errors import PbxError
from controller.pbx.ari_http import Refused, refused_with

REQUEST_S: Final = 5.0
"""Seconds for one request."""

_NOT_FOUND: Final = 404


class AriRequests:
    """Requests to one Asterisk, over an aioari client that the heir connects."""

    def __init__(self, url: str) -> None:
        """`url`: Asterisk's HTTP server, such as `http://127.0.0.1:8088/`."""
        self.url = url if url.endswith("/") else url + "/"
        self._client: Any = None

    # Channels

    async def answer(self, channel_id: str) -> None:
        """Take a call."""
        await self._call("channels", "answer", channelId=channel_id)

    async def ring(self, channel_id: str) -> None:
        """Let the caller hear that it rings."""
        await self._call("channels", "ring", channelId=channel_id)

    async def hangup(self, channel_id: str, reason: str = "normal") -> None:
        """End a channel; one that has gone already is no error.

        Args:
            reason: normal, busy, congestion, no_answer, rejected, ... as ARI names them.
        """
        await self._call("channels", "hangup", gone_is_fine=True, channelId=channel_id, reason=reason)

    async def go_on(self, channel_id: str) -> None:
        """Let a channel leave the application and go on in the dialplan; one that has gone already is no error."""
        await self._call("channels", "continueInDialplan", gone_is_fine=True, channelId=channel_id)

    async def variable(self, channel_id: str, name: str) -> str:
        """A channel's variable; empty where it is not set."""
        try:
            found = await self._call("channels", "getChannelVar", channelId=channel_id, variable=name)
        except PbxError as error:
            if refused_with(error) == _NOT_FOUND:
                return ""
            raise
        return str(found["value"])

    async def set_variable(self, channel_id: str, name: str, value: str) -> None:
        """Set a channel's variable."""
        await self._call("channels", "setChannelVar", channelId=channel_id, variable=name, value=value)

    async def send_dtmf(self, channel_id: str, digits: str) -> None:
        """Press keys towards a channel's phone. They are not told as pressed, neither there nor to its bridge."""
        await self._call("channels", "sendDTMF", channelId=channel_id, dtmf=digits)

    # Bridges

    async def create_bridge(self, bridge_id: str) -> None:
        """A mixing bridge of that id."""
        await self._call("bridges", "create", bridgeId=bridge_id, type="mixing", name=bridge_id)

    async def add_channels(self, bridge_id: str, *channel_ids: str) -> None:
        """Put channels, each of them started, into a bridge."""
        await self._call("bridges", "addChannel", bridgeId=bridge_id, channel=list(channel_ids))

    async def destroy_bridge(self, bridge_id: str) -> None:
        """End a bridge; its channels stay. One that has gone already is no error."""
        await self._call("bridges", "destroy", gone_is_fine=True, bridgeId=bridge_id)

    # What there is

    async def channels(self) -> list[str]:
        """Ids of all channels in Asterisk."""
        return [one["id"] for one in await self._call("channels", "list")]

    async def bridges(self) -> list[str]:
        """Ids of all bridges in Asterisk."""
        return [one["id"] for one in await self._call("bridges", "list")]

    async def members(self, bridge_id: str) -> list[str]:
        """Ids of the channels in a bridge; none where it has gone."""
        bridge = await self._call("bridges", "get", gone_is_fine=True, bridgeId=bridge_id)
        return list(bridge["channels"]) if bridge else []

    async def version(self) -> str:
        """Asterisk's version, such as `22.10.1`."""
        return str((await self._call("asterisk", "getInfo"))["system"]["version"])

    async def modules(self) -> dict[str, bool]:
        """The modules that are loaded, without their `.so`: True for those that run."""
        listed = await self._call("asterisk", "listModules")
        return {one["name"].removesuffix(".so"): one["status"] == "Running" for one in listed}

    async def configured(self, module: str, kind: str, name: str) -> dict[str, str]:
        """An object of a module's configuration, such as res_pjsip's transport `tls`; empty where there is none."""
        found = await self._call(
            "asterisk", "getObject", gone_is_fine=True, configClass=module, objectType=kind, id=name
        )
        return {one["attribute"]: one["value"] for one in found or ()}

    # Requests

    async def _learn(self) -> None:
        """Read from Asterisk which requests it knows."""
        try:
            await self._client.init()
        except (aioswagger11.SwaggerError, ValueError, KeyError, TypeError) as error:
            raise PbxError(f"What answers at {self.url} does not speak ARI: correct the address.") from error

    async def _call(self, resource: str, operation: str, *, gone_is_fine: bool = False, **parameters: Any) -> Any:
        given = {name: value for name, value in parameters.items() if value is not None}
        try:
            async with asyncio.timeout(REQUEST_S):
                response = await getattr(getattr(self._client.swagger, resource), operation)(**given)
                text = await response.text()
        except Refused as error:
            if gone_is_fine and error.status == _NOT_FOUND:
                return None
            what = given.get("channelId") or given.get("bridgeId") or ""
            refusal = PbxError(f"Asterisk refused {resource} {operation} {what}: {error}.")
            refusal.retryable = error.status >= 500
            raise refusal from error
        except (OSError, aiohttp.ClientError, TimeoutError) as error:
            raise self._unreachable(error) from error
        return json.loads(text) if text else None

    def _unreachable(self, error: BaseException) -> PbxError:
        if isinstance(error, Refused):
            return PbxError(f"Asterisk at {self.url} refused the connection: {error}. Check ari.conf.")
        why = "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
        return PbxError(f"Asterisk at {self.url} cannot be reached ({why}): start it, or correct the address.")
