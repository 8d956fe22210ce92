"""Windows over rows, and the way back from windows to rows."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Value = TypeVar("Value", np.float64, np.bool_)


def windows(rows: NDArray[Value], steps: int) -> NDArray[Value]:
    """All windows of `steps` rows as a view: windows x metrics x steps."""
    return np.lib.stride_tricks.sliding_window_view(rows, steps, axis=0)


def ahead(rows: NDArray[Value], steps: int) -> NDArray[Value]:
    """The rows with steps - 1 empty ones before them, so that each row ends one window."""
    return np.concatenate([np.zeros((steps - 1, rows.shape[1]), dtype=rows.dtype), rows])


def cover(values: Array, steps: int) -> Array:
    """One value a row: the mean over all windows that contain the row. `values` is windows x anything."""
    count = len(values)
    total = np.cumsum(np.concatenate([np.zeros((1, *values.shape[1:])), values]), axis=0)
    row = np.arange(count + steps - 1)
    first, last = np.maximum(row - steps + 1, 0), np.minimum(row, count - 1) + 1
    width = (last - first).reshape(-1, *[1] * (values.ndim - 1))
    mean: Array = np.maximum((total[last] - total[first]) / width, 0.0)
    return mean
