"""Starts what the images start, each as its user in its root, and places a call: `python -m tests.images.together`.

It is run by root, or who is root in a user namespace, in mounts and a network of their own (unshare --mount --net):
ports are the containers', roots are read-only as compose has them. Prints what became well; ends with 0 where all is.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from asterisk.site import read
from controller.errors import StackError
from tests.images import first_call
from tests.images.bare import Failed
from tests.images.dockerfile import FOLDER, Instruction, environment, last, whole

USER: Final = 10001
PATIENCE_S: Final = 120.0


class Container:
    """One image, as compose starts it: its root cannot be written, beside volumes and what lies in memory."""

    def __init__(self, name: str, target: str, root: Path, log: Path, volumes: Mapping[str, Path]) -> None:
        """
        Args:
            volumes: what lies at a path in it, and where that is on this machine.
        """
        self.name, self._root, self._log = name, root, log
        self._said: list[Instruction] = whole(FOLDER / f"{name}.Dockerfile", target)
        _mount("--bind", root, root)
        _mount("-o", "remount,bind,ro", root)
        for path, place in {"/proc": Path("/proc"), "/dev": Path("/dev"), **volumes}.items():
            _mount("--rbind", place, root / path.lstrip("/"))
        # What compose has in memory.
        for path in ("tmp", "run/asterisk"):
            if (root / path).is_dir():
                _mount("-t", "tmpfs", "-o", "mode=1777", "none", root / path)

    def done(self) -> str:
        """Run to its end; returns what it printed.

        Raises:
            Failed: its exit code is not 0.
        """
        done = self._run(self._command())
        if done.returncode:
            raise Failed(f"{self.name} ends with code {done.returncode}\n{done.stdout[-2500:]}")
        return done.stdout

    @contextmanager
    def running(self) -> Iterator[None]:
        """Started; at the end stopped as a container is.

        Raises:
            Failed: it does not end when told to.
        """
        with self._log.open("w") as log:
            process = subprocess.Popen(
                self._argv(self._command()),
                env=self._variables(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield
            process.send_signal(signal.SIGTERM)  # a container's init tells its only child
            process.wait(60)
        except subprocess.TimeoutExpired as error:
            raise Failed(f"{self.name} does not end when told to") from error
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def unwell(self) -> str:
        """Why its health check fails; empty where it does not."""
        check = last(self._said, "HEALTHCHECK")
        assert check is not None
        done = self._run(Instruction("CMD", check.text.partition("CMD ")[2]).words)
        return done.stdout.strip() or f"code {done.returncode}" if done.returncode else ""

    def log(self) -> str:
        return self._log.read_text(errors="replace")[-2500:]

    def _run(self, words: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._argv(words),
            env=self._variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def _command(self) -> list[str]:
        entry, command = last(self._said, "ENTRYPOINT"), last(self._said, "CMD")
        assert entry is not None
        return [*entry.words, *(command.words if command else ())]

    def _variables(self) -> dict[str, str]:
        return {**environment(self._said), "DRAGOMAN_ADDRESS": "127.0.0.1", "HOME": "/nonexistent"}

    def _argv(self, words: list[str]) -> list[str]:
        cwd = last(self._said, "WORKDIR")
        inside = ["/bin/sh", "-c", 'cd "$1"; shift; exec "$@"', "sh", cwd.text if cwd else "/", *words]
        # In a user namespace of who is not root there is nobody else to become.
        become = [f"--userspec={USER}:{USER}", "--groups="] if _may_become() else []
        return ["chroot", *become, str(self._root), *inside]


def well(containers: list[Container]) -> None:
    """Wait until each is well.

    Raises:
        Failed: one is not, in time.
    """
    began = time.monotonic()
    waiting = list(containers)
    while waiting:
        why = waiting[0].unwell()
        if not why:
            print(f"{waiting.pop(0).name} is well after {time.monotonic() - began:.0f} s", flush=True)
        elif time.monotonic() - began > PATIENCE_S:
            raise Failed(f"{waiting[0].name}: {why}\n{waiting[0].log()}")
        else:
            time.sleep(1)


def raise_loopback() -> None:
    """What `ip link set lo up` does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        up_and_running, set_flags = 0x41, 0x8914
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh14x", b"lo", up_and_running))


def volume(folder: Path, name: str) -> Path:
    """An empty one, as compose makes it: of the image's user."""
    made = folder / name
    made.mkdir()
    if _may_become():
        os.chown(made, USER, USER)
    return made


def main() -> int:
    """The command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.images.together", description=__doc__)
    parser.add_argument("folder", type=Path, help="for volumes and logs")
    for name in ("asterisk", "triton", "models", "controller"):
        parser.add_argument(name, type=Path, help=f"the root of {name}")
    options = parser.parse_args()
    folder: Path = options.folder
    raise_loopback()
    for root in (options.asterisk, options.controller):
        (root / "etc/dragoman").mkdir(exist_ok=True)
        (root / "etc/hosts").touch()
    hosts = folder / "hosts"
    hosts.write_text("127.0.0.1 localhost triton\n")
    conf = folder / "conf"
    shutil.copytree(FOLDER / "conf", conf)
    repository = {"/model_repository": volume(folder, "models")}
    beside = {"/etc/dragoman": conf, "/etc/hosts": hosts, "/run/dragoman": volume(folder, "shared")}
    pbx, kept = ({"/var/lib/dragoman": volume(folder, name)} for name in ("pbx", "controller"))
    try:
        print(Container("triton", "models", options.models, folder / "models.log", repository).done(), flush=True)
        with ExitStack() as running:
            started = []
            for name, target, root, volumes in (
                ("asterisk", "", options.asterisk, beside | pbx),
                ("triton", "server", options.triton, repository),
                ("controller", "", options.controller, beside | kept),
            ):
                one = Container(name, target, root, folder / f"{name}.log", volumes)
                running.enter_context(one.running())
                well([one])
                started.append(one)
            well(started)
            print(first_call.place(read(folder / "pbx" / "site.toml"), folder / "phones"), flush=True)
    except (Failed, StackError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _mount(*words: str | Path) -> None:
    subprocess.run(["mount", *words], check=True)


def _may_become() -> bool:
    """Whether this is the machine's root, and not one of a user namespace that knows nobody else."""
    return Path("/proc/self/uid_map").read_text().split()[2] != "1"


if __name__ == "__main__":
    sys.exit(main())
