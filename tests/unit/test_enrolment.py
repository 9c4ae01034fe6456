"""Enrolment by phone, with a scripted caller: what is asked, what is refused and how that is told, what is kept."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from controller.enrolment import interview
from controller.enrolment.enrolments import LONGEST_S, Enrolments
from controller.enrolment.hearing import ENDS_S, WAITS_S, Listening, what_to_say
from controller.enrolment.interview import Outcome, voice_name
from controller.enrolment.line import Line
from controller.enrolment.sentences import CONSENT_TEXT, FALLBACK, MANNERS, TEXTS, Sentence
from controller.errors import EngineUnavailable
from controller.frames import FRAME_S, SILENCE, Pcm
from controller.pbx.party import Party
from controller.telemetry.metrics import Registry
from controller.ticker import Ticker
from controller.virtual_time import run
from controller.voices.calibration import Calibration
from controller.voices.keeper import Person
from controller.voices.profile import NAME as NAMES
from controller.voices.profile import Consent, Profile
from controller.voices.quality import Take, listen
from controller.voices.verdict import Verdict
from tests.fakes.fake_encoders import somebody
from tests.fakes.fake_enroller import ANA, BOB, EMPTY, NAME, NUMBER, Caller, Rig, frames


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interview, "PATIENCE_S", 0.2)


def three(pitch: float = ANA, first: int = 0) -> list[Pcm]:
    return [somebody(pitch, seed=seed) for seed in range(first, first + 3)]


def test_three_recordings_and_a_key_make_a_voice(rig: Rig) -> None:
    outcome, caller = rig.call(speaks=three())
    assert outcome is Outcome.ENROLLED
    assert caller.heard == ["consent", "neutral", "calm", "lively", "moment", "done"]
    profile = rig.store.get(NAME)
    assert profile.callers == (NUMBER,)
    assert profile.languages == ("es",)
    assert profile.consent is not None
    assert (profile.consent.who, profile.consent.how, profile.consent.text) == (NUMBER, "phone", CONSENT_TEXT)
    assert [clip.name for clip in profile.clips] == [one.value for one in MANNERS]
    card = rig.library.whose(caller=NUMBER)
    assert card is not None
    assert card.name == NAME


@pytest.mark.parametrize(("keys", "asked"), [("2", 1), ("", 2), ("9", 2), (["", "2"], 2)])
def test_who_does_not_agree_leaves_nothing(keys: Sequence[str], asked: int, rig: Rig) -> None:
    outcome, caller = rig.call(keys)
    assert outcome is Outcome.DECLINED
    assert caller.heard == [*["consent"] * asked, "declined"]
    assert rig.store.versions() == {}


def test_who_agrees_when_asked_again_is_enrolled(rig: Rig) -> None:
    assert rig.call(["", "1"], three())[0] is Outcome.ENROLLED


@pytest.mark.parametrize("number", ["", "anonymous", "Unknown"])
def test_without_a_number_nobody_is_asked_anything(number: str, rig: Rig) -> None:
    outcome, caller = rig.call(number=number)
    assert outcome is Outcome.NO_NUMBER
    assert caller.heard == ["no number"]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (EMPTY, "short"),
        (somebody(ANA)[: 16_000 * 3 // 2], "short"),
        ((somebody(ANA) // 300).astype(np.int16), "short"),
        (np.clip(somebody(ANA).astype(np.int32) * 40, -32768, 32767).astype(np.int16), "clipped"),
    ],
)
def test_a_recording_that_cannot_be_used_is_asked_for_again(bad: Pcm, said: str, rig: Rig) -> None:
    first, *rest = three()
    outcome, caller = rig.call(speaks=[bad, first, *rest])
    assert outcome is Outcome.ENROLLED
    assert caller.heard[:4] == ["consent", "neutral", said, "calm"]


def test_who_says_nothing_is_let_go_of_in_the_end(rig: Rig) -> None:
    outcome, caller = rig.call()
    assert outcome is Outcome.FAILED
    assert caller.heard == ["consent", "neutral", "short", "short", "short", "failed"]
    assert rig.store.versions() == {}


def test_one_of_another_person_is_asked_for_again(rig: Rig) -> None:
    one, two, last = three()
    outcome, caller = rig.call(speaks=[one, somebody(BOB, seed=9), last, two])
    assert outcome is Outcome.ENROLLED
    assert caller.heard[4:] == ["moment", "another", "calm", "moment", "done"]


def test_hanging_up_at_any_moment_leaves_nothing(rig: Rig) -> None:
    sentences = ["consent", "neutral", "calm", "lively", "moment"]
    for count in range(1, len(sentences) + 1):

        def now(caller: Caller, count: int = count) -> bool:
            return len(caller.heard) >= count

        outcome, caller = rig.call(speaks=three(), hangs_up=now)
        assert (outcome, caller.heard) == (None, sentences[:count])
        assert rig.store.versions() == {}


@pytest.mark.parametrize("again", [False, True])
def test_hanging_up_while_it_is_written_leaves_nothing_new(
    again: bool, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    if again:
        assert rig.call(speaks=three())[0] is Outcome.ENROLLED
    writing, gone = threading.Event(), threading.Event()
    put = rig.store._put

    def slowly(profile: Profile, before: int | None) -> Profile:
        writing.set()
        assert gone.wait(20)
        return put(profile, before)

    def hangs_up(_: Caller) -> bool:
        if writing.is_set():
            asyncio.get_running_loop().call_later(0.1, gone.set)
        return writing.is_set()

    with monkeypatch.context() as patched:
        patched.setattr(rig.store, "_put", slowly)
        assert rig.call(speaks=three(first=5), hangs_up=hangs_up)[0] is None
    assert gone.is_set()
    # What it has replaced is gone by then: the new one, which they agreed to, is theirs.
    assert rig.store.versions() == ({NAME: 2} if again else {})
    assert rig.library.names == ([NAME] if again else [])


def test_two_who_take_turns_are_told_why_in_the_end(rig: Rig) -> None:
    one, two, last = three()
    others = [somebody(BOB, seed=seed) for seed in (9, 10, 11)]
    outcome, caller = rig.call(speaks=[one, others[0], last, *others[1:], two])
    assert outcome is Outcome.FAILED
    assert caller.heard[-3:] == ["moment", "another", "failed"]
    assert rig.store.versions() == {}


def test_the_owner_of_a_number_may_enrol_again_and_another_may_not(rig: Rig) -> None:
    assert rig.call(speaks=three())[0] is Outcome.ENROLLED
    before = rig.store.get(NAME)
    outcome, caller = rig.call(speaks=three(BOB))
    assert outcome is Outcome.TAKEN
    assert caller.heard[-2:] == ["moment", "taken"]
    assert rig.store.get(NAME).version == before.version
    assert rig.call(speaks=three(first=5))[0] is Outcome.ENROLLED
    again = rig.store.get(NAME)
    assert again.version > before.version
    assert not np.array_equal(again.clips[0].identity, before.clips[0].identity)


def test_an_owner_is_told_by_all_that_they_say(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by each recording: over a telephone one in five is taken for another's."""
    assert rig.call(speaks=three())[0] is Outcome.ENROLLED
    asked: list[float] = []
    verify = rig.keeper.verify

    async def counted(name: str, one: Take) -> Verdict:
        asked.append(one.seconds)
        return await verify(name, one)

    monkeypatch.setattr(rig.keeper, "verify", counted)
    assert rig.call(speaks=three(first=5))[0] is Outcome.ENROLLED
    assert len(asked) == 1
    assert 18 <= asked[0] <= 30


