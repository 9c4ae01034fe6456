"""Where profiles lie: a folder, or whatever fsspec reaches by a URL (memory, S3, GCS). Knows bytes by name.

An object is written whole or not at all, and never over another: of two who write the same one, one is refused.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

from controller.errors import VoiceError

HALF: Final = ".half"
"""How the name of a file begins that is not wholly written yet."""


_TELLING: Final = ("ETag", "etag", "generation", "LastModified", "mtime", "created")
"""What the kinds of store that fsspec knows tell of an object that another in its place has not."""


class Taken(Exception):
    """There is an object of that name."""


class StoreTrouble(VoiceError):
    """The store does not work at this moment: a disk is full, a server cannot be reached."""

    retryable = True


class Objects(Protocol):
    """Bytes by name, `folder/file`. OSError where the store does not work; FileNotFoundError where there is none."""

    @property
    def where(self) -> str:
        """For a person."""
        ...

    def names(self, folder: str = "") -> list[str]:
        """Of all objects, or of those in one folder."""
        ...

    def stamps(self) -> dict[str, str]:
        """Of all objects, by name; what took the place of one that was removed has another stamp."""
        ...

    def create(self, name: str, content: bytes) -> None:
        """Raises Taken where there is one."""
        ...

    def open(self, name: str) -> BinaryIO:
        """It can be read from anywhere within."""
        ...

    def remove(self, name: str) -> None:
        """It need not be there."""
        ...

    def sweep(self, folder: str = "", older_s: float = 0.0) -> None:
        """Remove what was never finished in a folder, or in any, since so long, and folders that are empty."""
        ...


def at(url: str) -> Objects:
    """The store at a path or a URL.

    Raises:
        VoiceError: nothing here reaches it.
    """
    scheme, separator, _ = url.partition("://")
    if not separator or scheme == "file":
        return Folder(Path(url.removeprefix("file://")).expanduser())
    return Remote(url)


class Folder:
    """On a disk: only this user may read it, and what was written is there after a power cut."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def where(self) -> str:
        return str(self._path)

    def names(self, folder: str = "") -> list[str]:
        folders = [folder] if folder else self._below()
        return [f"{one}/{name}" for one in folders for name in self._files(one) if not name.startswith(HALF)]

    def stamps(self) -> dict[str, str]:
        found = {}
        for name in self.names():
            with contextlib.suppress(FileNotFoundError):  # just gone
                about = (self._path / name).stat()
                found[name] = f"{about.st_ino} {about.st_mtime_ns}"
        return found

    def create(self, name: str, content: bytes) -> None:
        path = self._path / name
        for folder in (self._path, path.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        half = path.with_name(f"{HALF}-{os.getpid()}-{secrets.token_hex(4)}")
        try:
            with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.link(half, path)  # unlike a renaming, it fails where there is one
        except FileExistsError as error:
            raise Taken(name) from error
        finally:
            half.unlink(missing_ok=True)
        _settled(path.parent)

    def open(self, name: str) -> BinaryIO:
        return (self._path / name).open("rb")

    def remove(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            (self._path / name).unlink()

    def sweep(self, folder: str = "", older_s: float = 0.0) -> None:
        for one in [folder] if folder else self._below():
            for name in self._files(one):
                path = self._path / one / name
                with contextlib.suppress(FileNotFoundError):
                    if name.startswith(HALF) and time.time() - path.stat().st_mtime >= older_s:
                        path.unlink()
            with contextlib.suppress(OSError):  # not empty, or another is writing
                (self._path / one).rmdir()

    def _below(self) -> list[str]:
        try:
            return [entry.name for entry in os.scandir(self._path) if entry.is_dir()]
        except FileNotFoundError:
            return []

    def _files(self, folder: str) -> list[str]:
        try:
            return [entry.name for entry in os.scandir(self._path / folder)]
        except (FileNotFoundError, NotADirectoryError):
            return []


class Remote:
    """Where fsspec leads."""

    def __init__(self, url: str) -> None:
        """
        Raises:
            VoiceError: fsspec, or what it needs for this kind of URL, is missing.
        """
        self.where = url.rstrip("/")
        scheme = url.partition("://")[0]
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise VoiceError(
                f"The voices' store is {url}, but the package fsspec is not installed: run `make setup`, "
                "or `pip install 'dragoman[controller]'`."
            ) from error
        try:
            # What was listed once may have changed since.
            found = url_to_fs(url, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise VoiceError(
                f"The voices' store {url} cannot be reached: {error}. Install what fsspec needs for {scheme}://."
            ) from error
        self._files: Any
        self._files, self._root = found
        self._one_at_a_time = threading.Lock()
        """Not every kind of store can create and refuse in one go; within this process two never try at once."""

    def names(self, folder: str = "") -> list[str]:
        return list(self._found(folder))

    def stamps(self) -> dict[str, str]:
        return {name: " ".join(str(about.get(one)) for one in _TELLING) for name, about in self._found().items()}

    def _found(self, folder: str = "") -> dict[str, dict[str, Any]]:
        """What is told of each object."""
        try:
            found = self._files.find(f"{self._root}/{folder}".rstrip("/"), detail=True)
        except FileNotFoundError:
            return {}
        return {str(one).removeprefix(f"{self._root}/"): about for one, about in found.items()}

    def create(self, name: str, content: bytes) -> None:
        path = f"{self._root}/{name}"
        with self._one_at_a_time:
            with contextlib.suppress(FileExistsError):
                self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            try:
                self._files.pipe_file(path, content, mode="create")
            except FileExistsError as error:
                raise Taken(name) from error

    def open(self, name: str) -> BinaryIO:
        opened: BinaryIO = self._files.open(f"{self._root}/{name}", "rb")
        return opened

    def remove(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._files.rm_file(f"{self._root}/{name}")

    def sweep(self, folder: str = "", older_s: float = 0.0) -> None:
        if not folder:  # nothing is ever half-written there
            return
        with contextlib.suppress(OSError):  # not empty, or there are no folders in this kind of store
            self._files.rmdir(f"{self._root}/{folder}")


@contextmanager
def telling(what: str) -> Iterator[None]:
    """Says what could not be done with a store that does not work.

    Raises:
        StoreTrouble: it does not.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StoreTrouble(f"{what}: {error.strerror or error}.") from error


def _settled(folder: Path) -> None:
    """The folder's own entries reach the disk, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
