"""Which Asterisk is used: the machine's own where it will do, and a note of where it lies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from asterisk import get
from export.setup.errors import SetupError
from export.setup.programs import Programs


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("Asterisk 22.10.1+dfsg+~cs6.17.60671434-1", "22.10.1"),
        ("Asterisk 20.6.0~dfsg+~cs6.13.40431414-2build5", "20.6.0"),
        ("Asterisk certified/22.8", "22.8"),
        ("Asterisk GIT-master-1234", None),
        ("", None),
    ],
)
def test_the_version_is_read(said: str, version: str | None) -> None:
    assert get.parse_version(said) == version


@pytest.mark.parametrize(
    ("version", "good"), [("22.8", True), ("22.8.0", True), ("22.10.1", True), ("23.0", True), ("22.7.9", False)]
)
def test_versions_are_compared_by_number(version: str, good: bool) -> None:
    assert get.new_enough(version) is good


def own(folder: Path, version: str = "22.9.0") -> Path:
    """A machine's own Asterisk below `folder`, with every module; returns the program."""
    modules = folder / "lib" / "asterisk" / "modules"
    modules.mkdir(parents=True)
    for name in get.needed_modules():
        (modules / name).write_text("")
    (folder / "sbin").mkdir()
    program = folder / "sbin" / "asterisk"
    program.write_text(f'#!/bin/sh\necho "Asterisk {version}"\n')
    program.chmod(0o755)
    return program


def test_the_configuration_needs_the_media_channel() -> None:
    assert "chan_websocket.so" in get.needed_modules()


def test_a_suitable_one_on_the_path_is_used_and_found_again(tmp_path: Path) -> None:
    program = own(tmp_path / "usr's own")
    found = get.on_path(Programs(), str(program.parent))
    assert found is not None
    get.write_own(found, tmp_path / "cache")
    wrapper = tmp_path / "cache" / "asterisk"
    assert Programs().run([wrapper, "-V"]).output == "Asterisk 22.9.0\n"
    noted = get.installed(wrapper)
    assert (noted.program, noted.version, noted.wraps) == (wrapper, "22.9.0", program)
    assert noted.modules == tmp_path / "usr's own" / "lib" / "asterisk" / "modules"
    assert get.still_there(wrapper)
    program.unlink()
    assert not get.still_there(wrapper)


def test_an_unpacked_one_whose_program_is_gone_is_not_there(tmp_path: Path) -> None:
    """Only its wrapper was looked at once, so set-up did not mend it."""
    modules, program = tmp_path / "modules", tmp_path / "root" / "usr" / "sbin" / "asterisk"
    for file in (modules / "chan_websocket.so", program, tmp_path / "asterisk"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    facts = {"version": "22.10.1", "modules": "modules", "data": "data", "wraps": None}
    (tmp_path / get.FACTS).write_text(json.dumps(facts))
    assert get.still_there(tmp_path / "asterisk")
    program.unlink()
    assert not get.still_there(tmp_path / "asterisk")


def test_one_that_is_too_old_is_passed_over(tmp_path: Path) -> None:
    assert get.on_path(Programs(), str(own(tmp_path, "22.7.0").parent)) is None


def test_one_without_the_media_channel_is_passed_over(tmp_path: Path) -> None:
    program = own(tmp_path)
    (tmp_path / "lib" / "asterisk" / "modules" / "chan_websocket.so").unlink()
    assert get.on_path(Programs(), str(program.parent)) is None


def test_none_on_the_path(tmp_path: Path) -> None:
    assert get.on_path(Programs(), str(tmp_path)) is None


def test_an_empty_cache_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="make setup"):
        get.installed(tmp_path / "asterisk")
    assert not get.still_there(tmp_path / "asterisk")
