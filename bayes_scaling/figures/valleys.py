"""Loss along a line of equal compute: the valley that a budget is split in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.facade import Fit
from bayes_scaling.figures.curves import thin
from bayes_scaling.intervals import PROBABILITY, quantiles
from bayes_scaling.questions.sizes import Values
from bayes_scaling.questions.splits import Choice
from bayes_scaling.runs.counting import FLOPS_PER_PARAM_TOKEN

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]

PLACES = 33
"""Sizes along a valley."""

REACH = np.log(30.0)
"""How far to both sides of the choice a valley is followed [e-folds of params]."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Valley:
    """Loss of the sizes that a budget allows.

    Attributes
    ----------
    flops : float
        The budget [FLOP].
    params : array (n,)
        Sizes.
    loss : array (n_draws, n)
        Noise-free loss there (nats per token).
    best : array (n_draws,)
        That of each draw's own best split.
    optimum : array (n_draws,)
        Params of that split.
    choice : Choice
        The split of least expected loss.
    """

    flops: float
    params: Array
    loss: Array
    best: Array
    optimum: Array
    choice: Choice

    def table(self, probability: float = PROBABILITY) -> pd.DataFrame:
        """One row per size: loss, and loss above the best split's, with intervals."""
        import pandas as pd

        columns: dict[str, Array] = {"params": self.params}
        above = self.loss - self.best[:, None]
        for name, draws in (("loss", self.loss), ("regret", above)):
            median, lower, upper = quantiles(draws, probability)
            columns |= {name: median, f"{name}_lower": lower, f"{name}_upper": upper}
        return pd.DataFrame(columns | {"expected_regret": above.mean(axis=0)})


def isoflop_valleys(
    fit: Fit,
    flops: Sequence[float],
    *,
    family: str | None = None,
) -> tuple[Valley, ...]:
    """Compute the valleys of budgets.

    Parameters
    ----------
    fit : Fit
        The posterior of a law in params and tokens.
    flops : sequence of float
        Budgets [FLOP].
    family : str, optional
        The group it is asked for, where the fit has several.

    Raises
    ------
    InputError
        The law splits no budget, or a budget is not above 0.
    UnconvergedError
        The fit did not converge.
    """
    fit.require_converged()
    source = thin(fit)
    split = source.accept_unconverged().allocate(flops=list(flops), family=family)
    found = []
    for index, budget in enumerate(flops):
        choice = split.choices[index]
        params = choice.params * np.exp(np.linspace(-REACH, REACH, PLACES))
        sizes: dict[str, Values] = {
            "params": params,
            "tokens": budget / split.share / FLOPS_PER_PARAM_TOKEN / params,
        }
        if family is not None:
            sizes[fit.leading.model.group] = family
        loss = source.accept_unconverged().forecast(sizes).noise_free
        found.append(
            Valley(
                flops=float(budget),
                params=params,
                loss=loss,
                best=split.loss[:, index],
                optimum=split.params[:, index],
                choice=choice,
            )
        )
    return tuple(found)
