"""A scripted Deepgram, written from the shapes that its SDK sends and reads: /v1/listen and /v2/listen, over a real web
socket or in memory, every fault a switch. It proves how streams are kept and faults borne, and nothing about how well
Deepgram hears: its ears decode a number out of the samples, or, where there is a Triton, are the offline recogniser's.
"""

from __future__ import annotations

from tests.fakes.fake_deepgram.dialogue import Dialogue
from tests.fakes.fake_deepgram.ears import CodedEars, Ears, Spoken, WhisperEars
from tests.fakes.fake_deepgram.memory import MemoryTransport
from tests.fakes.fake_deepgram.server import serve
from tests.fakes.fake_deepgram.service import FakeDeepgram, Fault

__all__ = [
    "CodedEars",
    "Dialogue",
    "Ears",
    "FakeDeepgram",
    "Fault",
    "MemoryTransport",
    "Spoken",
    "WhisperEars",
    "serve",
]
