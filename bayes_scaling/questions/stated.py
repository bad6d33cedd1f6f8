"""The split of laws that state it: those that explain the best params of a budget by themselves.

The envelope of training curves is such a law: it gives the loss at each compute and, beside it, the
number of parameters that reached it. So is a valley along each budget whose bottom is a parameter:
there the best params are the tuned value of an input. So is a published rule that gives params, and
perhaps tokens, for a budget.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.posterior.posterior import Fit
from bayes_scaling.questions.published_laws import PublishedLaw
from bayes_scaling.questions.sizes import Member
from bayes_scaling.runs.counting import FLOPS_PER_PARAM_TOKEN

Array = NDArray[np.float64]

SIX = float(np.log(FLOPS_PER_PARAM_TOKEN))

LOWEST, HIGHEST = 0.0, 200.0
"""Range searched for the compute to which a size belongs [e-folds]."""

HALVINGS = 60
"""Steps of the search; each halves the range."""


def states_split(fit: Member) -> bool:
    """Whether a law says which params are best for a budget, from the budget alone."""
    if isinstance(fit, PublishedLaw):
        return "params" in fit.formulas and fit.inputs == ("flops",)
    if _is_tuned(fit):
        return fit.model.sizes == ("flops",)
    return "params" in fit.model.responses[1:] and fit.model.of("params").sizes == ("flops",)


def _is_tuned(fit: Fit) -> bool:
    return any(line.name == "params" for line in fit.model.tuned)


def stated_split(
    fit: Member, given: str, log_value: float, group: int
) -> tuple[Array, Array, NDArray[np.bool_], Array]:
    """Best log params and log tokens (n_draws,) as a law states them.

    Parameters
    ----------
    fit : Fit or PublishedLaw
        The posterior, or a published rule.
    given : {"flops", "params", "tokens"}
        What is given.
    log_value : float
        Its log.
    group : int
        The group.

    Returns
    -------
    log_params, log_tokens : array (n_draws,)
    edge : array of bool (n_draws,)
        Draws in which no budget belongs to the given size.
    log_flops : array (n_draws,)
        The budget, which a rule may mean otherwise than C = 6 N D.
    """
    count = 1 if isinstance(fit, PublishedLaw) else fit.n_draws
    log_params = _log_params(fit, group)

    def log_tokens(log_flops: Array, u: Array) -> Array:
        if isinstance(fit, PublishedLaw) and "tokens" in fit.formulas:
            return np.log(fit.predict("tokens", {"flops": np.exp(log_flops)}))
        return log_flops - SIX - u

    def error(log_flops: Array) -> Array:
        u = log_params(log_flops)
        return (u if given == "params" else log_tokens(log_flops, u)) - log_value

    if given == "flops":
        log_flops = np.full(count, log_value)
        edge = np.zeros(count, dtype=bool)
    else:
        lower, upper = np.full(count, LOWEST), np.full(count, HIGHEST)
        at_lower = error(lower)
        edge = ~(at_lower * error(upper) < 0)
        for _ in range(HALVINGS):
            middle = (lower + upper) / 2
            same = at_lower * error(middle) > 0
            lower, upper = np.where(same, middle, lower), np.where(same, upper, middle)
        log_flops = np.where(edge, np.nan, (lower + upper) / 2)
    u = np.full(count, log_value) if given == "params" else log_params(log_flops)
    return u, log_tokens(log_flops, u), edge, log_flops


def _log_params(fit: Member, group: int) -> Callable[[Array], Array]:
    """Return the best log params as a function of the log of a budget, both (n_draws,)."""
    if isinstance(fit, PublishedLaw):
        return lambda log_flops: np.log(fit.predict("params", {"flops": np.exp(log_flops)}))
    cell = np.asarray(group)
    if _is_tuned(fit):
        return lambda log_flops: np.log(
            fit.tuned({"flops": np.exp(log_flops)[:, None]}, group=cell)["params"]
        )[:, 0]
    stated = fit.of("params")
    return lambda log_flops: np.log(
        stated.predict({"flops": np.exp(log_flops)[:, None]}, group=cell)
    )[:, 0]
