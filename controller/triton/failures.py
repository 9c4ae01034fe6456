"""What Triton's and gRPC's errors mean to the rest of the controller: one mapping, tested row by row.

Knows status codes and texts; makes no request.
"""

from __future__ import annotations

import re

from grpc import StatusCode

from controller.errors import EngineDied, EngineError, EngineRejected, EngineTimeout, EngineUnavailable
from export.runtime.refusing import REFUSED

_TRITON_REFUSES = re.compile(
    r"unexpected (shape|inference input|datatype)|expected \d+ inputs|inference input data-type"
)
"""What Triton itself says, without a code within a stream, of a request that a model does not take."""


def mapped(error: Exception, engine: str, deadline_s: float) -> EngineError:
    """The controller's error for `error`, an InferenceServerException or a grpc.RpcError.

    Unavailable: unreachable, overloaded, draining, unloaded, its process dead, or failed inside; the next try or the
    next engine may succeed. Rejected: the request itself is wrong.
    """
    code, text = _code(error), _text(error)
    if code is StatusCode.DEADLINE_EXCEEDED:
        return EngineTimeout(
            f"{engine} gave no answer within {deadline_s:g} s: it is overloaded or hangs", engine=engine
        )
    if "is not healthy" in text:
        return EngineDied(f"{engine}'s process has died: it must be loaded again", engine=engine)
    if "no available versions" in text:  # NOT_FOUND, but only while it is unloaded or the server drains
        return EngineUnavailable(f"{engine} is not loaded: its weights are missing or Triton is ending", engine=engine)
    if code is StatusCode.NOT_FOUND or "is not found" in text:
        return EngineRejected(f"Triton has no model {engine}: add it to the model repository", engine=engine)
    if code is StatusCode.INVALID_ARGUMENT or text.startswith(REFUSED) or _TRITON_REFUSES.search(text):
        return EngineRejected(f"{engine} refused the request: {text.removeprefix(REFUSED)}", engine=engine)
    if code is StatusCode.UNIMPLEMENTED:
        return EngineRejected(f"{engine} does not take this kind of request: {text}", engine=engine)
    if code is StatusCode.CANCELLED:
        return EngineUnavailable(f"{engine} dropped the request: try again", engine=engine)
    if code is StatusCode.UNAVAILABLE:
        return EngineUnavailable(f"{engine} cannot be reached or is busy: {text}", engine=engine)
    if text.startswith(f"{engine} "):  # our models say by themselves what they are and what is wrong
        return EngineUnavailable(text, engine=engine)
    return EngineUnavailable(f"{engine} failed: {text}", engine=engine)


def _code(error: Exception) -> StatusCode | None:
    """Of an AioRpcError by `code()`, of an InferenceServerException by the text of `status()`."""
    code = getattr(error, "code", None)
    if callable(code):
        found = code()
        return found if isinstance(found, StatusCode) else None
    status = getattr(error, "status", None)
    name = str(status() or "").removeprefix("StatusCode.") if callable(status) else ""
    return StatusCode.__members__.get(name)


def _text(error: Exception) -> str:
    for accessor in ("details", "message"):
        found = getattr(error, accessor, None)
        if callable(found) and (said := found()):
            return str(said).strip().partition("\n")[0]
    return str(error).partition("\n")[0]
