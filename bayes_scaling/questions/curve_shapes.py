"""Shapes of training curves: how finished runs came down to where they ended.

At every share of the way, the log loss of a run lies above its end by its descent times a shape,
which depends on the recipe. The descent follows that of the law: what the law says a run of a
quarter of the tokens would lose more. Finished runs tell both, and how far one run departs from
them: the covariance of shapes is drawn towards a random walk in the log of the way that is left,
which decides where curves are few. What a run in flight has shown of its descent tells how far it
has still to go, and which draws of the law it agrees with.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LOOKS = np.array([0.05, 0.065, 0.08, 0.1, 0.13, 0.16, 0.2, 0.25, 0.32, 0.4, 0.5, 0.63, 0.8, 1.0])
"""Shares of the way at which curves are looked at; before them they depend on the warm-up.

One more look lies at the last row of a run in flight, wherever that is.
"""

SAME = 1e-6
"""Shares of the way that differ by less, relative to themselves, are the same."""

WINDOW = 0.06
"""Share of the way so far whose losses are averaged at a look."""

WALK = 0.03
"""Prior standard deviation of a curve's deviation per root of an e-fold of the way left."""

ROUGH = 0.003
"""Prior standard deviation of a measured log loss."""

SCHEDULE = 0.03
"""Standard deviation of what the end of another schedule does to a log loss."""

ANNEALED = 0.2
"""Share of the way, at the end, in which schedules differ in that."""

UNEVEN = 0.15
"""Prior standard deviation of the log descent of a run."""

RIDGE = 1.0
"""Finished runs, an e-fold from the mean, that the prior of a descent as the law's counts for."""

BEGUN = 0.25
"""Share of the way from which on the law's descent counts."""

DRIFT = 0.1
"""Prior value of what the log descent is off by per e-fold of compute beyond the finished runs."""

FURTHEST = np.log(10.0)
"""E-folds of compute beyond the finished runs up to which shapes are trusted ever less.

So far, inside the small runs of nano-lm, the rate was found to hold.
"""

ENOUGH_BELOW = 5
"""Smaller runs from which a larger one is foretold."""

LEAST = 1e-3
"""Least descent of a run [1]."""

PRIOR_RUNS = 4.0
"""Runs that the prior covariance counts for."""

ENOUGH = 20
"""Runs that must cover the early looks, where there are so many."""


def looks_until(last: float) -> tuple[Array, int | None]:
    """Return the looks at a run whose last row lies at a share of the way.

    Parameters
    ----------
    last : float
        Share of the way of the last row; nan for a run without rows.

    Returns
    -------
    (looks, between)
        `LOOKS` and, where the last row lies between two of them, one more (n_looks,); and which
        of the looks that is.
    """
    inside = LOOKS[0] < last < 1 and not np.isclose(LOOKS, last, rtol=SAME, atol=0).any()
    if not inside:
        return LOOKS, None
    place = int(np.searchsorted(LOOKS, last))
    return np.insert(LOOKS, place, last), place


def at_looks(progress: Array, values: Array, looks: Array = LOOKS) -> Array:
    """Average values (n_rows,) just before every look, interpolated where no row is near.

    Parameters
    ----------
    progress : array (n_rows,)
        Share of the way of every row, increasing.
    values : array (n_rows,)
        Log losses, or what else belongs to the rows.
    looks : array (n_looks,)
        Shares of the way.

    Returns
    -------
    array (n_looks,)
        nan before the first and after the last row.
    """
    found = np.interp(np.log(looks), np.log(progress), values, left=np.nan, right=np.nan)
    for index, look in enumerate(looks):
        near = (progress > look * (1 - WINDOW)) & (progress <= look * (1 + SAME))
        if near.any() and look <= progress[-1] * (1 + SAME):
            found[index] = values[near].mean()
    return found


@dataclass(frozen=True, kw_only=True, eq=False)
class Shapes:
    """What finished curves say of the next, at looks and at the end, which comes last.

    The end is the last row; a look there, as any, is the mean of some rows, so what rows scatter by
    and how steeply they fall is still open after it.

    The log loss of a run lies above its end by its descent times a shape; for a law that itself
    follows curves, what is left over has no scale, and all descents are 1.

    Attributes
    ----------
    shape : array (n_looks,)
        Mean shape at all looks.
    covariance : array (n_looks, n_looks)
        Of a run's shape around it.
    centre : float
        Mean log descent of the law for the finished runs.
    line : array (2,)
        Log descent of a run over that of the law, and its change per e-fold of the latter.
    open : array (2, 2)
        Covariance of those, relative to the variance of a run.
    variance : float
        Of the log descent of a run around its mean.
    reach : float
        Log compute of the largest finished run.
    rate : float
        What is added to the standard deviation of the log descent per e-fold beyond that.
    end : float
        Standard deviation of the log loss at the end around the law.
    runs : int
        Finished runs.
    foreign : array (n_looks, n_looks) or float
        Covariance of what the recipe of a run in flight does to its log loss over its end, where
        the finished runs are not of that recipe; 0 where they are.
    """

    shape: Array
    covariance: Array
    centre: float
    line: Array
    open: Array
    variance: float
    reach: float
    rate: float
    end: float
    runs: int
    foreign: Array | float = 0.0

    def expected(self, law: Array, descent: Array, compute: float) -> tuple[Array, Array]:
        """Mean (n_looks + 1,) and covariance of a run's log loss at the looks and at its end.

        Parameters
        ----------
        law : array (n_draws, n_looks + 1)
            Log loss of the law where the run ends, or along its curve.
        descent : array (n_draws,)
            Descent of the law.
        compute : float
            Log compute of the run at its end.
        """
        away = np.log(np.maximum(descent, LEAST)) - self.centre
        x = np.stack([np.ones_like(away), away])
        unsure = self.variance * (1 + np.einsum("id,ij,jd->d", x, self.open, x))
        beyond = min(max(0.0, compute - self.reach), FURTHEST)
        unsure = np.minimum(unsure + (self.rate * beyond) ** 2, 1.0)
        scale = np.exp(np.log(np.maximum(descent, LEAST)) + self.line @ x + unsure / 2)
        paths = law.copy()
        paths[:, :-1] += scale[:, None] * self.shape
        mean = paths.mean(axis=0)
        squared = np.mean(scale**2 * np.exp(unsure))
        covariance = (paths - mean).T @ (paths - mean) / len(paths) + self.end**2
        wider = float(np.mean(unsure)) / self.variance if self.variance else 1.0
        covariance[:-1, :-1] += squared * wider * self.covariance + self.foreign
        covariance[:-1, :-1] += (squared - np.mean(scale**2)) * np.outer(self.shape, self.shape)
        return mean, covariance


