"""What each failure of Triton and gRPC becomes, and that cancellations are not mistaken, on a fake gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import numpy as np
import pytest
from grpc import StatusCode
from tritonclient.utils import InferenceServerException

from controller.errors import EngineDied, EngineError, EngineRejected, EngineTimeout, EngineUnavailable
from controller.triton.client import Lane, TritonClient
from controller.triton.failures import mapped

TEXT = {"TEXT": np.array([b"hello"], np.object_)}


def unary(status: str | None, message: str) -> InferenceServerException:
    return InferenceServerException(msg=message, status=status)


def streamed(code: StatusCode, message: str) -> grpc.aio.AioRpcError:
    nothing = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(code, nothing, nothing, details=message)


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (unary("StatusCode.UNAVAILABLE", "Stream removed (Socket closed)"), EngineUnavailable, "cannot be reached"),
        (streamed(StatusCode.UNAVAILABLE, "Connection refused"), EngineUnavailable, "cannot be reached"),
        (unary("StatusCode.UNAVAILABLE", "Exceeds maximum queue size"), EngineUnavailable, "busy"),
        (
            unary("StatusCode.NOT_FOUND", "Request for unknown model: 'x' has no available versions"),
            EngineUnavailable,
            "not loaded",
        ),
        (
            streamed(StatusCode.NOT_FOUND, "Request for unknown model: 'x' has no available versions"),
            EngineUnavailable,
            "not loaded",
        ),
        (unary("StatusCode.NOT_FOUND", "Request for unknown model: 'x' is not found"), EngineRejected, "no model x"),
        (unary("StatusCode.DEADLINE_EXCEEDED", "Deadline Exceeded"), EngineTimeout, "within 3 s"),
        (streamed(StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded"), EngineTimeout, "within 3 s"),
        (unary("StatusCode.INTERNAL", "Stub process 'x_0_0' is not healthy."), EngineDied, "process has died"),
        (unary(None, "Stub process 'x_0_0' is not healthy."), EngineDied, "process has died"),
        (unary("StatusCode.INTERNAL", "Failed to process the request(s)"), EngineUnavailable, "failed"),
        (unary("StatusCode.INVALID_ARGUMENT", "no language 'xx'"), EngineRejected, "no language 'xx'"),
        (streamed(StatusCode.UNIMPLEMENTED, "decoupled"), EngineRejected, "decoupled"),
        (streamed(StatusCode.CANCELLED, "cancelled"), EngineUnavailable, "try again"),
        (unary(None, "something new"), EngineUnavailable, "something new"),
        (unary(None, "refused: no language 'xx'"), EngineRejected, "x refused the request: no language 'xx'"),
        (
            unary(
                None, "[request id: <id_unknown>] unexpected shape for input 'A' for model 'x'. Expected [2], got [1]."
            ),
            EngineRejected,
            "unexpected shape",
        ),
        (unary(None, "[request id: <id_unknown>] expected 2 inputs but got 1 inputs"), EngineRejected, "expected 2"),
        (unary(None, "x is busy: try again"), EngineUnavailable, "x is busy: try again"),
    ],
)
def test_the_table_of_failures(error: Exception, kind: type[EngineError], said: str) -> None:
    found = mapped(error, "x", 3.0)
    assert type(found) is kind
    assert found.engine == "x"
    assert found.retryable is (kind is not EngineRejected)
    assert said in str(found)


class FakeAnswers:
    """What `stream_infer` gives: an iterator that can be cancelled."""

    def __init__(self, steps: list[Any], hang: bool) -> None:
        self.steps, self.hang, self.cancelled = steps, hang, False

    def __aiter__(self) -> FakeAnswers:
        return self

    async def __anext__(self) -> Any:
        if self.steps:
            step = self.steps.pop(0)
            if isinstance(step, BaseException):
                raise step
            return step
        if self.hang:
            await asyncio.Event().wait()
        raise StopAsyncIteration

    def cancel(self) -> bool:
        self.cancelled = True
        return True


class FakeResult:
    class Response:
        outputs: tuple[Any, ...] = ()

    def get_response(self) -> Response:
        return self.Response()


class FakeServer:
    """A tritonclient that answers by script."""

    def __init__(self, steps: list[Any], *, hang: bool = False) -> None:
        self.answers = FakeAnswers(steps, hang)

    def stream_infer(self, requests: AsyncIterator[Any], **options: Any) -> FakeAnswers:
        return self.answers

    async def infer(self, model: str, inputs: Any, **options: Any) -> Any:
        return await anext(self.answers)

    async def close(self) -> None:
        return None


async def consumed(server: FakeServer, **times: float) -> int:
    async with with_server(server) as client:
        first_s, gap_s, deadline_s = (times.get(name, 5.0) for name in ("first_s", "gap_s", "deadline_s"))
        answers = client.stream("x", TEXT, first_s=first_s, gap_s=gap_s, deadline_s=deadline_s)
        return len([answer async for answer in answers])


def with_server(server: FakeServer) -> TritonClient:
    client = TritonClient("127.0.0.1:9")
    client._lanes = dict.fromkeys(Lane, server)
    return client


def test_a_stream_ends_and_is_cancelled_whatever_happened() -> None:
    server = FakeServer([(FakeResult(), None), (FakeResult(), None)])
    assert asyncio.run(consumed(server)) == 2
    assert server.answers.cancelled


@pytest.mark.parametrize(
    ("steps", "times"), [([], {"first_s": 0.01}), ([(FakeResult(), None)], {"gap_s": 0.01}), ([], {"deadline_s": 0.0})]
)
def test_a_stream_that_hangs_is_given_up(steps: list[Any], times: dict[str, float]) -> None:
    server = FakeServer(steps, hang=True)
    with pytest.raises(EngineTimeout, match="sent nothing"):
        asyncio.run(consumed(server, **times))
    assert server.answers.cancelled


def test_an_error_in_the_stream_is_mapped() -> None:
    server = FakeServer([(FakeResult(), None), (None, unary(None, "Stub process 'x_0_0' is not healthy."))])
    with pytest.raises(EngineUnavailable, match="process has died"):
        asyncio.run(consumed(server))
    assert server.answers.cancelled


def test_a_cancellation_that_nobody_asked_for_is_the_engines_trouble() -> None:
    with pytest.raises(EngineUnavailable, match="cancelled by the connection"):
        asyncio.run(consumed(FakeServer([asyncio.CancelledError()])))

    async def ask() -> None:
        async with with_server(FakeServer([asyncio.CancelledError()])) as client:
            await client.infer("x", TEXT, deadline_s=1.0)

    with pytest.raises(EngineUnavailable, match="cancelled by the connection"):
        asyncio.run(ask())


def test_our_own_cancellation_stays_one() -> None:
    server = FakeServer([], hang=True)

    async def cancel() -> bool:
        task = asyncio.create_task(consumed(server))
        await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return True
        return False

    assert asyncio.run(cancel())


def test_a_client_is_made_inside_a_running_loop() -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        TritonClient("127.0.0.1:9")


def test_a_server_that_is_not_there_is_unavailable() -> None:
    async def ask() -> None:
        async with TritonClient("127.0.0.1:9") as client:
            await client.models()

    with pytest.raises(EngineUnavailable, match="triton cannot be reached"):
        asyncio.run(ask())


@pytest.mark.parametrize(
    ("said", "alive"),
    [
        ("the recording lasts 0.00 s: give 3 to 30 s of one voice", True),
        ("unexpected datatype TYPE_INT16 for inference input 'PCM'", False),
    ],
)
def test_a_refusal_proves_life_where_it_is_the_one_expected(said: str, alive: bool) -> None:
    async def asked() -> bool:
        async with with_server(FakeServer([unary("StatusCode.INVALID_ARGUMENT", said)])) as client:
            return await client.answers("xtts_conditioning")

    assert asyncio.run(asked()) is alive
