"""What NVIDIA's perf_analyzer says of a model, beside our own figures, where it can be had.

It comes in the image `tritonserver:*-py3-sdk`; the wheel of that name needs a newer C library (2.38) than Debian 12's.
Nothing is fetched for it: it is run where it is on the PATH.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import numpy as np

from loadtest.capacity.plan import Run

PROGRAM: Final = "perf_analyzer"
AT_A_TIME: Final = (1, 2, 4)
PATIENCE_S: Final = 300.0
TEXT: Final = "I am sorry, all our lines are busy at the moment. Please try again in a few minutes."


def beside(run: Run, folder: Path) -> str:
    """Its table as it prints it, for Markdown; or why there is none."""
    program = shutil.which(PROGRAM)
    if program is None:
        return f"\n{PROGRAM}: left out, since it is not on the PATH (it comes in NVIDIA's SDK image).\n"
    data = folder / f"{run.target}-perf.json"
    data.write_text(json.dumps({"data": [inputs(run)]}), encoding="utf-8")
    try:
        done = subprocess.run(
            command(program, run, data), capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"\n{PROGRAM}: {error}\n"
    said = done.stdout if done.returncode == 0 else done.stdout + done.stderr
    return f"\n{PROGRAM}:\n\n```\n{said.strip()}\n```\n"


def command(program: str, run: Run, data: Path) -> list[str]:
    """Its command for a run."""
    return [
        *(program, "-m", run.model, "-u", run.triton, "-i", "grpc", "--input-data", str(data)),
        *("--concurrency-range", f"{AT_A_TIME[0]}:{AT_A_TIME[-1]}", "--measurement-interval", "3000"),
        *("-s", "50", "--max-trials", "3"),
        *(["--streaming"] if run.target == "speech" else []),
    ]


def inputs(run: Run) -> dict[str, Any]:
    """One request, in its words."""
    if run.target == "speech":
        return {"TEXT": [TEXT], "LANGUAGE": ["en"], "SAMPLE_RATE": [16_000]}
    sound = np.fromfile(sorted(Path(run.sounds).glob("*.raw"))[0], np.int16)
    pcm = {"content": sound.tolist(), "shape": [len(sound)]}
    return {"PCM": pcm, "LANGUAGE": ["en"], "URGENT": [True]} if run.target == "recognition" else {"PCM": pcm}
