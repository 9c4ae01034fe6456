"""Triton's side of the offline voice; the engine is `export.runtime.pico`."""

import functools

import triton_python_backend_utils as pb_utils

from export.runtime import glue
from export.runtime.pico.voice import Pico, Utterance
from export.runtime.turns import Stream, Turns

ROOM = 8
"""Chunks that may wait to be sent: a cancelled stream has no more than these on their way."""


class TritonPythonModel:
    def initialize(self, args):
        glue.check_numpy()
        try:
            self._pico = Pico()
        except ImportError as error:
            raise pb_utils.TritonModelException("pico needs py-nanotts in Triton's environment") from error
        for _ in self._pico.speak(Utterance("Ready.", "en", 24_000)):
            pass  # the first use of the voice and of the resampler costs 50 ms
        self._metrics = glue.Metrics(
            dragoman_pico_chunks_total="Chunks of sound sent",
            dragoman_pico_cancelled_total="Utterances whose listener went away",
            dragoman_pico_utterances="Utterances under way",
        )
        self._metrics.set("dragoman_pico_utterances", 0)
        self._sender = glue.Sender(ROOM)
        self._turns = Turns(most=int(glue.parameters(args)["most_utterances"]))

    def execute(self, requests):
        for request in requests:
            sender = request.get_response_sender()
            try:
                utterance = self._utterance(request)
            except ValueError as error:
                glue.send_last(sender, glue.refusal(str(error)))
                continue
            stream = Stream(
                items=self._pico.speak(utterance),
                put=functools.partial(self._put, sender),
                cancelled=sender.is_cancelled,
                cancel=functools.partial(self._cancel, sender),
                fail=functools.partial(self._fail, sender),
            )
            self._metrics.add("dragoman_pico_utterances")
            if not self._turns.add(stream):
                self._ended()
                glue.send_last(sender, glue.failure("pico is busy: too many utterances at once"))

    def finalize(self):
        self._turns.stop(5.0)
        self._sender.stop(5.0)
        self._metrics.close()

    def _utterance(self, request):
        rate = glue.array(request, "SAMPLE_RATE")
        speed = glue.array(request, "SPEED")
        return Utterance(
            text=glue.text(request, "TEXT"),
            language=glue.text(request, "LANGUAGE"),
            sample_rate=int(rate[0]),
            speed=1.0 if speed is None else round(float(speed[0]), 3),
        )

    def _put(self, sender, pcm, last):
        response = None if pcm is None else pb_utils.InferenceResponse([pb_utils.Tensor("PCM", pcm)])
        self._sender.post(functools.partial(glue.send, sender, response, last=last))
        if pcm is not None:
            self._metrics.add("dragoman_pico_chunks_total")
        if last:
            self._ended()

    def _cancel(self, sender):
        self._sender.post(functools.partial(glue.send_last, sender, glue.cancellation()))
        self._metrics.add("dragoman_pico_cancelled_total")
        self._ended()

    def _fail(self, sender, error):
        pb_utils.Logger.log_error(f"pico: {error!r}")
        self._sender.post(functools.partial(glue.send_last, sender, glue.failure(f"pico failed: {error}")))
        self._ended()

    def _ended(self):
        self._metrics.add("dragoman_pico_utterances", -1)
