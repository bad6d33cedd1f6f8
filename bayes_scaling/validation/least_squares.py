"""Least squares of a sum of power laws on the log of the loss, many data sets at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STEPS = 200
"""Most steps of the minimiser; flat valleys use them all."""

LONGEST = 2.0
"""Longest change of one parameter in a step; they are logs and exponents, of order one."""

LIGHTEST = 1e-8
"""Least damping: without any, sizes that do not vary make a step unsolvable."""

SETTLED = 1e-9
"""Relative gain below which a step is the last."""


def predict(theta: Array, x: Array) -> tuple[Array, Array]:
    """Log of ``exp(e) + sum_j exp(t_j - g_j x_j)``.

    Parameters
    ----------
    theta : array (n_sets, 1 + 2 k)
        e, then every t, then every g.
    x : array (n_sets, n_rows, k)
        Logs of the inputs.

    Returns
    -------
    array (n_sets, n_rows), array (n_sets, n_rows, 1 + k)
        The log loss, and the share of each term in the loss.
    """
    count = x.shape[-1]
    terms = theta[:, None, 1 : 1 + count] - theta[:, None, 1 + count :] * x
    floor = np.broadcast_to(theta[:, None, :1], (*terms.shape[:2], 1))
    logs = np.concatenate([floor, terms], axis=-1)
    highest = logs.max(axis=-1, keepdims=True)
    sizes = np.exp(logs - highest)
    total = sizes.sum(axis=-1, keepdims=True)
    return (highest + np.log(total))[..., 0], sizes / total


def minimise(theta: Array, x: Array, y: Array) -> tuple[Array, Array]:
    """Minimise the squared error of `predict` by damped Gauss-Newton steps, set by set.

    Parameters
    ----------
    theta : array (n_sets, 1 + 2 k)
        Where to start.
    x : array (n_sets, n_rows, k)
        Logs of the inputs.
    y : array (n_sets, n_rows)
        Log losses.

    Returns
    -------
    array (n_sets, 1 + 2 k), array (n_sets,)
        The best parameters found, and the sum of squares there.

    References
    ----------
    Levenberg 1944, doi:10.1090/qam/10666; Marquardt 1963, doi:10.1137/0111030.
    """
    theta = np.array(theta)
    damping = np.full(len(theta), 1e-2)
    fitted, shares = predict(theta, x)
    residual = y - fitted
    cost = np.sum(residual**2, axis=1)
    active = np.arange(len(theta))
    for _ in range(STEPS):
        moved = theta[active] + _step(shares[active], x[active], residual[active], damping[active])
        fitted, new_shares = predict(moved, x[active])
        new_residual = y[active] - fitted
        new_cost = np.sum(new_residual**2, axis=1)
        gain = cost[active] - new_cost
        better = gain > 0
        done = better & (gain < SETTLED * cost[active])
        kept = active[better]
        theta[kept], shares[kept] = moved[better], new_shares[better]
        residual[kept], cost[kept] = new_residual[better], new_cost[better]
        damping[active] = np.maximum(damping[active] * np.where(better, 0.2, 4.0), LIGHTEST)
        active = active[~done & (damping[active] < 1e8)]
        if active.size == 0:
            break
    return theta, cost


def _step(shares: Array, x: Array, residual: Array, damping: Array) -> Array:
    """Return the damped Gauss-Newton step (n_sets, 1 + 2 k)."""
    slope = np.concatenate([shares, -shares[..., 1:] * x], axis=-1)
    curvature = np.einsum("bnp,bnq->bpq", slope, slope)
    gradient = np.einsum("bnp,bn->bp", slope, residual)
    diagonal = np.einsum("bpp->bp", curvature) + 1e-6
    ridge = (damping[:, None] * diagonal)[:, :, None] * np.eye(diagonal.shape[1])
    step = np.linalg.solve(curvature + ridge, gradient[..., None])[..., 0]
    return np.asarray(np.clip(step, -LONGEST, LONGEST))
