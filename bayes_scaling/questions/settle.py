"""Settle: which runs would tell whether a variant is better, at what cost, and how probably.

A duel that is undecided is settled by runs of both groups. What a run would teach of the compute
multiplier is known before it is made, to second order; see `bayes_scaling.questions.learning`. How
probably a verdict is reached follows: the mean that is yet to come is normal around that of now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.page import Grid, Page, Printed, called
from bayes_scaling.posterior.posterior import Posterior
from bayes_scaling.questions.duel import ERROR, Duel, duel
from bayes_scaling.questions.forecast import forecast
from bayes_scaling.questions.learning import Bench, bench, best_order
from bayes_scaling.questions.next_runs import grid_of, noise_of
from bayes_scaling.questions.sizes import Plan, Sizes
from bayes_scaling.runs import RunTable

Array = NDArray[np.float64]

DECIDED = 0.8
"""Probability of a verdict with which runs are said to settle a duel."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Settling(Printed):
    """Runs that would settle a duel.

    Attributes
    ----------
    duel : Duel
        Of the two groups, at the target alone.
    plan : Plan
        The candidates, of both groups.
    bench : Bench
        How their losses go together with the log of the multiplier.
    chosen : tuple of int
        The candidates to run, in order.
    budget : float
        Compute they may take together [FLOP].
    """

    duel: Duel
    plan: Plan
    bench: Bench
    chosen: tuple[int, ...]
    budget: float

    @property
    def chances(self) -> Array:
        """Probability that a verdict is reached, before and after each run (k + 1,)."""
        from scipy import special

        logs = np.log(self.duel.multiplier[self.duel.arms[0]][:, -1])
        logs = logs[np.isfinite(logs)]
        mean, widths = float(np.mean(logs)), self.bench.after(self.chosen)
        least = -special.ndtri(self.duel.error)
        moves = np.sqrt(np.maximum(widths[0] ** 2 - widths**2, 0.0))
        with np.errstate(divide="ignore"):
            up = (mean - least * widths) / moves
            down = (-mean - least * widths) / moves
        return np.asarray(special.ndtr(up) + special.ndtr(down))

    @property
    def enough(self) -> int | None:
        """How many of the runs give a verdict with probability `DECIDED`; None where all do not."""
        reached = np.flatnonzero(self.chances >= DECIDED)
        return int(reached[0]) if reached.size else None

    def _rows(self) -> list[dict[str, Any]]:
        """Return one dict per run, in the order in which to make them."""
        widths, chances, spent, found = self.bench.after(self.chosen), self.chances, 0.0, []
        for place, run in enumerate(self.chosen):
            spent += float(self.bench.cost[run])
            sizes = {name: float(values[run]) for name, values in self.plan.columns.items()}
            found.append(
                {"order": place + 1, self.plan.group_column: self.plan.labels[run], **sizes}
                | {"flops": float(self.bench.cost[run]), "spent": spent}
                | {"sd_log_multiplier": float(widths[place + 1])}
                | {"chance_of_a_verdict": float(chances[place + 1])}
            )
        return found

    @property
    def about(self) -> dict[str, Any]:
        """What is told beside the rows."""
        spent = [0.0, *(row["spent"] for row in self.rows())]
        cost = None if self.enough is None else spent[self.enough]
        return {"verdict_now": self.duel.verdict(self.duel.arms[0]), "error": self.duel.error,
                "runs_enough": self.enough, "flops_enough": cost}  # fmt: skip

    def page(self) -> Page:
        """Return what is printed: the verdict of now, the runs in order, and how many suffice."""
        arm, about = self.duel.arms[0], self.about
        runs = Grid(
            heading=("run", "of", *map(called, ("params", "tokens", "flops")), "verdict after it"),
            rows=[
                [str(row["order"]), row[self.plan.group_column],
                 *(f"{row[name]:.3g}" for name in ("params", "tokens", "flops")),
                 f"{row['chance_of_a_verdict']:.2f}"]
                for row in self.rows()
            ],
        )  # fmt: skip
        if self.enough == 0:
            last = "no further run is needed"
        elif self.enough is None:
            last = (
                f"{self.budget:.3g} FLOP settle it with a probability of only "
                f"{self.chances[-1]:.2f}: a verdict needs more compute, or runs nearer the target"
            )
        else:
            last = (
                f"the first {self.enough} settle it with a probability of at least {DECIDED:.0%}, "
                f"for {about['flops_enough']:.3g} FLOP"
            )
        head = f"{arm} against {self.duel.a}: {about['verdict_now']}"
        return [[head, f"wrong with at most {self.duel.error:.0%}"], [runs], [last]]


