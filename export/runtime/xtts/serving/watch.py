"""What an engine tells of its work to whoever counts it. Called by both of its threads; must be quick and not raise."""

from __future__ import annotations

from typing import Literal, Protocol

End = Literal["done", "failed", "dropped"]


class Watch(Protocol):
    """Observations."""

    def first_audio(self, seconds: float) -> None:
        """An utterance's first sound, so long after it was submitted."""

    def filled(self, positions: int, seconds: float) -> None:
        """A part of a prompt was run."""

    def stepped(self, rows: int, seconds: float) -> None:
        """So many utterances got a token in one step."""

    def vocoded(self, frames: float, seconds: float) -> None:
        """A window was made sound of that was as much work as so many frames."""

    def prefix(self, hit: bool) -> None:
        """A voice was known already, or not."""

    def slots(self, active: int, waiting: int) -> None:
        """Utterances that are spoken and that wait; told when one of the two has changed."""

    def ended(self, how: End) -> None:
        """An utterance ended."""

    def rtf(self, factor: float) -> None:
        """Of a finished utterance: seconds from its submission to its last sound, by its seconds of sound."""


class Unwatched:
    """Nobody counts."""

    def first_audio(self, seconds: float) -> None: ...

    def filled(self, positions: int, seconds: float) -> None: ...

    def stepped(self, rows: int, seconds: float) -> None: ...

    def vocoded(self, frames: float, seconds: float) -> None: ...

    def prefix(self, hit: bool) -> None: ...

    def slots(self, active: int, waiting: int) -> None: ...

    def ended(self, how: End) -> None: ...

    def rtf(self, factor: float) -> None: ...
