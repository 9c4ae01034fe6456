"""What Asterisk tells the application, as types; anything else that it says is left out.

Knows the JSON of ARI's events; knows no connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class CallStarted:
    """A channel has entered the application (StasisStart)."""

    channel_id: str
    name: str
    """Such as `PJSIP/phone-00000001`."""
    caller: str
    """The caller's number; empty when unknown."""
    extension: str
    """The number that was dialled."""
    args: tuple[str, ...]
    """The dialplan's arguments."""

    @property
    def options(self) -> dict[str, str]:
        """The arguments of the form `key=value`."""
        return {key: value for key, equals, value in (one.partition("=") for one in self.args) if equals}


@dataclass(frozen=True, slots=True)
class ChannelEnded:
    """A channel has left: hung up, destroyed, or never answered. It comes once a channel."""

    channel_id: str
    cause: int | None
    """Q.850 cause (16 normal, 17 busy, 19 no answer, 21 rejected), where Asterisk tells it."""
    reason: str


@dataclass(frozen=True, slots=True)
class Replaced:
    """A phone has handed its call over (an attended transfer): another channel stands where its own stood."""

    channel_id: str
    """The one that leaves; that it ends is told, too."""
    by: str


@dataclass(frozen=True, slots=True)
class Dtmf:
    """A key was pressed."""

    channel_id: str
    digit: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Held:
    """A phone has put its call on hold, with music asked for or without, or has taken it up again."""

    channel_id: str
    on: bool


@dataclass(frozen=True, slots=True)
class Lost:
    """No events arrive any more. Calls in Asterisk go on."""

    reason: str


@dataclass(frozen=True, slots=True)
class Reconnected:
    """Events arrive again; what happened between is not told. These exist now: compare."""

    channels: tuple[str, ...]
    bridges: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ApplicationReplaced:
    """Another program has subscribed the same application. Seen by the client, not by handlers."""


Event = CallStarted | ChannelEnded | Dtmf | Held | Lost | Reconnected | Replaced


def parse(message: dict[str, Any]) -> Event | ApplicationReplaced | None:
    """The event in a message from Asterisk, or None where it is none of ours or lacks what one needs."""
    kind = message.get("type")
    if kind == "ApplicationReplaced":
        return ApplicationReplaced()
    channel = message.get("channel")
    if not isinstance(channel, dict) or not isinstance(channel.get("id"), str):
        return None
    channel_id = channel["id"]
    cause = message.get("cause") if isinstance(message.get("cause"), int) else None
    match kind:
        case "StasisStart":
            replaced = message.get("replace_channel")
            if isinstance(replaced, dict) and isinstance(replaced.get("id"), str):
                return Replaced(replaced["id"], channel_id)
            caller, dialplan = channel.get("caller") or {}, channel.get("dialplan") or {}
            return CallStarted(
                channel_id,
                str(channel.get("name", "")),
                str(caller.get("number", "")),
                str(dialplan.get("exten", "")),
                tuple(str(one) for one in message.get("args") or ()),
            )
        case "StasisEnd":
            return ChannelEnded(channel_id, None, "left the application")
        case "ChannelDestroyed":
            return ChannelEnded(channel_id, cause, str(message.get("cause_txt") or "destroyed"))
        case "ChannelHold" | "ChannelUnhold":
            return Held(channel_id, kind == "ChannelHold")
        case "ChannelDtmfReceived":
            duration = message.get("duration_ms")
            return Dtmf(channel_id, str(message.get("digit", "")), duration if isinstance(duration, int) else 0)
    return None
