"""Our parts as an engine of the bench: runs in the environment that exports.

`python -m loadtest.xtts.ours WEIGHTS PRECISION THREADS ROWS [quick] [still]`: `quick` runs prompts through the graph of
their own, `still` lets threads sleep at once where they wait.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from export.runtime.xtts import config as configs
from export.runtime.xtts.conditioning import Voice
from export.runtime.xtts.decoding import Manner
from export.runtime.xtts.gpt import Gpt
from export.runtime.xtts.synthesis import Utterance
from export.runtime.xtts.text import TextFrontEnd
from export.runtime.xtts.vocoder import Vocoder
from loadtest.xtts import task
from loadtest.xtts.exchange import forget_peak, peak_mb, serve


class Ours:
    def __init__(self, folder: Path, precision: Any, threads: int, slots: int, traits: Collection[str]) -> None:
        self._config = configs.load(folder)
        spinning = "still" not in traits
        self._gpt = Gpt(
            folder,
            self._config,
            slots=slots,
            precision=precision,
            quick_prefill="quick" in traits,
            threads=threads,
            spinning=spinning,
        )
        self._vocoder = Vocoder(folder, threads=threads, spinning=spinning)
        self._front_end = TextFrontEnd(folder / "vocab.json", self._config)
        self._voice = Voice(*task.voice(self._config))

    def speak(self, streams: int) -> dict[str, Any]:
        """Say the text `streams` times at once, with seeds of their own, each vocoded whole when it is decoded."""
        forget_peak()
        began = time.perf_counter()
        (piece,) = self._front_end.pieces(task.TEXT, task.LANGUAGE)
        utterances = [
            Utterance(self._gpt, piece.ids, self._voice, Manner(seed=seed, least=task.TOKENS, most=task.TOKENS))
            for seed in range(streams)
        ]
        prefilling = time.perf_counter() - began
        decoding, samples = 0.0, 0
        speaking = utterances
        while speaking:
            stepped = time.perf_counter()
            tokens = {one.row: one.draw() for one in speaking}
            self._gpt.step({one.row: tokens[one.row] for one in speaking if not one.finished})
            decoding += time.perf_counter() - stepped
            for one in speaking:
                if one.finished and (sound := one.sound(self._vocoder)) is not None:
                    samples += len(sound)
            speaking = [one for one in speaking if not one.finished]
        seconds = time.perf_counter() - began
        (steps,) = {len(one.codes) - 1 for one in utterances}
        for one in utterances:
            self._gpt.close(one.row)
        return {
            "utterance_s": seconds,
            "prefill_s": prefilling,
            "decode_s": decoding,
            "steps": steps,
            "audio_s": samples / self._config.output_rate / streams,
            "rss_mb": peak_mb(),
        }

    def compare(self, out: str) -> dict[str, Any]:
        """Decode without chance; codes and latents go into the file `out`."""
        (piece,) = self._front_end.pieces(task.TEXT, task.LANGUAGE)
        most = task.COMPARED_TOKENS
        utterance = Utterance(self._gpt, piece.ids, self._voice, Manner(sampling=task.GREEDY, least=most, most=most))
        while not utterance.finished:
            token = utterance.draw()
            if not utterance.finished:
                self._gpt.step({utterance.row: token})
        self._gpt.close(utterance.row)
        np.savez(out, codes=utterance.codes, latents=utterance.windows.latents, ids=piece.ids)
        return {}


def main() -> int:
    folder, precision, threads, slots, *traits = sys.argv[1:]
    began = time.perf_counter()
    engine = Ours(Path(folder), precision, int(threads), int(slots), traits)
    return serve({"load_s": time.perf_counter() - began}, {"speak": engine.speak, "compare": engine.compare})


if __name__ == "__main__":
    sys.exit(main())