def settle(
    source: Posterior,
    a: str,
    b: str,
    *,
    flops: float,
    budget: float,
    candidates: Sizes | None = None,
    inputs: Mapping[str, float] | None = None,
    throughput: Mapping[str, float] | None = None,
    error: float = ERROR,
) -> Settling:
    """Choose runs that settle whether a variant is better than a baseline.

    Parameters
    ----------
    source : Fit
        A posterior of several groups, of a law in params and tokens.
    a, b : str
        Labels of the baseline and of the variant; one may be the name of a published law, of which
        no run can be made.
    flops : float
        Compute of the target [FLOP].
    budget : float
        Compute that all further runs may take together [FLOP].
    candidates : mapping, DataFrame or RunTable, optional
        Sizes that either group could be run at; by default those of the fitted runs, extended by
        one step each way.
    inputs : mapping of str to float, optional
        Other inputs of the law.
    throughput : mapping of str to float, optional
        Speed of the variant over that of the baseline, in FLOP per hour.
    error : float
        Probability of a wrong promotion, or a wrong drop, that a verdict may have.

    Returns
    -------
    Settling

    Raises
    ------
    InputError
        A group is unknown, or the budget pays for no candidate.
    """
    if not (np.isfinite(budget) and budget > 0):
        raise InputError(f"budget is a compute above 0 [FLOP], got {budget!r}", source="settle")
    found = duel(source, a, b, flops=flops, inputs=inputs, throughput=throughput, error=error)
    sizes = (
        grid_of(source.runs, budget, source.leading.active_share)
        if candidates is None
        else candidates
    )
    group = source.leading.reads.group
    asked = [
        forecast(source, {**_plain(sizes), **(inputs or {}), group: name})
        for name in (a, b)
        if name in source.groups
    ]
    plan = Plan(
        columns={
            name: np.concatenate([each.plan.columns[name] for each in asked])
            for name in asked[0].plan.columns
        },
        group_column=group,
        group=np.concatenate([each.plan.group for each in asked]),
        labels=tuple(label for each in asked for label in each.plan.labels),
    )
    cost = plan.columns["flops"]
    if not (cost <= budget).any():
        raise InputError(
            f"{budget:.3g} FLOP pays for none of {cost.size} candidates, the cheapest of which "
            f"takes {cost.min():.3g}"
        )
    with np.errstate(all="ignore"):
        losses = np.log(np.concatenate([each.noise_free for each in asked], axis=1))
        draws = np.log(np.concatenate([each.draws for each in asked], axis=1))
        goal = np.log(found.multiplier[b][:, -1])
    known = np.isfinite(losses).all(axis=0)
    kept = np.isfinite(goal)
    if kept.mean() < 1 - error:
        raise InputError(
            f"{a} never reaches the loss of {b} in {1 - kept.mean():.0%} of the draws: that is a "
            "verdict, and no multiplier that runs could narrow"
        )
    table = bench(
        np.column_stack([np.where(known, losses, 0.0), goal])[kept],
        noise_of(draws - losses),
        np.where(known, cost, np.inf),
        asked[0].member[kept],
    )
    return Settling(
        duel=found, plan=plan, bench=table, chosen=best_order(table, budget), budget=budget
    )


def _plain(sizes: Sizes) -> dict[str, Any]:
    """Return sizes as a mapping of columns."""
    if isinstance(sizes, RunTable):
        return dict(sizes.columns)
    return {name: np.asarray(sizes[name]) for name in sizes}
