"""What components are made with, for one set-up: the cache folder, the archives, pip and the progress."""

from __future__ import annotations

import threading
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from asterisk.debian import Archives
from export.setup.cache import Cache
from export.setup.errors import SetupError
from export.setup.files import remove
from export.setup.pip import Pip
from export.setup.programs import Programs
from export.setup.progress import Progress
from export.setup.python import Base, base


@dataclass
class Kit:
    """Shared by the components of one set-up; safe to use from several threads."""

    cache: Cache
    programs: Programs
    archives: Archives
    progress: Progress
    _pip: Pip | None = None
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def python(self) -> Base:
        """The Python that environments are made from.

        Raises:
            SetupError: there is none.
        """
        found = base(self.cache)
        if found is None:
            raise SetupError("there is no Python 3.11 to make it with")
        return found

    def pip(self) -> Pip:
        """The one pip of this set-up.

        Raises:
            SetupError: there is no Python to run it.
        """
        with self._guard:
            if self._pip is None:
                found = self.python()
                home = self.cache.root / "tmp" / "pip"
                remove(home)
                with zipfile.ZipFile(found.pip_wheel) as wheel:
                    wheel.extractall(home)
                self._pip = Pip(found.program, home, self.programs, found.env)
            return self._pip

    def downloads(self, name: str) -> Path:
        """Where the component `name` keeps its downloads until it is complete."""
        return self.cache.root / "tmp" / name
