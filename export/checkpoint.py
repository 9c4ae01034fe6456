"""Reads a torch checkpoint without torch: memory-mapped, and with an unpickler that runs nothing of what it reads.

A checkpoint is a zip archive of stored entries: `NAME/data.pkl`, a pickle that speaks of storages, and one entry
`NAME/data/KEY` a storage. Knows no model.
"""

from __future__ import annotations

import io
import mmap
import pickle
import struct
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from controller.errors import UsageError

PICKLE_LIMIT = 64_000_000
"""Bytes. The pickle of a trainer's checkpoint takes a megabyte; what is larger is something else."""

GET_AGAIN = "get it again from where it was published"


class CheckpointError(UsageError):
    """A checkpoint cannot be read, or is refused."""


@dataclass(frozen=True, slots=True)
class _Type:
    """What a storage's elements are."""

    dtype: str
    brain: bool = False
    """bfloat16: the upper halves of float32 values, which numpy has no type for."""


_STORAGES: Mapping[str, _Type] = {
    "FloatStorage": _Type("<f4"),
    "HalfStorage": _Type("<f2"),
    "BFloat16Storage": _Type("<u2", brain=True),
    "DoubleStorage": _Type("<f8"),
    "LongStorage": _Type("<i8"),
    "IntStorage": _Type("<i4"),
    "ShortStorage": _Type("<i2"),
    "CharStorage": _Type("i1"),
    "ByteStorage": _Type("u1"),
    "BoolStorage": _Type("?"),
}


class _Inert:
    """Stands in for whatever a checkpoint keeps beside its tensors, such as its trainer's configuration."""

    def __new__(cls, *_: object, **__: object) -> _Inert:
        return super().__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def _ignore(self, *_: object) -> None:
        pass

    __setstate__ = __setitem__ = append = extend = add = _ignore


_STOOD_IN_FOR = ("TTS.", "trainer.", "coqpit.")
"""Packages whose classes configurations are made of."""

_HARMLESS: Mapping[str, object] = {
    "collections.OrderedDict": OrderedDict,
    "torch.Size": tuple,
    "builtins.set": set,
    **dict.fromkeys(
        (
            "copyreg._reconstructor",
            "builtins.object",
            "collections.defaultdict",
            "builtins.dict",
            "builtins.list",
            "pathlib.PosixPath",
            "pathlib.WindowsPath",
            "torch.device",
            "torch.float16",
            "torch.bfloat16",
            "torch.float32",
            "numpy.dtype",
            "numpy.core.multiarray.scalar",
            "numpy._core.multiarray.scalar",
            "_codecs.encode",
        ),
        _Inert,
    ),
}


class _Refused(Exception):
    """A pickle asks for something that no checkpoint needs."""


class _Storage(NamedTuple):
    """A storage by the name of its entry. Like a tensor a tuple, since a pickle can tell other objects a new state."""

    kind: str
    key: str
    size: int


