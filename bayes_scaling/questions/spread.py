"""Where the spread of a forecast comes from: form, drift, parameters, noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

PARTS = ("form", "drift", "parameters", "noise")
"""Between the members, and by the error of each form beyond the runs; drift of the exponents beyond
the runs; what the runs leave open about the parameters of each member; and the noise of a run."""

NORMAL_WIDTH = 2 * 1.6448536269514722
"""Width of the central 90 % of a standard normal."""


def spread_shares(
    law: Array,
    *,
    member: NDArray[np.int64],
    weights: Sequence[float],
    redrawn: Array | None = None,
    new_run: Array | None = None,
    form_variance: Array | float = 0.0,
) -> dict[str, Array]:
    """Split the variance of a log by the law of total variance.

    Parameters
    ----------
    law : array (n_draws, n_runs)
        What the law says, such as the noise-free loss [any unit, positive].
    member : array of int (n_draws,)
        Member that each draw comes from.
    weights : sequence of float
        Of the members, summing to 1.
    redrawn : array (n_draws, n_runs), optional
        `law` for the same parameters, draw by draw, with drift beyond the runs that was drawn
        anew. Without it, nothing drifts.
    new_run : array (n_draws, n_runs), optional
        `law` with the noise of a run on it.
    form_variance : array (n_runs,) or float
        Variance of the log of `law` that is the error of a form beyond the runs; the mean over
        members.

    Returns
    -------
    dict of str to array (n_runs,)
        Share of each of `PARTS`; they sum to 1.

    Notes
    -----
    With m the member, t its parameters and y the log of the law, the variance of a new run is
    Var_m E[y | m] + E_m Var_t E[y | m, t] + E_m E_t Var[y | m, t] + noise. Two values of y with
    the same t and independent drift have the second term as their covariance, and half their
    mean squared difference estimates the third. The noise has the variance of the normal with the
    same central 90 %, since a Student-t of two degrees of freedom or fewer has none.
    """
    with np.errstate(divide="ignore", invalid="ignore"):  # a share of what is not finite is nan
        log_law = np.log(law)
        log_other = log_law if redrawn is None else np.log(redrawn)
        deviation = None if new_run is None else np.log(new_run) - log_law
        means, within = [], []
        for index in range(len(weights)):
            rows = member == index
            noise = None if deviation is None else deviation[rows]
            mean, parts = _within(log_law[rows], log_other[rows], noise)
            means.append(mean)
            within.append(parts)
        shares = np.asarray(weights, float)
        form = shares @ (np.array(means) - shares @ np.array(means)) ** 2
        parts = np.vstack([form, np.einsum("m,mpr->pr", shares, np.array(within))])
        moved = np.minimum(form_variance, parts[PARTS.index("parameters")])
        parts[PARTS.index("form")] += moved
        parts[PARTS.index("parameters")] -= moved
        total = parts.sum(axis=0)
        found = np.where(total == 0, np.array([[0.0], [0.0], [0.0], [1.0]]), parts / total)
    return dict(zip(PARTS, found, strict=True))


def _within(one: Array, other: Array, noise: Array | None) -> tuple[Array, Array]:
    """Return mean (n_runs,) and variances (3, n_runs) of one member, from its log laws."""
    mean = (one.mean(axis=0) + other.mean(axis=0)) / 2
    centred, other_centred = one - one.mean(axis=0), other - other.mean(axis=0)
    drift = np.mean((centred - other_centred) ** 2, axis=0) / 2
    parameters = np.maximum(np.mean(centred * other_centred, axis=0), 0.0)
    return mean, np.array([drift, parameters, _variance(noise, mean)])


def _variance(deviation: Array | None, like: Array) -> Array:
    """Return the variance of the normal with the same central 90 % (n_runs,)."""
    if deviation is None:
        return np.zeros_like(like)
    lower, upper = np.quantile(deviation, (0.05, 0.95), axis=0)
    return np.asarray(((upper - lower) / NORMAL_WIDTH) ** 2)
