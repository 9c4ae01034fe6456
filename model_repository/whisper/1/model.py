"""Triton's side of the offline recogniser; the engine is `export.runtime.whisper`."""

import json
from dataclasses import asdict

import numpy as np
import triton_python_backend_utils as pb_utils

from export.runtime import glue
from export.runtime.batching import Job, Queue, Worker
from export.runtime.silero import Silero
from export.runtime.weights import WeightsError, check_whisper
from export.runtime.whisper.ladder import window_s
from export.runtime.whisper.model import Recording, Whisper


class TritonPythonModel:
    def initialize(self, args):
        weights = glue.weights_folder(args)
        parameters = glue.parameters(args)
        try:
            check_whisper(weights / "whisper")
            self._whisper = Whisper(
                weights / "whisper",
                Silero(weights / "silero_vad.onnx"),
                device=parameters["device"],
                compute_type=parameters["compute_type"],
                threads=int(parameters["threads"]),
            )
        except (WeightsError, FileNotFoundError, ValueError, RuntimeError) as error:
            raise pb_utils.TritonModelException(f"whisper cannot use its weights: {error}") from error
        self._whisper.warm_up()
        self._metrics = glue.Metrics(
            dragoman_whisper_windows_total="Recordings decoded, by encoder window",
            dragoman_whisper_batches_total="Batches decoded, by encoder window",
            dragoman_whisper_dropped_total="Recordings dropped as no speech, by gate",
            dragoman_whisper_cancelled_total="Requests cancelled while they waited",
            dragoman_whisper_queue_depth="Requests waiting in the model's own queue",
        )
        self._metrics.set("dragoman_whisper_queue_depth", 0)
        self._queue = Queue(largest_batch=int(parameters["largest_batch"]))
        self._worker = Worker(self._queue, serve=self._serve, failed=self._failed, skipped=self._skipped)

    def execute(self, requests):
        jobs = []
        for request in requests:
            sender = request.get_response_sender()
            try:
                recording = self._recording(request)
            except ValueError as error:
                glue.send_last(sender, glue.refusal(str(error)))
                continue
            urgent = glue.flag(request, "URGENT")
            jobs.append(Job((recording, sender), kind=recording.window_s, urgent=urgent, cancelled=sender.is_cancelled))
        self._metrics.add("dragoman_whisper_queue_depth", len(jobs))
        self._queue.add(jobs)
        # Each request is answered through its sender, by the worker.

    def finalize(self):
        self._worker.stop(5.0)
        self._metrics.close()

    def _recording(self, request):
        pcm = glue.array(request, "PCM")
        if pcm is None or pcm.dtype != np.int16 or len(pcm) == 0:
            raise ValueError("PCM must hold int16 samples at 16 kHz")
        languages = tuple(code.strip() for code in glue.text(request, "LANGUAGE").split(",") if code.strip())
        self._whisper.check_languages(languages)
        return Recording(pcm, languages, window_s(len(pcm)))

    def _serve(self, jobs):
        self._metrics.add("dragoman_whisper_queue_depth", -len(jobs))
        results = self._whisper.recognise([recording for recording, _ in jobs])
        for (_, sender), result in zip(jobs, results, strict=True):
            words = json.dumps([asdict(word) for word in result.words], ensure_ascii=False)
            tensors = [
                glue.string("TEXT", result.text, batched=True),
                glue.string("WORDS_JSON", words, batched=True),
                glue.string("LANGUAGE_FOUND", result.language, batched=True),
                glue.number("LANGUAGE_PROB", result.language_probability, batched=True),
                glue.number("LOGPROB", result.logprob, batched=True),
                glue.number("NO_SPEECH", result.no_speech, batched=True),
            ]
            glue.send_last(sender, pb_utils.InferenceResponse(tensors))
        self._count(jobs, results)

    def _count(self, jobs, results):
        window = f"{jobs[0][0].window_s:g}"
        decoded = sum(result.decoded for result in results)
        if decoded:
            self._metrics.add("dragoman_whisper_windows_total", decoded, window=window)
            self._metrics.add("dragoman_whisper_batches_total", window=window)
        for result in results:
            if result.dropped_by:
                self._metrics.add("dragoman_whisper_dropped_total", gate=result.dropped_by)

    def _failed(self, jobs, error):
        pb_utils.Logger.log_error(f"whisper: a batch of {len(jobs)} failed: {error!r}")
        for _, sender in jobs:
            glue.send_last(sender, glue.failure(f"whisper failed: {error}"))

    def _skipped(self, job):
        glue.send_last(job[1], glue.cancellation())
        self._metrics.add("dragoman_whisper_queue_depth", -1)
        self._metrics.add("dragoman_whisper_cancelled_total")
