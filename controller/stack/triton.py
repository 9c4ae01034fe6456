"""A real Triton on a model repository: started, probed by inference, its models revived, stopped.

Knows processes and Triton's HTTP interface; knows no tensor beyond the probes. Blocks: call it from a thread.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import export
from controller.errors import StackError
from controller.stack.ports import LOOPBACK, free_ports, is_free
from controller.stack.process import Child, Run
from controller.stack.triton_http import TritonHttp
from export.setup.cache import Cache

EXIT_S = 5
"""Seconds Triton gives its models to end. A dead one uses all of them."""

ATTEMPTS = 3
"""Starts on fresh ports: another process may take one between its choice and its use."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a server listens, all on loopback."""

    grpc: str
    """host:port, as the client takes it."""
    http: str
    """http://host:port"""
    metrics_port: int


class TritonServer:
    """One server, of one run.

    `failed` names the models that did not load, each with the reason.
    """

    def __init__(
        self,
        run: Run,
        repository: Path,
        *,
        models: Sequence[str] | None = None,
        without: Collection[str] = (),
        cache: Cache | None = None,
        ports: tuple[int, int, int] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Nothing is started yet.

        Args:
            models: those that must serve, all of the repository by default; the others may fail.
            without: those of the repository that are not to be loaded: they take memory that nobody needs.
            ports: of gRPC, HTTP and metrics; free ones by default.
            env: variables on top of those that the server needs.
        """
        self._run, self._repository = run, repository.resolve()
        self._expected = models
        self._without = frozenset(without)
        self._cache = cache or Cache.default()
        self._ports = ports
        self._env = dict(env or {})
        self._child: Child | None = None
        self._addresses: Addresses | None = None
        self.failed: dict[str, str] = {}

    @property
    def models(self) -> list[str]:
        """Every model of the repository that is served."""
        found = {path.parent.name for path in self._repository.glob("*/config.pbtxt")}
        return sorted(found - self._without)

    @property
    def addresses(self) -> Addresses:
        if self._addresses is None:
            raise StackError("Triton has not been started")
        return self._addresses

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def version(self) -> str:
        """Triton's own, such as 2.51.0."""
        return self._http().version()

    def start(self, timeout_s: float = 60.0) -> None:
        """Start, and wait until every expected model has answered its probe.

        Raises:
            StackError: it cannot start, or an expected model cannot serve; the server is stopped again.
        """
        self._check_installed()
        expected = self.models if self._expected is None else list(self._expected)
        if missing := sorted(set(expected) - set(self.models)):
            raise StackError(f"there is no model {', '.join(missing)} in {self._repository}")
        due = time.monotonic() + timeout_s
        attempts = 1 if self._ports else ATTEMPTS
        for attempt in range(attempts):
            try:
                self._launch()
                self._wait(expected, due)
            except StackError as error:
                self.stop()
                if attempt + 1 == attempts or "in use" not in str(error):
                    raise
            else:
                return

    def probe(self, model: str, *, timeout_s: float = 5.0) -> None:
        """Have `model` answer a small request.

        Raises:
            StackError: it did not, or not in time.
        """
        self._http().probe(model, timeout_s)

    def revive(self, model: str, *, timeout_s: float = 30.0) -> None:
        """Give `model` a fresh process, whatever state the old one is in (dead, hanging), and wait for its answer.

        Raises:
            StackError: it does not come back.
        """
        http = self._http()
        if (pid := self.stub_pid(model)) is not None:
            os.kill(pid, signal.SIGKILL)
        http.unload(model, timeout_s)
        http.load(model, timeout_s)
        http.probe(model, timeout_s)

    def stub_pid(self, model: str) -> int | None:
        """The process that runs `model`; None where it is dead."""
        needle = f"/{model}/".encode()
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                argv = (entry / "cmdline").read_bytes().split(b"\0")
                status = (entry / "stat").read_bytes().rpartition(b")")[2].split()
            except OSError:  # gone meanwhile
                continue
            is_stub = argv[0].endswith(b"triton_python_backend_stub") and len(argv) > 1 and needle in argv[1]
            if is_stub and int(status[1]) == self.pid and status[0] != b"Z":
                return int(entry.name)
        return None

    def stop(self) -> None:
        """End it and every process of its models."""
        if self._child is not None:
            self._child.stop(EXIT_S + 3.0)
            self._child = None

    def _check_installed(self) -> None:
        needed = {
            "Triton": self._cache.tritonserver,
            "Triton's Python environment": self._cache.python("triton"),
            "Triton's libpython": self._cache.libpython,
        }
        for name, path in needed.items():
            if not path.exists():
                raise StackError(f"{name} is missing ({path}): run `make setup` to get it")

    def _launch(self) -> None:
        grpc, http, metrics = self._ports or free_ports(3)
        for port in (grpc, http, metrics):
            if not is_free(port):
                raise StackError(f"Triton cannot start: port {port} is in use. End what uses it or choose another")
        self._addresses = Addresses(f"{LOOPBACK}:{grpc}", f"http://{LOOPBACK}:{http}", metrics)
        home = self._cache.triton_home.resolve()
        argv: list[str | Path] = [
            home / "bin" / "tritonserver",
            f"--model-repository={self._repository}",
            f"--backend-directory={home / 'backends'}",
            f"--cache-directory={home / 'caches'}",
            f"--grpc-address={LOOPBACK}",
            f"--grpc-port={grpc}",
            f"--http-address={LOOPBACK}",
            f"--http-port={http}",
            f"--metrics-address={LOOPBACK}",
            f"--metrics-port={metrics}",
            *FLAGS,
            *(f"--load-model={model}" for model in (self.models if self._without else "*")),
            f"--backend-config=python,shm-region-prefix-name={self._run.mark}",
        ]
        self._child = self._run.spawn("triton", argv, env=self._environment())

    def _environment(self) -> dict[str, str]:
        """The stub finds its Python by PATH; LD_LIBRARY_PATH gives it libpython and nothing else."""
        return {
            "PATH": f"{self._python_overlay() / 'bin'}:{os.environ.get('PATH', '/usr/bin:/bin')}",
            "LD_LIBRARY_PATH": str(self._cache.libpython),
            "PYTHONNOUSERSITE": "1",
            "OMP_NUM_THREADS": "1",
            "ORT_DISABLE_TELEMETRY": "1",
            **self._env,
        }

    def _python_overlay(self) -> Path:
        """An environment of this run: that of Triton in the cache, and this checkout's `export` on top.

        The stub's Python is isolated and reads no PYTHONPATH; a path file in the cache would be everybody's.
        """
        base, overlay = self._cache.env("triton"), self._run.scratch / "env"
        site = next(base.glob("lib/python3*/site-packages"))
        ours = overlay / site.relative_to(base)
        for folder in (overlay / "bin", ours, overlay / "ours"):
            folder.mkdir(parents=True, exist_ok=True)
        (overlay / "pyvenv.cfg").write_bytes((base / "pyvenv.cfg").read_bytes())
        _link(overlay / "bin" / "python3", base / "bin" / "python3")
        # Only `export`: beside an installed one lies the controller's numpy.
        _link(overlay / "ours" / "export", Path(export.__path__[0]).resolve())
        (ours / "overlay.pth").write_text(f"{overlay / 'ours'}\nimport site; site.addsitedir({str(site)!r})\n")
        return overlay

    def _wait(self, expected: Sequence[str], due: float) -> None:
        http = self._http()
        waiting = set(self.models)
        self.failed = {}
        while waiting:
            self._check_alive()
            if time.monotonic() > due:
                raise StackError(f"Triton's models {', '.join(sorted(waiting))} did not answer in time. {self._hint()}")
            for model, (state, reason) in http.index().items():
                if model not in waiting:
                    continue
                if state == "READY" and http.answers(model):
                    waiting.remove(model)
                elif state == "UNAVAILABLE" and reason:
                    self.failed[model] = reason
                    waiting.remove(model)
            if waiting:
                time.sleep(0.05)
        if lost := [model for model in expected if model in self.failed]:
            reasons = "; ".join(f"{model}: {self.failed[model]}" for model in lost)
            raise StackError(f"Triton cannot serve {', '.join(lost)}. {reasons}")

    def _check_alive(self) -> None:
        child = self._running()
        if child.exit_code is not None:
            raise StackError(f"Triton ended with code {child.exit_code} while starting. {self._hint()}")

    def _running(self) -> Child:
        if self._child is None:
            raise StackError("Triton is not running")
        return self._child

    def _http(self) -> TritonHttp:
        return TritonHttp(self.addresses.http)

    def _hint(self) -> str:
        """The line of the log that says why."""
        lines = self._running().log_tail(200).splitlines()
        telling = [line for line in lines if re.match(r"E\d{4} |error:", line) and "Cuda" not in line]
        last = telling or lines
        return f"Its log says: {last[-1].strip()}" if last else "It printed nothing."


def _link(name: Path, target: Path) -> None:
    if not name.is_symlink():
        name.symlink_to(target)


FLAGS = (
    "--model-control-mode=explicit",
    "--exit-on-error=false",
    "--strict-readiness=false",
    "--disable-auto-complete-config",
    "--allow-gpu-metrics=false",
    "--metrics-config=summary_latencies=true",
    f"--exit-timeout-secs={EXIT_S}",
    # Our client pings every ten seconds, also while nothing is asked.
    "--grpc-keepalive-permit-without-calls=1",
    "--grpc-http2-min-recv-ping-interval-without-data=5000",
    "--grpc-http2-max-ping-strikes=0",
    "--backend-config=python,stub-timeout-seconds=60",
)
"""One model that does not load must not stop the others, hence explicit control."""
