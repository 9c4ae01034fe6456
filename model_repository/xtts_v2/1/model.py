"""Triton's side of XTTS v2; the engine is `export.runtime.xtts.serving`."""

import functools
import threading

import numpy as np
import triton_python_backend_utils as pb_utils

from export.runtime import glue
from export.runtime.weights import WeightsError
from export.runtime.xtts.conditioning import Voice
from export.runtime.xtts.decoding import Manner
from export.runtime.xtts.serving import Busy, Engine, Request, parameters
from export.runtime.xtts.text import Piece

SPEEDS = (0.5, 2.0)
"""Slowest and quickest: beyond them nothing is understood any more."""

FIRST_AUDIO_MS = [50, 100, 150, 200, 250, 300, 400, 500, 750, 1e3, 1.5e3, 2e3, 3e3, 5e3, 1e4]
"""Bounds of the histogram; the product's target is 300."""

WARM_UP_S = 50.0
"""How long the first words may take; Triton gives a model 60 s to load."""


class TritonPythonModel:
    def initialize(self, args):
        weights = glue.weights_folder(args)
        given = glue.parameters(args)
        self._most_characters = int(given.pop("most_characters"))
        self._sender = glue.Sender(glue.UNBOUNDED)
        self._figures = _Figures(self._sender.post)
        try:
            self._engine = Engine(weights, parameters.serving(given), self._figures)
        except WeightsError as error:
            raise pb_utils.TritonModelException(f"xtts_v2 cannot use its weights: {error}") from error
        except ValueError as error:
            raise pb_utils.TritonModelException(f"xtts_v2 cannot serve as config.pbtxt says: {error}") from error
        self._warm_up()
        self._figures.begin()

    def execute(self, requests):
        for request in requests:
            sender = request.get_response_sender()
            try:
                if glue.flag(request, "FORGET"):
                    self._forget(request)
                    glue.send_last(sender, pb_utils.InferenceResponse([pb_utils.Tensor("PCM", np.zeros(0, np.int16))]))
                    continue
                asked = self._request(request)
                self._engine.submit(asked, _Caller(sender, self._sender.post))
            except Busy as error:
                self._figures.refused("busy")
                glue.send_last(sender, glue.failure(f"xtts_v2 is busy: {error}"))
            except ValueError as error:
                self._figures.refused("request")
                glue.send_last(sender, glue.refusal(str(error)))
            except Exception as error:  # noqa: BLE001 - whatever a text does, those that came with it are not to blame
                pb_utils.Logger.log_error(f"xtts_v2: a request could not be read: {error!r}")
                glue.send_last(sender, glue.failure(f"xtts_v2 failed: {error}"))

    def finalize(self):
        self._engine.stop(5.0)
        self._sender.stop(5.0)
        self._figures.close()

    def _request(self, request):
        """
        Raises:
            ValueError: it cannot be spoken, in one sentence.
        """
        text = glue.text(request, "TEXT")
        if len(text) > self._most_characters:
            raise ValueError(f"the text has {len(text)} characters: give {self._most_characters} at most at a time")
        speed = glue.array(request, "SPEED")
        speed = 1.0 if speed is None else round(float(speed[0]), 3)
        if not SPEEDS[0] <= speed <= SPEEDS[1]:
            raise ValueError(f"the speed is {speed:g}: give {SPEEDS[0]:g} to {SPEEDS[1]:g}")
        seed = glue.array(request, "SEED")
        seed = 0 if seed is None else int(seed[0])
        if seed < 0:
            raise ValueError(f"the seed is {seed}: give 0 or more")
        pieces = tuple(self._engine.front_end.pieces(text, glue.text(request, "LANGUAGE")))
        rate = int(glue.array(request, "SAMPLE_RATE")[0])
        return Request(pieces, self._voice(request, pieces), Manner(seed=seed, speed=speed), rate)

    def _forget(self, request):
        latents = glue.tensor(request, "GPT_COND_LATENT")
        if latents is None:
            self._engine.forget_voices()
        else:
            self._engine.forget(latents.astype(np.float32))

    def _voice(self, request, pieces):
        latents, speaker = glue.tensor(request, "GPT_COND_LATENT"), glue.tensor(request, "SPEAKER_EMBEDDING")
        if latents is None and speaker is None and not pieces:
            return _nobody(self._engine.config)
        if latents is None or speaker is None:
            raise ValueError(
                "there is no voice but what is given: send GPT_COND_LATENT and SPEAKER_EMBEDDING, "
                "which xtts_conditioning makes of a recording"
            )
        return Voice(latents.astype(np.float32), speaker.astype(np.float32))

    def _warm_up(self):
        """Speak, once: the first step and the first sound of a session cost far more than later ones."""
        c = self._engine.config
        words = Piece("", "", (c.start_text, c.stop_text), most_codes=8, ends_sentence=True, unknown=0)
        listener = _Waiting()
        self._engine.submit(Request((words,), _nobody(c), Manner(), c.output_rate), listener)
        said = listener.ended.wait(WARM_UP_S)
        self._engine.forget_voices()
        if not said or listener.error is not None:
            self.finalize()
            why = listener.error or f"nothing within {WARM_UP_S:g} s"
            raise pb_utils.TritonModelException(f"xtts_v2 cannot speak: {why}")


def _nobody(config):
    """A voice for what makes no sound."""
    return Voice(np.zeros((config.latents, config.width), np.float32), np.zeros(config.speaker_width, np.float32))


