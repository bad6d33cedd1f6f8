"""What the prior of a law expects of runs, before any was trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.intervals import KIND, quantiles
from bayes_scaling.laws.catalogue import load_model
from bayes_scaling.laws.design import needs_positive, source_column
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.nominal import ASKED, nominal_runs, nominal_sizes
from bayes_scaling.posterior import Member
from bayes_scaling.posterior.prior import prior_member
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.questions.forecast import forecast_by_law
from bayes_scaling.questions.sizes import FACTOR, Plan, Sizes
from bayes_scaling.runs import RunTable, read_runs, training_flops

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]

DRAWS = 4000
"""Draws of a prior unless another number is asked for."""

PROBABILITIES = (0.5, 0.9)
"""Of the ranges that a prior is shown by."""

RARE = 0.01
"""Share of draws that may be no numbers."""

POINTS = 40
"""Places along a curve."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PriorPredictive:
    """Losses that the prior of a law expects, of one group of runs.

    Attributes
    ----------
    model : Model
        The law.
    runs : RunTable
        Runs whose sizes give the reference sizes of the law, without their losses.
    references : mapping of str to float
        Those reference sizes.
    plan : Plan
        The runs asked about, completed.
    labels : tuple of str
        What each of them is, for nominal ones; else empty.
    noise_free : array (n_draws, n_runs)
        Response of the law, such as the loss (nats per token).
    draws : array (n_draws, n_runs)
        The same of a new run, its noise included.
    parameters : mapping of str to array (n_draws,)
        Parameters and derived quantities behind them.
    """

    model: Model
    runs: RunTable
    references: Mapping[str, float]
    plan: Plan
    labels: tuple[str, ...] = ()
    noise_free: Array
    draws: Array
    parameters: Mapping[str, Array]

    def __repr__(self) -> str:
        """Say how much there is; `table` has the numbers."""
        size = f"{len(self.plan)} runs, {len(self.draws)} draws"
        return f"PriorPredictive({self.model.id}: {size}; see .table)"

    def rows(self) -> list[dict[str, Any]]:
        """Return the table as one dict per run, of plain numbers and texts.

        ``noise_free`` and ``new_run`` are medians; ``noise_free_lower90`` and so on the ends of
        equal-tailed intervals of 50 % and 90 %.
        """
        columns: dict[str, Array] = {}
        for name, draws in (("noise_free", self.noise_free), ("new_run", self.draws)):
            columns |= _ranges(name, draws)
        names = [name for name in self.plan.columns if name in {*self.model.inputs, "flops"}]
        return [
            ({"run": self.labels[index]} if self.labels else {})
            | {name: float(self.plan.columns[name][index]) for name in names}
            | {name: float(values[index]) for name, values in columns.items()}
            | {"kind": KIND}
            for index in range(len(self.plan))
        ]

    def ranges(self) -> dict[str, dict[str, float]]:
        """Return median and ranges of every parameter and derived quantity, by name."""
        return {
            name: {key: float(value[0]) for key, value in _ranges("", values[:, None]).items()}
            for name, values in self.parameters.items()
        }

    @property
    def table(self) -> pd.DataFrame:
        """One row per run: sizes, median and ranges of both losses."""
        import pandas as pd

        return pd.DataFrame(self.rows())


def _ranges(name: str, draws: Array) -> dict[str, Array]:
    """Return median and both ends of both ranges (n_runs,) of draws (n_draws, n_runs).

    A prior that is wide draws a few constants that no floating-point number holds, and 0 times inf
    is none: where they are `RARE`, the ranges are those of the other draws.
    """
    kept = ~np.isnan(draws).any(axis=1)
    if 1 - RARE <= kept.mean() < 1:
        draws = draws[kept]
    found: dict[str, Array] = {}
    prefix = f"{name}_" if name else ""
    for probability in PROBABILITIES:
        median, lower, upper = quantiles(draws, probability)
        percent = f"{100 * probability:.0f}"
        found |= {name or "median": median}
        found |= {f"{prefix}lower{percent}": lower, f"{prefix}upper{percent}": upper}
    return found


