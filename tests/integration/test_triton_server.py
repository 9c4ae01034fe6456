"""The server itself: models that die or cannot load, a parent that is killed, ports and programs that are missing."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from controller.errors import EngineRejected, EngineTimeout, EngineUnavailable, StackError
from controller.stack import ports
from controller.stack.process import Run
from controller.stack.reaper import MARK_VARIABLE, marked
from controller.stack.triton import TritonServer
from controller.triton.client import TritonClient
from controller.triton.contracts import recognise, translate
from export.setup.cache import REPOSITORY, Cache
from tests.integration.asking import ask, prompts, speech, until


def test_every_model_answers(triton: TritonServer) -> None:
    assert ask(triton, lambda client: client.models()) == ["apertium", "pico", "whisper"]
    assert triton.failed == {}
    assert triton.version.startswith("2.")


def test_nothing_is_written_to_the_home_folder(triton: TritonServer, triton_home: Path) -> None:
    (said,) = prompts("en", ["vm-goodbye"])

    async def use(client: TritonClient) -> None:
        await recognise(client, said.pcm, "en")
        await translate(client, "Hello", "en", "es")
        await speech(client, "Hello", "en")

    ask(triton, use)
    assert list(triton_home.iterdir()) == []


def kill(triton: TritonServer, model: str, number: signal.Signals = signal.SIGKILL) -> None:
    pid = triton.stub_pid(model)
    assert pid is not None
    os.kill(pid, number)


def test_a_dead_model_is_told_at_once_and_can_be_revived(triton: TritonServer) -> None:
    (said,) = prompts("en", ["vm-review"])
    kill(triton, "whisper")
    with pytest.raises(EngineUnavailable, match="whisper's process has died"):
        ask(triton, lambda client: recognise(client, said.pcm, "en"))
    assert ask(triton, lambda client: client.models()) == ["apertium", "pico"]
    triton.revive("whisper")
    assert ask(triton, lambda client: recognise(client, said.pcm, "en")).text


def test_requests_in_flight_at_a_death_end_and_others_go_on(triton: TritonServer) -> None:
    (said,) = prompts("en", ["vm-review"])

    async def ask_and_kill(client: TritonClient) -> tuple[object, str]:
        tasks = [asyncio.create_task(recognise(client, said.pcm, "en", deadline_s=3)) for _ in range(4)]
        done, _ = await asyncio.wait(tasks, timeout=0.1)
        assert not done
        kill(triton, "whisper")
        hello = await translate(client, "Hello", "en", "es")
        return (await asyncio.gather(*tasks, return_exceptions=True)), hello

    ends, hello = ask(triton, ask_and_kill)
    assert hello == "Hola"
    assert isinstance(ends, list)
    assert all(isinstance(end, EngineUnavailable | EngineTimeout) for end in ends), ends
    ask(triton, lambda client: client.reload("whisper"))
    assert ask(triton, lambda client: recognise(client, said.pcm, "en")).text


def test_a_hanging_voice_is_noticed_and_revived(triton: TritonServer) -> None:
    kill(triton, "pico", signal.SIGSTOP)
    with pytest.raises(EngineTimeout, match=r"pico sent nothing for 0\.5 s"):
        ask(triton, lambda client: speech(client, "Hello.", "en", first_s=0.5))
    triton.revive("pico")
    assert ask(triton, lambda client: speech(client, "Hello.", "en"))


@pytest.fixture
def crippled(repository: Path, tmp_path: Path) -> Path:
    """A repository whose recogniser has no weights."""
    folder = tmp_path / "crippled"
    for model in ("whisper", "pico"):
        shutil.copytree(repository / model, folder / model, ignore=shutil.ignore_patterns("weights"))
    return folder


def test_a_model_without_weights_does_not_stop_the_others(crippled: Path) -> None:
    with Run() as run:
        server = TritonServer(run, crippled, models=["pico"])
        server.start()
        assert ask(server, lambda client: speech(client, "Hello.", "en"))
        assert server.failed == {"whisper": f"whisper has no weights: run `dragoman export offline --out {crippled}`"}
        with pytest.raises(EngineUnavailable, match="whisper is not loaded"):
            ask(server, lambda client: recognise(client, np.zeros(1_600, np.int16), "en"))


def test_a_model_that_is_not_wanted_is_not_loaded(crippled: Path) -> None:
    with Run() as run:
        server = TritonServer(run, crippled, without=["whisper"])
        server.start()
        assert (server.models, server.failed) == (["pico"], {})
        assert server.stub_pid("whisper") is None
        with pytest.raises(EngineRejected, match="Triton has no model whisper"):
            ask(server, lambda client: recognise(client, np.zeros(1_600, np.int16), "en"))


def test_a_model_that_must_serve_and_cannot_is_named(crippled: Path) -> None:
    with Run() as run:
        server = TritonServer(run, crippled)
        with pytest.raises(StackError, match=r"cannot serve whisper.*whisper has no weights: run `dragoman export"):
            server.start()
        with pytest.raises(StackError, match="not running"):
            _ = server.pid


def test_a_port_in_use_is_named(repository: Path) -> None:
    with Run() as run, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = TritonServer(run, repository, ports=(port, *ports.free_ports(2)))
        with pytest.raises(StackError, match=f"port {port} is in use"):
            server.start()


def test_a_missing_program_is_named(repository: Path, tmp_path: Path) -> None:
    with Run() as run:
        server = TritonServer(run, repository, cache=Cache(tmp_path))
        with pytest.raises(StackError, match=r"Triton is missing \(.*tritonserver\): run `make setup`"):
            server.start()


PARENT = """
import sys, time
from pathlib import Path
from controller.stack.process import Run
from controller.stack.triton import TritonServer

run = Run()
server = TritonServer(run, Path(sys.argv[1]))
server.start()
grpc = server.addresses.grpc.rpartition(":")[2]
http = server.addresses.http.rpartition(":")[2]
print(run.mark, run.scratch, grpc, http, server.addresses.metrics_port, flush=True)
time.sleep(600)
"""


def test_killing_the_parent_leaves_nothing(repository: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != MARK_VARIABLE}
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(repository)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        env=environment,
    )
    try:
        assert parent.stdout is not None
        mark, scratch, *listening = parent.stdout.readline().split()
        assert len(marked(mark)) > 10, "server, three stubs and the translator's programs"
        assert list(Path("/dev/shm").glob(f"{mark}*"))
        assert not any(ports.is_free(int(port)) for port in listening)
    finally:
        parent.kill()
        parent.communicate()
    until("no process is left", lambda: not marked(mark))
    until("no shared memory is left", lambda: not list(Path("/dev/shm").glob(f"{mark}*")))
    until("no folder is left", lambda: not Path(scratch).exists())
    until("no port is taken", lambda: all(ports.is_free(int(port)) for port in listening))
