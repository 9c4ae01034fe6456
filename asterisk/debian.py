"""Debian packages without root: a private apt state, hashes from the signed index, unpacked into a folder.

The machine's own apt and dpkg are read (mirrors, proxy, certificates) and never changed. What is unpacked
runs on its own loader and libraries, the same on every amd64 Linux. Standard library only.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from export.setup.errors import SetupError, Unreachable, WrongDigest
from export.setup.programs import Programs, Result

MIRROR_VARIABLE: Final = "DRAGOMAN_DEBIAN_MIRROR"
"""Environment variable: the mirror that is tried first."""

KEYRING_VARIABLE: Final = "DRAGOMAN_DEBIAN_KEYRING"
"""Environment variable: file with Debian's archive keys, where the machine has none of its own."""

LIBRARIES: Final = "usr/lib/x86_64-linux-gnu"
LOADER: Final = f"{LIBRARIES}/ld-linux-x86-64.so.2"

_KEYRINGS: Final = (
    "/usr/share/keyrings/debian-archive-keyring.gpg",
    "/usr/share/keyrings/debian-archive-keyring.pgp",
)
_KEPT: Final = re.compile(r"^Acquire::(http|https|ftp|tor|socks)\b")
_NO_CONNECTION: Final = re.compile(
    r"Could not (connect|resolve)|Temporary failure|Connection (failed|refused|timed out)|"
    r"Unable to connect|Network is unreachable|No route to host|Cannot initiate the connection",
    re.IGNORECASE,
)
_LEFT_OUT: Final = ("man", "locale", "info", "doc/*/changelog*", "doc/*/NEWS*", "doc/*/examples", "lintian")

_WRAPPER: Final = f"""#!/bin/sh
# Runs the program of this name from ../root on the libraries beside it.
R="${{0%/*}}/../root"; L="$R/{LIBRARIES}"
exec "$L/ld-linux-x86-64.so.2" --library-path "$L" --argv0 "${{0##*/}}" "$R/usr/bin/${{0##*/}}" "$@"
"""


def parse_mirrors(targets: str, named: str | None = None) -> list[str]:
    """Archive addresses, best guess first, from what `apt-get indextargets` printed (one address a line).

    Security archives are left out, they have no whole suite; so are Ubuntu's. `named` comes before all.
    """
    found = [line.strip().rstrip("/") for line in targets.splitlines() if line.strip()]
    usable = [one for one in found if "security" not in one.lower() and "ubuntu" not in one.lower()]
    ordered = [one for one in usable if "debian" in one.lower()] + [
        one for one in usable if "debian" not in one.lower()
    ]
    if named:
        ordered.insert(0, named.strip().rstrip("/"))
    return list(dict.fromkeys(ordered))


def mirrors(programs: Programs) -> list[str]:
    """The archives to try: $DRAGOMAN_DEBIAN_MIRROR, then the machine's own sources.

    Raises:
        Unreachable: there is neither.
    """
    # --no-release-info: without it nothing is printed where the machine's own index was never fetched.
    listed = programs.run(
        ["apt-get", "indextargets", "--no-release-info", "--format", "$(REPO_URI)", "Created-By: Packages"]
    )
    found = parse_mirrors(listed.output, os.environ.get(MIRROR_VARIABLE))
    if not found:
        raise Unreachable(
            "no Debian mirror is known: the machine's apt sources name none; "
            f"put the address of one in {MIRROR_VARIABLE}"
        )
    return found


def keyring() -> Path:
    """The file with Debian's archive keys.

    Raises:
        SetupError: the machine has none.
    """
    named = os.environ.get(KEYRING_VARIABLE)
    for candidate in [named] if named else _KEYRINGS:
        if candidate and Path(candidate).is_file():
            return Path(candidate)
    raise SetupError(
        f"Debian's archive keys are not at {named or _KEYRINGS[0]}: install debian-archive-keyring "
        f"or name the key file in {KEYRING_VARIABLE}"
    )


