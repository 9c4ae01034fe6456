"""What one media channel is sent: margin, corrections on a real (never digitally silent) line, stalls."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from controller.frames import FRAME_SAMPLES, Pcm
from controller.pbx.feed import FLUSH_FRAMES, MARGIN_FRAMES, STATUS_EVERY_FRAMES, Feed
from controller.pbx.media import QueueStatus
from tests.fakes.fake_media import FakeMedia

NOISE: Pcm = np.random.default_rng(1).integers(-8, 9, FRAME_SAMPLES).astype(np.int16)
LOUD_NOISE: Pcm = np.random.default_rng(2).integers(-560, 561, FRAME_SAMPLES).astype(np.int16)
"""-40 dBFS."""

SPEECH: Pcm = np.full(FRAME_SAMPLES, 3000, np.int16)


def feed() -> tuple[Feed, FakeMedia]:
    media = FakeMedia()
    return Feed(media), media


def test_it_starts_with_an_empty_queue_and_a_margin() -> None:
    _, media = feed()
    assert (media.flushed, len(media.sent)) == (1, MARGIN_FRAMES)


def test_a_queue_that_stands_is_shortened_in_line_noise_and_not_in_speech() -> None:
    one, media = feed()
    one.answered(QueueStatus(10, False))
    before = len(media.sent)
    for _ in range(5):
        assert one.send(SPEECH)
    assert len(media.sent) == before + 5
    for _ in range(20):
        assert one.send(NOISE)
    assert len(media.sent) == before + 25 - (10 - MARGIN_FRAMES)


def test_an_empty_queue_gets_its_margin_back_in_a_quiet_moment() -> None:
    one, media = feed()
    one.answered(QueueStatus(0, False))
    before = len(media.sent)
    for _ in range(10):
        one.send(NOISE)
    assert len(media.sent) == before + 10 + MARGIN_FRAMES


def test_on_a_noisy_line_the_margin_comes_back_in_the_quietest_frames() -> None:
    one, media = feed()
    one.answered(QueueStatus(0, False))
    before = len(media.sent)
    for count in range(400):
        one.send(SPEECH if count % 10 else LOUD_NOISE)
        if count % STATUS_EVERY_FRAMES == 0:
            one.answered(QueueStatus(len(media.sent) - before - count - 1, False))
        if count == 99:
            assert len(media.sent) == before + 100, "not in the first two seconds: a quiet moment may come"
    assert len(media.sent) == before + 400 + MARGIN_FRAMES
    doubled = [pcm for pcm, following in pairwise(media.sent[before:]) if pcm is following and pcm is LOUD_NOISE]
    assert len(doubled) == MARGIN_FRAMES, "and none of speech"


def test_what_a_stall_left_is_thrown_away() -> None:
    one, media = feed()
    one.answered(QueueStatus(FLUSH_FRAMES + 1, False))
    assert media.flushed == 2


def test_an_asterisk_that_does_not_answer_is_not_fed() -> None:
    one, media = feed()
    taken = [one.send(SPEECH) for _ in range(4 * STATUS_EVERY_FRAMES)]
    assert taken.index(False) == 2 * STATUS_EVERY_FRAMES - 1, "from the second unanswered question on"
    assert not any(taken[2 * STATUS_EVERY_FRAMES :])
    assert media.asked == 4, "it goes on asking"
    one.answered(QueueStatus(3, False))
    assert one.send(SPEECH)


def test_one_that_answers_is_never_refused() -> None:
    one, media = feed()
    for _ in range(10 * STATUS_EVERY_FRAMES):
        before = media.asked
        assert one.send(SPEECH)
        if media.asked > before:
            one.answered(QueueStatus(MARGIN_FRAMES, False))


def test_where_nothing_is_held_there_is_neither_margin_nor_correction() -> None:
    media = FakeMedia()
    media.paces = False
    one = Feed(media)
    assert media.sent == []
    one.answered(QueueStatus(0, False))
    for _ in range(2 * STATUS_EVERY_FRAMES):
        assert one.send(NOISE)
    assert len(media.sent) == 2 * STATUS_EVERY_FRAMES and media.asked == 0