class _Caller:
    """The engine's listener: one request of Triton's. Everything is sent by the sender's thread, in order.

    Both of the engine's threads and the sender's come here. Triton forgets a request with its last answer: asked after
    that whether the request is cancelled, as the stepping thread may when the vocoding one has just ended it, the whole
    server dies (seen with 24.10, once in 800 utterances).
    """

    def __init__(self, sender, post):
        self._sender, self._post = sender, post
        self._asking, self._ended = threading.Lock(), False

    def sound(self, pcm, last):
        self._post(functools.partial(self._sound, pcm, last))

    def failed(self, error):
        if isinstance(error, Busy):
            response = glue.failure(f"xtts_v2 is busy: {error}")
        elif isinstance(error, ValueError):
            response = glue.refusal(str(error))
        else:
            pb_utils.Logger.log_error(f"xtts_v2: {error!r}")
            response = glue.failure(f"xtts_v2 failed: {error}")
        self._post(functools.partial(self._send, response, last=True))

    def dropped(self):
        self._post(functools.partial(self._send, glue.cancellation(), last=True))

    def gone(self):
        with self._asking:
            return not self._ended and self._sender.is_cancelled()

    def _sound(self, pcm, last):
        self._send(pb_utils.InferenceResponse([pb_utils.Tensor("PCM", pcm)]), last=last)

    def _send(self, response, *, last):
        if last:
            with self._asking:
                self._ended = True
        glue.send(self._sender, response, last=last)


class _Waiting:
    """The listener of the first words."""

    def __init__(self):
        self.ended, self.error = threading.Event(), None

    def sound(self, pcm, last):
        if last:
            self.ended.set()

    def failed(self, error):
        self.error = error
        self.ended.set()

    def dropped(self):
        self.ended.set()

    def gone(self):
        return False


class _Figures:
    """The engine's watch, on Triton's metrics port. Each figure costs the stub a message, so all are sent by the
    sender's thread, and what happens at every step is added up before."""

    TOGETHER = 64

    def __init__(self, post):
        self._post, self._metrics = post, None
        self._lock, self._sums, self._count = threading.Lock(), {}, 0

    def begin(self):
        """Count from now on."""
        self._metrics = glue.Metrics(
            {
                "dragoman_xtts_first_audio_ms": FIRST_AUDIO_MS,
                "dragoman_xtts_rtf": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0],
            },
            dragoman_xtts_first_audio_ms="From a request's arrival to its first sound",
            dragoman_xtts_rtf="Of an utterance: seconds from its admission to its last sound, by its seconds of sound",
            dragoman_xtts_active="Utterances that are spoken",
            dragoman_xtts_waiting="Utterances that wait for a slot",
            dragoman_xtts_ended_total="Utterances by how they ended: done, failed, dropped (its listener went away)",
            dragoman_xtts_refused_total="Requests refused, because they cannot be spoken or the engine is busy",
            dragoman_xtts_steps_total="Steps of the GPT",
            dragoman_xtts_step_seconds_total="Seconds in steps",
            dragoman_xtts_tokens_total="Audio tokens given in steps",
            dragoman_xtts_prompt_positions_total="Positions of prompts that were run",
            dragoman_xtts_prompt_seconds_total="Seconds in them",
            dragoman_xtts_frames_total="Frames vocoded, with what context costs besides",
            dragoman_xtts_vocoder_seconds_total="Seconds in the vocoder",
            dragoman_xtts_voices_total="Voices looked up, known already or not",
        )
        self.slots(0, 0)
        for how in ("done", "failed", "dropped"):
            self._add("dragoman_xtts_ended_total", 0, how=how)

    def close(self):
        if self._metrics is not None:
            self._metrics.close()

    def first_audio(self, seconds):
        self._tell("observe", "dragoman_xtts_first_audio_ms", 1000.0 * seconds)

    def rtf(self, factor):
        self._tell("observe", "dragoman_xtts_rtf", factor)

    def slots(self, active, waiting):
        self._tell("set", "dragoman_xtts_active", active)
        self._tell("set", "dragoman_xtts_waiting", waiting)

    def ended(self, how):
        self._add("dragoman_xtts_ended_total", 1, how=how)
        self._flush()

    def refused(self, reason):
        self._add("dragoman_xtts_refused_total", 1, reason=reason)

    def prefix(self, hit):
        self._add("dragoman_xtts_voices_total", 1, known=str(hit).lower())

    def stepped(self, rows, seconds):
        self._sum(steps=1, step_seconds=seconds, tokens=rows)

    def filled(self, positions, seconds):
        self._sum(prompt_positions=positions, prompt_seconds=seconds)

    def vocoded(self, frames, seconds):
        self._sum(frames=frames, vocoder_seconds=seconds)

    def _sum(self, **parts):
        with self._lock:
            for name, value in parts.items():
                self._sums[name] = self._sums.get(name, 0) + value
            self._count += 1
            full = self._count >= self.TOGETHER
        if full:
            self._flush()

    def _flush(self):
        with self._lock:
            sums, self._sums, self._count = self._sums, {}, 0
        for name, value in sums.items():
            self._add(f"dragoman_xtts_{name}_total", value)

    def _add(self, name, value, **labels):
        self._tell("add", name, value, **labels)

    def _tell(self, verb, name, value, **labels):
        if self._metrics is not None:
            self._post(functools.partial(getattr(self._metrics, verb), name, value, **labels))
