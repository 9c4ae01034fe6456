"""Triton's side of a neural translator; the engine is `export.runtime.mt`."""

import triton_python_backend_utils as pb_utils

from export.runtime import glue
from export.runtime.batching import Job, Queue, Worker
from export.runtime.mt.answers import Text
from export.runtime.mt.translator import Translator
from export.runtime.weights import WeightsError


class TritonPythonModel:
    def initialize(self, args):
        name = args["model_name"]
        parameters = glue.parameters(args)
        try:
            self._translator = Translator(
                glue.weights_folder(args),
                [] if parameters["pairs"] == "all" else parameters["pairs"].split(),
                device=parameters["device"],
                compute_type=parameters["compute_type"],
                threads=int(parameters["threads"]),
                beam=int(parameters["beam"]),
            )
        except (WeightsError, ValueError, RuntimeError) as error:
            raise pb_utils.TritonModelException(f"{name} cannot use its weights: {error}") from error
        self._translator.warm_up()
        self._name = name
        self._metrics = glue.Metrics(
            dragoman_mt_sentences_total="Sentences translated, by model",
            dragoman_mt_batches_total="Batches translated, by model",
            dragoman_mt_cancelled_total="Requests cancelled while they waited, by model",
        )
        self._queue = Queue(largest_batch=int(parameters["largest_batch"]))
        self._worker = Worker(self._queue, serve=self._serve, failed=self._failed, skipped=self._skipped)

    def execute(self, requests):
        for request in requests:
            sender = request.get_response_sender()
            try:
                sentences = self._translator.sentences(
                    glue.text(request, "TEXT"), glue.text(request, "SOURCE"), glue.text(request, "TARGET")
                )
            except ValueError as error:
                glue.send_last(sender, glue.refusal(str(error)))
                continue
            text = Text(sender, len(sentences))
            if not sentences:
                self._answer(text)
            jobs = [
                Job((text, place, one), kind=len(one.tokens), urgent=False, cancelled=sender.is_cancelled)
                for place, one in enumerate(sentences)
            ]
            self._queue.add(jobs)
        # Each request is answered through its sender, by the worker.

    def finalize(self):
        self._worker.stop(5.0)
        self._metrics.close()

    def _serve(self, jobs):
        translations = self._translator.translate([sentence for _, _, sentence in jobs])
        for (text, place, _), translation in zip(jobs, translations, strict=True):
            if text.put(place, translation):
                self._answer(text)
        self._metrics.add("dragoman_mt_sentences_total", len(jobs), model=self._name)
        self._metrics.add("dragoman_mt_batches_total", model=self._name)

    def _answer(self, text):
        glue.send_last(text.sender, pb_utils.InferenceResponse([glue.string("TEXT", text.whole, batched=False)]))

    def _failed(self, jobs, error):
        pb_utils.Logger.log_error(f"{self._name}: a batch of {len(jobs)} failed: {error!r}")
        for text, _, _ in jobs:
            if text.end():
                glue.send_last(text.sender, glue.failure(f"{self._name} failed: {error}"))

    def _skipped(self, job):
        text, _, _ = job
        if text.end():
            glue.send_last(text.sender, glue.cancellation())
            self._metrics.add("dragoman_mt_cancelled_total", model=self._name)
