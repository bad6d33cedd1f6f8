"""The split of laws that state it: those that explain the best params of a budget by themselves.

The envelope of training curves is such a law: it gives the loss at each compute and, beside it, the
number of parameters that reached it. So is a valley along each budget whose bottom is a parameter:
there the best params are the tuned value of an input.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.inference.posterior import Fit
from bayes_scaling.runs.counting import FLOPS_PER_PARAM_TOKEN

Array = NDArray[np.float64]

SIX = float(np.log(FLOPS_PER_PARAM_TOKEN))

LOWEST, HIGHEST = 0.0, 200.0
"""Range searched for the compute to which a size belongs [e-folds]."""

HALVINGS = 60
"""Steps of the search; each halves the range."""


def states_split(fit: Fit) -> bool:
    """Whether a law says which params are best for a budget, from the budget alone."""
    if _is_tuned(fit):
        return fit.model.sizes == ("flops",)
    return "params" in fit.model.responses[1:] and fit.model.of("params").sizes == ("flops",)


def _is_tuned(fit: Fit) -> bool:
    return any(line.name == "params" for line in fit.model.tuned)


def stated_split(
    fit: Fit, given: str, log_value: float, group: int
) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Best log params and log tokens (n_draws,) as a law states them.

    Parameters
    ----------
    fit : Fit
        The posterior.
    given : {"flops", "params", "tokens"}
        What is given.
    log_value : float
        Its log.
    group : int
        The group it is asked for.

    Returns
    -------
    log_params, log_tokens : array (n_draws,)
    edge : array of bool (n_draws,)
        Draws in which no budget belongs to the given size.
    """
    tuned, stated = _is_tuned(fit), fit if _is_tuned(fit) else fit.of("params")

    def log_params(log_flops: Array) -> Array:
        sizes, cell = {"flops": np.exp(log_flops)[:, None]}, np.asarray(group)
        if tuned:
            return np.log(fit.tuned(sizes, group=cell)["params"])[:, 0]
        return np.log(stated.predict(sizes, group=cell))[:, 0]

    def error(log_flops: Array) -> Array:
        u = log_params(log_flops)
        return (u if given == "params" else log_flops - SIX - u) - log_value

    if given == "flops":
        log_flops = np.full(fit.n_draws, log_value)
        edge = np.zeros(fit.n_draws, dtype=bool)
    else:
        lower, upper = np.full(fit.n_draws, LOWEST), np.full(fit.n_draws, HIGHEST)
        at_lower = error(lower)
        edge = ~(at_lower * error(upper) < 0)
        for _ in range(HALVINGS):
            middle = (lower + upper) / 2
            same = at_lower * error(middle) > 0
            lower, upper = np.where(same, middle, lower), np.where(same, upper, middle)
        log_flops = np.where(edge, np.nan, (lower + upper) / 2)
    u = log_params(log_flops)
    if given == "params":
        u = np.full(fit.n_draws, log_value)
    return u, log_flops - SIX - u, edge
