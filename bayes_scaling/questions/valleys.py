"""Loss along a line of equal compute: the valley that a budget is split in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.intervals import PROBABILITY, quantiles
from bayes_scaling.posterior import Posterior
from bayes_scaling.questions.allocate import allocate
from bayes_scaling.questions.forecast import forecast
from bayes_scaling.questions.limits import Limits
from bayes_scaling.questions.loss_curve import observed, runs_of, thin
from bayes_scaling.questions.sizes import Values
from bayes_scaling.questions.splits import Choice
from bayes_scaling.runs import RunTable
from bayes_scaling.runs.designs import mistuned

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]

PLACES = 33
"""Sizes along a valley."""

NEAR = 1.3
"""Factor of a budget within which a run counts as made at it."""

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
    run_params, run_loss : array (n_near,)
        Sizes and losses of the fitted runs within a factor `NEAR` of the budget, but for those
        that another learning rate beat.
    """

    flops: float
    params: Array
    loss: Array
    best: Array
    optimum: Array
    choice: Choice
    run_params: Array
    run_loss: Array

    def table(self, probability: float = PROBABILITY) -> pd.DataFrame:
        """One row per size: loss, loss above the best split with intervals, and expected best."""
        import pandas as pd

        columns: dict[str, Array] = {"params": self.params}
        above = self.loss - self.best[:, None]
        for name, draws in (("loss", self.loss), ("regret", above)):
            median, lower, upper = quantiles(draws, probability)
            columns |= {name: median, f"{name}_lower": lower, f"{name}_upper": upper}
        best = np.full(self.params.size, self.best.mean())
        return pd.DataFrame(columns | {"expected_regret": above.mean(axis=0), "best": best})


def valleys(
    fit: Posterior,
    flops: Sequence[float],
    *,
    family: str | None = None,
    limits: Limits | None = None,
) -> tuple[Valley, ...]:
    """Compute the valleys of budgets.

    Parameters
    ----------
    fit : Fit
        The posterior of a law in params and tokens.
    flops : sequence of float
        Budgets [FLOP].
    family : str, optional
        The group, where the fit has several.
    limits : Limits, optional
        What splits stay within; a valley has the sizes that they allow.

    Raises
    ------
    InputError
        The law splits no budget, or a budget is not above 0.
    """
    source = thin(fit)
    within = limits or Limits()
    split = allocate(source, flops=list(flops), family=family, limits=limits)
    runs, seen = _runs(source, family)
    found = []
    for index, budget in enumerate(flops):
        choice = split.choices[index]
        log_flops = float(np.log(budget / split.share))
        low, high = within.log_params(np.array(within.ends(log_flops))[::-1], log_flops)
        middle = float(np.log(choice.params))
        places = np.linspace(max(low, middle - REACH), min(high, middle + REACH), PLACES)
        params = np.exp(places)
        sizes: dict[str, Values] = {
            "params": params,
            "tokens": np.exp(within.log_tokens(places, log_flops)),
        }
        if family is not None:
            sizes[source.leading.model.group] = family
        loss = forecast(source, sizes).noise_free
        near = abs(np.log(seen / budget)) <= np.log(NEAR)
        found.append(
            Valley(
                flops=float(budget),
                params=params,
                loss=loss,
                best=split.loss[:, index],
                optimum=split.params[:, index],
                choice=choice,
                run_params=observed(source, runs, "params")[near],
                run_loss=np.asarray(runs[source.leading.model.response], float)[near],
            )
        )
    return tuple(found)


def crowded_budget(fit: Posterior, family: str | None = None) -> float:
    """Return the compute that most runs of a group were made at, the largest of equals [FLOP]."""
    _, seen = _runs(fit, family)
    near = abs(np.log(seen[:, None] / seen)) <= np.log(NEAR)
    counts = near.sum(axis=1)
    return float(seen[counts == counts.max()].max())


def _runs(fit: Posterior, family: str | None) -> tuple[RunTable, Array]:
    """Return the runs of a group that no other learning rate beat, and their compute (n_runs,)."""
    runs = runs_of(fit, family)
    runs = runs.take(~mistuned(runs))
    return runs, observed(fit, runs, "flops")
