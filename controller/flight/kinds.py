"""What the records of a call say, and how the pipeline's types are written in them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from controller import errors
from controller.errors import EngineError, EngineUnavailable, RecordingError
from controller.messages import Clause, Delivery, SpeechEnded, SpeechStarted, Transcript

T = TypeVar("T")


class Kind(StrEnum):
    """The first word of a record, with those after it."""

    CALL = "call"
    """{"call", "started", "engines", "settings"}: the first record"""

    BEGAN = "began"
    """seconds: what the event loop's clock read where the call's read 0"""

    TICK = "tick"
    """seconds when it was due"""

    JOINED = "joined"
    """leg, language, candidates"""

    LEFT = "left"
    """leg, reason"""

    FRAME = "frame"
    """leg, whether it came together with the leg's frame before; with samples: a frame that came off its wire"""

    LEG = "leg"
    """leg, method, arguments: anything else that came from it"""

    REFUSED = "refused"
    """leg, method, how many times it had been called before: the leg's outlet did not take it"""

    OPENED = "opened"
    """stream, speaker, language: a stream of the recogniser"""

    HEARD = "heard"
    """stream, SpeechStarted or SpeechEnded: an utterance was given to it"""

    TRANSCRIPT = "transcript"
    """stream, transcript"""

    STREAM_FAILED = "stream_failed"
    """stream, error"""

    ASKED = "asked"
    """request, kind (mt, tts), what identifies it"""

    TEXT = "text"
    """request, translation"""

    SOUND = "sound"
    """request, whether it is the last; with samples"""

    FAILED = "failed"
    """request, error"""

    CLAUSE = "clause"
    """clause: it was committed"""

    DELIVERY = "delivery"
    """delivery: it ended"""


class Form(Generic[T]):
    """One of the pipeline's types as JSON-ready values, and back."""

    def __init__(self, kind: Any) -> None:
        self._adapter: TypeAdapter[T] = TypeAdapter(kind)

    def dump(self, value: T) -> Any:
        return self._adapter.dump_python(value, mode="json")

    def load(self, value: Any) -> T:
        """
        Raises:
            RecordingError: another version of Dragoman wrote it.
        """
        try:
            return self._adapter.validate_python(value)
        except ValidationError as error:
            raise RecordingError(f"This call was recorded by another version of Dragoman: {error}.") from error


TRANSCRIPT: Form[Transcript] = Form(Transcript)
CLAUSE: Form[Clause] = Form(Clause)
DELIVERY: Form[Delivery] = Form(Delivery)
UTTERANCE: Form[SpeechStarted | SpeechEnded] = Form(SpeechStarted | SpeechEnded)


def dump_error(error: Exception) -> Sequence[str]:
    """An engine's error: its class, message, and engine."""
    return type(error).__name__, str(error), error.engine if isinstance(error, EngineError) else ""


def load_error(said: Sequence[str]) -> Exception:
    """The error again; what was no EngineError, and so a fault in the engine, is a RuntimeError."""
    name, message, engine = said
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, EngineError):
        return kind(message, engine=engine)
    return EngineUnavailable(message, engine=engine) if engine else RuntimeError(message)
