"""Next runs: which small runs would narrow the forecast of a big one most, within a budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.intervals import PROBABILITY
from bayes_scaling.page import Grid, Page, Printed, called
from bayes_scaling.posterior.diagnostics import doubts
from bayes_scaling.posterior.posterior import Posterior
from bayes_scaling.questions.allocate import allocate
from bayes_scaling.questions.forecast import Forecast, forecast
from bayes_scaling.questions.learning import (
    Bench,
    bench,
    best_order,
    isoflop_line,
    largest_affordable,
)
from bayes_scaling.questions.sizes import Plan, Sizes
from bayes_scaling.questions.splits import expected_split
from bayes_scaling.questions.surface import surface
from bayes_scaling.runs import RunTable, training_flops

Array = NDArray[np.float64]

BEYOND = 100.0
"""Compute of the target over that of the largest fitted run, unless it is said."""

LEVELS = 12
"""Most sizes of each kind in the candidates that are made of the table, before its extension."""

Aim = Literal["loss", "split"]
"""What is to be narrowed: the forecast of the target, or the best params at its compute."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class NextRuns(Printed):
    """Runs to make next.

    Attributes
    ----------
    plan : Plan
        The candidates.
    target : mapping of str to float
        Sizes of the run whose forecast is to be narrowed.
    aim : {"loss", "split"}
        Whether its loss, or the best params at its compute.
    bench : Bench
        How their losses go together.
    chosen : tuple of int
        The candidates to run, in order.
    designs : mapping of str to tuple of int
        What plain designs would run for the same budget.
    budget : float
        Compute they may take together [FLOP].
    warnings : tuple of str
        What the runs at hand cannot tell.
    probability : float
        Probability of the intervals whose widths are told.
    """

    plan: Plan
    target: Mapping[str, float]
    aim: Aim
    bench: Bench
    chosen: tuple[int, ...]
    designs: Mapping[str, tuple[int, ...]]
    budget: float
    warnings: tuple[str, ...] = ()
    probability: float = PROBABILITY

    def widths(self, chosen: tuple[int, ...]) -> Array:
        """Return the width of the target's log interval before and after each run (k + 1,)."""
        from scipy import special

        return np.asarray(2 * special.ndtri((1 + self.probability) / 2) * self.bench.after(chosen))

    def _rows(self) -> list[dict[str, Any]]:
        """Return one dict per run, in the order in which to make them."""
        widths = self.widths(self.chosen)
        found, spent = [], 0.0
        for place, run in enumerate(self.chosen):
            spent += float(self.bench.cost[run])
            sizes = {name: float(values[run]) for name, values in self.plan.columns.items()}
            found.append(
                {"order": place + 1, **sizes, "flops": float(self.bench.cost[run])}
                | {self.plan.group_column: self.plan.labels[run], "spent": spent}
                | {"width_before": float(widths[0]), "width_after": float(widths[place + 1])}
            )
        return found

    def design_rows(self) -> list[dict[str, Any]]:
        """Return one dict per design: runs, compute, and the width of the interval after them."""
        return [
            {
                "design": name,
                "runs": len(chosen),
                "flops": float(self.bench.cost[list(chosen)].sum()),
                "width_after": float(self.widths(chosen)[-1]),
            }
            for name, chosen in {"this": self.chosen, **self.designs}.items()
        ]

    @property
    def about(self) -> dict[str, Any]:
        """What is told beside the rows."""
        return {
            "target": dict(self.target),
            "aim": self.aim,
            "designs": self.design_rows(),
            "warnings": list(self.warnings),
        }

    def page(self) -> Page:
        """Return what is printed: the runs in order, then what plain designs would reach."""
        sizes = ", ".join(f"{name} {value:.3g}" for name, value in self.target.items())
        what = "the loss at" if self.aim == "loss" else "the best params at the compute of"
        before = self.widths(())[0]
        names = ("params", "tokens", "flops")
        runs = Grid(
            heading=("run", *map(called, names), "expected width after it"),
            rows=[
                [
                    str(row["order"]),
                    *(f"{row[name]:.3g}" for name in names),
                    f"{row['width_after']:.2%}",
                ]
                for row in self.rows()
            ],
        )
        designs = Grid(
            heading=("design", "runs", called("flops"), "expected width after all"),
            rows=[
                [
                    row["design"],
                    str(row["runs"]),
                    f"{row['flops']:.3g}",
                    f"{row['width_after']:.2%}",
                ]
                for row in self.design_rows()
            ],
        )
        return [
            [f"to narrow {what} {sizes}", f"{self.probability:.0%} interval now {before:.2%} wide"],
            [runs],
            [designs],
        ]


