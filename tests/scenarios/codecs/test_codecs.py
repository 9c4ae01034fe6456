"""Every codec that Asterisk offers carries a whole interpreted call, and may be changed in the middle of one."""

from __future__ import annotations

import asyncio

import soxr

from controller.stack.asterisk import AsteriskServer
from controller.stack.phone import G722
from controller.stack.process import Run
from tests.fakes.clip_voice import clip
from tests.fakes.sip_phone import PCMA, PCMU, SipPhone
from tests.fakes.sounds import RATE, likeness
from tests.scenarios.rig import Rig, played, short_turns
from tests.scenarios.scene import Scene, Talk, clip_engines, speak


def test_both_laws_and_a_change_from_one_to_the_other(asterisk: AsteriskServer) -> None:
    laws = [((PCMU,), (PCMU,)), ((PCMA,), (PCMA,)), ((PCMU,), (PCMA,)), ((PCMU, PCMA), (PCMU, PCMA))]
    pairs = [(SipPhone("a", laws=a), SipPhone("b", laws=b, auto_answer=True)) for a, b in laws]

    async def main() -> list[Talk]:
        async with Scene(asterisk, pairs, engines=clip_engines()) as scene:
            talks = [await scene.call() for _ in pairs]
            await speak(talks, count=1)
            talks[3].phones["a"].change_codec(PCMA)
            talks[3].phones["b"].change_codec(PCMA)
            await speak(talks, count=2)
            for talk in talks:
                await talk.hang_up()
        return talks

    talks = asyncio.run(main())
    assert talks[3].phones["a"].stream.law is PCMA
    for talk in talks:
        for listener, speaker in (("a", "b"), ("b", "a")):
            heard = talk.played(listener)
            assert [one.target for one in heard] == [f"{heard[0].language}: heard {number}" for number in (1, 2)]
            for delivery in heard:
                talk.assert_translation_heard(delivery)
                span = delivery.clause.span
                said = talk.said(speaker, span.start_s + 0.4, span.end_s - 0.4)
                assert likeness(said, talk.heard(listener, span.start_s, span.end_s + 0.5), piece_s=0.1) > 0.7


def test_wideband(asterisk: AsteriskServer, run: Run) -> None:
    async def main() -> tuple[Rig, list[str]]:
        parts = short_turns(["vm-msgsaved"], ["vm-tooshort"])
        async with Rig(run, None, [parts], asterisk=asterisk, engines=clip_engines(), codec=G722) as rig:
            rig.dial()
            await rig.delivered(2)
            names = [name for name in await asyncio.to_thread(asterisk.channels) if name.startswith("PJSIP/")]
            told = [await asyncio.to_thread(asterisk.cli, f"core show channel {name}") for name in names]
            rig.callers[0].hang_up()
            await rig.watch.over()
        return rig, told

    rig, told = asyncio.run(main())
    assert len(told) == 2
    for channel in told:
        assert "NativeFormats: (g722)" in channel
    for listener, phone in (("a", rig.callers[0]), ("b", rig.callees[0])):
        (delivery,) = played(rig.seen.deliveries, listener)
        assert delivery.target is not None
        heard = soxr.resample(phone.heard(), G722.rate, RATE)
        assert likeness(clip(delivery.target), heard, piece_s=0.1) > 0.6
