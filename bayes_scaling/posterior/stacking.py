"""Stacking: weights under which an average of fits gives held-out runs the highest density."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_scaling.errors import InputError

ITERATIONS = 5000
"""Steps of the search; each raises the density, and weights settle to a thousandth long before."""

NEGLIGIBLE = 1e-3
"""Weight that is rounded to nothing: the search approaches zero without reaching it."""


def stacking_weights(log_densities: ArrayLike) -> NDArray[np.float64]:
    r"""Return the weights that maximise the log density of the average over held-out runs.

    Parameters
    ----------
    log_densities : array (n_fits, n_runs)
        Log predictive density of every run under every fit that has not seen it, for example by
        leave-one-out; the same unit for all fits.

    Returns
    -------
    array (n_fits,)
        They sum to 1; fits that say the same share their weight.

    Raises
    ------
    InputError
        The densities are not a finite table.

    Notes
    -----
    The maximum of :math:`\sum_i \log \sum_k w_k p_{ik}` over the simplex is found by the
    expectation-maximisation steps :math:`w_k \leftarrow w_k \, \overline{p_{ik} / \sum_j w_j
    p_{ij}}`; the problem is concave, so there is nothing else to find.

    References
    ----------
    Yao et al. 2018, arXiv:1704.02030, eq. 4.
    """
    logs = np.asarray(log_densities, float)
    if logs.ndim != 2 or logs.size == 0 or not np.isfinite(logs).all():
        raise InputError(
            f"log densities must be finite and (n_fits, n_runs), got shape {logs.shape}"
        )
    densities = np.exp(logs - logs.max(axis=0))
    weights = np.full(len(logs), 1 / len(logs))
    for _ in range(ITERATIONS):
        weights = weights * np.mean(densities / (weights @ densities), axis=1)
    weights[weights < NEGLIGIBLE] = 0.0
    return np.asarray(weights / weights.sum())