class _Tensor(NamedTuple):
    """A tensor yet to be read. Offset and strides are counted in elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _rebuild_tensor(storage: object, offset: object, shape: object, strides: object, *_: object) -> _Tensor:
    """In place of `torch._utils._rebuild_tensor_v2`."""
    if not isinstance(storage, _Storage) or not isinstance(shape, tuple) or not isinstance(strides, tuple):
        raise pickle.UnpicklingError("a tensor is not described as one")
    numbers = [offset, *shape, *strides]
    if len(shape) != len(strides) or not all(isinstance(n, int) and n >= 0 for n in numbers):
        raise pickle.UnpicklingError("a tensor has an impossible shape")
    assert isinstance(offset, int)
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    if 0 not in shape and last >= storage.size:
        raise pickle.UnpicklingError("a tensor is larger than its storage")
    return _Tensor(storage, offset, shape, strides)


def _rebuild_parameter(data: object, *_: object) -> object:
    """In place of `torch._utils._rebuild_parameter`."""
    return data


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        wanted = f"{module}.{name}"
        if wanted in _HARMLESS:
            return _HARMLESS[wanted]
        if module == "torch" and name in _STORAGES:
            return name
        if wanted == "torch._utils._rebuild_tensor_v2":
            return _rebuild_tensor
        if wanted == "torch._utils._rebuild_parameter":
            return _rebuild_parameter
        if f"{module}.".startswith(_STOOD_IN_FOR) and "." not in name:
            return _Inert
        raise _Refused(wanted)

    def persistent_load(self, pid: Any) -> _Storage:
        match pid:
            case ("storage", str(kind), str(key), _, int(size)) if kind in _STORAGES and size >= 0:
                return _Storage(kind, key, size)
        raise pickle.UnpicklingError("a storage is not described as one")


class Checkpoint(Mapping[str, NDArray[Any]]):
    """The state dict of a checkpoint; each tensor is read from the mapped file when it is asked for."""

    def __init__(self, path: Path) -> None:
        """Open the file `path`.

        Raises:
            CheckpointError: it is no torch checkpoint, is damaged, or asks for code to be run.
        """
        self.path = path
        self._checked: set[str] = set()
        try:
            with path.open("rb") as file, zipfile.ZipFile(file) as archive:
                self._entries = {info.filename: info for info in archive.infolist()}
                self._folder = self._find_folder()
                self._file = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                self._tensors = self._read_pickle(archive)
        except (zipfile.BadZipFile, ValueError, RuntimeError) as error:  # the last: encrypted, or of another version
            raise self._not_whole(error) from error
        except OSError as error:
            raise CheckpointError(f"{path} cannot be read: {error}") from error

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def __contains__(self, name: object) -> bool:
        return name in self._tensors

    def shape(self, name: str) -> tuple[int, ...]:
        """Without reading the tensor."""
        return self._tensors[name].shape

    def __getitem__(self, name: str) -> NDArray[Any]:
        """The tensor: a view of the file, or float32 made of it where it was kept as bfloat16.

        Raises:
            CheckpointError: its bytes are damaged.
        """
        tensor = self._tensors[name]
        stored = self._storage(tensor.storage, name)
        size = stored.itemsize
        view = np.lib.stride_tricks.as_strided(
            stored[tensor.offset :], tensor.shape, [step * size for step in tensor.strides], writeable=False
        )
        if _STORAGES[tensor.storage.kind].brain:
            return (view.astype(np.uint32) << np.uint32(16)).view(np.float32)
        return view

    def _storage(self, storage: _Storage, name: str) -> NDArray[Any]:
        entry = self._entries.get(f"{self._folder}/data/{storage.key}")
        dtype = np.dtype(_STORAGES[storage.kind].dtype)
        size = storage.size * dtype.itemsize
        if entry is None or entry.file_size != size:
            self._damaged(f"the values of {name} are missing or cut off")
        start = self._start(entry)
        if start + size > len(self._file):
            self._damaged(f"the values of {name} are cut off")
        if storage.key not in self._checked:
            with memoryview(self._file) as whole, whole[start : start + size] as part:
                if zlib.crc32(part) != entry.CRC:
                    self._damaged(f"the values of {name} do not match their checksum")
            self._checked.add(storage.key)
        return np.frombuffer(self._file, dtype, storage.size, start)

    def _start(self, entry: zipfile.ZipInfo) -> int:
        """Where an entry's bytes begin: behind its local header, whose extra field may differ from the directory's."""
        head = self._file[entry.header_offset : entry.header_offset + 30]
        if len(head) < 30 or not head.startswith(b"PK\x03\x04"):
            self._damaged("its directory leads nowhere")
        name, extra = struct.unpack_from("<HH", head, 26)
        return entry.header_offset + 30 + int(name) + int(extra)

    def _find_folder(self) -> str:
        pickles = [name for name in self._entries if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise CheckpointError(f"{self.path} is a zip archive but not a torch checkpoint: {GET_AGAIN}")
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in self._entries.values()):
            raise CheckpointError(f"{self.path} was packed anew with compression: {GET_AGAIN}")
        return pickles[0].removesuffix("/data.pkl")

    def _read_pickle(self, archive: zipfile.ZipFile) -> dict[str, _Tensor]:
        order = f"{self._folder}/byteorder"
        if order in self._entries and archive.read(order).strip() != b"little":
            raise CheckpointError(f"{self.path} was saved on a big-endian machine: save it on another one")
        name = f"{self._folder}/data.pkl"
        if self._entries[name].file_size > PICKLE_LIMIT:
            raise CheckpointError(f"{self.path} keeps much besides tensors: it is no checkpoint of a model")
        try:
            root = _Unpickler(io.BytesIO(archive.read(name))).load()
        except _Refused as refused:
            raise CheckpointError(
                f"{self.path} is refused: its pickle asks for {refused}, which no checkpoint needs; nothing of it was "
                "run. Do not open it with anything else"
            ) from None
        except (
            pickle.UnpicklingError, EOFError, ArithmeticError, AttributeError, LookupError, TypeError, RecursionError,
            MemoryError, UnicodeError,
        ) as error:  # fmt: skip
            raise self._not_whole(error) from error
        found = root.get("model", root) if isinstance(root, dict) else None
        if not isinstance(found, dict):
            raise CheckpointError(f"{self.path} holds no `model`: give a checkpoint, not a part of one")
        return {name: value for name, value in found.items() if isinstance(name, str) and isinstance(value, _Tensor)}

    def _not_whole(self, error: Exception) -> CheckpointError:
        return CheckpointError(f"{self.path} is cut off, damaged or no torch checkpoint ({error}): {GET_AGAIN}")

    def _damaged(self, what: str) -> NoReturn:
        raise CheckpointError(f"{self.path} is damaged ({what}): {GET_AGAIN}")