def test_a_revocation_while_its_owner_enrols_again_holds(rig: Rig) -> None:
    assert rig.call(speaks=three())[0] is Outcome.ENROLLED
    listened = rig.keeper.listened

    async def meanwhile(*given: Any, **more: Any) -> Calibration:
        await rig.keeper.revoke(NAME)
        return await listened(*given, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rig.keeper, "listened", meanwhile)
        outcome, caller = rig.call(speaks=three(first=5))
    assert (outcome, caller.heard[-1]) == (Outcome.FAILED, "failed")
    profile = rig.store.get(NAME)
    assert (profile.clips, rig.library.whose(caller=NUMBER)) == ((), None)


def test_who_hangs_up_when_it_is_done_is_enrolled(rig: Rig) -> None:
    _, caller = rig.call(speaks=three(), hangs_up=lambda caller: "done" in caller.heard)
    assert caller.interview.outcome is Outcome.ENROLLED
    assert list(rig.store.versions()) == [NAME]


def test_a_name_that_is_somebody_elses_is_told_before_anything_is_asked(rig: Rig) -> None:
    clips = [Take(f"{seed}.wav", somebody(ANA, seed=seed), 16_000) for seed in range(3)]
    asyncio.run(rig.keeper.enrol(NAME, clips, Person("Ana", ("999",), ("es",), None)))
    outcome, caller = rig.call(speaks=three())
    assert (outcome, caller.heard) == (Outcome.TAKEN, ["taken"])


