"""`python -m tests.fakes.fake_deepgram`: a scripted Deepgram in a process of its own, for benches. Prints its URL; ends
with its standard input."""

from __future__ import annotations

import asyncio
import sys

from tests.fakes.fake_deepgram.dialogue import MOST_WORDS
from tests.fakes.fake_deepgram.ears import CodedEars
from tests.fakes.fake_deepgram.server import serve
from tests.fakes.fake_deepgram.service import FakeDeepgram


async def main() -> None:
    service = FakeDeepgram(CodedEars([f"word{number}" for number in range(MOST_WORDS)]))
    async with serve(service) as url:
        print(url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


asyncio.run(main())
