"""What a forecast has to beat: a least-squares law with its bootstrap, and no change at all."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.runs import RunTable
from bayes_scaling.scores import quantiles_at_levels
from bayes_scaling.validation.split import Split, log_scale, size_columns

Array = NDArray[np.float64]

LEAST_SQUARES = "least squares"
CARRY_FORWARD = "carry forward"
NAMES = (LEAST_SQUARES, CARRY_FORWARD)

RESAMPLES = 250
"""Bootstrap samples of the fitted runs."""

PER_RESAMPLE = 4
"""Draws from each of them, every one with a residual of its own."""

FLOORS, EXPONENTS = (0.3, 0.6, 0.9), (0.2, 0.5, 1.0)
"""Where the minimiser starts: shares of the lowest loss that are irreducible, and exponents."""

STEPS = 200
"""Most steps of the minimiser; flat valleys use them all."""

LONGEST = 2.0
"""Longest change of one parameter in a step; they are logs and exponents, of order one."""

LIGHTEST = 1e-8
"""Least damping: without any, sizes that do not vary make a step unsolvable."""

SETTLED = 1e-9
"""Relative gain below which a step is the last."""


def baseline_quantiles(split: Split, seed: np.random.SeedSequence) -> dict[str, Array]:
    """Forecast the targets of a split by each baseline, every group of runs by itself.

    Returns quantiles (39, n_targets) at `bayes_scaling.scores.LEVELS`, by the names in `NAMES`.
    """
    rng = np.random.default_rng(seed)
    found = {name: np.empty((39, len(split.targets))) for name in NAMES}
    for label in split.target_groups:
        fitted = split.fitted.take(split.fitted.labels(split.group_column) == label)
        chosen = split.targets.labels(split.group_column) == label
        targets = split.targets.take(chosen)
        losses = np.log(fitted[split.response])
        inputs = law_inputs(fitted, targets)
        x, asked = (_logs(table, inputs) for table in (fitted, targets))
        found[LEAST_SQUARES][:, chosen] = quantiles_at_levels(least_squares(x, losses, asked, rng))
        carried = carry_forward(log_scale(fitted, targets)[0], losses, rng)
        found[CARRY_FORWARD][:, chosen] = quantiles_at_levels(carried[:, None])
    return found


def law_inputs(fitted: RunTable, targets: RunTable) -> tuple[str, ...]:
    """Return what the least-squares law reads: params and tokens, or the one size there is.

    A size that is the same in all fitted runs is left out: nothing is known of its effect.
    """
    known = size_columns(fitted, targets)
    varied = [name for name in known if np.ptp(np.log(fitted[name])) > 0]
    both = tuple(name for name in varied if name != "flops")
    return both or tuple(varied)


def _logs(runs: RunTable, inputs: tuple[str, ...]) -> Array:
    logs = np.empty((len(runs), len(inputs)))
    for index, name in enumerate(inputs):
        logs[:, index] = np.log(runs[name])
    return logs


def least_squares(x: Array, y: Array, asked: Array, rng: np.random.Generator) -> Array:
    r"""Forecast by the law ``E + sum_j A_j x_j^-g_j``, least squares on the log of the loss.

    With params and tokens this is the chinchilla law as it is usually fitted. Runs are resampled
    with replacement and fitted anew, from the first estimate and from a middling start; every draw
    adds a residual of the first fit.

    Parameters
    ----------
    x : array (n_runs, k)
        Logs of the inputs of the fitted runs.
    y : array (n_runs,)
        Their log losses.
    asked : array (n_targets, k)
        Logs of the inputs of the targets.

    Returns
    -------
    array (n_draws, n_targets)
        Losses of new runs.

    References
    ----------
    Hoffmann et al. 2022, arXiv:2203.15556, section 3.3 (the law, with a Huber loss).
    """
    middle = x.mean(axis=0)
    x, asked = x - middle, asked - middle
    starts = _starts(x, y)
    many = len(starts)
    found, cost = minimise(
        starts, np.broadcast_to(x, (many, *x.shape)), np.broadcast_to(y, (many, *y.shape))
    )
    best = found[np.argmin(cost)]
    residual = y - predict(best[None], x[None])[0][0]
    rows = rng.integers(0, y.size, (RESAMPLES, y.size))
    tries = [
        minimise(np.broadcast_to(start, (RESAMPLES, start.size)), x[rows], y[rows])
        for start in (best, starts[many // 2])
    ]
    lower = (tries[1][1] < tries[0][1])[:, None]
    theta = np.where(lower, tries[1][0], tries[0][0])
    law = predict(theta, np.broadcast_to(asked, (RESAMPLES, *asked.shape)))[0]
    law = np.tile(law, (PER_RESAMPLE, 1))
    return np.asarray(np.exp(np.clip(law, -50, 50) + rng.choice(residual, law.shape)))


def _starts(x: Array, y: Array) -> Array:
    """Return a grid of places to start from (n_starts, 1 + 2 k)."""
    count = x.shape[1]
    floor, level = np.exp(np.min(y)), np.exp(np.mean(y))
    return np.array(
        [
            [
                np.log(share * floor),
                *[np.log(max(level - share * floor, 1e-3 * level) / max(count, 1))] * count,
                *exponents,
            ]
            for share, *exponents in product(FLOORS, *[EXPONENTS] * count)
        ]
    )


def carry_forward(scale: Array, y: Array, rng: np.random.Generator) -> Array:
    """Forecast that a larger run does as well as the best one so far.

    The spread is how wrong that was among the fitted runs: how far each of them, in the order of
    their compute, lay from the best run of less compute, to either side.

    Takes log compute and log losses of the fitted runs (n_runs,); returns losses (n_draws,), the
    same for every target.
    """
    ordered = y[np.lexsort((y, scale))]
    moves = ordered[1:] - np.minimum.accumulate(ordered)[:-1]
    drawn = rng.choice(moves, RESAMPLES * PER_RESAMPLE // 2)
    return np.asarray(np.exp(np.min(y) + np.concatenate([drawn, -drawn])))


# ---- least squares of many data sets at once -----------------------------------------------------


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
    """Minimise the squared error of `predict` by damped Gauss-Newton steps, all sets together.

    `scipy.optimize.curve_fit` takes one set at a time, 2 to 9 times slower in all, and none with
    fewer runs than parameters.

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