def prior_predictive(
    model: str | Path | Model | Mapping[str, Any],
    sizes: Sizes | None = None,
    *,
    runs: RunTable | Any = None,
    draws: int = DRAWS,
    random_seed: int | None = None,
) -> PriorPredictive:
    """Tell which losses the prior of a law expects.

    Parameters
    ----------
    model : str, Path, Model or mapping
        The law.
    sizes : mapping, DataFrame or RunTable, optional
        The runs asked about, as in a forecast; by default `runs`, or some nominal ones: the
        smallest, reference and largest run of a nominal sweep and one 100 times beyond it.
    runs : RunTable, DataFrame or path, optional
        Runs that the law is about to be fitted to. Their sizes give its reference sizes; their
        losses are not read. By default `sizes` where that is a RunTable, or the nominal sweep.
    draws : int
        Draws of the prior.
    random_seed : int, optional
        Seed; a fresh one if absent.

    Returns
    -------
    PriorPredictive
        Of one group of runs, whatever groups the table has.

    Raises
    ------
    InputError
        The model or the sizes cannot be used.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> bs.prior_predictive("chinchilla", random_seed=0).table  # doctest: +SKIP
    """
    law = load_model(model)
    if runs is None and isinstance(sizes, RunTable):
        runs = sizes
    fit = _drawn(law, runs, draws=draws, random_seed=random_seed)
    labels: tuple[str, ...] = ()
    if sizes is None and runs is None:
        sizes, labels = _nominal(law), tuple(ASKED)
    elif sizes is None or isinstance(sizes, RunTable):
        sizes = fit.runs
    return _predict(fit, sizes, labels)


def _drawn(model: Model, runs: RunTable | Any, *, draws: int, random_seed: int | None) -> Member:
    """Draw the prior of a law with the reference sizes of some runs, or of nominal ones."""
    seed = Settings.chosen(
        draws=draws, tune=50, chains=2, target_accept=0.9, random_seed=random_seed
    ).random_seed
    if runs is None:
        table = nominal_runs(model)
    else:
        table = runs if isinstance(runs, RunTable) else read_runs(runs)
    return prior_member(model, table, draws=draws, random_seed=seed)


def _nominal(model: Model) -> dict[str, Any]:
    factors = np.array(list(ASKED.values()))
    return dict(nominal_sizes(model.sizes, factors))


def _predict(fit: Member, sizes: Sizes, labels: tuple[str, ...] = ()) -> PriorPredictive:
    found = forecast_by_law(fit, sizes)
    return PriorPredictive(
        model=fit.model,
        runs=fit.runs,
        references=fit.references,
        plan=found.plan,
        labels=labels,
        noise_free=found.noise_free,
        draws=found.draws,
        parameters=fit.flat,
    )


# ---- along one size ------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class PriorCurve:
    """What a prior expects along one size, the others following it as they do in the runs.

    Attributes
    ----------
    along : str
        The size.
    x : array (n,)
        Its values, ascending.
    edge : float
        The largest of the runs.
    predictive : PriorPredictive
        At each place.
    """

    along: str
    x: Array
    edge: float
    predictive: PriorPredictive


def prior_curve(
    model: str | Path | Model | Mapping[str, Any],
    *,
    runs: RunTable | Any = None,
    along: str | None = None,
    draws: int = DRAWS,
    random_seed: int | None = None,
) -> PriorCurve:
    """Tell which losses a prior expects from the smallest run to 100 times beyond the largest.

    Parameters
    ----------
    model, runs, draws, random_seed
        As in `prior_predictive`.
    along : str, optional
        The size; by default compute for a law of several sizes, or its only one.

    Returns
    -------
    PriorCurve

    Raises
    ------
    InputError
        The model or the runs cannot be used, or the runs have no such size.
    """
    law = load_model(model)
    fit = _drawn(law, runs, draws=draws, random_seed=random_seed)
    along = along or default_size(law)
    places = counted(law, fit.runs, along)
    x = np.geomspace(places.min(), places.max() * FACTOR, POINTS)
    sizes = {
        name: x if name == along else _following(counted(law, fit.runs, name), places, x, name)
        for name in law.sizes
    }
    return PriorCurve(
        along=along, x=x, edge=float(places.max()), predictive=_predict(fit, dict(sizes))
    )


def default_size(model: Model) -> str:
    """Return what a law is shown along: compute, or the only size it reads."""
    if len(model.scale_inputs) > 1:
        return "flops"
    return (*model.scale_inputs, *model.sizes)[0]


def counted(model: Model, runs: RunTable, name: str) -> Array:
    """Return a size of runs (n_runs,) in the count that a law means.

    Compute is 6 N D with the N of the law, unless the law reads compute itself.
    """
    if (
        name == "flops"
        and "flops" not in model.inputs
        and {"params", "tokens"} <= set(runs.columns)
    ):
        return training_flops(runs[source_column(model, runs, "params")], runs["tokens"])
    return np.asarray(runs[source_column(model, runs, name)], float)


def _following(values: Array, places: Array, x: Array, name: str) -> Array:
    """Return what an input is in runs of some size, by a straight line through its logs."""
    if not needs_positive(name):
        return np.full(x.size, float(np.mean(values)))
    at, logs = np.log(places), np.log(values)
    slope = np.cov(at, logs)[0, 1] / np.var(at, ddof=1) if np.ptp(at) > 0 else 0.0
    return np.asarray(np.exp(np.mean(logs) + slope * (np.log(x) - np.mean(at))))
