"""Deepgram through its SDK and a real socket, on the scripted stand-in; and the real one, for who has a key."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from controller.engines.stt.deepgram import Deepgram
from controller.engines.stt.deepgram.options import Options, read
from controller.engines.stt.deepgram.transport import Control
from controller.errors import EngineBarred, EngineError, EngineRejected, EngineUnavailable
from controller.telemetry.metrics import Registry
from tests.fakes.deepgram_rig import Rig, options, rig, scripted
from tests.fakes.fake_deepgram import Dialogue, FakeDeepgram, Fault, serve
from tests.fakes.fake_deepgram.ears import code

connection = pytest.importorskip("controller.engines.stt.deepgram.connection", reason="deepgram-sdk is not installed")


class Listening:
    """A link and what came over it."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def open(self, chosen: Options) -> Any:
        return await connection.DeepgramTransport(chosen).open("a", "en", self.messages.append, self._on_closed)

    def _on_closed(self, why: str) -> None:
        if not self.closed.done():
            self.closed.set_result(why)

    async def until(self, kind: str) -> Any:
        while not (found := [one for one in self.messages if getattr(one, "type", None) == kind]):
            await asyncio.sleep(0.005)
        return found[-1]


@asynccontextmanager
async def service(**given: Any) -> AsyncIterator[tuple[FakeDeepgram, Options]]:
    found, _ = scripted(5.0)
    async with serve(found) as url:
        yield found, options(host=url, **given)


def test_what_goes_over_the_wire() -> None:
    async def main() -> None:
        async with service(keyterms=["Ana"]) as (fake, chosen):
            one = Listening()
            link = await one.open(chosen)
            path, query, authorization = fake.asked[0]
            assert (path, query["keyterm"], authorization) == ("/v1/listen", ["Ana"], "Token k")
            await link.send(Control.KEEP_ALIVE)
            await link.send(np.concatenate([code(0)] * 20).tobytes())
            await link.send(Control.FINISH)
            told = await one.until("Results")
            assert told.from_finalize
            assert told.channel.alternatives[0].words[0].word == "w0"
            peer = fake.peers[0]
            await link.send(Control.CLOSE)
            await one.until("Metadata")
            await link.close()
            assert peer.got == ["KeepAlive", "Finalize", "CloseStream"]
            await one.closed

    asyncio.run(main())


def test_what_goes_over_the_wire_to_flux() -> None:
    async def main() -> None:
        async with service(model="flux-general-en") as (fake, chosen):
            one = Listening()
            link = await one.open(chosen)
            assert fake.asked[0][0] == "/v2/listen"
            await link.send(np.concatenate([code(0)] * 20).tobytes())
            await link.send(Control.FINISH)
            while not any(getattr(message, "event", "") == "EndOfTurn" for message in one.messages):
                await asyncio.sleep(0.005)
            assert (await one.until("TurnInfo")).trigger == "manual"
            await link.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Fault.UNAUTHORISED, EngineBarred, "401: SCRIPTED-401.*DEEPGRAM_API_KEY"),
        (Fault.UNPAID, EngineBarred, "402"),
        (Fault.FORBIDDEN, EngineBarred, "403"),
        (Fault.UNREADABLE, EngineRejected, "refuses the options"),
        (Fault.THROTTLED, EngineUnavailable, "429"),
        (Fault.UNAVAILABLE, EngineUnavailable, "503"),
    ],
)
def test_what_a_refusal_means(fault: Fault, kind: type[EngineError], words: str) -> None:
    async def main() -> None:
        async with service() as (fake, chosen):
            fake.always = fault
            with pytest.raises(kind, match=words):
                await Listening().open(chosen)

    asyncio.run(main())


def test_nobody_is_there() -> None:
    async def main() -> None:
        with pytest.raises(EngineUnavailable, match="cannot be reached"):
            await Listening().open(options(host="ws://127.0.0.1:1"))

    asyncio.run(main())


@pytest.mark.parametrize("fault", [Fault.INTERNAL, Fault.RESET, Fault.EOF, Fault.BAD_JSON])
def test_what_ends_a_connection_is_told(fault: Fault) -> None:
    async def main() -> None:
        async with service() as (fake, chosen):
            one = Listening()
            link = await one.open(chosen)
            await fake.strike(fault)
            assert await one.closed
            link.abort()

    asyncio.run(main())


def test_an_unknown_message_ends_nothing() -> None:
    async def main() -> None:
        async with service() as (fake, chosen):
            one = Listening()
            link = await one.open(chosen)
            await fake.strike(Fault.UNKNOWN_TYPE)
            await link.send(np.concatenate([code(0)] * 30).tobytes())
            await one.until("Results")
            await link.close()

    asyncio.run(main())


def test_a_stream_of_seconds() -> None:
    async def main() -> None:
        fake, dialogue = scripted(6.0)
        async with serve(fake) as url:
            chosen = options(host=url)
            transport = connection.DeepgramTransport(chosen)
            async with rig(fake, dialogue, transport, host=url) as one:
                await asyncio.sleep(0.2)
                await fake.strike(Fault.RESET)
                await one.speak()
                assert one.errors == []
                assert one.words == dialogue.words

    asyncio.run(main())


@pytest.mark.skipif("DEEPGRAM_API_KEY" not in os.environ, reason="needs the variable DEEPGRAM_API_KEY and the internet")
def test_the_real_one_answers() -> None:
    """A tone is no word: that it is heard as nothing shows that the key, the options and the messages are right."""

    async def main() -> None:
        chosen = read({"deadline_s": 15.0})
        engine = Deepgram(chosen, connection.DeepgramTransport(chosen), Registry())
        await engine.probe()
        one = Rig(engine, Dialogue(8.0), Registry())
        try:
            await one.speak()
            assert one.errors == []
            assert len([final for final in one.finals if final.speech_final]) == len([e for e in one.ends if e.pause])
        finally:
            await one.close()

    asyncio.run(main())
