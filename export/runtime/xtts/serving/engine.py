"""The engine: one thread that steps all utterances together, one that vocodes them, and the way in.

    engine = Engine(weights, Serving(slots=8), Unwatched())
    pieces = tuple(engine.front_end.pieces("It costs $20.", "en"))
    engine.submit(Request(pieces, voice, Manner(seed=7), 24_000), listener)

Knows no server: whoever asks is a `Listener`, whoever counts a `Watch`.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.runtime.xtts import config as configs
from export.runtime.xtts.config import ModelConfig
from export.runtime.xtts.gpt import Gpt
from export.runtime.xtts.sampler import Draws
from export.runtime.xtts.serving import prefixes
from export.runtime.xtts.serving.cores import Cores
from export.runtime.xtts.serving.prefixes import Prefixes
from export.runtime.xtts.serving.requests import Busy, Listener, Request
from export.runtime.xtts.serving.scheduler import Scheduler
from export.runtime.xtts.serving.settings import Serving
from export.runtime.xtts.serving.speaking import Speaking, Spoken
from export.runtime.xtts.serving.track import Track
from export.runtime.xtts.serving.vocoding import Vocoding
from export.runtime.xtts.serving.watch import Watch
from export.runtime.xtts.text import TextFrontEnd
from export.runtime.xtts.vocoder import Vocoder

RATES = (16_000, 24_000)

WAIT_S = 0.1
"""Who waits for a slot while nobody is stepped is asked this often whether they are gone."""

IDLE_S = 10.0
"""An engine without work looks this often for voices that have not been used for long."""


class Engine:
    """One model's engine. `submit` may be called by any thread."""

    def __init__(self, folder: Path, settings: Serving, watch: Watch) -> None:
        """Open the weights in `folder` and start.

        Raises:
            WeightsError: a file is missing or is not what it should be.
        """
        self.config: ModelConfig = configs.load(folder)
        self.front_end = TextFrontEnd(folder / "vocab.json", self.config)
        self._settings, self._watch = settings, watch
        gpt = Gpt(
            folder,
            self.config,
            slots=settings.slots,
            positions=settings.positions,
            precision=settings.precision,
            quick_prefill=settings.quick_prefill,
            threads=settings.threads,
            spinning=settings.spinning,
            provider=settings.provider,
        )
        vocoder = Vocoder(
            folder, threads=settings.vocoder_threads, spinning=settings.spinning, provider=settings.provider
        )
        cores = Cores(shared=settings.overlap)
        self._prefixes = Prefixes(settings.most_prefixes, settings.prefix_ttl_s, time.monotonic)
        self._scheduler: Scheduler[Spoken] = Scheduler(
            Speaking(gpt, cores, settings.prompt_piece, self._prefixes, watch, time.monotonic),
            slots=settings.slots,
            most_waiting=settings.most_waiting,
            changed=watch.slots,
        )
        self._changed = threading.Condition()
        self._woken = self._stopping = False
        self._vocoding = Vocoding(vocoder, cores, self.config, settings, watch, time.monotonic, self._wake)
        self._thread = threading.Thread(target=self._run, name="stepping", daemon=True)
        self._thread.start()

    def submit(self, request: Request, listener: Listener) -> None:
        """Have `request` spoken to `listener`.

        Raises:
            Busy: there is no room, or the engine was stopped.
            ValueError: voice, manner or rate cannot be spoken.
        """
        self._check(request)
        track = Track(request, listener, self.config, self._settings, self._watch, time.monotonic, self._vocoding.wake)
        with self._changed:
            if self._stopping:
                raise Busy("the engine was stopped")
            if request.pieces:
                self._scheduler.submit(request, track)
            self._vocoding.add(track)
            self._woken = True
            self._changed.notify()

    def forget(self, latents: NDArray[np.float32]) -> None:
        """Keep nothing of the voice with these latents but while it speaks. May be called by any thread."""
        self._prefixes.forget(prefixes.key(latents))

    def forget_voices(self) -> None:
        """Keep nothing of any voice but while it speaks. May be called by any thread."""
        self._prefixes.clear()

    def stop(self, timeout_s: float) -> None:
        """End every listener, and both threads as far as they end in time."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout_s)
        self._vocoding.end_all(Busy("the engine was stopped"))
        self._vocoding.stop(timeout_s)

    def _check(self, request: Request) -> None:
        if request.rate not in RATES:
            raise ValueError(f"there is no rate of {request.rate} Hz: ask for 16000 or 24000")
        Draws(request.manner.seed)
        request.voice.check(self.config)

    def _wake(self) -> None:
        with self._changed:
            self._woken = True
            self._changed.notify()

    def _run(self) -> None:
        ending: BaseException = Busy("the engine was stopped")
        try:
            self._step_until_stopped()
            self._scheduler.end_all(Busy("the engine was stopped"))
        except BaseException as error:  # noqa: BLE001 - whatever it is, nobody may be left waiting
            ending = error
        with self._changed:
            self._stopping = True
        self._vocoding.end_all(ending)

    def _step_until_stopped(self) -> None:
        worked = False
        while True:
            with self._changed:
                if not worked:
                    waits = bool(self._scheduler.active or self._scheduler.waiting)
                    self._changed.wait_for(lambda: self._woken or self._stopping, WAIT_S if waits else IDLE_S)
                self._woken = False
                if self._stopping:
                    return
            self._prefixes.purge()
            try:
                worked = self._scheduler.turn()
            except Exception as error:  # noqa: BLE001 - all who listen must hear of it, and others can be served
                worked = False
                self._scheduler.end_all(error)
            self._vocoding.wake()
