"""docs/tour.cast is a recording of what `make tour` runs: small, and without a word of the machine it is from."""

from __future__ import annotations

import json
import re
import sys

import pytest

from tests import tour


def test_the_recording_is_of_these_commands() -> None:
    header, *events = [json.loads(line) for line in tour.CAST.read_text(encoding="utf-8").splitlines()]
    assert header["version"] == 2
    assert tour.CAST.stat().st_size < 200_000
    times = [at for at, _, _ in events]
    assert times == sorted(times)
    assert {kind for _, kind, _ in events} == {"o"}
    shown = "".join(text for _, _, text in events)
    assert [line for line in shown.replace("\x1b[1m", "").split("\r\n") if line.startswith("$ ")] == [
        f"$ {one}\x1b[0m" for one in tour.COMMANDS
    ]
    assert "clauses were played" in shown
    assert not re.findall(r"(?<![\w.~])/(?!build)\w+/\S*", shown)


def test_a_terminal_is_recorded_as_it_shows() -> None:
    told: list[str] = []
    tour.record(
        (f"{sys.executable} -c 'import sys; print(sys.stdout.isatty(), \"é\")'",), lambda _, text: told.append(text)
    )
    assert "True é\r\n" in "".join(told)


def test_a_command_that_fails_ends_the_tour() -> None:
    told: list[str] = []
    with pytest.raises(SystemExit, match="`false` ended with 1"):
        tour.record(("false", "echo more"), lambda _, text: told.append(text))
    assert "more" not in "".join(told)
