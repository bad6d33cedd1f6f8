"""An alarm on a run in flight, with a rate of false alarms per run.

Each look compares the log loss with what was expected after all earlier looks. In units of its
standard deviation that surprise is standard normal and independent of the earlier ones as long as
the run is like the finished ones. The alarm watches the largest surprise and the largest of their
moving average, which adds up what is small and lasts; one limit holds for both over all looks.

Between two looks the last row is looked at, another one whenever the run is asked after: its
surprise has a limit of its own that holds over all rows of a run, however alike they are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FORGET = 0.3
"""Weight of the newest surprise in the moving average."""

LEAST = 1e-5
"""Least standard deviation of a log loss, left when it is known."""

SIMULATED = 20_000
"""Runs that are simulated for the limit."""

BETWEEN = 0.2
"""Share of the false alarms that is left to the rows between looks."""

CALIBRATED = 40
"""Finished runs from which the limit is that of the finished runs themselves."""


def update(mean: Array, covariance: Array, values: Array, seen: int) -> tuple[Array, ...]:
    """Take up what was seen, one look after the other.

    Parameters
    ----------
    mean, covariance : arrays (n_looks,), (n_looks, n_looks)
        Of the log losses before the run.
    values : array (n_looks,)
        Log losses, of which the first `seen` are known.
    seen : int
        Looks that were made.

    Returns
    -------
    tuple of arrays
        Expected log loss of each look made and its standard deviation (seen,), before it; then
        mean and standard deviation of the log loss at the end (seen + 1,), before the first look
        and after each.
    """
    mean, covariance = mean.copy(), covariance.copy()
    before, wide, end, end_wide = [], [], [mean[-1]], [covariance[-1, -1]]
    for look in range(seen):
        before.append(mean[look])
        wide.append(covariance[look, look])
        gain = covariance[:, look] / covariance[look, look]
        mean = mean + gain * (values[look] - mean[look])
        covariance = covariance - np.outer(gain, covariance[look])
        end.append(mean[-1])
        end_wide.append(covariance[-1, -1])
    spread, end_spread = (np.sqrt(np.maximum(each, LEAST**2)) for each in (wide, end_wide))
    return np.array(before), spread, np.array(end), end_spread


def statistic(surprises: Array) -> Array:
    """Largest of surprise and moving average (..., n_looks) so far."""
    average = np.zeros(surprises.shape[:-1])
    variance, found = 0.0, np.empty_like(surprises)
    for look in range(surprises.shape[-1]):
        now = surprises[..., look]
        average = (1 - FORGET) * average + FORGET * now
        variance = (1 - FORGET) ** 2 * variance + FORGET**2
        found[..., look] = np.maximum(np.abs(now), np.abs(average) / np.sqrt(variance))
    return np.asarray(np.maximum.accumulate(found, axis=-1))


def limit(looks: int, rate: float, known: Array, rng: np.random.Generator) -> float:
    """Return what the statistic exceeds in a share `rate` of the runs that are well.

    Parameters
    ----------
    looks : int
        Looks in a run.
    rate : float
        Share of false alarms among runs.
    known : array (n_runs,)
        The statistic of finished runs, each judged by the others.
    rng : numpy.random.Generator
        For the simulation, which counts where few runs are finished, and as a lower bound.
    """
    made = statistic(rng.standard_normal((SIMULATED, looks)))[:, -1]
    simulated = float(np.quantile(made, 1 - rate))
    if known.size < CALIBRATED:
        return simulated
    place = min(int(np.ceil((known.size + 1) * (1 - rate))), known.size) - 1
    return max(simulated, float(np.sort(known)[place]))


def limit_of_row(rows: float, rate: float, finished: int) -> float:
    """Return what the surprise of a row between looks exceeds in a share `rate` of runs.

    Parameters
    ----------
    rows : float
        Rows of the whole run: with any of them the run may be asked after.
    rate : float
        Share of false alarms among runs.
    finished : int
        Finished runs that the spread of a surprise was learned from: the fewer, the longer the
        tails.
    """
    from scipy import special

    return float(special.stdtrit(finished, 1 - rate / (2 * max(rows, 1.0))))
