"""The split of laws that state it: those that explain the best params of a budget by themselves.

The envelope of training curves is such a law: it gives the loss at each compute and, beside it, the
number of parameters that reached it. So is a valley along each budget whose bottom is a parameter:
there the best params are the tuned value of an input. So is a published rule that gives params, and
perhaps tokens, for a budget.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.questions.surface import Surface

Array = NDArray[np.float64]

LOWEST, HIGHEST = 0.0, 200.0
"""Range searched for the compute to which a size belongs [e-folds]."""

HALVINGS = 60
"""Steps of the search; each halves the range."""


def stated_split(
    law: Surface, given: str, log_value: float
) -> tuple[Array, Array, NDArray[np.bool_], Array]:
    """Best log params and log tokens (n_draws,) as a law states them.

    Parameters
    ----------
    law : Surface
        One that states its split.
    given : {"flops", "params", "tokens"}
        What is given.
    log_value : float
        Its log.

    Returns
    -------
    log_params, log_tokens : array (n_draws,)
    edge : array of bool (n_draws,)
        Draws in which no budget belongs to the given size.
    log_flops : array (n_draws,)
        The budget, which a rule may mean otherwise than C = 6 N D.
    """

    def split(log_flops: Array) -> tuple[Array, Array]:
        params, tokens = law.stated_split(np.exp(log_flops))
        return np.log(params), np.log(tokens)

    def error(log_flops: Array) -> Array:
        return split(log_flops)[0 if given == "params" else 1] - log_value

    if given == "flops":
        log_flops = np.full(law.n_draws, log_value)
        edge = np.zeros(law.n_draws, dtype=bool)
    else:
        lower, upper = np.full(law.n_draws, LOWEST), np.full(law.n_draws, HIGHEST)
        at_lower = error(lower)
        edge = ~(at_lower * error(upper) < 0)
        for _ in range(HALVINGS):
            middle = (lower + upper) / 2
            same = at_lower * error(middle) > 0
            lower, upper = np.where(same, middle, lower), np.where(same, upper, middle)
        log_flops = np.where(edge, np.nan, (lower + upper) / 2)
    u, v = split(log_flops)
    return np.full(law.n_draws, log_value) if given == "params" else u, v, edge, log_flops