@dataclass(frozen=True)
class Archive:
    """One suite of one mirror, its index fetched and its signature checked."""

    folder: Path
    mirror: str
    suite: str
    programs: Programs

    @property
    def _env(self) -> dict[str, str]:
        return {"APT_CONFIG": str(self.folder / "apt.conf")}

    def version(self, package: str) -> str | None:
        """The version on offer, or None."""
        shown = self.programs.run(["apt-cache", "show", "--no-all-versions", package], env=self._env)
        match = re.search(r"^Version: (\S+)", shown.output, re.MULTILINE)
        return match[1] if match else None

    def at_least(self, version: str, minimum: str) -> bool:
        """Whether `version`, its epoch ignored, is `minimum` or newer by Debian's rules."""
        plain = version.partition(":")[2] or version
        return self.programs.run(["dpkg", "--compare-versions", plain, "ge", minimum]).code == 0

    def closure(self, packages: Sequence[str]) -> list[str]:
        """The packages with everything they depend on."""
        printed = self.programs.run(["apt-get", "-qq", "--print-uris", "-y", "install", *packages], env=self._env)
        return sorted(set(re.findall(r"^'[^']*' ([^_ ]+)_", printed.output, re.MULTILINE)))

    def download(self, packages: Sequence[str], into: Path) -> list[Path]:
        """Fetch packages, checked against the signed index; what is there is not fetched again.

        Raises:
            Unreachable: one cannot be fetched, or the suite does not have it.
            WrongDigest: one is not what the index says; it has been deleted.
        """
        into.mkdir(parents=True, exist_ok=True)
        fetched = self.programs.run(["apt-get", "-qq", "download", *packages], env=self._env, cwd=into)
        if fetched.code:
            for wrong in wrong_digests(fetched):
                for refused in (wrong.file, f"{wrong.file}.FAILED"):  # the name that apt gives to it
                    (into / refused).unlink(missing_ok=True)
                raise wrong
            raise Unreachable(f"{self.mirror} ({self.suite}) did not deliver: {fetched.last_error()}")
        names = dict.fromkeys(packages)
        return sorted(deb for deb in into.glob("*.deb") if deb.name.partition("_")[0] in names)


def wrong_digests(fetched: Result) -> list[WrongDigest]:
    """The files that apt refused because of their hash."""
    found = []
    for address, rest in re.findall(
        r"Failed to fetch (\S+)\s+(?:Hash Sum|File has unexpected size)(.*?)(?=\nE: |\Z)",
        fetched.errors,
        re.DOTALL,
    ):
        expected, _, received = rest.partition("Hashes of received file")
        digests = [re.search(r"SHA256:([0-9a-f]{64})", part) for part in (expected, received)]
        found.append(
            WrongDigest(
                address.rpartition("/")[2].replace("%3a", ":"),
                *(match[1] if match else "unknown" for match in digests),
            )
        )
    return found


class Archives:
    """The archives of one set-up: each suite's index is fetched once and shared by the components."""

    def __init__(self, folder: Path, programs: Programs, *, retries: int = 2) -> None:
        self._folder, self._programs, self._retries = folder, programs, retries
        self._open: dict[str, Archive | SetupError] = {}
        self._guards: dict[str, threading.Lock] = {}
        self._dead: set[str] = set()
        self._guard = threading.Lock()

    def open(self, suite: str) -> Archive:
        """The archive of `suite`, from the first mirror that has it.

        Raises:
            Unreachable: no mirror can be reached, or none has the suite; raised again without another try.
        """
        with self._guard:
            guard = self._guards.setdefault(suite, threading.Lock())
        with guard:
            if suite not in self._open:
                try:
                    self._open[suite] = self._find(suite)
                except SetupError as error:
                    self._open[suite] = error
            found = self._open[suite]
        if isinstance(found, SetupError):
            raise found
        return found

    def choose(self, package: str, suites: Sequence[str], minimum: str) -> tuple[Archive, str]:
        """The first of `suites` that offers `package` in version `minimum` or newer, and that version.

        Raises:
            Unreachable: none does.
        """
        seen = []
        for suite in suites:
            try:
                archive = self.open(suite)
            except Unreachable as error:
                seen.append(str(error))
                continue
            version = archive.version(package)
            if version is not None and archive.at_least(version, minimum):
                return archive, version
            seen.append(f"{suite} has {version or 'none'}")
        raise Unreachable(f"no archive offers {package} {minimum} or newer ({'; '.join(dict.fromkeys(seen))})")

    def _find(self, suite: str) -> Archive:
        reasons = []
        for number, mirror in enumerate(mirrors(self._programs)):
            if mirror in self._dead:
                reasons.append(f"{mirror} cannot be reached")
                continue
            archive = Archive(self._folder / f"{suite}-{number}", mirror, suite, self._programs)
            self._configure(archive)
            updated = self._programs.run(
                ["apt-get", "-qq", "update"], env={"APT_CONFIG": str(archive.folder / "apt.conf")}
            )
            if updated.code == 0 and archive.version("base-files") is not None:
                return archive
            reason = updated.last_error() if updated.code else "its index is empty"
            if _NO_CONNECTION.search(updated.errors):
                self._dead.add(mirror)
                reason = "cannot be reached"
            reasons.append(f"{mirror} {reason}")
        raise Unreachable(f"no Debian archive gave the index of {suite} ({'; '.join(reasons)})")

    def _configure(self, archive: Archive) -> None:
        keys, folder = keyring(), archive.folder
        for name in ("etc/preferences.d", "etc/apt.conf.d", "state/lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").write_text("")
        (folder / "etc" / "one.list").write_text(
            f"deb [arch=amd64 signed-by={keys}] {archive.mirror} {archive.suite} main\n"
        )
        dumped = self._programs.run(["apt-config", "dump"]).output
        settings = {
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": f"{folder}/etc/preferences.d",
            "Dir::Etc::parts": f"{folder}/etc/apt.conf.d",
            "Dir::Etc::main": "/dev/null",
            "Dir::Etc::sourcelist": f"{folder}/etc/one.list",
            "Dir::Etc::sourceparts": "-",
            "Dir::State": f"{folder}/state",
            "Dir::State::status": f"{folder}/status",
            "Dir::Cache": f"{folder}/cache",
            "APT::Architecture": "amd64",
            "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "root",
            # apt-get update says 0 when a mirror cannot be reached, without this.
            "APT::Update::Error-Mode": "any",
            "Acquire::AllowInsecureRepositories": "false",
            # Testing's index may be past its date on a mirror that lags; its signature still counts.
            "Acquire::Check-Valid-Until": "false",
            "Acquire::Languages": "none",
            "Acquire::PDiffs": "false",
            "Acquire::Retries": str(self._retries),
            "Acquire::GzipIndexes": "true",
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
            "Acquire::IndexTargets::deb::CNF::DefaultEnabled": "false",
            "Debug::NoLocking": "true",
        }
        # The machine's proxy, certificates and time-outs stay in force.
        kept = [line for line in dumped.splitlines() if _KEPT.match(line)]
        lines = [
            *kept,
            'APT::Architectures { "amd64"; };',
            *(f'{key} "{value}";' for key, value in settings.items()),
        ]
        (folder / "apt.conf").write_text("\n".join(lines) + "\n")