def fit_shapes(
    deviations: Array, descent: Array, compute: Array, looks: Array, end: float, *, scaled: bool
) -> Shapes:
    """Learn shapes from finished curves.

    Parameters
    ----------
    deviations : array (n_runs, n_looks + 1)
        Log loss over the law at the looks, and at the end.
    descent : array (n_runs,)
        Descent of the law for each.
    compute : array (n_runs,)
        Log compute of each.
    looks : array (n_looks,)
        Shares of the way.
    end : float
        Prior standard deviation of a run's end around the law.
    scaled : bool
        Whether runs differ in their descent; else it is 1.
    """
    above = deviations[:, :-1] - deviations[:, -1:]
    runs = len(above)
    of_law = np.log(np.maximum(descent, LEAST))
    descents = np.maximum(above.mean(axis=1), LEAST) if scaled else np.exp(of_law)
    shapes = above / descents[:, None]
    shape = shapes.mean(axis=0)
    rest = shapes - shape
    over = np.log(descents) - of_law
    line, left, residual = _line(of_law, over)
    freedom = PRIOR_RUNS + runs
    prior = _prior(looks) / np.median(descents) ** 2
    return Shapes(
        shape=shape,
        covariance=(PRIOR_RUNS * prior + rest.T @ rest) / (freedom - 2) * (1 + 1 / runs),
        centre=float(of_law.mean()),
        line=line,
        open=left,
        variance=float(scaled)
        * (PRIOR_RUNS * UNEVEN**2 + float(residual @ residual))
        / (freedom - 2),
        reach=float(compute.max()),
        rate=_rate(of_law, over, compute) if scaled else 0.0,
        end=float(np.sqrt((PRIOR_RUNS * end**2 + np.sum(deviations[:, -1] ** 2)) / (freedom - 2))),
        runs=runs,
    )


def _line(of_law: Array, over: Array) -> tuple[Array, Array, Array]:
    """Regress descents over those of the law on the latter; then what is open, and what is left."""
    x = np.column_stack([np.ones(of_law.size), of_law - of_law.mean()])
    left = np.linalg.inv(x.T @ x + np.diag([0.0, RIDGE]))
    line = left @ x.T @ over
    return line, left, over - x @ line


def _rate(of_law: Array, over: Array, compute: Array) -> float:
    """How fast descents leave the line beyond the largest run, told by the runs themselves.

    Each run is foretold by those of which it is an e-fold or more beyond the largest.
    """
    squares = [DRIFT**2] * int(PRIOR_RUNS)
    for run in range(over.size):
        known = compute <= compute[run] - 1
        if known.sum() >= ENOUGH_BELOW:
            line, _, _ = _line(of_law[known], over[known])
            foretold = line @ [1.0, of_law[run] - of_law[known].mean()]
            squares.append(((over[run] - foretold) / (compute[run] - compute[known].max())) ** 2)
    return float(np.sqrt(np.mean(squares)))


def _prior(looks: Array) -> Array:
    """Prior covariance of a curve over its end: a random walk in the log of the way left."""
    left = -np.log(looks)
    return np.asarray(WALK**2 * np.minimum.outer(left, left) + ROUGH**2 * np.eye(left.size))


def foreign(looks: Array) -> Array:
    """Covariance (n_looks, n_looks) of a run's log loss over its end by another schedule.

    How much the last part of the way brings is open, and so is where in it; a look lies half of
    its window before its name, and rows may scatter twice as much as is usual.
    """
    left = np.clip(1 - looks * (1 - WINDOW / 2), 0, ANNEALED) / ANNEALED
    walk, scatter = np.minimum.outer(left, left), np.eye(left.size)
    return np.asarray(SCHEDULE**2 * walk + (2 * ROUGH) ** 2 * scatter)


def covered(curves: Array) -> tuple[NDArray[np.bool_], int]:
    """Choose the runs (n_runs,) that are used, and the first look, of curves with early gaps.

    Parameters
    ----------
    curves : array (n_runs, n_looks)
        nan where a curve has not begun.
    """
    begun = np.isfinite(curves)
    needed = min(len(curves), max(ENOUGH, len(curves) // 3))
    counts = begun.sum(axis=0)
    first = int(np.argmax(counts >= needed))
    return begun[:, first:].all(axis=1), first
