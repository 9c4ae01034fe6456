"""An exported table, read from its .npy file. Knows no model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.runtime.weights import WeightsError


def table(path: Path, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """The table in `path`: float32 of that shape, read-only, of which pages are read as they are used.

    Raises:
        WeightsError: it is missing, damaged, or another model's.
    """
    try:
        found = np.asarray(np.load(path, mmap_mode="r"))
    except FileNotFoundError as error:
        raise WeightsError(f"{path.name} is missing from {path.parent}: run `dragoman export xtts`") from error
    except (ValueError, EOFError) as error:
        raise WeightsError(f"{path} cannot be read: {error}. Run `dragoman export xtts` again") from error
    if found.shape != shape or found.dtype != np.float32:
        raise WeightsError(f"{path} is {found.dtype}{list(found.shape)}, not float32{list(shape)}: export it again")
    return found
