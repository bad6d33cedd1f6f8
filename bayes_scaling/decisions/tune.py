"""Tune: the best learning rate and batch size at a size, what another choice costs, and who agrees.

Everything is asked of a law with a valley in the learning rate (``coupled+lr-valley``), and in the
batch size where it has one (``coupled+lr-batch-valley``). Told are the best pair of each draw, with
its interval; the one choice to make, which has the least expected loss over all draws; and what a
rate or batch a few factors off would lose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.decisions.forecast import extrapolation
from bayes_scaling.decisions.rate_rules import published_rates
from bayes_scaling.decisions.sizes import Plan, read_plan
from bayes_scaling.decisions.tuning import Excess, Tuning, sizes_of
from bayes_scaling.errors import InputError
from bayes_scaling.inference.ensemble import AnyFit, Ensemble, leading, members_of
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.intervals import KIND, PROBABILITY, check_probability, quantiles

if TYPE_CHECKING:
    from bayes_scaling.decisions.asked_law import Numbers

Array = NDArray[np.float64]
CHOSEN = ("learning_rate", "batch_size")
"""What is tuned, where the law reads it."""

FACTORS = (0.125, 0.25, 0.5, 2.0, 4.0, 8.0)
"""Factors by which a choice is off, in the table of penalties."""

RULE_KEYS = ("rule", "learning_rate", "batch_size", "counts", "source", "note")
"""What is told of a published rule."""

PLACES = 33
"""Places of the search for the least expected loss, along each of what is tuned."""


def tune(
    fit: AnyFit,
    params: Numbers,
    tokens: Numbers,
    *,
    batch_size: Numbers | None = None,
    family: str | None = None,
    probability: float = PROBABILITY,
    allow_unconverged: bool = False,
) -> Tuning:
    """Find the best learning rate, and batch size, of runs.

    Parameters
    ----------
    fit : Fit or Ensemble
        The posterior of a law with a valley in the learning rate.
    params, tokens : float or sequence of float
        Sizes of the runs, in the count of parameters that the fit was given.
    batch_size : float or sequence of float, optional
        Tokens per step, where it is settled; the best rate is then that of this batch.
    family : str, optional
        The group it is asked for, where the fit has several.
    probability : float
        Probability of the equal-tailed intervals.
    allow_unconverged : bool
        Whether to go on with a fit that did not converge.

    Returns
    -------
    Tuning

    Raises
    ------
    InputError
        The law reads no learning rate, or a number cannot be used.
    UnconvergedError
        The fit did not converge.

    References
    ----------
    arXiv:2503.04715 for the valley and its power laws.

    Examples
    --------
    >>> fit.tune(params=1e9, tokens=2e10).table  # doctest: +SKIP
    """
    check_probability(probability)
    model = leading(fit).model
    free = _tuned_of(fit, batch_size)
    fit.require_converged(allow_unconverged=allow_unconverged)
    sizes: dict[str, Any] = {"params": params, "tokens": tokens}
    if batch_size is not None:
        sizes["batch_size"] = batch_size
    if family is not None:
        sizes[model.group] = family
    plan = read_plan(leading(fit), sizes)
    inputs = {name: plan.columns[name] for name in model.inputs if name in plan.columns}

    def best_of(name: str) -> Array:
        return _mixed(fit, lambda member: member.tuned(inputs, group=plan.group)[name])

    best = {name: best_of(name) for name in free}
    excess = tuple(_excess(fit, plan, inputs, index) for index in range(len(plan)))
    chosen = [_least(excess[i], {n: best[n][:, i] for n in free}) for i in range(len(plan))]
    recommended = {name: np.array([choice[name] for choice in chosen]) for name in free}
    swept = {name: _range(fit, name) for name in free}
    return Tuning(
        plan=plan,
        best=best,
        recommended=recommended,
        regret=np.stack([excess[i](choice) for i, choice in enumerate(chosen)], axis=1),
        penalties=tuple(
            row
            for i, choice in enumerate(chosen)
            for row in _penalties(excess[i], choice, sizes_of(plan, i), probability)
        ),
        rules=tuple(
            row
            for i, choice in enumerate(chosen)
            for row in _rules(excess[i], choice, sizes_of(plan, i), probability)
        ),
        swept=swept,
        extrapolation=extrapolation(fit, plan.columns, plan.labels),
        warnings=tuple(_outside(best, swept)),
        probability=probability,
        excess=excess,
    )


def _tuned_of(fit: AnyFit, batch_size: Numbers | None) -> tuple[str, ...]:
    """Return what is to be tuned, or say why the law cannot tell."""
    model = leading(fit).model
    known = [line.name for line in model.tuned]
    problems = []
    if "learning_rate" not in known:
        problems.append(
            f"{model.id} knows no best learning rate: fit a law with a valley, such as "
            f"{model.id}+lr-valley, on runs that swept it"
        )
    if batch_size is not None and "batch_size" not in model.inputs:
        problems.append(
            f"{model.id} reads no batch_size; leave it out, or fit a law with lr-batch-valley"
        )
    if problems:
        raise InputError(problems)
    return tuple(
        name for name in CHOSEN if name in known and (name != "batch_size" or batch_size is None)
    )


def _mixed(fit: AnyFit, ask: Callable[[Fit], Array]) -> Array:
    """Ask every member, and take the draws that stand for it (n_draws, ...)."""
    parts = [ask(member) for member in members_of(fit).values()]
    if not isinstance(fit, Ensemble):
        return parts[0]
    return np.concatenate([part[rows] for part, rows in zip(parts, fit.rows, strict=True)])


def _excess(fit: AnyFit, plan: Plan, inputs: Mapping[str, Array], index: int) -> Excess:
    """Return what a choice costs at one of the sizes."""
    own = {name: values[index : index + 1] for name, values in inputs.items()}
    group = plan.group[index : index + 1]
    at_best = _mixed(fit, lambda member: member.predict(own, group=group))

    def lost(choice: Mapping[str, float]) -> Array:
        given = {**own, **{name: np.array([value]) for name, value in choice.items()}}
        loss = _mixed(fit, lambda member: member.predict(given, group=group))
        return np.asarray((loss / at_best - 1)[:, 0])

    return lost


def _least(excess: Excess, best: Mapping[str, Array]) -> dict[str, float]:
    """Return the choice of least expected loss: a search along each in turn, twice over."""
    choice = {name: float(np.exp(np.median(np.log(draws)))) for name, draws in best.items()}
    for _ in range(3 if len(best) > 1 else 1):
        for name, draws in best.items():
            low, high = np.log(np.quantile(draws, [0.01, 0.99]))
            places = np.exp(np.linspace(low, high, PLACES))
            costs = [excess({**choice, name: float(place)}).mean() for place in places]
            choice[name] = float(places[int(np.argmin(costs))])
    return choice


def _penalties(
    excess: Excess, choice: Mapping[str, float], sizes: Mapping[str, Any], probability: float
) -> list[dict[str, Any]]:
    """Tabulate what it costs to be off by a factor in one of what is tuned."""
    rows = []
    for name in choice:
        for factor in FACTORS:
            taken = {**choice, name: factor * choice[name]}
            median, lower, upper = quantiles(excess(taken), probability)
            rows.append(
                {**sizes, "changed": name, "factor": factor, **taken}
                | {"penalty": float(median), "penalty_lower": float(lower)}
                | {"penalty_upper": float(upper), "probability": probability, "kind": KIND}
            )
    return rows


def _rules(
    excess: Excess, choice: Mapping[str, float], sizes: Mapping[str, Any], probability: float
) -> list[dict[str, Any]]:
    """Tabulate what published rules choose, and what the law says that costs.

    A rule without a batch is taken with the recommended one.
    """
    rows = []
    said = published_rates(
        sizes["params"], sizes["tokens"], params_nonembedding=sizes.get("params_nonembedding")
    )
    for row in said.rows():
        taken = {name: row[name] or value for name, value in choice.items()}
        cost: list[float | None] = [None] * 3
        if row["learning_rate"] is not None:
            cost = [float(end) for end in quantiles(excess(taken), probability)]
        named = dict(zip(("penalty", "penalty_lower", "penalty_upper"), cost, strict=True))
        rows.append({**sizes, **{key: row[key] for key in RULE_KEYS}, **named})
    return rows


def _range(fit: AnyFit, name: str) -> tuple[float, float]:
    values = np.asarray(fit.runs[name], float)
    return float(np.nanmin(values)), float(np.nanmax(values))


def _outside(best: Mapping[str, Array], swept: Mapping[str, tuple[float, float]]) -> Sequence[str]:
    """Say where the best choice lies outside what the runs swept."""
    found = []
    for name, draws in best.items():
        low, high = swept[name]
        for median in np.median(draws, axis=0):
            if not low <= median <= high:
                found.append(
                    f"the best {name.replace('_', ' ')}, {median:.3g}, lies outside what the runs "
                    f"swept, {low:.3g} to {high:.3g}: nothing was seen there"
                )
    return found