def unpack(debs: Iterable[Path], root: Path, programs: Programs) -> None:
    """Unpack packages into `root`, `lib` merged into `usr/lib`; manuals and translations are left out.

    Raises:
        SetupError: a package cannot be unpacked.
    """
    root.mkdir(parents=True, exist_ok=True)
    options: list[str | Path] = ["-C", root, "--no-same-owner", "--no-same-permissions"]
    options += [f"--exclude=./usr/share/{name}" for name in _LEFT_OUT]
    script = (
        'set -e; deb=$1; shift; dpkg-deb --fsys-tarfile "$deb" >"$deb.tar"; tar -x -f "$deb.tar" "$@"; rm "$deb.tar"'
    )
    for deb in debs:
        done = programs.run(["sh", "-c", script, "unpack", deb, *options])
        if done.code:
            raise SetupError(f"{deb.name} cannot be unpacked: {done.last_error()}")
    for name in ("lib", "lib64", "bin", "sbin"):
        _merge(root / name, root / "usr" / ("lib" if name == "lib64" else name))


def _merge(old: Path, new: Path) -> None:
    if not old.is_dir() or old.is_symlink():
        return
    for entry in sorted(old.iterdir()):
        target = new / entry.name
        if entry.is_dir() and not entry.is_symlink():
            target.mkdir(parents=True, exist_ok=True)
            _merge(entry, target)
        elif not target.exists():
            new.mkdir(parents=True, exist_ok=True)
            entry.rename(target)
    shutil.rmtree(old)


def unresolved(root: Path, files: Iterable[Path], programs: Programs) -> list[str]:
    """Libraries that `files` need and that do not lie in `root`, the host's copies not counted; sorted."""
    libraries = root / LIBRARIES
    missing: set[str] = set()
    for file in files:
        if not file.exists():
            missing.add(str(file.relative_to(root)))
            continue
        listed = programs.run([root / LOADER, "--library-path", libraries, "--list", file])
        text = f"{listed.output}\n{listed.errors}"
        for name, where in re.findall(r"^\s*(\S+) => (not found|\S+)", text, re.MULTILINE):
            if not where.startswith(f"{root}/"):
                missing.add(name)
        missing.update(re.findall(r"(\S+): cannot open shared object file", text))
    return sorted(missing)


def write_wrappers(run: Path, programs: Iterable[str]) -> None:
    """A wrapper for each program of `root`/usr/bin, in `run` beside `root`; the two can be moved together."""
    run.mkdir(parents=True, exist_ok=True)
    shared = run / ".wrapper"
    shared.write_text(_WRAPPER)
    shared.chmod(0o755)
    for name in programs:
        link = run / name
        link.unlink(missing_ok=True)
        link.symlink_to(shared.name)
