"""A room: everyone who has dialled it is in one call. Participants come and go; with the last one it ends.

Knows channels and parties; knows nothing of languages.
"""

from __future__ import annotations

from controller.pbx.ari import AriClient
from controller.pbx.ari_events import ChannelEnded
from controller.pbx.call import Call, Ended, unless
from controller.pbx.party import OpenMedia, Party


class Room(Call):
    """The participants are `p1`, `p2`, ... in the order in which they came; no name is used twice."""

    def __init__(self, ari: AriClient, open_media: OpenMedia, name: str) -> None:
        super().__init__(ari, open_media, name)
        self._count = 0

    def expect(self, channel_id: str) -> Party:
        """Someone is about to come in."""
        self._count += 1
        return self._add(f"p{self._count}", channel_id)

    async def enter(self, party: Party) -> None:
        """Take the call of one who is expected.

        Raises:
            PbxError: it did not come about, or they hung up; `leave` is due all the same.
        """
        await unless(party.gone, party.answer(), lambda gone: str(gone.reason))

    def leave(self, party: Party) -> None:
        """One has gone, or shall go: `Party.close` is due."""
        del self.parties[party.name]
        if not self.parties:
            self.end(Ended("room", "the last one has left"))

    def _left(self, party: Party, event: ChannelEnded) -> None:
        """Nobody but the party itself is concerned: see `Party.gone`."""

    def _lost(self, party: Party, reason: str) -> None:
        if not party.gone.done():
            party.gone.set_result(ChannelEnded(party.channel_id, None, reason))
