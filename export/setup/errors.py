"""What can go wrong while set-up gets things: the leaves below `DragomanError` that only set-up raises.

SetupError            a component cannot be had: the message says which, why, and how to provide it
├── Unreachable       the archive or index cannot be reached, or does not have it (retryable)
└── WrongDigest       a download is not what was pinned; it has been deleted
"""

from __future__ import annotations

from controller.errors import DragomanError


class SetupError(DragomanError):
    """A component cannot be had."""


class Unreachable(SetupError):
    """Where a component comes from cannot be reached now."""

    retryable = True


class WrongDigest(SetupError):
    """A download differs from what was pinned. It is refused and deleted."""

    def __init__(self, file: str, expected: str, found: str) -> None:
        super().__init__(
            f"{file} was refused and deleted: its SHA-256 should be {expected} but is {found}; "
            "check the mirror or proxy it came from and run set-up again."
        )
        self.file = file
        self.expected = expected
        self.found = found
