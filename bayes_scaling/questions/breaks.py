"""Laws with a break or a jump beside smooth ones: which draws are of which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

JUMP, BREAK = "emergence", "broken-"
"""Id of the law that jumps, and how those of laws with breaks begin."""


def has_break(law: str) -> bool:
    """Whether a law has a break or a jump, by its id, such as ``broken-1+lr-valley``."""
    return any(part == JUMP or part.startswith(BREAK) for part in law.split("+"))


def weight_of_breaks(members: Sequence[str], weights: Sequence[float]) -> float:
    """Sum the weights of laws with a break or a jump."""
    own = zip(members, weights, strict=True)
    return float(sum(weight for name, weight in own if has_break(name)))


def without_breaks(member: NDArray[np.int64], members: Sequence[str]) -> NDArray[np.bool_] | None:
    """Find the draws of smooth laws.

    Parameters
    ----------
    member : array of int (n_draws,)
        Member that each draw comes from.
    members : sequence of str
        Ids of the laws.

    Returns
    -------
    array of bool (n_draws,) or None
        None where there are no two kinds.
    """
    smooth = ~np.array([has_break(name) for name in members])[member]
    return smooth if 0 < smooth.sum() < smooth.size else None