def test_enrolling_again_in_another_language_adds_it(rig: Rig) -> None:
    assert rig.call(speaks=three())[0] is Outcome.ENROLLED
    assert rig.call(speaks=three(first=5), language="fr")[0] is Outcome.ENROLLED
    assert rig.store.get(NAME).languages == ("es", "fr")


def test_who_revoked_may_enrol_again(rig: Rig) -> None:
    assert rig.call(speaks=three())[0] is Outcome.ENROLLED
    asyncio.run(rig.keeper.revoke(NAME))
    assert rig.library.whose(caller=NUMBER) is None
    assert rig.call(speaks=three(first=5))[0] is Outcome.ENROLLED
    assert rig.library.whose(caller=NUMBER) is not None


def test_nothing_of_one_who_revoked_becomes_anothers(rig: Rig) -> None:
    clips = [Take(f"{seed}.wav", somebody(ANA, seed=seed), 16_000) for seed in range(3)]
    consent = Consent("Ana", "2026-01-01T00:00:00+00:00", "command", "1")
    asyncio.run(rig.keeper.enrol("ana", clips, Person("Ana Peña", (NUMBER, "100"), ("en",), consent)))
    asyncio.run(rig.keeper.revoke("ana"))
    assert rig.call(speaks=three(BOB))[0] is Outcome.ENROLLED
    profile = rig.store.get("ana")
    assert (profile.user, profile.callers, profile.languages) == (NUMBER, (NUMBER,), ("es",))


def test_a_voice_that_was_enrolled_otherwise_keeps_its_name(rig: Rig) -> None:
    clips = [Take(f"{seed}.wav", somebody(ANA, seed=seed), 16_000) for seed in range(3)]
    consent = Consent("Ana", "2026-01-01T00:00:00+00:00", "command", "1")
    asyncio.run(rig.keeper.enrol("ana", clips, Person("Ana", (NUMBER,), ("es",), consent)))
    assert rig.call(speaks=three(first=5))[0] is Outcome.ENROLLED
    assert list(rig.store.versions()) == ["ana"]
    assert (rig.store.get("ana").user, rig.store.get("ana").version) == ("Ana", 2)


def test_an_encoder_that_fails_is_told_and_leaves_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise EngineUnavailable("it is gone", engine="campplus")

    monkeypatch.setattr(rig.encoders, "identity", fails)
    outcome, caller = rig.call(speaks=three())
    assert (outcome, caller.heard[-1]) == (Outcome.FAILED, "failed")
    assert rig.store.versions() == {}


def test_a_voice_that_fails_ends_it(rig: Rig) -> None:
    rig.voice.fail_at_chunk = 0
    assert rig.call()[0] is Outcome.FAILED
    assert rig.store.versions() == {}


def test_every_language_has_every_sentence_and_others_hear_english(rig: Rig) -> None:
    for table in TEXTS.values():
        assert table.keys() == set(Sentence)
    caller = Caller(rig.voice, "", ())
    assert Line(caller, rig.voice, "de").language == "de"
    assert Line(caller, rig.voice, "xx").language == FALLBACK


