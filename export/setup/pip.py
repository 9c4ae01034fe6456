"""pip for set-up: only what is pinned by hash, nothing kept outside the cache folder, a sentence a failure.

Uses the machine's own pip configuration (index, proxy, certificates). Knows no component.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from export.setup.errors import SetupError, Unreachable, WrongDigest
from export.setup.files import remove
from export.setup.programs import Programs, Result

ENVIRONMENT: Final[Mapping[str, str]] = {
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "PIP_NO_CACHE_DIR": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
    "PIP_REQUIRE_VIRTUALENV": "0",
    "PIP_USER": "0",
    "PYTHONNOUSERSITE": "1",
    "ORT_DISABLE_TELEMETRY": "1",
}
"""What every pip of ours runs with."""

_UNREACHABLE: Final = re.compile(
    r"NewConnectionError|ConnectTimeout|Max retries exceeded|Failed to establish|Temporary failure|"
    r"Name or service not known|Connection (refused|reset|aborted|broken)|Network is unreachable|ProxyError|"
    r"SSLError|ReadTimeout",
)


@dataclass
class Pip:
    """pip run by one Python."""

    python: Path
    home: Path
    """pip itself, unpacked: a wheel would run as it is, but compile all of pip each time (1 s)."""

    programs: Programs
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables that `python` needs."""

    _cut_off: str | None = None
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def download(self, requirements: Sequence[Path], into: Path) -> list[Path]:
        """Fetch the wheels that the files pin; what is there with the right digest is not fetched again.

        Raises:
            Unreachable: the index cannot be reached or does not have them. After the first time, at once.
            WrongDigest: a file is not what was pinned; it has been deleted.
        """
        into.mkdir(parents=True, exist_ok=True)
        self._fetch(["download", "--no-deps", "--only-binary", ":all:", "-d", into, *_files(requirements)], into)
        return sorted(into.iterdir())

    def build(self, sources: Path, tools: Path, into: Path) -> list[Path]:
        """Make wheels of pinned source archives with pinned tools: nothing else is fetched for the build.

        Raises:
            Unreachable, WrongDigest: as `download`.
        """
        self._from_sources(["wheel", "-w", into / "built"], sources, tools, into)
        return sorted((into / "built").glob("*.whl"))

    def download_sources(self, sources: Path, tools: Path, into: Path) -> list[Path]:
        """Fetch pinned source archives as they are; pip asks each what it is, which takes the tools of a build.

        Raises:
            Unreachable, WrongDigest: as `download`.
        """
        self._from_sources(["download", "--no-binary", ":all:", "-d", into / "archives"], sources, tools, into)
        return sorted((into / "archives").iterdir())

    def _from_sources(self, words: Sequence[str | Path], sources: Path, tools: Path, into: Path) -> None:
        toolbox = into / "tools"
        remove(toolbox)
        self._fetch(["install", "--no-deps", "--only-binary", ":all:", "--target", toolbox, *_files([tools])], toolbox)
        # What a setup.py would fetch by itself is in the toolbox; without an index it can fetch nothing more.
        self._fetch(
            [*words, "--no-deps", "--no-build-isolation", *_files([sources])], into, {"PYTHONPATH": str(toolbox)}
        )

    def install(self, env: Path, requirements: Sequence[Path], wheels: Path) -> None:
        """Install what the files pin, from a folder of wheels, into the environment `env`.

        Raises:
            WrongDigest: a wheel is not what was pinned.
            SetupError: pip failed.
        """
        self._check(
            self._run(
                env / "bin" / "python",
                ["install", "--no-deps", "--no-index", "--find-links", wheels, *_files(requirements)],
            ),
            wheels,
        )

    def install_files(self, env: Path, wheels: Sequence[Path]) -> None:
        """Install wheels whose origin was checked before.

        Raises:
            SetupError: pip failed.
        """
        # Ignoring what is installed: pip, run from its own folder, takes itself for installed.
        done = self._run(env / "bin" / "python", ["install", "--no-deps", "--no-index", "--ignore-installed", *wheels])
        self._check(done, env)

    def _fetch(self, words: Sequence[str | Path], into: Path, env: Mapping[str, str] | None = None) -> None:
        if self._cut_off is not None:
            raise Unreachable(self._cut_off)
        scratch = into.with_name(f"{into.name}.part")  # large files go here first, not to the machine's /tmp
        remove(scratch)
        scratch.mkdir(parents=True)
        try:
            # pip asks rustc for its version, and rustup's rustc would make itself a folder in the home folder.
            folders = {"TMPDIR": str(scratch), "RUSTUP_HOME": str(scratch)}
            done = self._run(self.python, words, {**folders, **(env or {})})
            self._check(done, into)
        except Unreachable as error:
            if _UNREACHABLE.search(str(error)):
                self._cut_off = str(error)
            raise
        finally:
            remove(scratch)

    def _run(self, python: Path, words: Sequence[str | Path], env: Mapping[str, str] | None = None) -> Result:
        return self.programs.run(
            [python, self.home / "pip", words[0], "-q", *words[1:]],
            env={**ENVIRONMENT, **self.env, **(env or {})},
        )

    def _check(self, done: Result, folder: Path) -> None:
        if done.code == 0:
            return
        wrong = wrong_digest(done.errors)
        if wrong is not None:
            for file in folder.glob(wrong.file):
                file.unlink()
            raise wrong
        if cut_off := _UNREACHABLE.search(done.errors):
            raise Unreachable(f"pip's index cannot be reached ({cut_off[0]})")
        if "No matching distribution" in done.errors or "Could not find a version" in done.errors:
            raise Unreachable(f"pip's index does not have it, or cannot be reached: {done.last_error()}")
        raise SetupError(f"pip failed: {done.last_error()}")


def wrong_digest(errors: str) -> WrongDigest | None:
    """The first file that pip refused because of its hash, or None."""
    match = re.search(
        r"^\s+(\S+)(?: from (\S+))?.*:\n((?:\s+Expected .*\n)+)\s+Got\s+([0-9a-f]{64})", errors, re.MULTILINE
    )
    if match is None:
        return None
    wanted = re.findall(r"[0-9a-f]{64}", match[3])
    address = (match[2] or match[1]).partition("#")[0]
    shown = wanted[0] if len(wanted) == 1 else f"one of {len(wanted)} pinned ones, such as {wanted[0]}"
    return WrongDigest(address.rpartition("/")[2], shown, match[4])


def _files(requirements: Sequence[Path]) -> list[str | Path]:
    return ["--require-hashes", *(word for file in requirements for word in ("-r", file))]


def bundled_wheel(folders: Sequence[Path]) -> Path | None:
    """pip's wheel in the first of `folders` that has one."""
    for folder in folders:
        if found := sorted(folder.glob("pip-*.whl")):
            return found[-1]
    return None
