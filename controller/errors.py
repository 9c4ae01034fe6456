"""Every error that Dragoman raises on purpose.

    DragomanError
    ├── UsageError            a wrong command line, setting or input file: say it and exit with 1
    │   ├── SettingsError
    │   ├── AudioFileError
    │   ├── VoiceError
    │   └── RecordingError
    ├── StackError            a server this machine should run did not start or has gone
    ├── PbxError              Asterisk refused or cannot be reached
    └── EngineError           a recogniser, translator or voice failed
        ├── EngineUnavailable     not reachable, overloaded or restarting
        │   └── EngineDied            its process has died, and somebody must start it again
        ├── EngineBarred          it lets us in no more: a wrong key, or a quota that is used up
        ├── EngineTimeout         no answer, or no next chunk, in time
        └── EngineRejected        it understood and refused: the same request fails again

`retryable` says whether the same request may succeed later.
"""

from __future__ import annotations

from typing import Final


class DragomanError(Exception):
    """The root. The message is one sentence for a person: what was wrong and what to do."""

    retryable = False


class UsageError(DragomanError):
    """The caller gave something that cannot work."""


class SettingsError(UsageError):
    """A value in the settings is wrong."""


class AudioFileError(UsageError):
    """A recording cannot be used."""


class VoiceError(UsageError):
    """A voice file cannot be used."""


class RecordingError(UsageError):
    """A recorded call cannot be read or written."""


class StackError(DragomanError):
    """A server that this machine runs for Dragoman did not start, or ended."""


class PbxError(DragomanError):
    """Asterisk refused a request or cannot be reached."""

    retryable = True


class EngineError(DragomanError):
    """An engine failed. `engine` is its name in the settings."""

    def __init__(self, message: str, *, engine: str) -> None:
        super().__init__(message)
        self.engine = engine


class EngineUnavailable(EngineError):
    """The engine cannot be reached, is overloaded or restarting."""

    retryable = True


class EngineDied(EngineUnavailable):
    """The engine's process has died behind a server that still stands; `engine` is the model's name there."""


class EngineBarred(EngineError):
    """The engine's owner lets us in no more until somebody acts: the key is wrong, or the quota is used up."""


class EngineTimeout(EngineError):
    """The engine did not answer, or not go on, in time."""

    retryable = True


class EngineRejected(EngineError):
    """The engine refused this very request."""


ENGINE_ERRORS: Final = (EngineError, EngineUnavailable, EngineDied, EngineBarred, EngineTimeout, EngineRejected)
"""All of them, for whoever counts."""
