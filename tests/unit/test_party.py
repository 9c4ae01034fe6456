"""What one party's channel is sent: margin, corrections on a real (never digitally silent) line, stalls."""

from __future__ import annotations

import numpy as np

from controller.frames import FRAME_SAMPLES, Pcm
from controller.pbx.media import MarkReached, MediaCounts, QueueStatus
from controller.pbx.party import FLUSH_FRAMES, MARGIN_FRAMES, STATUS_EVERY_FRAMES, Party

NOISE: Pcm = np.random.default_rng(1).integers(-8, 9, FRAME_SAMPLES).astype(np.int16)
SPEECH: Pcm = np.full(FRAME_SAMPLES, 3000, np.int16)


class Channel:
    """A media channel that keeps what it is sent, and answers for its queue when told to."""

    def __init__(self) -> None:
        self.counts = MediaCounts()
        self.channel_id = "media"
        self.closed = False
        self.sent: list[Pcm] = []
        self.asked = 0
        self.flushed = 0
        self.reached_marks: list[str] = []

    def send(self, frame: Pcm) -> bool:
        self.sent.append(frame)
        return True

    def mark(self, name: str) -> bool:
        return True

    def flush(self) -> bool:
        self.flushed += 1
        return True

    def request_status(self) -> bool:
        self.asked += 1
        return True

    async def close(self) -> None:
        self.closed = True

    def push(self, pcm: Pcm) -> None:
        """As the leg of the conversation: not looked at here."""

    def reached(self, mark: str) -> None:
        self.reached_marks.append(mark)


def party() -> tuple[Party, Channel]:
    one, channel = Party("c", "a", "channel"), Channel()
    one.media = channel
    one.start(lambda name, party: channel)
    return one, channel


def test_it_starts_with_an_empty_queue_and_a_margin() -> None:
    _, channel = party()
    assert (channel.flushed, len(channel.sent)) == (1, MARGIN_FRAMES)


def test_a_queue_that_stands_is_shortened_in_line_noise_and_not_in_speech() -> None:
    one, channel = party()
    one.on_event(QueueStatus(10, False))
    before = len(channel.sent)
    for _ in range(5):
        assert one.send(SPEECH)
    assert len(channel.sent) == before + 5
    for _ in range(20):
        assert one.send(NOISE)
    assert len(channel.sent) == before + 25 - (10 - MARGIN_FRAMES)


def test_an_empty_queue_gets_its_margin_back_in_a_quiet_moment() -> None:
    one, channel = party()
    one.on_event(QueueStatus(0, False))
    before = len(channel.sent)
    for _ in range(10):
        one.send(NOISE)
    assert len(channel.sent) == before + 10 + MARGIN_FRAMES


def test_what_a_stall_left_is_thrown_away() -> None:
    one, channel = party()
    one.on_event(QueueStatus(FLUSH_FRAMES + 1, False))
    assert channel.flushed == 2


def test_an_asterisk_that_does_not_answer_is_not_fed() -> None:
    one, channel = party()
    taken = [one.send(SPEECH) for _ in range(4 * STATUS_EVERY_FRAMES)]
    assert taken.index(False) == 2 * STATUS_EVERY_FRAMES - 1, "from the second unanswered question on"
    assert not any(taken[2 * STATUS_EVERY_FRAMES :])
    assert channel.asked == 4, "it goes on asking"
    one.on_event(QueueStatus(3, False))
    assert one.send(SPEECH)


def test_marks_come_back_to_the_leg() -> None:
    one, channel = party()
    assert one.mark("a-1")
    one.on_event(MarkReached("a-1"))
    assert channel.reached_marks == ["a-1"]


def test_one_that_answers_is_never_refused() -> None:
    one, channel = party()
    for _ in range(10 * STATUS_EVERY_FRAMES):
        before = channel.asked
        assert one.send(SPEECH)
        if channel.asked > before:
            one.on_event(QueueStatus(MARGIN_FRAMES, False))
