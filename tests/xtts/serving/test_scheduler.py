"""Nobody is forgotten or served twice, and whatever befalls one is theirs alone: on a model that only counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from export.runtime.xtts.serving.requests import Busy, Request
from export.runtime.xtts.serving.scheduler import Scheduler
from tests.xtts.serving.asking import piece, request

Errors = frozenset[str]


@dataclass(eq=False)
class Plan:
    """What one request will do."""

    parts: tuple[tuple[int, int], ...]
    """Of each piece of its text: parts of its prompt, tokens."""
    arrives: int = 0
    """The turn before which it comes."""
    goes: int | None = None
    """The turn before which its listener goes away."""
    breaks: str = ""
    """What of the model fails for it: "open", "fill", "draw", "step", or nothing."""
    lingers: int = 0
    """Turns that its sound takes after its last token."""
    first: int = 0
    """Tokens that its first sound takes."""

    def request(self) -> Request:
        return request(*(piece(key) for key in range(len(self.parts))))


@dataclass(eq=False)
class Fake:
    """A piece within the fake model."""

    plan: Plan
    part: int
    filled: int = 0
    drawn: int = 0
    given: int = 0


@dataclass(eq=False)
class FakeModel:
    """Counts rows, and refuses what no model could do."""

    rows: int
    plans: list[tuple[Request, Plan]] = field(default_factory=list)
    open_now: set[Fake] = field(default_factory=set)
    steps: list[int] = field(default_factory=list)

    def open(self, asked: Request, part: int) -> Fake:
        plan = next(plan for known, plan in self.plans if known is asked)
        self.fails(plan, "open")
        assert len(self.open_now) < self.rows, "more rows than there are"
        made = Fake(plan, part)
        self.open_now.add(made)
        return made

    def fill(self, piece: Fake) -> bool:
        assert piece in self.open_now
        self.fails(piece.plan, "fill")
        piece.filled += 1
        return piece.filled == piece.plan.parts[piece.part][0]

    def draw(self, piece: Fake) -> tuple[int, bool]:
        assert piece in self.open_now
        assert piece.filled == piece.plan.parts[piece.part][0], "spoke before its prompt was run"
        assert piece.drawn == piece.given, "drew twice without a step"
        if piece.drawn:
            self.fails(piece.plan, "draw")
        piece.drawn += 1
        return piece.drawn, piece.drawn == piece.plan.parts[piece.part][1]

    def step(self, pieces: Sequence[Fake]) -> None:
        for one in pieces:
            assert one in self.open_now
            self.fails(one.plan, "step")
        for one in pieces:
            one.given += 1
        self.steps.append(len(pieces))

    def close(self, piece: Fake) -> None:
        assert piece in self.open_now, "closed twice"
        self.open_now.remove(piece)

    def fails(self, plan: Plan, what: str) -> None:
        if plan.breaks == what:
            raise RuntimeError(what)


class FakeOut:
    """Keeps what was said, and how it ended; its sound is out some turns after its last token."""

    def __init__(self, plan: Plan, world: World) -> None:
        self.plan, self.world = plan, world
        self.said_parts: list[list[int]] = [[]]
        self.ends: list[str] = []
        self.began: int | None = None
        self.ended: int | None = None
        self.asked: list[int] = []
        self.all_said: int | None = None

    @property
    def over(self) -> bool:
        if not self.ends and self.all_said is not None and self.world.turn >= self.all_said + self.plan.lingers:
            self.end("done")
        return bool(self.ends)

    @property
    def hungry(self) -> bool:
        return sum(map(len, self.said_parts)) < self.plan.first

    def gone(self) -> bool:
        self.asked.append(self.world.turn)
        return self.plan.goes is not None and self.world.turn >= self.plan.goes

    def begin(self) -> None:
        assert self.began is None
        self.began = self.world.turn
        self.world.admitted.append(self.plan)

    def said(self, heard: int) -> None:
        assert not self.ends
        self.said_parts[-1].append(heard)

    def part_said(self) -> None:
        self.said_parts.append([])
        if len(self.said_parts) == len(self.plan.parts) + 1:
            self.all_said = self.world.turn

    def fail(self, error: Exception) -> None:
        self.end(f"failed: {error}")

    def drop(self) -> None:
        self.end("dropped")

    def end(self, how: str) -> None:
        self.ends.append(how)
        self.ended = self.world.turn


class World:
    """A scheduler, a model and a clock of turns."""

    def __init__(self, slots: int, most_waiting: int) -> None:
        self.turn = 0
        self.admitted: list[Plan] = []
        self.told: list[tuple[int, int]] = []
        self.model = FakeModel(slots)
        self.slots, self.most_waiting = slots, most_waiting
        self.scheduler: Scheduler[Fake] = Scheduler(
            self.model,
            slots=slots,
            most_waiting=most_waiting,
            changed=lambda active, waiting: self.told.append((active, waiting)),
        )
        self.outs: dict[Plan, FakeOut] = {}

    def submit(self, plan: Plan) -> FakeOut:
        asked = plan.request()
        self.model.plans.append((asked, plan))
        out = FakeOut(plan, self)
        self.scheduler.submit(asked, out)
        self.outs[plan] = out
        return out

    def run(self, plans: Sequence[Plan], most: int = 3_000) -> Counter[str]:
        """Until all have ended; how many were refused."""
        coming = sorted(plans, key=lambda plan: plan.arrives)
        outcome: Counter[str] = Counter()
        while coming or self.scheduler.active or self.scheduler.waiting:
            while coming and coming[0].arrives <= self.turn:
                full = self.scheduler.active + self.scheduler.waiting >= self.slots + self.most_waiting
                try:
                    self.submit(coming.pop(0))
                    assert not full
                except Busy as error:
                    assert full
                    assert "try again" in str(error)
                    outcome["refused"] += 1
            before = len(self.model.steps)
            self.scheduler.turn()
            assert len(self.model.open_now) <= self.scheduler.active <= self.slots
            assert self.scheduler.waiting <= self.slots + self.most_waiting
            assert len(self.model.steps) - before <= max(1, self.slots)
            self.turn += 1
            assert self.turn < most, "somebody starves"
        return outcome


PLANS = st.lists(
    st.builds(
        Plan,
        parts=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 12)), min_size=1, max_size=3).map(tuple),
        arrives=st.integers(0, 30),
        goes=st.none() | st.integers(0, 60),
        breaks=st.sampled_from(["", "", "", "open", "fill", "draw", "step"]),
        lingers=st.integers(0, 5),
        first=st.integers(0, 6),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=150)
@given(plans=PLANS, slots=st.integers(1, 4), most_waiting=st.integers(0, 12))
def test_everybody_ends_once_and_as_they_would_alone(plans: list[Plan], slots: int, most_waiting: int) -> None:
    world = World(slots, most_waiting)
    refused = world.run(plans)["refused"]
    assert refused + len(world.outs) == len(plans)
    assert not world.model.open_now
    assert (world.scheduler.active, world.scheduler.waiting) == (0, 0)
    for plan, out in world.outs.items():
        assert len(out.ends) == 1
        how = out.ends[0]
        whole = [list(range(1, tokens + 1)) for _, tokens in plan.parts]
        for said, expected in zip(out.said_parts, whole, strict=False):
            assert said == expected[: len(said)]
        if how == "done":
            assert [part for part in out.said_parts if part] == whole
        elif how == "dropped":
            assert plan.goes is not None
        else:
            assert how == f"failed: {plan.breaks}"
        if plan.goes is not None and out.ended is not None and plan.arrives <= plan.goes:
            assert out.ended <= plan.goes + 2, "kept its row for longer than two steps"
        if plan.goes is None and not plan.breaks:
            assert how == "done", "somebody else's trouble was theirs"
        if out.began is not None and out.ended is not None:
            turns = [turn for turn in out.asked if out.began < turn]
            assert len(turns) >= (out.ended - out.began) // 2 - 1


@settings(max_examples=60)
@given(plans=PLANS, slots=st.integers(1, 4))
def test_who_comes_first_is_served_first(plans: list[Plan], slots: int) -> None:
    world = World(slots, len(plans))
    assert not world.run(plans)["refused"]
    order = sorted(plans, key=lambda plan: plan.arrives)
    assert world.admitted == [plan for plan in order if plan in world.admitted]


@settings(max_examples=60)
@given(prompts=st.lists(st.integers(1, 6), min_size=1, max_size=6), tokens=st.integers(20, 40))
def test_a_newcomers_prompt_costs_nobody_a_token(prompts: list[int], tokens: int) -> None:
    """Whoever speaks gets a token each turn, whatever prompts are run; and the prompts end as soon as they can."""
    world = World(len(prompts) + 1, 0)
    speaker = world.submit(Plan(((1, tokens),)))
    world.scheduler.turn()
    others = [world.submit(Plan(((count, 1),))) for count in prompts]
    for turn in range(1, min(tokens, sum(prompts) + 1)):
        world.turn = turn
        world.scheduler.turn()
        assert len(speaker.said_parts[0]) == turn + 1
    if sum(prompts) < tokens:
        assert all(other.said_parts[0] == [1] for other in others)


def test_whoever_is_near_their_first_sound_gets_it_before_anothers_prompt_is_run() -> None:
    world = World(3, 0)
    outs = [world.submit(Plan(((4, 20),), first=6)) for _ in range(3)]
    said = []
    for _ in range(30):
        world.scheduler.turn()
        said.append([len(out.said_parts[0]) for out in outs])
    assert said[3] == [1, 0, 0]
    assert said[8] == [6, 0, 0]
    assert said[12] == [10, 1, 0]
    assert said[17] == [10, 6, 0]
    assert said[21] == [14, 10, 1]


def test_one_step_serves_all_who_speak() -> None:
    world = World(4, 0)
    for _ in range(4):
        world.submit(Plan(((1, 30),)))
    for _ in range(20):
        world.scheduler.turn()
    assert world.model.steps == [1, 2, 3, *[4] * 17]


def test_a_step_that_fails_for_one_is_taken_by_the_others() -> None:
    world = World(3, 0)
    outs = [world.submit(Plan(((1, 5),), breaks=breaks)) for breaks in ("", "step", "")]
    world.run([])
    assert [out.ends for out in outs] == [["done"], ["failed: step"], ["done"]]
    assert outs[0].said_parts[0] == outs[2].said_parts[0] == [1, 2, 3, 4, 5]


def test_a_slot_is_kept_until_the_sound_is_out() -> None:
    """Otherwise those who are still to be vocoded would pile up behind an eager GPT."""
    world = World(1, 1)
    first = world.submit(Plan(((1, 2),), lingers=10))
    second = world.submit(Plan(((1, 2),)))
    with pytest.raises(Busy, match="1 utterances are being spoken and 1 wait"):
        world.submit(Plan(((1, 1),)))
    world.run([])
    assert first.ended is not None
    assert second.began is not None
    assert second.began >= first.ended


def test_whoever_is_gone_while_waiting_makes_room() -> None:
    world = World(1, 1)
    world.submit(Plan(((1, 50),)))
    waiting = world.submit(Plan(((1, 50),), goes=0))
    world.scheduler.turn()
    world.scheduler.turn()
    assert waiting.ends == ["dropped"]
    assert waiting.began is None
    world.submit(Plan(((1, 1),)))


def test_the_end_of_all_is_the_end_of_each() -> None:
    world = World(2, 5)
    outs = [world.submit(Plan(((2, 9),))) for _ in range(5)]
    for _ in range(3):
        world.scheduler.turn()
    world.scheduler.end_all(RuntimeError("over"))
    assert [out.ends for out in outs] == [["failed: over"]] * 5
    assert not world.model.open_now
    assert world.told[-1] == (0, 0)
    again = world.submit(Plan(((1, 1),)))
    world.run([])
    assert again.ends == ["done"]