def next_runs(
    fit: Posterior,
    budget: float,
    *,
    candidates: Sizes | None = None,
    target: Mapping[str, float] | None = None,
    aim: Aim = "loss",
    family: str | None = None,
) -> NextRuns:
    """Choose runs that narrow the forecast of a big one most.

    Parameters
    ----------
    fit : Fit
        The posterior of a law in params and tokens.
    budget : float
        Compute that all runs may take together [FLOP].
    candidates : mapping, DataFrame or RunTable, optional
        Runs that could be made: params and tokens, and what else the law reads. By default the
        sizes of the fitted runs, extended by one step each way.
    target : mapping of str to float, optional
        Sizes of the big run. By default the split of least expected loss at a hundred times the
        compute of the largest fitted run.
    aim : {"loss", "split"}
        What is to be narrowed: the loss of the big run, or the best params at its compute, on
        which regret depends.
    family : str, optional
        The group, where the fit has several.

    Returns
    -------
    NextRuns

    Raises
    ------
    InputError
        The budget pays for no candidate, or sizes cannot be used.

    Notes
    -----
    Two greedy orders are made, by variance removed and by variance removed per FLOP, and the one
    that ends narrower is taken; see `bayes_scaling.questions.learning`.
    """
    _check(budget, aim)
    group = fit.leading.reads.group
    named = {} if family is None else {group: family}
    if candidates is None:
        candidates = {**grid_of(fit.runs, budget, fit.leading.active_share), **named}
    sizes = dict(target) if target is not None else _default_target(fit, family)
    big = forecast(fit, {**sizes, **named})
    asked = forecast(fit, candidates)
    cost = asked.plan.columns["flops"]
    if not (cost <= budget).any():
        raise InputError(
            f"{budget:.3g} FLOP pays for none of {cost.size} candidates, the cheapest of which "
            f"takes {cost.min():.3g}"
        )
    with np.errstate(all="ignore"):
        losses, noise = np.log(asked.noise_free), noise_of(np.log(asked.draws / asked.noise_free))
    known = np.isfinite(losses).all(axis=0)
    cost = np.where(known, cost, np.inf)
    goal = np.log(big.noise_free[:, 0]) if aim == "loss" else _log_split(fit, big, family)
    logs = np.column_stack([np.where(known, losses, 0.0), goal])
    table = bench(logs, noise, cost, asked.member)
    log_params = np.log(asked.plan.columns["params"])
    return NextRuns(
        plan=asked.plan,
        target={name: float(values[0]) for name, values in big.plan.columns.items()},
        aim=aim,
        bench=table,
        chosen=best_order(table, budget),
        designs={
            "largest affordable": tuple(largest_affordable(table, budget)),
            "isoFLOP line": tuple(isoflop_line(table, budget, log_params)),
        },
        budget=budget,
        warnings=_warnings(fit, known),
    )


def _check(budget: float, aim: str) -> None:
    problems = []
    if not (np.isfinite(budget) and budget > 0):
        problems.append(f"budget is a compute above 0 [FLOP], got {budget!r}")
    if aim not in get_args(Aim):
        problems.append(f"aim is one of {', '.join(get_args(Aim))}, got {aim!r}")
    if problems:
        raise InputError(problems, source="next runs")


def _warnings(fit: Posterior, known: NDArray[np.bool_]) -> tuple[str, ...]:
    """Say what the runs at hand cannot tell, and what candidates the law cannot."""
    found = [f"{check.name}: {check.evidence}" for check in doubts(fit.checks) if check.of_design]
    if not known.all():
        found.append(f"{(~known).sum()} candidates have no finite loss in some draws: left out")
    return tuple(found)


def _log_split(fit: Posterior, big: Forecast, family: str | None) -> Array:
    """Log of each draw's best params at the compute of the target (n_draws,)."""
    flops = big.plan.columns["flops"]
    found = allocate(fit, flops=flops[:1], family=family)
    return np.asarray(np.log(found.params[:, 0]))


def noise_of(deviation: Array) -> Array:
    """Variance of a run around the law (n,), from the middle half of its draws."""
    low, high = np.quantile(deviation, [0.25, 0.75], axis=0)
    return np.asarray(((high - low) / 1.349) ** 2)


def _default_target(fit: Posterior, family: str | None) -> dict[str, float]:
    if "flops" in fit.runs:
        largest = float(np.nanmax(fit.runs["flops"]))
    else:
        largest = float(np.nanmax(training_flops(fit.runs["params"], fit.runs["tokens"])))
    choice = expected_split(surface(fit, group=family), BEYOND * largest)
    return {"params": choice.params, "tokens": choice.tokens}


def grid_of(runs: RunTable, budget: float, share: float = 1.0) -> dict[str, Array]:
    """Return the sizes of a table as a grid, extended by one step each way, as far as affordable.

    No run is cheaper than the cheapest of the table: below the runs a law is least to be trusted.
    Compute counts the active share of params.

    Raises
    ------
    InputError
        The table has no params and tokens.
    """
    missing = [name for name in ("params", "tokens") if name not in runs]
    if missing:
        raise InputError(f"the fitted runs have no {' and no '.join(missing)}: give candidates")
    params, tokens = _levels(runs["params"]), _levels(runs["tokens"])
    n, d = (axis.ravel() for axis in np.meshgrid(params, tokens))
    ratio = runs["tokens"] / runs["params"]
    usual = (d / n >= ratio.min() / 2) & (d / n <= 2 * ratio.max())
    flops = training_flops(share * n, d)
    cheapest = float(np.nanmin(training_flops(share * runs["params"], runs["tokens"])))
    kept = usual & (flops >= cheapest) & (flops <= budget)
    return {"params": n[kept], "tokens": d[kept]} if kept.any() else {"params": n, "tokens": d}


def _levels(values: Array) -> Array:
    """Return log-spaced levels of a size, from a step below the least to one above the largest."""
    known = np.unique(values[np.isfinite(values)])
    if known.size == 1:
        return np.asarray(known[0] * np.array([0.5, 1.0, 2.0]))
    count = min(LEVELS, known.size)
    step = float((known[-1] / known[0]) ** (1 / (count - 1)))
    return np.geomspace(known[0] / step, known[-1] * step, count + 2)
