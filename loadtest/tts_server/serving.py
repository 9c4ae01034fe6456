"""The model that is measured, and a Triton of its own on it."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from controller.stack.process import Run
from controller.stack.triton import TritonServer
from export.runtime.xtts import config as configs
from export.runtime.xtts.config import SPARE_AUDIO_POSITIONS
from export.setup.cache import REPOSITORY
from loadtest.tts_server.asking import MODEL

START_S: Final = 300.0
"""For a server to begin: full size opens and says its first words within seconds, elsewhere it may take longer."""

SLOTS: Final = 8
"""Of the model, as its config.pbtxt has them."""

LIMITED: Final = ("model.json", "mel_positions.npy")
"""Which of the weights' files say how many tokens an utterance has."""


def limited(whole: Path, made: Path, tokens: int, parameters: Mapping[str, Any]) -> Path:
    """A repository `made` anew with this checkout's model, of which an utterance has `tokens` audio tokens.

    It can have no more, and the token that ends one is all but never drawn: see `loadtest.tts_server`.

    All else is as in the weights folder `whole`, and the same files on the disk where it can be; the room that rows of
    keys and values have is the usual one, too.

    Args:
        parameters: what its config.pbtxt says otherwise (`export.runtime.xtts.serving.settings`).
    """
    shutil.rmtree(made, ignore_errors=True)
    source, weights = REPOSITORY / "model_repository" / MODEL, made / MODEL / "1" / "weights"
    weights.mkdir(parents=True)
    for file in whole.iterdir():
        if file.name not in LIMITED:
            _same(file, weights / file.name)
    most = tokens + SPARE_AUDIO_POSITIONS
    described = json.loads((whole / "model.json").read_text(encoding="utf-8"))
    said = {**described, "max_audio": most, "stop_audio": described["start_audio"]}
    (weights / "model.json").write_text(json.dumps(said), encoding="utf-8")
    table = np.load(whole / "mel_positions.npy", mmap_mode="r")
    np.save(weights / "mel_positions.npy", table[: most + SPARE_AUDIO_POSITIONS])
    shutil.copy(source / "1" / "model.py", weights.parent)
    text = (source / "config.pbtxt").read_text(encoding="utf-8")
    text = with_parameters(text, {"positions": configs.load(whole).max_positions, **parameters})
    (made / MODEL / "config.pbtxt").write_text(text, encoding="utf-8")
    return made


def with_parameters(text: str, parameters: Mapping[str, Any]) -> str:
    """A config.pbtxt whose parameters say otherwise, those that it does not name at its end."""
    for name, value in parameters.items():
        word = str(value).lower()
        line = f'parameters: {{ key: "{name}" value: {{ string_value: "{word}" }} }}'
        text, count = re.subn(rf'^parameters: {{ key: "{name}" .*$', line, text, flags=re.MULTILINE)
        if not count:
            text = f"{text.rstrip()}\n{line}\n"
    return text


def started(run: Run, repository: Path) -> TritonServer:
    """
    Raises:
        StackError: it does not start, or the model does not speak.
    """
    server = TritonServer(run, repository)
    server.start(START_S)
    return server


def _same(file: Path, name: Path) -> None:
    """A name for a file: graphs are not opened through symbolic links out of their folder."""
    try:
        os.link(file, name)
    except OSError:  # another disk
        shutil.copy(file, name)
