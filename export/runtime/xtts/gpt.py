"""Many utterances through one GPT, a token of each at a time: rows of keys and values that grow in place.

An utterance takes a row when it opens (its prompt is run alone) and leaves it when it closes; a step runs the rows from
the first to the last that has a token, wherever each of them is in its utterance. Knows neither sampling nor sound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from export.runtime.session import Provider, opened
from export.runtime.weights import WeightsError
from export.runtime.xtts.cache import DeviceCache, HostCache, Kept, Number
from export.runtime.xtts.config import ModelConfig
from export.runtime.xtts.embeddings import Embeddings

Float = NDArray[np.float32]
Precision = Literal["fp32", "8bit", "fp16"]

FILES: Mapping[Precision, str] = {"fp32": "gpt.onnx", "8bit": "gpt-8bit.onnx", "fp16": "gpt-fp16.onnx"}
QUICK_PREFILL = "gpt-prefill.onnx"

_TYPES: Mapping[str, Number] = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


class NoRoom(Exception):
    """Every row is taken."""


class Row:
    """One utterance within the GPT, until it is closed."""

    def __init__(self, index: int, positions: int) -> None:
        self.index = index
        """Which row is its own by now; it changes when others close."""
        self.positions = positions
        """So many are in its keys and values."""
        self.fed = 0
        """Tokens it was given since it opened."""
        self.latent: Float
        """float32[width] from which its next token is drawn: what the vocoder hears of that token."""
        self.logits: Float
        """float32[audio_tokens] for its next token."""


class Gpt:
    """One model, used by one thread at a time."""

    def __init__(
        self,
        folder: Path,
        config: ModelConfig,
        *,
        slots: int = 1,
        positions: int | None = None,
        precision: Precision = "8bit",
        quick_prefill: bool = False,
        threads: int = 0,
        spinning: bool = True,
        provider: Provider = "cpu",
    ) -> None:
        """Open the graphs in `folder`.

        Args:
            slots: rows, that is, utterances at a time.
            positions: what a row has room for; None is enough for whatever the model can say.
            quick_prefill: whether prompts run through a graph of their own, quicker by half and a little coarser.
            threads: that work on one run; 0 takes all cores.
            provider: on a GPU only fp16 runs; TensorRT does not know this graph's attention, so that it is CUDA's.
        Raises:
            WeightsError: a file is missing or is not what it should be.
        """
        self.config = config
        provider = "cpu" if provider == "cpu" else "cuda"
        self.embeddings = Embeddings(folder, config)
        self._session = self._prefill = opened(folder / FILES[precision], threads, spinning=spinning, provider=provider)
        if quick_prefill:
            self._prefill = opened(folder / QUICK_PREFILL, threads, spinning=spinning, provider=provider)
        self._type = _kept_as(self._session)
        if _kept_as(self._prefill) != self._type:
            raise WeightsError(f"{QUICK_PREFILL} keeps other numbers than {FILES[precision]}: use it with fp32 or 8bit")
        self._room = positions or config.max_positions
        shape = (slots, config.heads, self._room, config.head_width)
        self._row_shape = shape[1:]
        self._names = [f"{kind}_{i}" for i in range(config.layers) for kind in "kv"]
        self._host = HostCache(self._names, shape, self._type) if provider == "cpu" else None
        self._cache = self._host or DeviceCache(self._names, shape, self._type)
        self._rows: list[Row | None] = [None] * slots
        self._x = np.zeros((slots, 1, config.width), np.float32)
        self._latents = np.zeros((slots, 1, config.width), np.float32)
        self._logits = np.zeros((slots, config.audio_tokens), np.float32)
        self._before = np.zeros(slots, np.int32)
        self._total = np.zeros((), np.int32)
        self._bindings: dict[tuple[int, int], Any] = {}

    @property
    def rows(self) -> list[Row]:
        """All that are open."""
        return [row for row in self._rows if row is not None]

    def open(self, prefix: Float) -> Row:
        """A row for an utterance whose prompt is `prefix`, ready for its first token to be drawn.

        Args:
            prefix: float32[positions, width], from `Embeddings.prefix`.
        Raises:
            NoRoom: every row is taken.
            ValueError: the prompt does not fit into a row.
        """
        row = self.take(len(prefix))
        try:
            self.fill(row, prefix)
        except BaseException:
            self.close(row)
            raise
        return row

    def take(self, positions: int) -> Row:
        """An empty row, to be filled with a prompt of `positions` before its first token can be drawn.

        Raises:
            NoRoom: every row is taken.
            ValueError: the prompt does not fit into a row.
        """
        if None not in self._rows:
            raise NoRoom(f"all {len(self._rows)} rows are taken")
        if positions > self._room:
            raise ValueError(f"the prompt has {positions} positions, a row has {self._room}: split the text")
        row = Row(self._rows.index(None), 0)
        self._rows[row.index] = row
        return row

    def fill(self, row: Row, part: Float) -> None:
        """Run the next `part` of the row's prompt, float32[positions, width], alone; other rows may step in between.

        Where a prompt is parted is a part of what is computed: its last bits differ, and with a quick prompt more.

        Raises:
            ValueError: the row was closed.
        """
        self._check_open(row)
        x = np.ascontiguousarray(part, np.float32)[None]
        total = row.positions + len(part)
        latents, logits = np.empty_like(x), np.empty((1, self.config.audio_tokens), np.float32)
        arrays = {
            "x": x,
            "seqlens_k": np.array([total - 1], np.int32),
            "total": np.array(total, np.int32),
            "latents": latents,
            "logits": logits,
        }
        self._prefill.run_with_iobinding(self._bound(self._prefill, arrays, row.index, 1))
        row.positions = total
        row.latent, row.logits = latents[0, -1], logits[0]

    def kept(self, row: Row) -> Kept | None:
        """A copy of the keys and values that are in `row`: [2 x layers, heads, positions, head_width]. None on a GPU,
        which runs the latents anew sooner than it would give them away."""
        return None if self._host is None else self._host.kept(row.index, row.positions)

    def put(self, row: Row, kept: Kept) -> None:
        """Begin the empty `row` with what was `kept` of another that was filled with the same."""
        assert self._host is not None
        self._host.put(row.index, kept)
        row.positions = kept.shape[2]

    def room(self, row: Row) -> int:
        """How many tokens `row` can still be given."""
        return self._room - row.positions

    def step(self, tokens: Mapping[Row, int]) -> None:
        """Give each row of `tokens` the token that was drawn for it; its `latent` and `logits` are then the next one's.

        A row that is left out stays as it is.

        Raises:
            ValueError: a row has no room left, or was closed.
        """
        if not tokens:
            return
        for row in tokens:
            self._check_open(row)
        self._close_up()
        for row, token in tokens.items():
            if not self.room(row):
                raise ValueError(f"a row has room for {self._room} positions, and all are taken")
            self._x[row.index, 0] = self.embeddings.audio([token], [row.fed + 1])[0]
        run = self._run_for([row.index for row in tokens])
        self._before[run] = 0
        for row in self.rows:
            # Where what is computed of it is written, which in a row that is left out nobody ever reads.
            self._before[row.index] = min(row.positions, self._room - 1)
        self._total[...] = 1 + self._before[run].max()
        self._session.run_with_iobinding(self._binding(run))
        latents, logits = self._latents[:, 0].copy(), self._logits.copy()
        for row in tokens:
            row.positions += 1
            row.fed += 1
            row.latent, row.logits = latents[row.index], logits[row.index]

    def close(self, row: Row) -> None:
        """Give up `row`, if it was not; nothing is moved before the next step, since another may take its place."""
        if self._rows[row.index] is row:
            self._rows[row.index] = None

    def _check_open(self, row: Row) -> None:
        """What was its row may be another's by now, whose keys and values would be written over."""
        if self._rows[row.index] is not row:
            raise ValueError("this row was closed: open another")

    def _close_up(self) -> None:
        """Let the last rows fill the gaps, so that those in use lie side by side; a GPU runs the gaps too."""
        if self._host is None:
            return
        while None in (used := self._rows[: 1 + max(row.index for row in self.rows)]):
            gap, last = used.index(None), used[-1]
            assert last is not None
            self._host.move(last.index, gap, last.positions)
            self._rows[last.index], self._rows[gap] = None, last
            last.index = gap

    def _run_for(self, indices: Sequence[int]) -> slice:
        """Which rows are run where those of `indices` have a token: on a GPU one of few numbers of them, since a new
        number costs it a choice of kernels."""
        first, end = min(indices), 1 + max(indices)
        if self._host is None:
            size = min(1 << (end - first - 1).bit_length(), len(self._rows))
            first = min(first, len(self._rows) - size)
            end = first + size
        return slice(first, end)

    def _binding(self, run: slice) -> Any:
        """All that a step of these rows reads and writes; made once, since addresses never change. For a GPU it is made
        each time: what it reads is copied to it when it is bound."""
        key = (run.start, run.stop)
        if key not in self._bindings or self._host is None:
            arrays = {
                "x": self._x[run],
                "seqlens_k": self._before[run],
                "total": self._total,
                "latents": self._latents[run],
                "logits": self._logits[run],
            }
            self._bindings[key] = self._bound(self._session, arrays, run.start, run.stop - run.start)
        return self._bindings[key]

    def _bound(self, session: Any, arrays: Mapping[str, NDArray[Any]], row: int, rows: int) -> Any:
        """Arrays of ours as inputs and outputs, and keys and values as both: they are added to where they are."""
        binding = session.io_binding()
        for name, array in arrays.items():
            bind = binding.bind_output if name in ("latents", "logits") else binding.bind_input
            bind(name, "cpu", 0, array.dtype.type, list(array.shape), array.ctypes.data)
        device, shape = self._cache.device, [rows, *self._row_shape]
        for name in self._names:
            address = self._cache.address(name, row)
            for bind, whose in ((binding.bind_input, "past"), (binding.bind_output, "present")):
                bind(f"{whose}_{name}", device, 0, self._type, shape, address)
        return binding


def _kept_as(session: Any) -> Number:
    """The type of keys and values."""
    types = {one.name: one.type for one in session.get_inputs()}
    return _TYPES[types["past_k_0"]]
