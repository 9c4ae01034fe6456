"""Asks the reference in its environment, and knows where its answers of another day are kept.

`python -m tests.xtts.asking` (`make golden-xtts`) asks anew and keeps the answers of the tiny models, and those to the
texts of which ours are the same. Where ours differ is told, each with its reason, by hand (`text_differences.json`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from export.setup.cache import REPOSITORY, Cache

GOLDEN: Final = Path(__file__).parent / "golden"
ARRAYS: Final = GOLDEN / "tiny.npz"
TEXTS: Final = GOLDEN / "texts.json"
"""[language, text, what the reference writes it out as], one a line."""

LARGEST_B: Final = 1_000_000
"""Bytes that the kept answers may take together."""

SEEDS: Final = (1, 2)
"""Of the tiny models that are asked; what does not depend on weights, of the first alone."""

LIVE: Final = os.environ.get("XTTS_REFERENCE") == "live"
"""Whether tests ask the reference (`make parity-xtts`)."""

Answers = Mapping[str, NDArray[Any]]


def python() -> Path:
    """The program of the reference's environment, whether it is there or not."""
    return Cache.default().python("coqui-tts")


def kept() -> Answers:
    """The answers of the tiny models, as they are kept."""
    return read(ARRAYS)


def tiny() -> Answers:
    """The answers of the tiny models, now."""
    first, *others = SEEDS
    found = dict(arrays("--config", "tiny", "--seed", str(first)))
    for seed in others:
        found |= arrays("--config", "tiny", "--seed", str(seed), "--only-greedy")
    return found


def arrays(*options: str) -> Answers:
    """What `tests.xtts.reference arrays` answers."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "answers.npz"
        _run("arrays", *options, "--out", str(out))
        return read(out)


def texts(asked: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """What `tests.xtts.reference texts` makes of texts, each after its language."""
    with tempfile.TemporaryDirectory() as folder:
        cases, out = Path(folder) / "cases.json", Path(folder) / "answers.json"
        cases.write_text(json.dumps(list(asked)), encoding="utf-8")
        _run("texts", "--cases", str(cases), "--out", str(out))
        answers: list[dict[str, Any]] = json.loads(out.read_text(encoding="utf-8"))
        return answers


def read(file: Path) -> Answers:
    with np.load(file) as stored:
        return {name: stored[name] for name in stored.files}


def write(file: Path, answers: Answers) -> None:
    """Token ids are written in 16 bits, numbers as they are."""
    small: dict[str, Any] = {
        name: array.astype(np.int16) if array.dtype.kind == "i" else array for name, array in answers.items()
    }
    np.savez_compressed(file, **small)


def write_texts(file: Path) -> list[str]:
    """Ask anew for the texts in `file`; those that the reference fails at, in which case nothing is written."""
    cases = [(language, text) for language, text, _ in json.loads(file.read_text(encoding="utf-8"))]
    answers = texts(cases)
    if failed := [answer["text"] for answer in answers if "cleaned" not in answer]:
        return failed
    lines = (json.dumps([one["language"], one["text"], one["cleaned"]], ensure_ascii=False) for one in answers)
    file.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
    return []


def _run(*words: str) -> None:
    """Raises CalledProcessError where the reference fails; it has said why."""
    subprocess.run(
        [python(), "-W", "ignore", "-m", "tests.xtts.reference", *words],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "TRANSFORMERS_VERBOSITY": "error"},
        check=True,
    )


def main() -> int:
    if not python().exists():
        print("golden-xtts: there is no reference: run `make reference-env PEER=coqui-tts` first.", file=sys.stderr)
        return 1
    GOLDEN.mkdir(exist_ok=True)
    write(ARRAYS, tiny())
    if failed := write_texts(TEXTS):
        print(f"golden-xtts: the reference fails at {len(failed)} texts, {failed[0]!r} the first", file=sys.stderr)
        return 1
    for file in (ARRAYS, TEXTS):
        print(f"golden-xtts: {file.relative_to(REPOSITORY)}, {file.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
