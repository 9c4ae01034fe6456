"""The few HTTP requests by which a Triton is watched and its models are unloaded and loaded. Standard library only."""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.request
from typing import Any

from controller.errors import StackError
from controller.triton.probes import PROBES, Probe


class TritonHttp:
    """Requests to the server at `base`, http://host:port."""

    def __init__(self, base: str) -> None:
        self._base = base
        # No proxy from the environment stands between a machine and itself.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def version(self) -> str:
        """The server's version.

        Raises:
            StackError: it cannot be reached.
        """
        try:
            with self._opener.open(f"{self._base}/v2", timeout=5.0) as response:
                return str(json.load(response)["version"])
        except (OSError, ValueError, KeyError) as error:
            raise StackError(f"Triton does not answer at {self._base}: {error}") from error

    def index(self) -> dict[str, tuple[str, str]]:
        """Each model's state and, where it is not loaded, the reason; empty while the server does not listen."""
        try:
            found = json.loads(self._post("/v2/repository/index", {}, 5.0))
        except (OSError, ValueError):
            return {}
        return {one["name"]: (one.get("state", ""), _sentence(one.get("reason", ""))) for one in found}

    def probe(self, model: str, timeout_s: float) -> None:
        """Have `model` answer its probe.

        Raises:
            StackError: it did not.
        """
        try:
            if model in PROBES:
                self._ask(model, PROBES[model], timeout_s)
            else:
                self._opener.open(f"{self._base}/v2/models/{model}/ready", timeout=timeout_s).close()
        except OSError as error:
            reason = _reason(error)
            if model in PROBES and PROBES[model].expects(reason):
                return
            raise StackError(f"Triton's model {model} does not answer: {reason}") from error

    def answers(self, model: str, timeout_s: float = 5.0) -> bool:
        """Whether `probe` succeeds."""
        try:
            self.probe(model, timeout_s)
        except StackError:
            return False
        return True

    def unload(self, model: str, timeout_s: float) -> None:
        """Have `model` unloaded. Do not wait for the end: one whose process died while it was asked stays
        `UNLOADING` for good, and can be loaded again at once all the same.

        Raises:
            StackError: the server refuses or cannot be reached.
        """
        self._control(model, "unload", timeout_s)

    def load(self, model: str, timeout_s: float) -> None:
        """Load `model`; returns when it is loaded.

        Raises:
            StackError: it cannot be loaded.
        """
        self._control(model, "load", timeout_s)

    def _control(self, model: str, verb: str, timeout_s: float) -> None:
        try:
            self._post(f"/v2/repository/models/{model}/{verb}", {}, timeout_s)
        except OSError as error:
            raise StackError(f"Triton cannot {verb} {model}: {_reason(error)}") from error

    def _ask(self, model: str, probe: Probe, timeout_s: float) -> None:
        if probe.streams:
            body = {one.name: one.data[0] for one in probe.inputs}
            answer = self._post(f"/v2/models/{model}/generate_stream", body, timeout_s)
            if not answer.startswith(b"data:") or b'"error"' in answer:
                raise OSError(answer[:200].decode(errors="replace"))
            return
        inputs = [
            {"name": one.name, "datatype": one.datatype, "shape": one.shape, "data": one.data} for one in probe.inputs
        ]
        self._post(f"/v2/models/{model}/infer", {"inputs": inputs}, timeout_s)

    def _post(self, path: str, body: dict[str, Any], timeout_s: float) -> bytes:
        request = urllib.request.Request(self._base + path, json.dumps(body).encode(), method="POST")
        with self._opener.open(request, timeout=timeout_s) as response:
            answer: bytes = response.read()
        return answer


def _reason(error: OSError) -> str:
    if isinstance(error, urllib.error.HTTPError):
        said = error.read().decode(errors="replace")
        with contextlib.suppress(ValueError, KeyError):
            said = json.loads(said)["error"]
        return _sentence(said) or str(error)
    return str(error)


def _sentence(reason: str) -> str:
    """What a model said on failing to load, without Python's trace behind it."""
    said = reason.rpartition("TritonModelException: ")[2]
    return said.removeprefix("Internal: ").partition("\n")[0].strip()
