"""Triton's side of voices for XTTS; the encoders are `export.runtime.xtts.conditioning`."""

import numpy as np
import triton_python_backend_utils as pb_utils

from export.runtime import glue
from export.runtime.batching import Job, Queue, Worker
from export.runtime.weights import WeightsError, made_by
from export.runtime.xtts import recordings
from export.runtime.xtts.conditioning import Conditioning


class TritonPythonModel:
    def initialize(self, args):
        weights = glue.weights_folder(args)
        parameters = glue.parameters(args)
        try:
            self._conditioning = Conditioning(weights, threads=int(parameters["threads"]), spinning=False)
        except WeightsError as error:
            raise pb_utils.TritonModelException(f"xtts_conditioning cannot use its weights: {error}") from error
        self._id = made_by(weights, "xtts_conditioning")
        self._most_waiting = int(parameters["most_waiting"])
        self._queue = Queue(largest_batch=1)
        self._worker = Worker(self._queue, serve=self._serve, failed=self._failed, skipped=self._skipped)

    def execute(self, requests):
        for request in requests:
            sender = request.get_response_sender()
            if len(self._queue) >= self._most_waiting:
                glue.send_last(sender, glue.failure("xtts_conditioning is busy: try again in a few seconds"))
                continue
            asked = (glue.array(request, "PCM"), glue.array(request, "SAMPLE_RATE"), sender)
            self._queue.add([Job(asked, kind=None, urgent=False, cancelled=sender.is_cancelled)])
        # Each request is answered through its sender, by the worker, refusals too: so an answer tells that it lives.

    def finalize(self):
        self._worker.stop(5.0)

    def _serve(self, asked):
        ((pcm, rate, sender),) = asked
        try:
            voice = self._conditioning([recordings.checked(pcm, int(rate[0]))])
        except ValueError as error:
            glue.send_last(sender, glue.refusal(str(error)))
            return
        if not (np.isfinite(voice.latents).all() and np.isfinite(voice.speaker).all()):
            raise FloatingPointError("the voice is no finite numbers: the weights are damaged, export them again")
        tensors = [
            pb_utils.Tensor("GPT_COND_LATENT", np.ascontiguousarray(voice.latents, np.float32)),
            pb_utils.Tensor("SPEAKER_EMBEDDING", np.ascontiguousarray(voice.speaker, np.float32)),
            glue.string("MODEL_ID", self._id, batched=False),
        ]
        glue.send_last(sender, pb_utils.InferenceResponse(tensors))

    def _failed(self, asked, error):
        pb_utils.Logger.log_error(f"xtts_conditioning: {error!r}")
        for _, _, sender in asked:
            glue.send_last(sender, glue.failure(f"xtts_conditioning failed: {error}"))

    def _skipped(self, asked):
        glue.send_last(asked[2], glue.cancellation())