def said_for(pcm: Pcm) -> tuple[float, Take]:
    """Seconds until it is over, and what is kept of it."""
    listening, count = Listening(), 0
    for pcm_frame, _ in zip((*frames(pcm), *[SILENCE] * 500), range(5000), strict=False):
        if listening.done:
            break
        listening.push(pcm_frame)
        count += 1
    return count * FRAME_S, listening.take("one")


def test_a_recording_ends_with_silence_and_begins_a_little_before_the_first_word() -> None:
    speech = somebody(ANA, 6.0)
    lead = np.zeros(16_000 * 3, np.int16)
    seconds, take = said_for(np.concatenate([lead, speech]))
    assert seconds == pytest.approx(3 + 6 + ENDS_S, abs=0.5)
    assert take.seconds == pytest.approx(0.5 + 6 + ENDS_S, abs=0.5)
    assert said_for(EMPTY)[0] == pytest.approx(WAITS_S, abs=0.1)
    endless = np.concatenate(list(cycle_for(speech, 60)))
    seconds, take = said_for(endless)
    assert take.seconds <= 30
    assert what_to_say(listen(take)) is None


def test_a_phone_that_sends_nothing_while_nobody_speaks_ends_a_recording_all_the_same(rig: Rig) -> None:
    async def main() -> Take:
        caller = Caller(rig.voice, "", ())
        line = caller.line = Line(caller, rig.voice, "en")
        recording = asyncio.create_task(line.record())
        said = frames(somebody(ANA, 6.0))
        for _ in range(round(20 / FRAME_S)):
            line.tick(0.0)
            if line._listening is not None and (pcm := next(said, None)) is not None:
                line.push(pcm)
            await asyncio.sleep(0)
        assert recording.done()
        return recording.result().take("one")

    take = asyncio.run(main())
    assert take.seconds == pytest.approx(6 + ENDS_S, abs=0.7)


@pytest.mark.parametrize("breaks", [True, False])
def test_a_line_that_breaks_or_is_handed_over_ends_the_enrolment(breaks: bool, rig: Rig) -> None:
    """A fault in its tick: nobody would hear anything any more; or somebody else would be heard."""

    async def main() -> None:
        ticker, party = Ticker(), FakeParty(breaks)
        ticking = asyncio.create_task(ticker.run())
        metrics = Registry()
        enrolments = Enrolments(rig.keeper, rig.voice, ticker, metrics)
        await enrolments.run(cast(Party, party), NUMBER, "en", [])
        assert asyncio.get_running_loop().time() < LONGEST_S / 10
        ticking.cancel()
        (told,) = (one for one in metrics.snapshot() if one["name"] == "dragoman_enrolments_total")
        assert [["hung_up"], 1] in told["samples"]

    run(main())


class FakeParty:
    """Breaks when it is sent something, or hands the call over."""

    def __init__(self, breaks: bool) -> None:
        self.breaks = breaks

    def start(self, join: Callable[[str, FakeParty], Line]) -> None:
        line = join("a", self)
        if not self.breaks:
            asyncio.get_running_loop().call_later(0.1, line.taken_over)

    def send(self, pcm: Pcm) -> bool:
        if self.breaks:
            raise ValueError("broken")
        return True

    def mark(self, name: str) -> bool:
        return True


def cycle_for(pcm: Pcm, seconds: float) -> Iterator[Pcm]:
    total = 0
    for one in cycle([pcm]):
        yield one
        total += len(one)
        if total >= seconds * 16_000:
            return


@pytest.mark.parametrize(
    ("number", "name"),
    [(NUMBER, NAME), ("ana", "tel-ana"), ("", ""), ("+", ""), ("anonymous", ""), ("Private", "")],
)
def test_what_the_voice_of_a_number_is_called(number: str, name: str) -> None:
    assert voice_name(number) == name


def test_no_two_numbers_share_a_name() -> None:
    numbers = ["34600111", "+34600111", "+34 600-111", "Ana", "ana", "9" * 100, "9" * 101, "+" + "9" * 100]
    names = [voice_name(one) for one in numbers]
    assert len(set(names)) == len(numbers)
    assert all(NAMES.fullmatch(one) for one in names)
