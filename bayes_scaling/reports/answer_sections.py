"""Sections with the answers: loss, allocation and learning rate; and how they are worded."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from bayes_scaling.figures import plots, style
from bayes_scaling.figures.curves import observed
from bayes_scaling.figures.numbers import without_kind, write_count, write_counts, write_number
from bayes_scaling.intervals import format_kind, interval
from bayes_scaling.questions import Allocation, Forecast
from bayes_scaling.reports.answers import Answers
from bayes_scaling.reports.blocks import Block, Notice, Picture, Prose, Table
from bayes_scaling.reports.caveats import missed_runs

NEAR = 3.0
"""Factor of a budget within which a run counts as made at that budget."""

FEWEST = 3
"""Runs near a budget from which they say what was tried there."""


def place(answers: Answers) -> str:
    """Say what is planned: a budget, or a size."""
    at = answers.question.at
    if answers.question.axis == "flops":
        return f"{write_number(at)} FLOP"
    axis = str(answers.question.axis)
    meant = dict(answers.model.columns).get(axis) == "params_nonembedding"
    return f"{write_count(at)} {'non-embedding parameters' if meant else axis}"


def cell(draws: ArrayLike, probability: float) -> str:
    """Write an interval for a table whose caption names its kind."""
    return without_kind(str(interval(draws, probability)))


def explained(probability: float) -> str:
    """Say what the cells of a table hold."""
    return f"median [{format_kind(probability)}]"


def unanswered(item: Answers) -> Notice:
    """Say what was asked and cannot be answered by the law."""
    return Notice(
        tone="info", title="Not answered by this law", text=" ".join(item.question.unanswered)
    )


def loss_section(item: Answers) -> tuple[Block, ...]:
    """Draw loss along the path, and write the forecasts of a few budgets."""
    along = item.curve.along
    ax = plots.plot_loss(item.fit, family=item.family, curve=item.curve, planned=item.planned)
    path = "along the compute-optimal path" if item.allocation is not None else f"against {along}"
    splits = item.allocation is not None
    miss = missed_runs(item.fit)
    above = " Runs away from the best split lie above the line." if splits else ""
    if miss is not None:
        far = f"{miss.distance} {miss.side}" if miss.side else "off"
        above = f" {miss.who} the best of the largest runs: they lie {far} the line."
    worse = (
        " Faint points are runs that another learning rate beat at the same size."
        if "learning_rate" in item.runs
        else ""
    )
    several = len(item.planned.members) > 1
    bands = "the laws averaged; thin lines: each by itself" if several else "the law"
    loss = interval(item.planned.draws[:, 0], item.question.probability)
    picture = Picture(
        source=style.to_data_uri(ax, "loss"),
        alt=f"Loss {path}: {len(item.runs)} runs, the law with 50 % and 90 % bands, and the "
        f"forecast at {place(item)}: {loss}.",
        caption=f"Loss {path}. Shaded bands: {bands}. Dashed: where 90 % of new runs should fall."
        f"{above}{worse} Right of the dotted line there are no runs.",
    )
    return (picture, _forecast_table(item))


def _forecast_table(item: Answers) -> Table:
    axis, probability = item.question.axis, item.question.probability
    tuned = tuple(item.planned.tuned)
    rows = []
    for at, found in zip(item.places, item.forecasts, strict=True):
        rows.append(
            (
                write_number(at) if axis == "flops" else write_count(at),
                cell(found.draws[:, 0], probability),
                cell(found.noise_free[:, 0], probability),
                *(cell(found.tuned[name][:, 0], probability) for name in tuned),
                _efolds(found, 0, axis),
            )
        )
    split = " at the best split of each budget" if item.allocation is not None else ""
    return Table(
        caption=f"Forecasts{split}: {explained(probability)}",
        head=(
            "C [FLOP]" if axis == "flops" else str(axis),
            "loss of a new run",
            "noise-free loss",
            *(f"tuned {name.replace('_', ' ')}" for name in tuned),
            "e-folds beyond the runs",
        ),
        rows=tuple(rows),
    )


def _efolds(found: Forecast | Allocation, index: int, axis: str | None) -> str:
    """Write how far an answer lies beyond the runs along the axis, and by each other size."""
    beyond = {name: float(values[index]) for name, values in found.extrapolation.items()}
    along = beyond.pop(axis or "", 0.0)
    others = ", ".join(f"{name.replace('_', ' ')} {value:.1f}" for name, value in beyond.items())
    return f"{along:.1f} ({others})" if others else f"{along:.1f}"


def allocation_section(item: Answers) -> tuple[Block, ...]:
    """Draw and write the best split of a few budgets."""
    split, path = item.allocation, item.curve.allocation
    if split is None or path is None:
        return (unanswered(item),)
    probability, planned = item.question.probability, item.planned_place
    runs = item.runs if not item.model.columns else None
    ax = plots.plot_allocation(path, runs=runs)
    picture = Picture(
        source=style.to_data_uri(ax, "allocation"),
        alt="Compute-optimal parameters and tokens against the budget, with 50 % and 90 % bands; "
        f"at {place(item)}: {write_counts(split.params[:, planned], probability)} parameters and "
        f"{write_counts(split.tokens[:, planned], probability)} tokens.",
        caption="The split of a budget C = 6 N D with the lowest noise-free loss. Bands: the "
        f"optimum under each draw of the posterior.{_untried(item)}",
    )
    rows = tuple(
        (
            write_number(budget),
            without_kind(write_counts(split.params[:, index], probability)),
            without_kind(write_counts(split.tokens[:, index], probability)),
            cell(split.tokens_per_param[:, index], probability),
            cell(split.loss[:, index], probability),
            _efolds(split, index, "flops"),
        )
        for index, budget in enumerate(item.places)
    )
    table = Table(
        caption=f"Best split of a budget: {explained(probability)}",
        head=(
            "C [FLOP]", "parameters N*", "tokens D*", "tokens per parameter",
            "noise-free loss", "e-folds beyond the runs",
        ),
        rows=rows,
    )  # fmt: skip
    return (picture, table)


def _untried(item: Answers) -> str:
    """Say where the best split leaves the tokens per parameter that the runs have tried."""
    path, runs = item.curve.allocation, item.runs
    if path is None or item.model.columns or not {"params", "tokens"} <= set(runs.columns):
        return ""
    seen = observed(item.fit, runs, "flops")
    tried = runs["tokens"] / runs["params"]
    for budget, draws in zip(item.curve.x[::-1], path.tokens_per_param.T[::-1], strict=True):
        near = np.abs(np.log(seen / budget)) <= np.log(NEAR)
        if budget > np.nanmax(seen) * 1.001 or np.count_nonzero(near) < FEWEST:
            continue
        low, high = np.quantile(tried[near], (0.05, 0.95))
        median = float(np.median(draws))
        if low <= median <= high:
            return ""
        most = " to ".join(write_number(float(end), 2) for end in (low, high))
        return (
            f" At {write_number(float(budget), 2)} FLOP the best split has "
            f"{write_number(median, 2)} tokens per parameter, and 90 % of the runs near that "
            f"budget have {most}: that split was hardly tried."
        )
    return ""


def learning_rate_section(item: Answers) -> tuple[Block, ...]:
    """Draw the tuned learning rate along the path."""
    ax = plots.plot_learning_rate(
        item.fit, family=item.family, curve=item.curve, planned=item.planned
    )
    value = interval(item.planned.tuned["learning_rate"][:, 0], item.question.probability)
    return (
        Prose(text=f"At {place(item)} and the best split, the tuned learning rate is {value}."),
        Picture(
            source=style.to_data_uri(ax, "learning-rate"),
            alt="Tuned learning rate against parameters with 50 % and 90 % bands; at "
            f"{place(item)}: {value}.",
            caption="Line: the bottom of the learning-rate valley, where every size is trained on "
            "the tokens that the best path gives it. Points: the best rate tried at each size and "
            "length, where at least three were tried; each has its own length, and rates come from "
            "a grid, so they need not lie on the line.",
        ),
    )
