"""A bare Debian in a folder, made and used without root: Debian's essential packages and apt, under PRoot.

What it takes of this machine is where packages come from: its mirror, its proxy and certificates, its index of wheels.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from asterisk import debian
from export.setup.cache import Cache
from export.setup.programs import Programs

SUITE: Final = "bookworm"
"""The one that the Dockerfiles stand on."""

# Named, since either would do for apt, and the other brings all of perl.
_PACKAGES: Final = ("?essential", "apt", "usr-is-merged")
_SLIM: Final = ("doc", "info", "locale", "man")
"""Left out of the base image, below /usr/share."""

_MACHINE: Final = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/proc", "/etc/resolv.conf", "/etc/hosts")
_CERTIFICATES: Final = "/etc/ssl/certs/ca-certificates.crt"
_LENT: Final = "/tmp/certificates-of-the-machine.crt"
_PIP: Final = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "default-timeout")
_PROXIES: Final = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


class Failed(Exception):
    """A command in a root failed; the message holds the end of what it printed."""


@dataclass(frozen=True)
class Root:
    """A folder that is a machine's root, as a container's is."""

    folder: Path
    proot: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    """Of this machine, for whatever is run: where wheels come from."""

    def inside(self, path: str) -> Path:
        """Where the root's `path` lies on this machine."""
        return self.folder / path.lstrip("/")

    def run(self, words: Sequence[str], env: Mapping[str, str], *, cwd: str = "/", timeout_s: float = 900) -> str:
        """Run `words` in it to their end, as root, with these variables and those it was lent; returns what they print.

        Raises:
            Failed: they fail, or take too long.
        """
        lent = {path: path for path in _MACHINE} | {_CERTIFICATES: _LENT}
        bound = [f"--bind={there}:{here}" for there, here in lent.items() if Path(there).exists()]
        try:
            done = subprocess.run(
                [self.proot, f"--rootfs={self.folder}", *bound, "--change-id=0:0", f"--cwd={cwd}", *words],
                env={**self.environment, **env},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Failed(f"{shlex.join(words)}: not done after {timeout_s:.0f} s") from error
        if done.returncode:
            raise Failed(f"{shlex.join(words)}: code {done.returncode}\n{done.stdout[-3000:]}")
        return done.stdout

    def copied(self, folder: Path) -> Root:
        """The same, once more: what a stage begins with."""
        subprocess.run(["cp", "-a", "--reflink=auto", self.folder, folder], check=True)
        return Root(folder, self.proot, self.environment)


def make(folder: Path, cache: Cache) -> Root:
    """A bare Debian in `folder`, its packages fetched and checked by the signed index.

    Raises:
        SetupError: the packages cannot be had.
        Failed: they cannot be configured.
    """
    programs = Programs()
    archives = debian.Archives(folder.with_name(f"{folder.name}-apt"), programs)
    archive, _ = archives.choose("base-files", (SUITE,), "12")
    debs = archive.download(archive.closure(_PACKAGES), folder.with_name(f"{folder.name}-debs"))
    for name in ("bin", "sbin", "lib", "lib64"):
        (folder / "usr" / name).mkdir(parents=True)
        (folder / name).symlink_to(f"usr/{name}")
    (folder / "etc/dpkg/dpkg.cfg.d").mkdir(parents=True)
    (folder / "etc/dpkg/dpkg.cfg.d/slim").write_text("".join(f"path-exclude /usr/share/{one}/*\n" for one in _SLIM))
    script = 'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --keep-directory-symlink --no-same-owner'
    script += "".join(f" --exclude='./usr/share/{one}/*'" for one in _SLIM)
    for deb in debs:
        subprocess.run(["sh", "-c", script, "unpack", deb, folder], check=True)
    root = Root(folder, cache.proot, _lent(programs))
    shutil.copytree(debs[0].parent, folder / "debs")
    names = [f"/debs/{deb.name}" for deb in debs]
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    # All are unpacked: the order in which they need each other is nothing that dpkg must wait for.
    root.run(["dpkg", "--force-depends", "--install", *names], env)
    shutil.rmtree(folder / "debs")
    _sources(root, archive.mirror, programs)
    return root


def _sources(root: Root, mirror: str, programs: Programs) -> None:
    """What the base image brings, at this machine's mirror; and how this machine reaches it."""
    (root.folder / "etc/apt/sources.list").write_text(f"deb {mirror} {SUITE} main\n")
    said = programs.run(["apt-config", "dump"]).output.splitlines()
    kept = [line for line in said if re.match(r"Acquire::(http|https|Check)", line)]
    kept.append('APT::Sandbox::User "root";')
    # As the base image has it: nothing of apt's stays in a layer.
    kept += ['Dir::Cache::pkgcache "";', 'Dir::Cache::srcpkgcache "";']
    kept.append('DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb"; };')
    (root.folder / "etc/apt/apt.conf.d/99-of-the-machine").write_text("\n".join(kept) + "\n")


def _lent(programs: Programs) -> dict[str, str]:
    """pip's configuration as variables, and the proxies."""
    given = {name: os.environ[name] for name in _PROXIES if name in os.environ}
    listed = programs.run([sys.executable, "-m", "pip", "config", "list"]).output
    for name, value in re.findall(r"^[\w:]*\.([a-z-]+)='(.*)'$", listed, re.MULTILINE):
        # An index in a folder of this machine is not to be seen from inside.
        if name in _PIP and not value.startswith(("file:", "/")):
            given["PIP_" + name.upper().replace("-", "_")] = value
    if Path(_CERTIFICATES).exists():
        given["PIP_CERT"] = _LENT
    return given
