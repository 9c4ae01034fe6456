"""`dragoman replay FILE`: a recorded call again, and whether it decides the same."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from controller.errors import UsageError


def add(commands: Any) -> None:
    """Add `replay` to the command line's sub-commands."""
    replay = commands.add_parser("replay", help="a recorded call again, on the virtual clock: does it decide the same?")
    replay.add_argument("file", type=Path, help="a recording, made with [recorder] enabled")
    replay.add_argument(
        "--key-file", type=Path, help="holds what it was encrypted with; DRAGOMAN_RECORDER__KEY where it is not given"
    )
    replay.add_argument(
        "--set", action="append", default=[], metavar="TABLE.NAME=VALUE", help="replay it with another setting"
    )
    replay.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Replay, and tell each commit as `same` or with its difference; 0 where all are the same.

    Raises:
        DragomanError: the recording cannot be read.
    """
    from controller.flight.replay import replay
    from controller.flight.score import Score
    from controller.pipeline.speech_settings import speech_settings
    from controller.settings import from_tables
    from controller.telemetry.flight import read

    score = Score(read(options.file, _key(options.key_file)))
    tables = score.about["settings"]
    for change in options.set:
        table, name, value = _change(change)
        tables.setdefault(table, {})[name] = value
    about, engines = score.about, score.about["engines"]
    disclosed = bool(about.get("disclosed"))  # recordings of old do not say: nothing was disclosed then
    result = replay(score, speech_settings(from_tables(tables), disclosed=disclosed))
    print(
        f"call {about['call']}, {score.seconds:.1f} s, recorded {about['started']}"
        f" with {engines['stt']}, {engines['mt']}, {engines['tts']}"
    )
    if not score.whole:
        print("the recording was cut short: compared is what it holds")
    if score.lost:
        print(f"the recording lacks {score.lost} records, because the disk was too slow: what follows may differ")
    for one in result.commits:
        print(f"{one.what}  ({one.difference or 'same'})")
    for difference in result.differences:
        print(f"differs: {difference}")
    differ = sum(bool(one.difference) for one in result.commits)
    print(f"{len(result.commits)} commits, {len(result.commits) - differ} the same, {differ} different")
    return 0 if result.same else 1


def _key(file: Path | None) -> str:
    """
    Raises:
        UsageError: the file cannot be read.
    """
    if file is None:
        return os.environ.get("DRAGOMAN_RECORDER__KEY", "")
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise UsageError(f"The key file {file} cannot be read: {why}.") from error


def _change(text: str) -> tuple[str, str, str]:
    """
    Raises:
        UsageError: it is no setting.
    """
    path, equals, value = text.partition("=")
    table, dot, name = path.partition(".")
    if not (equals and dot and table and name):
        raise UsageError(f"--set takes TABLE.NAME=VALUE, such as vad.endpoint_ms=500, not {text!r}.")
    return table, name, value
