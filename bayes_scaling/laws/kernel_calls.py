"""Compiled pieces by which a sampler calls the density: addresses of data, and frames of vectors.

The text of this file is joined to that of `kernels.py`, without the line that imports from there.
"""

import numpy as np
from numba import carray, cfunc, types  # noqa: F401
from numba.core import cgutils
from numba.extending import intrinsic

from bayes_scaling.laws.kernels import inlined, inner


@intrinsic
def pointer(context, address):
    """Turn a number into the pointer that it is the address of."""

    def code(target, builder, signature, arguments):
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(address), code


@inner
def to_vector(point, frame, q):
    """Return the vector of a point in a frame (1 + size, size): its origin, then its axes."""
    for i in range(q.size):
        if frame.shape[0] == 0:
            q[i] = point[i]
            continue
        q[i] = frame[0, i]
        for j in range(point.size):
            q[i] += point[j] * frame[1 + j, i]


@inner
def from_vector(slopes, frame, found):
    """Turn slopes by the vector into those by the point."""
    for j in range(found.size):
        if frame.shape[0] == 0:
            found[j] = slopes[j]
            continue
        found[j] = 0.0
        for i in range(slopes.size):
            found[j] += slopes[i] * frame[1 + j, i]


@inlined
def whole(table, index):
    """Return an array (any, any) of whole numbers: its address and its shape stand in a table."""
    shape = (table[3 * index + 1], table[3 * index + 2])
    return carray(pointer(table[3 * index]), shape, np.int64)


@inlined
def real(table, index):
    """Return an array (any, any) of real numbers, as `whole` does."""
    shape = (table[3 * index + 1], table[3 * index + 2])
    return carray(pointer(table[3 * index]), shape, np.float64)


ARRAYS = 14
"""Arrays that a density reads, each of two dimensions or a row of one."""

TABLE = 3 * ARRAYS + 1
"""Length of the table of their addresses and shapes; its last entry is the number of values."""
