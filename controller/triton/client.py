"""The one asynchronous gRPC client of Triton: channels, deadlines, streams, and one mapping of errors.

Knows tensors; the contracts of single models are in `contracts`. Make it inside the running event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from enum import Enum
from types import TracebackType
from typing import Any

import grpc
import numpy as np
import tritonclient.grpc.aio as triton
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from controller.errors import EngineError, EngineRejected, EngineTimeout, EngineUnavailable
from controller.triton import failures
from controller.triton.probes import PROBES, Probe

CHANNEL_ARGS = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # A restarted server is found again within 0.1 s; gRPC's own back-off grows to minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # Equal channels share one connection otherwise.
    ("grpc.use_local_subchannel_pool", 1),
]

ENDED_S = 1.0

Array = np.ndarray[Any, Any]


class Lane(Enum):
    """Which connection a request takes, so that a flood of sound never delays a probe."""

    STT = "stt"
    TTS = "tts"
    PROBE = "probe"


class TritonClient:
    """Requests to one server. `async with TritonClient(address) as client: ...`"""

    def __init__(self, address: str) -> None:
        """Connect to `address` (host:port) on first use.

        Raises:
            RuntimeError: no event loop is running.
        """
        asyncio.get_running_loop()
        self._lanes = {
            lane: triton.InferenceServerClient(address, channel_args=[*CHANNEL_ARGS, ("dragoman.lane", lane.value)])
            for lane in Lane
        }

    async def __aenter__(self) -> TritonClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; what is under way is cancelled."""
        for lane in self._lanes.values():
            await lane.close()

    async def infer(
        self, model: str, inputs: Mapping[str, Array], *, deadline_s: float, lane: Lane = Lane.STT
    ) -> Mapping[str, Array]:
        """One request, one answer: the output tensors by name.

        Raises:
            EngineTimeout: no answer after `deadline_s` seconds.
            EngineUnavailable, EngineRejected: see `failures.mapped`.
        """
        try:
            # The server is told the deadline too, so that it drops what nobody waits for any more.
            result = await self._lanes[lane].infer(model, _tensors(inputs), client_timeout=deadline_s)
        except (InferenceServerException, grpc.RpcError) as error:
            raise failures.mapped(error, model, deadline_s) from error
        except asyncio.CancelledError as error:
            raise _own_or_lost(error, model) from error
        return _arrays(result)

    async def stream(
        self,
        model: str,
        inputs: Mapping[str, Array],
        *,
        first_s: float,
        gap_s: float,
        deadline_s: float,
        lane: Lane = Lane.TTS,
    ) -> AsyncGenerator[Mapping[str, Array], None]:
        """One request, many answers. Leaving the iteration early (`aclosing`) cancels it on the server.

        Args:
            first_s: how long the first answer may take; requests that queue need more than a gap.
            gap_s: how long each further one may take. A dead model process is noticed by nothing else.
            deadline_s: how long all of it may take.
        Raises:
            EngineTimeout, EngineUnavailable, EngineRejected: as in `infer`.
        """

        async def requests() -> AsyncIterator[dict[str, Any]]:
            yield {"model_name": model, "inputs": tensors}

        # Made out here: an exception inside the generator would surface as a CancelledError.
        tensors = _tensors(inputs)
        due = time.monotonic() + deadline_s
        answers = self._lanes[lane].stream_infer(requests(), stream_timeout=deadline_s)
        patience_s = first_s
        try:
            while True:
                try:
                    async with asyncio.timeout(min(patience_s, max(0.0, due - time.monotonic()))):
                        result, error = await anext(answers)
                except StopAsyncIteration:
                    return
                except TimeoutError as error:
                    raise EngineTimeout(
                        f"{model} sent nothing for {patience_s:g} s: it hangs or is overloaded", engine=model
                    ) from error
                except (InferenceServerException, grpc.RpcError) as error:
                    raise failures.mapped(error, model, deadline_s) from error
                except asyncio.CancelledError as error:
                    raise _own_or_lost(error, model) from error
                if error is not None:
                    await _ended(answers)
                    raise failures.mapped(error, model, deadline_s) from error
                patience_s = gap_s
                yield _arrays(result)
        finally:
            # Leaving the loop does not end the stream: without this the server goes on to its end.
            answers.cancel()

    async def probe(self, model: str, *, deadline_s: float = 5.0) -> None:
        """Have `model` answer a small request, on a connection that nothing else uses.

        Raises:
            EngineError: it did not, or not in time.
        """
        await self._probe(model, PROBES.get(model), deadline_s)

    async def answers(self, model: str, *, deadline_s: float = 5.0) -> bool:
        """Whether `model` answers a small request in time."""
        try:
            await self.probe(model, deadline_s=deadline_s)
        except EngineError:
            return False
        return True

    async def models(self, *, deadline_s: float = 5.0) -> list[str]:
        """The names of the models that answer.

        Raises:
            EngineUnavailable: the server cannot be reached.
        """
        try:
            index = await self._lanes[Lane.PROBE].get_model_repository_index(client_timeout=deadline_s)
        except (InferenceServerException, grpc.RpcError) as error:
            raise failures.mapped(error, "triton", deadline_s) from error
        names = sorted({one.name for one in index.models if one.state == "READY"})
        alive = await asyncio.gather(*(self.answers(name, deadline_s=deadline_s) for name in names))
        return [name for name, answered in zip(names, alive, strict=True) if answered]

    async def reload(self, model: str, *, deadline_s: float = 30.0) -> None:
        """Unload and load `model`, which gives it a fresh process where its own has died, and wait for its
        answer.

        Raises:
            EngineUnavailable: it does not come back.
        """
        server = self._lanes[Lane.PROBE]
        try:
            await server.unload_model(model, client_timeout=deadline_s)
            await server.load_model(model, client_timeout=deadline_s)
        except (InferenceServerException, grpc.RpcError) as error:
            raise failures.mapped(error, model, deadline_s) from error
        if not await self.answers(model, deadline_s=deadline_s):
            raise EngineUnavailable(f"{model} was loaded again and still does not answer", engine=model)

    async def _probe(self, model: str, probe: Probe | None, deadline_s: float) -> None:
        if probe is None:
            await self._ready(model, deadline_s)
            return
        inputs = {one.name: _array(one.datatype, one.shape, one.data) for one in probe.inputs}
        if not probe.streams:
            try:
                await self.infer(model, inputs, deadline_s=deadline_s, lane=Lane.PROBE)
            except EngineRejected as error:
                if not probe.expects(str(error)):
                    raise
            return
        stream = self.stream(
            model, inputs, first_s=deadline_s, gap_s=deadline_s, deadline_s=deadline_s, lane=Lane.PROBE
        )
        async for _ in stream:
            pass

    async def _ready(self, model: str, deadline_s: float) -> None:
        try:
            ready = await self._lanes[Lane.PROBE].is_model_ready(model, client_timeout=deadline_s)
        except (InferenceServerException, grpc.RpcError) as error:
            raise failures.mapped(error, model, deadline_s) from error
        if not ready:
            raise EngineUnavailable(f"{model} is not ready", engine=model)


