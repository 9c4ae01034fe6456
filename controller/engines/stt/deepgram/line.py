"""One connection from its opening to its loss: audio in messages of 60 ms, what is asked, what comes, and when it
counts as dead. It never comes back: who holds it opens another and gives it what was not told yet."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from controller.engines.stt.deepgram.parsing import Broken, Heard, Reader
from controller.engines.stt.deepgram.timeline import Timeline
from controller.engines.stt.deepgram.transport import Control, Link, Transport
from controller.engines.stt.deepgram.watchdog import Watchdog
from controller.errors import EngineError, EngineTimeout
from controller.frames import FRAME_BYTES, AudioFrame

log = logging.getLogger(__name__)

NAME: Final = "deepgram"

MESSAGE_FRAMES: Final = 3
"""60 ms: a third of the messages, at 20 ms of delay on average."""

REPLAY_FRAMES: Final = 10
"""In a message of what is sent again: it is late already."""

OPEN_S: Final = 2.5
SEND_S: Final = 0.5
CLOSE_S: Final = 1.0
"""Time limits."""

KEEP_ALIVE_S: Final = 3.0
"""After so long without a message another is sent, at the latest after twice as long. Deepgram waits 10 s."""

_SILENCE: Final = bytes(FRAME_BYTES) * MESSAGE_FRAMES


class Line:
    """One connection."""

    def __init__(self, now: Callable[[], float], read: Reader, on_heard: Callable[[Heard, float], None]) -> None:
        """`on_heard` is told what is heard on the call's clock, and its end on the connection's, in seconds."""
        self._read = read
        self._on_heard = on_heard
        self._timeline = Timeline()
        self._watchdog = Watchdog(now)
        self._batch: list[bytes] = []
        self._waiting: asyncio.Queue[bytes | Control] = asyncio.Queue()
        self._sent = 0
        self._dead: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._link: Link | None = None
        self._keeps_alive_by_text = True
        self.answered = False
        """Something came."""

    @property
    def sent_s(self) -> float:
        """Audio that was given to it, in seconds."""
        return self._timeline.sent_s

    async def open(self, transport: Transport, speaker: str, language: str) -> None:
        """Connect.

        Raises:
            EngineError: as `Transport.open`, or it took too long.
        """
        self._keeps_alive_by_text = transport.keeps_alive_by_text
        try:
            async with asyncio.timeout(OPEN_S):
                self._link = await transport.open(speaker, language, self._on_message, self.break_off)
        except TimeoutError as error:
            raise EngineTimeout(f"Deepgram did not open a connection within {OPEN_S:g} s", engine=NAME) from error

    def frame(self, frame: AudioFrame) -> None:
        """Speech, in its turn. Never waits."""
        self._add(frame)
        if len(self._batch) >= MESSAGE_FRAMES:
            self._flush()
        if self._watchdog.speech():
            self.break_off("it said nothing while there was speech")

    def again(self, frame: AudioFrame) -> None:
        """Speech that another connection got before."""
        self._add(frame)
        if len(self._batch) >= REPLAY_FRAMES:
            self._flush()

    def pause(self) -> None:
        """Nothing follows for now."""
        self._flush()
        self._watchdog.rest()

    def finish(self) -> None:
        """All that was sent is to be told."""
        self.pause()
        self._waiting.put_nowait(Control.FINISH)

    def break_off(self, why: str) -> None:
        """It is dead."""
        if not self._dead.done():
            self._dead.set_result(why)

    async def run(self) -> str:
        """Send what is to be sent until it is dead; returns why it is. Cancelled, it is cut."""
        tasks = [asyncio.create_task(self._send_all()), asyncio.create_task(self._keep_alive())]
        try:
            return await self._dead
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.cut()

    def cut(self) -> None:
        """Let go of it at once."""
        if self._link is not None:
            self._link.abort()

    async def close(self) -> None:
        """End it in good order, within CLOSE_S."""
        if self._link is None or self._dead.done():
            return
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._link.send(Control.CLOSE)
                await self._link.close()
        except (TimeoutError, EngineError) as error:
            log.debug("a connection to Deepgram did not close in good order: %s", error)

    def _add(self, frame: AudioFrame) -> None:
        self._timeline.frame(frame.index)
        self._batch.append(frame.pcm.tobytes())

    def _flush(self) -> None:
        if self._batch:
            self._waiting.put_nowait(b"".join(self._batch))
            self._batch.clear()

    async def _send_all(self) -> None:
        assert self._link is not None
        try:
            while True:
                message = await self._waiting.get()
                self._sent += 1
                async with asyncio.timeout(SEND_S):
                    await self._link.send(message)
        except TimeoutError:
            self.break_off(f"it took nothing for {SEND_S:g} s")
        except EngineError as error:
            self.break_off(str(error))
        except Exception as error:  # a fault in what carries it must not go unnoticed until the watchdog barks
            log.exception("a message to Deepgram could not be sent")
            self.break_off(str(error))

    async def _keep_alive(self) -> None:
        while True:
            before = self._sent
            await asyncio.sleep(KEEP_ALIVE_S)
            if self._sent != before or self._batch:
                continue
            if self._keeps_alive_by_text:
                self._waiting.put_nowait(Control.KEEP_ALIVE)
            else:
                self._timeline.silence(MESSAGE_FRAMES)
                self._waiting.put_nowait(_SILENCE)

    def _on_message(self, message: object) -> None:
        """Never raises: the SDK would stop listening."""
        if self._dead.done():
            return
        try:
            self.answered = True
            self._watchdog.rest()
            found = self._read(message)
            if isinstance(found, Broken):
                self.break_off(found.why)
            elif found is not None:
                self._on_heard(self._on_call(found), found.end_s)
        except Exception as error:  # the boundary to the SDK
            log.exception("a message of Deepgram's could not be used")
            self.break_off(f"a message could not be used: {error}")

    def _on_call(self, heard: Heard) -> Heard:
        at = self._timeline.on_call_s
        words = tuple(
            replace(one, start_s=at(one.start_s), end_s=max(at(one.start_s), at(one.end_s, ends=True)))
            for one in heard.words
        )
        return replace(heard, start_s=at(heard.start_s), end_s=at(heard.end_s, ends=True), words=words)
