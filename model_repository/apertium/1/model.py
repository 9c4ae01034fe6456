"""Triton's side of the offline translator; the engine is `export.runtime.apertium`."""

import triton_python_backend_utils as pb_utils

from export.runtime import glue
from export.runtime.apertium.translator import Translator, TranslatorError


class TritonPythonModel:
    def initialize(self, args):
        try:
            self._translator = Translator.of_folder(glue.weights_folder(args))
        except FileNotFoundError as error:
            raise pb_utils.TritonModelException(str(error)) from error
        for source, target in self._translator.pairs:
            self._translator.translate("1.", source, target)  # its dictionaries are read by then
        self._metrics = glue.Metrics(dragoman_apertium_restarts_total="Pipelines that died or hung")
        self._metrics.add("dragoman_apertium_restarts_total", 0)

    def execute(self, requests):
        return [self._answer(request) for request in requests]

    def finalize(self):
        self._translator.close()
        self._metrics.close()

    def _answer(self, request):
        if request.is_cancelled():
            return glue.cancellation()
        before = self._translator.restarts
        try:
            text = self._translator.translate(
                glue.text(request, "TEXT"), glue.text(request, "SOURCE"), glue.text(request, "TARGET")
            )
        except ValueError as error:
            return glue.refusal(str(error))
        except TranslatorError as error:
            return glue.failure(str(error))
        finally:
            self._metrics.add("dragoman_apertium_restarts_total", self._translator.restarts - before)
        return pb_utils.InferenceResponse([glue.string("TEXT", text, batched=False)])