async def _ended(answers: Any) -> None:
    """Wait for the stream's own end, which follows an error at once: a request that is cancelled just then is never let
    go by the server, and its model can never be unloaded (seen with 24.10)."""
    with contextlib.suppress(TimeoutError, StopAsyncIteration, InferenceServerException, grpc.RpcError):
        async with asyncio.timeout(ENDED_S):
            await anext(answers)


def _own_or_lost(error: asyncio.CancelledError, model: str) -> BaseException:
    """A cancellation of the awaiting task is passed on; one that gRPC made up is the engine's trouble."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        return error
    return EngineUnavailable(f"{model}'s request was cancelled by the connection: try again", engine=model)


def _tensors(inputs: Mapping[str, Array]) -> list[triton.InferInput]:
    tensors = []
    for name, array in inputs.items():
        tensor = triton.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
        tensor.set_data_from_numpy(np.ascontiguousarray(array))
        tensors.append(tensor)
    return tensors


def _arrays(result: triton.InferResult) -> Mapping[str, Array]:
    return {output.name: result.as_numpy(output.name) for output in result.get_response().outputs}


_DTYPES = {"BYTES": np.object_, "INT16": np.int16, "INT32": np.int32, "BOOL": np.bool_, "FP32": np.float32}


def _array(datatype: str, shape: Sequence[int], data: Sequence[Any]) -> Array:
    values = [value.encode() if isinstance(value, str) else value for value in data]
    return np.array(values, dtype=_DTYPES[datatype]).reshape(shape)
