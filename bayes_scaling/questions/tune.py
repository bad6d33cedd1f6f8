"""Tune: the best learning rate and batch size at a size, what another choice costs, and who agrees.

Everything is asked of a law with a valley in the learning rate (``coupled+lr-valley``), and in the
batch size where it has one (``coupled+lr-batch-valley``). Told are the best pair of each draw, with
its interval; the one choice to make, which has the least expected loss over all draws; and what a
rate or batch a few factors off would lose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.intervals import (
    KIND,
    PROBABILITY,
    check_probability,
    format_kind,
    quantiles,
    significant,
)
from bayes_scaling.page import Block, Grid, Page, Printed, beyond, called, relative, told
from bayes_scaling.posterior import Member, Posterior
from bayes_scaling.questions.answer import draw_rows
from bayes_scaling.questions.distance import efolds_beyond_runs
from bayes_scaling.questions.rate_rules import published_rates
from bayes_scaling.questions.sizes import Numbers, Plan, read_plan

Array = NDArray[np.float64]

CHOSEN = ("learning_rate", "batch_size")
"""What is tuned, where the law reads it."""

FACTORS = (0.125, 0.25, 0.5, 2.0, 4.0, 8.0)
"""Factors by which a choice is off, in the table of penalties."""

RULE_KEYS = ("rule", "learning_rate", "batch_size", "counts", "source", "note")
"""What is told of a published rule."""

PLACES = 33
"""Places of the search for the least expected loss, along each of what is tuned."""

Excess = Callable[[Mapping[str, float]], Array]
"""From a choice of rate and batch at one size to the loss over the best, minus 1 (n_draws,)."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Tuning(Printed):
    """How to tune runs of some sizes.

    Attributes
    ----------
    plan : Plan
        The runs.
    best : mapping of str to array (n_draws, n_runs)
        Best learning rate, and batch size in tokens where the law finds one, draw by draw.
    recommended : mapping of str to array (n_runs,)
        The choice of least expected noise-free loss.
    regret : array (n_draws, n_runs)
        Loss of the recommended choice over that of the best one, minus 1.
    penalties : tuple of dict
        What a choice off by a factor costs: per run, what is changed, and the factor.
    rules : tuple of dict
        What published rules choose for each run, and what the law says that costs.
    swept : mapping of str to (float, float)
        Least and largest value of what is tuned in the fitted runs.
    extrapolation : mapping of str to array (n_runs,)
        E-folds of the sizes beyond the fitted runs.
    warnings : tuple of str
        Where the answer lies outside what was swept.
    probability : float
        Probability of the intervals.
    excess : tuple of callable
        Of each run, from a choice to its loss over that of the best one, minus 1 (n_draws,).
    """

    one_probability: ClassVar[str] = "penalties"

    plan: Plan
    best: Mapping[str, Array]
    recommended: Mapping[str, Array]
    regret: Array
    penalties: tuple[dict[str, Any], ...]
    rules: tuple[dict[str, Any], ...] = ()
    swept: Mapping[str, tuple[float, float]]
    extrapolation: Mapping[str, Array] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    probability: float = PROBABILITY
    excess: tuple[Excess, ...]

    def _rows(self) -> list[dict[str, Any]]:
        """Return the table as one dict per run, of plain numbers and texts."""
        quantities = {f"best_{name}": draws for name, draws in self.best.items()}
        rows = draw_rows(quantities | {"regret": self.regret}, self.extrapolation,
                             self.probability)  # fmt: skip
        return [
            sizes_of(self.plan, index)
            | {name: float(values[index]) for name, values in self.recommended.items()}
            | {"expected_regret": float(self.regret[:, index].mean())}
            | row
            for index, row in enumerate(rows)
        ]

    def rules_of(self, index: int) -> list[dict[str, Any]]:
        """Return what published rules choose for one of the runs."""
        own = sizes_of(self.plan, index)
        return [row for row in self.rules if own.items() <= row.items()]

    def penalties_of(self, index: int) -> list[dict[str, Any]]:
        """Return what other choices cost for one of the runs."""
        own = sizes_of(self.plan, index)
        return [row for row in self.penalties if own.items() <= row.items()]

    @property
    def about(self) -> dict[str, Any]:
        """What is told beside the rows."""
        return {
            "penalties": list(self.penalties),
            "rules": list(self.rules),
            "swept": {name: list(ends) for name, ends in self.swept.items()},
            "warnings": list(self.warnings),
        }

    def page(self) -> Page:
        """Return what is printed: what to choose for each run, and what else would cost."""
        found: list[list[Block]] = []
        for index, row in enumerate(self.rows()):
            found += [self._lines(row), [self._penalty_grid(index)]]
            if rules := self.rules_of(index):
                found += [[_rule_grid(rules)]]
        return found

    def _lines(self, row: dict[str, Any]) -> list[Block]:
        """Write the choice for one run."""
        settled = "batch_size" in self.plan.columns and "batch_size" not in self.best
        given = ("params", "tokens", *(["batch_size"] if settled else []))
        chosen = [
            {
                f"choose {called(name)}": significant(row[name], 3),
                "  best": told(row, f"best_{name}"),
            }
            for name in self.best
        ]
        costs = {
            "expected regret": f"{row['expected_regret']:.2g} of the loss",
            "extrapolation": beyond(row),
        }
        return [{called(name): told(row, name) for name in given}, *chosen, costs]

    def _penalty_grid(self, index: int) -> Grid:
        """Tabulate what other choices cost for one of the runs."""
        return Grid(
            heading=("instead", "", f"loss above the best, {format_kind(self.probability)}"),
            rows=[
                [
                    f"{called(row['changed'])} x {row['factor']:g}",
                    significant(row[row["changed"]], 3),
                    relative(row, "penalty"),
                ]
                for row in self.penalties_of(index)
            ],
        )


