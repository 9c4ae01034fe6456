"""The ids of our channels and bridges, and which ids Asterisk can tell apart.

Knows how it compares ids when it makes a channel; knows no connection.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from controller.errors import PbxError

PREFIX: Final = "dgm."
"""Every channel and bridge of ours is `dgm.<app>-<call>.<leg>...`, so that a newly started controller of the same
application finds them."""


def check_free(channel_id: str, there: Iterable[str], making: Iterable[str] = ()) -> None:
    """Refuse an id that Asterisk would take for another channel's.

    It compares ids only as far as the new one goes: while `call.media` is there, `call` is taken. Asked for a media
    channel under a taken id, 22.10.1 dies of a segmentation fault (chan_websocket logs the failure with the name of
    a channel that there is none of), and every call in it with it.

    Args:
        there: ids of channels that exist, as far as they may begin like one of ours: those that we have made. (To ask
            Asterisk for all of them before each call would cost more than the call.)
        making: ids of channels that Asterisk is being asked for at this moment.
    Raises:
        PbxError: the id is taken, or might come out to be.
    """
    for one in there:
        if one.startswith(channel_id):
            raise PbxError(f"The channel id {channel_id} is taken by {one}: no id may be the beginning of another.")
    for one in making:  # it is not certain which of the two will be made first
        if channel_id.startswith(one):
            raise PbxError(f"The channel id {channel_id} begins with {one}: wait until that one is made.")
