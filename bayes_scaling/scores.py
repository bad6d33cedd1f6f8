"""How good forecasts are: errors, coverage, interval score, CRPS and log density of draws.

Everything is relative to the observed loss, so that tasks with different losses can be averaged,
except the log density, which is in loss units.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_scaling.errors import InputError

LEVELS: NDArray[np.float64] = np.linspace(0.025, 0.975, 39)
"""Probabilities of the quantiles that a forecast is judged by: 2.5 % to 97.5 % by 2.5 %."""

NOMINAL: NDArray[np.float64] = np.linspace(0.05, 0.95, 19)
"""Probabilities of the central intervals between two of `LEVELS`."""

COLUMNS = (
    "mare",
    "bias",
    "rmsle",
    "coverage50",
    "coverage90",
    "width90",
    "interval_score90",
    "crps",
)
"""Names of the scores, in the order they are shown."""

_MEDIAN = LEVELS.size // 2
_STEPS50, _STEPS90 = 10, 18
"""How many levels the ends of an interval lie from the median."""


def score(draws: ArrayLike, observed: ArrayLike) -> dict[str, float]:
    """Score draws of the losses of new runs.

    Parameters
    ----------
    draws : array (n_draws, n_targets)
        Predictive draws, noise of a run included.
    observed : array (n_targets,)
        What the runs reached, in the same unit.

    Returns
    -------
    dict of str to float
        By the names in `COLUMNS`; see `score_quantiles`.

    Raises
    ------
    InputError
        The shapes do not fit, or a value is not finite.
    """
    values, reached = _matched(draws, observed, "draws", None)
    return score_quantiles(quantiles_at_levels(values), reached)


def quantiles_at_levels(draws: ArrayLike) -> NDArray[np.float64]:
    """Return the quantiles (39, n_targets) at `LEVELS` of draws (n_draws, n_targets)."""
    return np.asarray(np.quantile(np.asarray(draws, float), LEVELS, axis=0))


def score_quantiles(quantiles: ArrayLike, observed: ArrayLike) -> dict[str, float]:
    r"""Score predictive quantiles.

    Parameters
    ----------
    quantiles : array (39, n_targets)
        Quantiles at `LEVELS`.
    observed : array (n_targets,)
        What the runs reached, in the same unit.

    Returns
    -------
    dict of str to float
        Means over targets, as shares of the observed loss: ``mare`` and ``bias``, the absolute and
        the signed error of the median; ``rmsle``, the root mean squared error of its log;
        ``coverage50`` and ``coverage90``, the share of targets inside the central interval, ends
        included; ``width90``; ``interval_score90``, the width plus 20 times the miss; ``crps``,
        twice the mean pinball loss over `LEVELS`. Lower is better but for the coverages.

    Raises
    ------
    InputError
        The shapes do not fit, or a value is not finite.

    References
    ----------
    Gneiting and Raftery 2007, doi:10.1198/016214506000001437, eq. 43 (interval score) and
    section 4.2 (CRPS as an integral of quantile scores).
    """
    q, reached = _matched(quantiles, observed, "quantiles", LEVELS.size)
    error = q[_MEDIAN] / reached - 1
    low, high = q[_MEDIAN - _STEPS90], q[_MEDIAN + _STEPS90]
    width = (high - low) / reached
    miss = (np.maximum(low - reached, 0) + np.maximum(reached - high, 0)) / reached
    residual = reached - q
    pinball = np.where(residual >= 0, LEVELS[:, None], LEVELS[:, None] - 1) * residual / reached
    scores = (
        np.mean(np.abs(error)),
        np.mean(error),
        np.sqrt(np.mean(np.log1p(error) ** 2)),
        np.mean(_inside(q, reached, _STEPS50)),
        np.mean(_inside(q, reached, _STEPS90)),
        np.mean(width),
        np.mean(width + 20 * miss),
        np.mean(2 * pinball),
    )
    return {name: float(value) for name, value in zip(COLUMNS, scores, strict=True)}


def coverage(quantiles: ArrayLike, observed: ArrayLike) -> NDArray[np.float64]:
    """Return the share of targets inside each central interval (19,), by its `NOMINAL` share.

    Arguments as in `score_quantiles`; at 50 and 90 % it is what that returns.
    """
    q, reached = _matched(quantiles, observed, "quantiles", LEVELS.size)
    return np.array([np.mean(_inside(q, reached, step)) for step in range(1, NOMINAL.size + 1)])


def pit(draws: ArrayLike, observed: ArrayLike) -> NDArray[np.float64]:
    """Return where each observed loss falls among its draws (n_targets,), from 0 to 1.

    The probability integral transform: uniform over targets where the forecasts are calibrated.
    """
    values, reached = _matched(draws, observed, "draws", None)
    return share_below(values, reached)


def share_below(
    draws: NDArray[np.float64], value: float | NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the share of draws (n_draws, ...) below a value (...), half of equal ones included."""
    return np.asarray(np.mean((draws < value) + 0.5 * (draws == value), axis=0))


def log_density(log_densities: ArrayLike) -> NDArray[np.float64]:
    """Return the log predictive density of each target (n_targets,).

    Parameters
    ----------
    log_densities : array (n_draws, n_targets)
        Log density of the observed loss under each draw, per unit of loss: the density of a log
        loss, less the log of the loss.

    Returns
    -------
    array (n_targets,)
        Log of the mean over draws of the density; its mean over targets is the mean log density.
    """
    values = np.asarray(log_densities, float)
    if values.ndim != 2 or values.shape[0] == 0:
        raise InputError(f"log densities must be (n_draws, n_targets), got shape {values.shape}")
    highest = np.max(values, axis=0)
    shift = np.where(np.isfinite(highest), highest, 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(shift + np.log(np.mean(np.exp(values - shift), axis=0)))


def _inside(q: NDArray[np.float64], observed: NDArray[np.float64], steps: int) -> NDArray[np.bool_]:
    return np.asarray((observed >= q[_MEDIAN - steps]) & (observed <= q[_MEDIAN + steps]))


def _matched(
    forecast: ArrayLike, observed: ArrayLike, name: str, rows: int | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both as arrays, or say what does not fit."""
    values, reached = np.asarray(forecast, float), np.asarray(observed, float)
    first = "n_draws" if rows is None else str(rows)
    problems = []
    if reached.ndim != 1 or reached.size == 0:
        problems.append(f"observed must be (n_targets,), got shape {reached.shape}")
    if (
        values.ndim != 2
        or values.shape[1] != reached.size
        or values.shape[0] == 0
        or rows not in (None, values.shape[0])
    ):
        problems.append(f"{name} must be ({first}, {reached.size}), got shape {values.shape}")
    if not np.isfinite(values).all():
        problems.append(f"{name} must be finite; {np.sum(~np.isfinite(values))} values are not")
    if not (np.isfinite(reached) & (reached > 0)).all():
        problems.append("observed must be positive and finite")
    if problems:
        raise InputError(problems)
    return values, reached
