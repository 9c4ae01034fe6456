"""A user asks one of Triton's models for one thing after the other, without a pause: so many are at work at a time.

Of speech, the first chunk and each gap behind it are rows of their own. The tensors are those of
`controller.triton.contracts`, by a client that waits: Locust knows no asyncio.
"""

from __future__ import annotations

import time
from itertools import count, cycle
from pathlib import Path
from typing import Any, Final

import grpc.experimental.gevent as grpc_gevent
import numpy as np
from gevent.queue import Empty, Queue
from locust import User
from tritonclient import grpc as triton
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from loadtest.capacity.users.shape import LOOK_S, RUN, WINDOW, Steps, every, fire

__all__ = ["Embedding", "Recognition", "Speech", "Steps"]

grpc_gevent.init_gevent()
every(LOOK_S, lambda: None)

PATIENCE_S: Final = 30.0
"""What is slow is to be measured, not to be given up."""

RATE: Final = 16_000
TEXTS: Final = (
    ("en", "I am sorry, all our lines are busy at the moment. Please try again in a few minutes."),
    ("es", "Lo siento, todas nuestras líneas están ocupadas. Por favor, inténtelo de nuevo más tarde."),
    ("en", "You have three new messages and one that you have not heard to its end."),
    ("es", "Su llamada es muy importante para nosotros: no cuelgue, por favor."),
)
SOUNDS: Final = [np.fromfile(one, np.int16) for one in sorted(Path(RUN.sounds).glob("*.raw"))] if RUN.sounds else []
_TURN: Final = count()


def tensors(**arrays: Any) -> list[Any]:
    """Inputs by their names."""
    made = []
    for name, array in arrays.items():
        one = triton.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
        one.set_data_from_numpy(np.ascontiguousarray(array))
        made.append(one)
    return made


def text(value: str, *shape: int) -> Any:
    return np.array([value.encode()], np.object_).reshape(shape or (1,))


class Asking(User):  # type: ignore[misc]  # locust has no types here
    """One client, on a connection of its own."""

    abstract = True

    def on_start(self) -> None:
        self.client = triton.InferenceServerClient(RUN.triton, channel_args=[("grpc.use_local_subchannel_pool", 1)])
        turn = next(_TURN)  # each begins somewhere else
        self.texts = cycle(TEXTS[turn % len(TEXTS) :] + TEXTS[: turn % len(TEXTS)])
        if SOUNDS:
            self.sounds = cycle(SOUNDS[turn % len(SOUNDS) :] + SOUNDS[: turn % len(SOUNDS)])

    def on_stop(self) -> None:
        self.client.close()  # or Locust never ends: the channel waits for greenlets that are gone

    def _got(self, name: str, began: float, error: Exception | None = None) -> None:
        took = (time.perf_counter() - began) * 1000
        WINDOW.got(name, took, str(error) if error else "")
        fire(RUN.model, name, took, error)

    def _infer(self, name: str, inputs: list[Any]) -> None:
        began = time.perf_counter()
        try:
            self.client.infer(RUN.model, inputs, client_timeout=PATIENCE_S)
        except InferenceServerException as error:
            self._got(name, began, error)
        else:
            self._got(name, began)


class Recognition(Asking):
    """Finals, of recorded prompts."""

    def _ask(self) -> None:
        pcm = next(self.sounds).reshape(1, -1)
        self._infer("recognition", tensors(PCM=pcm, LANGUAGE=text("en", 1, 1), URGENT=np.array([[True]])))

    tasks = [_ask]  # noqa: RUF012  # Locust wants it so


class Embedding(Asking):
    """Who speaks, of recorded prompts."""

    def _ask(self) -> None:
        self._infer("embedding", tensors(PCM=next(self.sounds).reshape(1, -1)))

    tasks = [_ask]  # noqa: RUF012


class Speech(Asking):
    """Sentences, each a stream of chunks."""

    def _ask(self) -> None:
        language, words = next(self.texts)
        inputs = tensors(TEXT=text(words), LANGUAGE=text(language), SAMPLE_RATE=np.array([RATE], np.int32))
        answers: Queue[Any] = Queue()
        began = last = time.perf_counter()
        self.client.start_stream(lambda result, error: answers.put((result, error)), stream_timeout=PATIENCE_S)
        try:
            self.client.async_stream_infer(RUN.model, inputs, enable_empty_final_response=True)
            chunks = 0
            while True:
                result, error = answers.get(timeout=PATIENCE_S)
                if error is not None:
                    self._got("first chunk" if not chunks else "utterance", began, error)
                    return
                pcm = result.as_numpy("PCM")
                if pcm is not None and pcm.size:
                    if chunks:
                        self._gap(last)
                    else:
                        self._got("first chunk", began)
                    chunks += 1
                    last = time.perf_counter()
                if result.get_response().parameters["triton_final_response"].bool_param:
                    break
            if chunks:
                fire(RUN.model, "utterance", (time.perf_counter() - began) * 1000)
                WINDOW.also("utterance", (time.perf_counter() - began) * 1000)
            else:
                self._got("first chunk", began, RuntimeError("nothing was said"))
        except Empty:
            self._got("utterance", began, TimeoutError(f"nothing came for {PATIENCE_S:g} s"))
        finally:
            self.client.stop_stream()

    def _gap(self, last: float) -> None:
        took = (time.perf_counter() - last) * 1000
        WINDOW.also("gap", took)
        fire(RUN.model, "gap", took)

    tasks = [_ask]  # noqa: RUF012