def _rule_grid(rules: Sequence[dict[str, Any]]) -> Grid:
    """Tabulate what published rules choose, and what that costs."""
    return Grid(
        heading=("published rule", *map(called, CHOSEN), "loss above the best"),
        rows=[
            [
                row["rule"],
                *("" if row[name] is None else significant(row[name], 3) for name in CHOSEN),
                row["note"] if row["penalty"] is None else relative(row, "penalty"),
            ]
            for row in rules
        ],
    )


def sizes_of(plan: Plan, index: int) -> dict[str, Any]:
    """Return what was asked of one of the runs: its sizes and its group."""
    sizes = {name: float(values[index]) for name, values in plan.columns.items()}
    return sizes | {plan.group_column: plan.labels[index]}


def tune(
    fit: Posterior,
    params: Numbers,
    tokens: Numbers,
    *,
    batch_size: Numbers | None = None,
    family: str | None = None,
    probability: float = PROBABILITY,
) -> Tuning:
    """Find the best learning rate, and batch size, of runs.

    Parameters
    ----------
    fit : Fit
        The posterior of a law with a valley in the learning rate.
    params, tokens : float or sequence of float
        Sizes of the runs, in the count of parameters that the fit was given.
    batch_size : float or sequence of float, optional
        Tokens per step, where it is settled; the best rate is then that of this batch.
    family : str, optional
        The group, where the fit has several.
    probability : float
        Probability of the equal-tailed intervals.

    Returns
    -------
    Tuning

    Raises
    ------
    InputError
        The law reads no learning rate, or a number cannot be used.

    References
    ----------
    arXiv:2503.04715 for the valley and its power laws.

    Examples
    --------
    >>> fit.tune(params=1e9, tokens=2e10).table  # doctest: +SKIP
    """
    check_probability(probability)
    model = fit.leading.model
    free = _tuned_of(fit, batch_size)
    sizes: dict[str, Any] = {"params": params, "tokens": tokens}
    if batch_size is not None:
        sizes["batch_size"] = batch_size
    if family is not None:
        sizes[model.group] = family
    plan = read_plan(fit.leading, sizes)
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
        extrapolation=efolds_beyond_runs(fit.members.values(), plan.columns, plan.labels),
        warnings=tuple(_outside(best, swept)),
        probability=probability,
        excess=excess,
    )


def _tuned_of(fit: Posterior, batch_size: Numbers | None) -> tuple[str, ...]:
    """Return what is to be tuned, or say why the law cannot tell."""
    model = fit.leading.model
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


def _mixed(fit: Posterior, ask: Callable[[Member], Array]) -> Array:
    """Ask every law, and take the draws that stand in the mixture (n_draws, ...)."""
    return fit.mix([ask(member) for member in fit.members.values()])


def _excess(fit: Posterior, plan: Plan, inputs: Mapping[str, Array], index: int) -> Excess:
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


def _range(fit: Posterior, name: str) -> tuple[float, float]:
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
