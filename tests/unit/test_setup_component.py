"""A component is got once, again when its recipe or files change, and never left half-made."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from asterisk.debian import Archives
from export.setup import getting
from export.setup.cache import Cache
from export.setup.component import Component, in_order, is_ready, make, stamp
from export.setup.errors import SetupError, WrongDigest
from export.setup.kit import Kit
from export.setup.programs import Programs
from export.setup.progress import Progress


class Source:
    """Makes a component and remembers how often; fails as often as told."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.made = 0
        self.error = error

    def __call__(self, kit: Kit, target: Path) -> str:
        self.made += 1
        target.mkdir(parents=True)
        (target / "part").write_text("half")
        if self.error is not None:
            raise self.error
        (target / "main").write_text(f"whole {self.made}")
        return "1.0"


def component(source: Source, recipe: object = 1, name: str = "thing", needs: tuple[str, ...] = ()) -> Component:
    return Component(
        name, f"the {name}", f"folder/{name}", (f"folder/{name}/main",), lambda: recipe, source, "bring one", 1.0, needs
    )


def get(cache: Cache, *components: Component, offline: bool = False) -> list[getting.Failure]:
    return getting.get(cache, components, offline=offline, out=io.StringIO(), live=False)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def test_it_is_got_once(cache: Cache) -> None:
    source = Source()
    assert get(cache, component(source)) == []
    assert get(cache, component(source)) == []
    assert source.made == 1
    assert not (cache.root / "tmp").exists()


def test_a_changed_recipe_gets_it_again_and_replaces_it_as_a_whole(cache: Cache) -> None:
    source = Source()
    get(cache, component(source, recipe="old"))
    (cache.root / "folder/thing/stale").write_text("")
    get(cache, component(source, recipe="new"))
    assert source.made == 2
    assert sorted(one.name for one in (cache.root / "folder").iterdir()) == ["thing"]
    assert not (cache.root / "folder/thing/stale").exists()


def test_a_vanished_file_gets_it_again(cache: Cache) -> None:
    source = Source()
    get(cache, component(source))
    (cache.root / "folder/thing/main").unlink()
    get(cache, component(source))
    assert source.made == 2
    assert (cache.root / "folder/thing/main").read_text() == "whole 2"


@pytest.mark.parametrize("error", [SetupError("no"), KeyboardInterrupt()])
def test_what_was_interrupted_is_not_taken_for_complete(cache: Cache, error: BaseException) -> None:
    kit = Kit(cache, Programs(), Archives(cache.root, Programs()), Progress(1, 1, out=io.StringIO()))
    with pytest.raises(type(error)):
        make(kit, component(Source(error)))
    assert not is_ready(cache, component(Source()))
    assert not (cache.root / "folder/thing").exists()
    source = Source()
    assert get(cache, component(source)) == []
    assert (cache.root / "folder/thing/main").read_text() == "whole 1"


def test_the_old_one_stays_until_the_new_one_is_complete_but_is_not_taken_for_it(cache: Cache) -> None:
    get(cache, component(Source(), recipe="old"))
    failures = get(cache, component(Source(SetupError("no network")), recipe="new"))
    assert [one.name for one in failures] == ["thing"]
    assert (cache.root / "folder/thing/main").exists()
    assert not is_ready(cache, component(Source(), recipe="old"))


def test_without_a_stamp_it_is_not_complete(cache: Cache) -> None:
    source = Source()
    get(cache, component(source))
    stamp(cache, component(source)).unlink()
    assert not is_ready(cache, component(source))


def test_a_failure_is_one_sentence_with_a_remedy_and_stops_no_other(cache: Cache) -> None:
    good = Source()
    bad = component(Source(SetupError("nobody answers.")), name="bad")
    later = component(Source(), name="later", needs=("bad",))
    failures = get(cache, bad, component(good), later)
    assert [one.sentence for one in failures] == [
        "the bad is missing: nobody answers; bring one.",
        "the later is missing: it needs bad; bring one.",
    ]
    assert good.made == 1


def test_a_wrong_digest_is_said_as_it_is(cache: Cache) -> None:
    (failure,) = get(cache, component(Source(WrongDigest("x.whl", "aa", "bb"))))
    assert failure.refused
    assert "x.whl was refused and deleted: its SHA-256 should be aa but is bb" in failure.sentence


def test_a_full_disk_is_a_sentence(cache: Cache) -> None:
    (failure,) = get(cache, component(Source(OSError(28, "No space left on device"))))
    assert failure.sentence == "the thing is missing: the disk is full; bring one."


def test_offline_gets_nothing_and_says_what_is_missing(cache: Cache) -> None:
    source = Source()
    (failure,) = get(cache, component(source), offline=True)
    assert "the thing is missing" in failure.sentence
    assert source.made == 0


def test_what_is_needed_comes_first() -> None:
    first, second = component(Source(), name="first"), component(Source(), name="second", needs=("first",))
    assert in_order([second, first]) == [first, second]


@pytest.mark.parametrize("name", ["with space", "semi;colon", "quote'", "dollar$"])
def test_a_path_that_would_break_a_command_line_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SetupError, match="DRAGOMAN_CACHE"):
        get(Cache(tmp_path / name), component(Source()))
    assert not (tmp_path / name).exists()


def test_a_file_system_without_programs_is_refused(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    class Flags:
        f_flag = 8  # ST_NOEXEC

    monkeypatch.setattr(os, "statvfs", lambda path: Flags())
    with pytest.raises(SetupError, match="noexec"):
        get(cache, component(Source()))


def test_too_little_room_is_said_before_anything_is_fetched(cache: Cache) -> None:
    source = Source()
    huge = Component("huge", "it", "huge", ("huge",), lambda: 1, source, "bring one", 1e9)
    with pytest.raises(SetupError, match="make room"):
        get(cache, huge)
    assert source.made == 0
