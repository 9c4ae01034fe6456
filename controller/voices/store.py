"""Profiles by name, a version at a time: the next one is written beside the last, which then goes.

A version is an object of its own, `name/000003.npz`, made only where there is none: so of two who change a voice at
once one is told. Knows where objects lie; keeps nothing in memory. Everything here waits for a disk.
"""

from __future__ import annotations

import io
import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import BinaryIO, Final, NamedTuple

from controller import sealing
from controller.errors import VoiceError
from controller.voices import npz
from controller.voices.npz import Card
from controller.voices.objects import Objects, Taken, telling
from controller.voices.profile import Consent, Profile, check_name

MOST_TRIES: Final = 5
"""What must happen (a revocation) is tried so often where others change the voice meanwhile."""

LEFT_S: Final = 3600.0
"""What has been half-written for so long was left by a writer that was killed."""


class NoVoice(VoiceError):
    """There is no voice of that name."""


class Changed(VoiceError):
    """Somebody else was sooner."""


def now() -> str:
    """ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class Seen(NamedTuple):
    """A voice from outside."""

    version: int
    stamp: str
    """Another where the voice was deleted and made anew, though the version be the same"""


class VoiceStore:
    """The profiles in one place. May be used by several threads and processes."""

    def __init__(self, objects: Objects, key: str = "", most: int = 0) -> None:
        """
        Args:
            key: seals what is written, and then recordings are kept; empty does neither.
            most: voices that are taken; 0 for any number.
        """
        self._objects = objects
        self._key = key
        self._most = most
        self._salt = b""
        self._settling = threading.Lock()

    @property
    def where(self) -> str:
        return self._objects.where

    @property
    def sealed(self) -> bool:
        """Whether what is written is sealed, and recordings are kept."""
        return bool(self._key)

    def versions(self) -> dict[str, int]:
        """The version that each voice has by now.

        Raises:
            VoiceError: the store does not work.
        """
        with telling(f"The voices in {self.where} cannot be listed"):
            return self._latest(self._objects.names())

    def seen(self) -> dict[str, Seen]:
        """What tells each voice as it is by now from what it was, and from another of its name.

        Raises:
            VoiceError: the store does not work.
        """
        with telling(f"The voices in {self.where} cannot be listed"):
            stamps = self._objects.stamps()
        return {
            name: Seen(version, stamps.get(_object(name, version), ""))
            for name, version in self._latest(list(stamps)).items()
        }

    def card(self, name: str, version: int | None = None) -> Card:
        """What is known of a voice without its clips.

        Raises:
            NoVoice: there is none.
            VoiceError: its file cannot be read.
        """
        with self._file(name, version) as (file, what), telling(f"{what} cannot be read"):
            return npz.read_card(file, what, self._key)

    def get(self, name: str) -> Profile:
        """
        Raises:
            NoVoice: there is none.
            VoiceError: its file cannot be read.
        """
        with self._file(name, None) as (file, what), telling(f"{what} cannot be read"):
            found = npz.read(file, what, self._key)
        if found.name != name:
            raise VoiceError(f"{what} is the voice of {found.name}: it was put there by hand; use `voice import`.")
        return found

    def create(self, profile: Profile) -> Profile:
        """Add a voice; one whose consent was revoked may be enrolled anew. Returns it with its version.

        Raises:
            Changed: there is one of that name.
            VoiceError: it cannot be written, or there are too many.
        """
        known = self.versions()
        before = known.get(check_name(profile.name))
        if before is not None and self.card(profile.name).clips:
            raise Changed(f"There is a voice {profile.name} already: delete it first, or calibrate it.")
        if before is None and 0 < self._most <= len(known):
            raise VoiceError(f"There are {len(known)} voices, which is all that voices.most allows: delete one first.")
        return self._put(profile, before)

    def update(self, profile: Profile) -> Profile:
        """Put a changed voice in the place of the version that it says it was made from. Returns it with its version.

        Raises:
            Changed: that version is not the latest any more, or the voice is gone.
            VoiceError: it cannot be written.
        """
        return self._put(profile, profile.version)

    def remove(self, name: str) -> None:
        """Leave nothing of a voice.

        Raises:
            NoVoice: there is none.
            VoiceError: the store does not work.
        """
        if not self._cleared(check_name(name)):
            raise NoVoice(f"There is no voice {name}.")

    def revoke(self, name: str) -> Profile:
        """Leave nothing of a voice but whose it was, and that it must not be used.

        Raises:
            NoVoice: there is none.
            VoiceError: the store does not work, or others change it all the time.
        """
        for _ in range(MOST_TRIES):
            card = self._card_of(name)
            consent = card.consent or Consent(who=card.user, given="", how="", text="")
            empty = Profile(
                name=name,
                version=card.version,
                created=now(),
                user=card.user,
                callers=card.callers,
                languages=card.languages,
                consent=consent if consent.revoked else replace(consent, revoked=now()),
            )
            try:
                return self._put(empty, card.version)
            except Changed:
                continue
        raise VoiceError(f"The voice {name} is being changed by others all the time: revoke its consent again.")

    def exported(self, name: str) -> bytes:
        """A voice's file as it lies there, sealed where it is.

        Raises:
            NoVoice: there is none.
            VoiceError: it cannot be read.
        """
        with self._file(name, None) as (file, what), telling(f"{what} cannot be read"):
            return file.read()

    def imported(self, content: bytes, what: str, *, name: str = "", key: str = "") -> Profile:
        """Add the voice in another's file.

        Args:
            what: what the file is called in an error.
            name: what it shall be called here; by default as it was.
            key: opens it; by default the store's own.
        Raises:
            Changed: there is one of that name.
            VoiceError: the file is no profile, or cannot be opened.
        """
        found = npz.read(io.BytesIO(content), what, key or self._key)
        if not found.clips:
            raise VoiceError(f"{what} holds nothing of a voice any more: its consent was revoked.")
        return self.create(replace(found, name=name or found.name))

    def sweep(self, older_s: float = LEFT_S) -> None:
        """Remove what writers that were killed have left half-written.

        Raises:
            VoiceError: the store does not work.
        """
        with telling(f"The voices in {self.where} cannot be looked at"):
            self._objects.sweep(older_s=older_s)

    # The objects

    def _card_of(self, name: str) -> Card:
        try:
            return self.card(name)
        except NoVoice:
            raise
        except VoiceError as error:  # nobody can tell whose it was
            raise VoiceError(f"{error} To leave nothing of it, delete the voice {name}.") from error

    def _put(self, profile: Profile, before: int | None) -> Profile:
        version = (before or 0) + 1
        made = replace(profile, version=version)
        name = _object(made.name, version)
        with telling(f"The voice {made.name} cannot be written to {self.where}"):
            content = npz.packed(made, self._key, self._sealed_with() if self._key else b"")
            try:
                self._objects.create(name, content)
            except Taken as error:
                raise Changed(
                    f"The voice {made.name} was changed by somebody else meanwhile: look at it, and try again."
                ) from error
            except FileNotFoundError as error:  # its folder went while it was written
                raise Changed(f"The voice {made.name} was deleted meanwhile.") from error
            there = self._objects.names(made.name)
            if before is not None and _object(made.name, before) not in there:  # it must not rise from the dead
                self._objects.remove(name)
                raise Changed(f"The voice {made.name} was changed or deleted by somebody else meanwhile: look at it.")
            for old in there:
                if _version(old) < version:
                    self._objects.remove(old)
        return made

    def _cleared(self, name: str) -> bool:
        """Whether there was anything. What others write while it goes is taken along."""
        cleared = False
        with telling(f"The voice {name} cannot be removed from {self.where}"):
            while there := self._objects.names(name):
                cleared = True
                for one in there:
                    self._objects.remove(one)
            self._objects.sweep(name)
        return cleared

    def _file(self, name: str, version: int | None) -> _Opening:
        return _Opening(self._objects, check_name(name), version)

    def _sealed_with(self) -> bytes:
        """A salt for all that this process writes, so that whoever reads it derives one key and not a thousand."""
        with self._settling:
            self._salt = self._salt or self._known_salt() or sealing.salt()
            return self._salt

    def _known_salt(self) -> bytes:
        for name, version in self._latest(self._objects.names()).items():
            try:
                with self._objects.open(_object(name, version)) as file:
                    if found := npz.salt_of(file):
                        return found
            except FileNotFoundError:  # just gone
                continue
        return b""

    @staticmethod
    def _latest(names: list[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for name in names:
            if version := _version(name):
                voice = name.partition("/")[0]
                found[voice] = max(version, found.get(voice, 0))
        return found


class _Opening:
    """The latest version's open file, and what it is called. `with opening as (file, what): ...`"""

    def __init__(self, objects: Objects, name: str, version: int | None) -> None:
        self._objects = objects
        self._name = name
        self._version = version
        self._file: BinaryIO | None = None

    def __enter__(self) -> tuple[BinaryIO, str]:
        name = self._name
        for _ in range(MOST_TRIES):
            with telling(f"The voice {name} cannot be read from {self._objects.where}"):
                version = self._version or max(map(_version, self._objects.names(name)), default=0)
                if not version:
                    break
                try:
                    self._file = self._objects.open(_object(name, version))
                except FileNotFoundError:  # a newer one came in its place just now, or it has gone
                    self._version = None
                    continue
                return self._file, f"{self._objects.where}/{_object(name, version)}"
        raise NoVoice(f"There is no voice {name}.")

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


def _object(name: str, version: int) -> str:
    return f"{name}/{version:06d}.npz"


def _version(name: str) -> int:
    """0 for what is no version of a voice."""
    stem, _, kind = name.rpartition("/")[2].partition(".")
    return int(stem) if kind == "npz" and stem.isdecimal() and len(stem) >= 6 else 0
