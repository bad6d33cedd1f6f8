"""What a budget must leave room for: limits on sizes, and the tokens a model will serve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.decisions.optimum import STENCIL, Edge, Index, Loss, root_of
from bayes_scaling.errors import InputError
from bayes_scaling.runs.counting import FLOPS_PER_PARAM_TOKEN

Array = NDArray[np.float64]

FLOPS_PER_SERVED = 2.0
"""FLOPs per parameter and token served: a forward pass."""

PLACES = 241
"""Places of the first search over params."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of a run, and what the model is for.

    Attributes
    ----------
    min_params, max_params : float
        Sizes that may be chosen, such as the largest that fits a device.
    min_tokens, max_tokens : float
        Tokens that may be chosen, such as those on hand.
    inference_tokens : float
        Tokens the model will serve over its life. A budget is then one of training and serving,
        6 N D + 2 N D_inf.

    Raises
    ------
    InputError
        A number is negative, or a least one exceeds a largest one; every problem at once.
    """

    min_params: float = 1.0
    max_params: float = np.inf
    min_tokens: float = 1.0
    max_tokens: float = np.inf
    inference_tokens: float = 0.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        problems = [
            f"{name} must be above 0, got {getattr(self, name)!r}"
            for name in ("min_params", "max_params", "min_tokens", "max_tokens")
            if not getattr(self, name) > 0
        ]
        if not (np.isfinite(self.inference_tokens) and self.inference_tokens >= 0):
            problems.append(f"inference_tokens is 0 or more, got {self.inference_tokens!r}")
        problems += [
            f"min_{size} {low:g} exceeds max_{size} {high:g}"
            for size, low, high in (
                ("params", self.min_params, self.max_params),
                ("tokens", self.min_tokens, self.max_tokens),
            )
            if low > high
        ]
        if problems:
            raise InputError(problems, source="limits")

    def __bool__(self) -> bool:
        """Whether anything is limited or served."""
        return self != Limits()

    def log_tokens(self, log_params: Array, log_flops: float) -> Array:
        """Log of the tokens that a budget leaves a model; nan where it leaves none."""
        left = np.exp(log_flops - log_params) - FLOPS_PER_SERVED * self.inference_tokens
        with np.errstate(all="ignore"):
            return np.log(left / FLOPS_PER_PARAM_TOKEN)

    def log_params(self, log_tokens: float, log_flops: float) -> float:
        """Log of the params that a budget allows on tokens."""
        each = FLOPS_PER_PARAM_TOKEN * np.exp(log_tokens) + FLOPS_PER_SERVED * self.inference_tokens
        return float(log_flops - np.log(each))

    def ends(self, log_flops: float) -> tuple[float, float]:
        """Return the least and the largest log params that a budget and the limits allow.

        Raises
        ------
        InputError
            They allow none.
        """
        low = np.log(self.min_params)
        if np.isfinite(self.max_tokens):
            low = max(low, self.log_params(np.log(self.max_tokens), log_flops))
        high = min(np.log(self.max_params), self.log_params(np.log(self.min_tokens), log_flops))
        if low > high:
            raise InputError(
                f"no size spends {np.exp(log_flops):.3g} FLOP within the limits: tokens up to "
                f"{self.max_tokens:g} ask for {np.exp(low):.3g} params, and at most "
                f"{np.exp(high):.3g} are allowed; spend less, or repeat data"
            )
        return float(low), float(high)


def split_within(
    loss: Loss, log_flops: float, draws: Index, limits: Limits
) -> tuple[Array, Array, Edge]:
    """Find the optimal log params and log tokens (n_draws,) on a budget within limits.

    Parameters
    ----------
    loss : callable
        Loss as a function of log params, log tokens and the draw.
    log_flops : float
        Log of the budget.
    draws : array of int (n_draws,)
        The draws.
    limits : Limits
        What is allowed.

    Returns
    -------
    (log_params, log_tokens, edge) : arrays (n_draws,)
        The last tells draws whose optimum is a limit.

    Raises
    ------
    InputError
        The limits allow no size.
    """
    low, high = limits.ends(log_flops)
    grid = np.linspace(low, high, PLACES)
    values = loss(grid, limits.log_tokens(grid, log_flops), draws[:, None])
    best = np.argmin(np.nan_to_num(values, nan=np.inf), axis=1)
    inside = np.clip(best, 1, PLACES - 2)

    def slope(u: Array, draw: Index) -> Array:
        def at(step: int) -> Array:
            place = u + step * STENCIL / 4
            return np.log(loss(place, limits.log_tokens(place, log_flops), draw))

        return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (3 * STENCIL)

    root = root_of(slope, grid[inside - 1], grid[inside + 1], draws)
    chosen = np.clip(np.where(np.isfinite(root), root, grid[best]), low, high)
    edge = (best == 0) | (best == PLACES - 1)
    edge &= ~np.isfinite(root)
    return chosen, limits.log_tokens(chosen, log_flops), edge
