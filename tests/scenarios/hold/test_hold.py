"""Hold: what a held line plays is heard by the other and is never a clause; both are interpreted again afterwards.

Three calls side by side: the caller holds with music (a recorded announcement: the worst that could be taken for
speech), the caller holds without a packet, and the called party holds as phones do that say `inactive`.
"""

from __future__ import annotations

import asyncio

from controller.stack.asterisk import AsteriskServer
from tests.fakes.sip_phone import SipPhone
from tests.fakes.sounds import RATE, likeness
from tests.scenarios.scene import Scene, Talk, clip_engines, sentence, speak

HOLD_S = 5.0


def test_hold_with_music_and_without(asterisk: AsteriskServer) -> None:
    music = sentence("number-not-answering")
    pairs = [(SipPhone("a"), SipPhone("b", auto_answer=True)) for _ in range(3)]
    held_from: list[float] = []

    async def main() -> list[Talk]:
        async with Scene(asterisk, pairs, engines=clip_engines()) as scene:
            talks = [await scene.call() for _ in pairs]
            with_music, without, by_the_called = talks
            await speak(talks, count=1)
            held_from.append(with_music.conversation.now())
            with_music.phones["a"].hold(music)
            without.phones["a"].hold()
            by_the_called.phones["b"].hold(direction="inactive")
            await asyncio.sleep(HOLD_S)
            assert not any(talk.record.ended for talk in talks)
            assert all(len(talk.seen.clauses) == 2 for talk in talks), "something was said on hold"
            with_music.phones["a"].resume()
            without.phones["a"].resume()
            by_the_called.phones["b"].resume()
            await speak(talks, count=2)
            for talk in talks:
                await talk.hang_up()
        return talks

    talks = asyncio.run(main())
    for talk in talks:
        for listener in ("a", "b"):
            for delivery in talk.played(listener):
                talk.assert_translation_heard(delivery)
    heard = talks[0].heard("b", held_from[0] + 1, held_from[0] + HOLD_S - 1)
    assert likeness(music[: RATE // 2], heard, piece_s=0.1) > 0.7, "the music was not heard"
    assert talks[1].level("b", held_from[0] + 1, held_from[0] + HOLD_S - 1) < -60
    for talk, holder in ((talks[0], "a"), (talks[1], "a"), (talks[2], "b")):
        assert talk.figures(holder).dropped.get("hold") or talk is not talks[0]
