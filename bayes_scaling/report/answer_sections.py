"""Sections with the answers: the verdict, loss, allocation and learning rate."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from bayes_scaling.decisions import Forecast
from bayes_scaling.intervals import format_kind, interval
from bayes_scaling.report import plots, style
from bayes_scaling.report.answers import Answers
from bayes_scaling.report.blocks import Block, Facts, Items, Notice, Picture, Prose, Table
from bayes_scaling.report.caveats import caveats
from bayes_scaling.report.curves import farthest
from bayes_scaling.report.numbers import (
    without_kind,
    write_chance,
    write_count,
    write_counts,
    write_factor,
    write_number,
)


def verdict(answers: tuple[Answers, ...]) -> tuple[Block, ...]:
    """Say the answer first: loss, split, distance, chance, and the gravest doubt."""
    first = answers[0]
    if first.question.axis is None:
        return (_unanswered(first), _caveat(first))
    blocks: list[Block] = []
    if len(answers) > 1:
        labels = ", ".join(str(item.family) for item in answers)
        blocks.append(
            Prose(text=f"The fit holds {len(answers)} families, each answered by itself: {labels}.")
        )
        blocks.append(_families_table(answers))
    for item in answers[:1]:
        blocks += [Prose(text=_headline(item), lead=True), Facts(rows=_facts(item))]
    share = f"{100 * first.question.probability:g} %"
    text = f"Large numbers are medians; brackets hold {share} of the draws, with equal tails (ETI)."
    blocks.append(Prose(text=text))
    if first.question.unanswered:
        blocks.append(_unanswered(first))
    return (*blocks, _caveat(first), *_lesser_caveats(first))


def place(answers: Answers) -> str:
    """Say what is planned: a budget, or a size."""
    at = answers.question.at
    if answers.question.axis == "flops":
        return f"{write_number(at)} FLOP"
    axis = str(answers.question.axis)
    meant = dict(answers.fit.model.columns).get(axis) == "params_nonembedding"
    return f"{write_count(at)} {'non-embedding parameters' if meant else axis}"


def _headline(item: Answers) -> str:
    of = f" of {item.family}" if item.family is not None else ""
    loss = interval(item.planned.draws[:, 0], item.question.probability)
    if item.allocation is None:
        return f"At {place(item)}, a new run{of} should reach a loss of {loss}."
    params, tokens = (item.planned.plan.columns[name][0] for name in ("params", "tokens"))
    return (
        f"At {place(item)}, the best split{of} is {write_count(params)} parameters on "
        f"{write_count(tokens)} tokens. A new run of that size should reach a loss of {loss}."
    )


def _facts(item: Answers) -> tuple[tuple[str, str, str], ...]:
    probability, planned = item.question.probability, item.planned
    rows = []
    if item.allocation is not None:
        index = int(np.argmin(abs(np.log(item.places / item.question.at))))
        split = item.allocation
        params, tokens = split.params[:, index], split.tokens[:, index]
        ratio = interval(split.tokens_per_param[:, index], probability)
        rows += [
            ("Parameters N*", *_cut(write_counts(params, probability))),
            ("Tokens D*", *_cut(write_counts(tokens, probability), f"{ratio} tokens per param")),
        ]
    new_run, law = (
        interval(draws[:, 0], probability) for draws in (planned.draws, planned.noise_free)
    )
    rows.append(("Loss of a new run", *_cut(str(new_run), f"the law itself, noise-free: {law}")))
    for name, draws in planned.tuned.items():
        value = interval(draws[:, 0], probability)
        rows.append((f"Tuned {name.replace('_', ' ')}", *_cut(str(value), "at that size")))
    rows.append(_distance(item))
    if item.question.target_loss is not None:
        rows.append(_chance(planned, item.question.target_loss))
    return tuple(rows)


def _cut(written: str, more: str = "") -> tuple[str, str]:
    """Part a written interval into what is set large and what is set small."""
    head, _, tail = written.partition(" [")
    return head, f"[{tail}" + (f"; {more}" if more else "")


def _distance(item: Answers) -> tuple[str, str, str]:
    axis = item.question.axis or "flops"
    beyond = {name: float(values[0]) for name, values in item.planned.extrapolation.items()}
    efolds = beyond.get(axis, 0.0)
    unit = "FLOP" if axis == "flops" else axis
    largest = farthest(item.fit, axis)
    written = write_number(largest) if axis == "flops" else write_count(largest)
    value = f"{write_factor(math.exp(efolds))}, {efolds:.1f} e-folds" if efolds >= 0.005 else "none"
    others = ", ".join(
        f"{name.replace('_', ' ')} {write_factor(math.exp(far)) if far >= 0.005 else 'inside'}"
        for name, far in beyond.items()
        if name != axis
    )
    text = f"the largest run has {written} {unit}" + (f"; by size: {others}" if others else "")
    return "Beyond the runs", value, text


def _chance(planned: Forecast, target: float) -> tuple[str, str, str]:
    losses = planned.draws[:, 0]
    misses = float(np.mean(losses > target))
    law = float(np.mean(planned.noise_free[:, 0] <= target))
    return (
        f"Chance of missing {target:g}",
        write_chance(misses, losses.size),
        f"the loss of a new run is at most {target:g} with probability "
        f"{100 * (1 - misses):.3g} %; the law itself with {100 * law:.3g} %",
    )


def _families_table(answers: tuple[Answers, ...]) -> Table:
    target, probability = answers[0].question.target_loss, answers[0].question.probability
    allocates = answers[0].allocation is not None
    head = ["family", "runs"]
    head += ["parameters N*", "tokens D*"] if allocates else []
    head += ["loss of a new run"]
    head += [f"chance of missing {target:g}"] if target is not None else []
    rows = []
    for item in answers:
        row = [str(item.family), str(len(item.runs))]
        if item.allocation is not None:
            column = list(item.places).index(item.question.at)
            row += [
                without_kind(write_counts(draws[:, column], probability))
                for draws in (item.allocation.params, item.allocation.tokens)
            ]
        row.append(_cell(item.planned.draws[:, 0], probability))
        if target is not None:
            row.append(_chance(item.planned, target)[1])
        rows.append(tuple(row))
    return Table(
        caption=f"Every family at {place(answers[0])}: {_explained(probability)}",
        head=tuple(head),
        rows=tuple(rows),
    )


def _cell(draws: ArrayLike, probability: float) -> str:
    """Write an interval for a table whose caption names its kind."""
    return without_kind(str(interval(draws, probability)))


def _explained(probability: float) -> str:
    """Say what the cells of a table hold."""
    return f"median [{format_kind(probability)}]"


def _caveat(item: Answers) -> Notice:
    tone = "fail" if not item.fit.trustworthy else "warn"
    return Notice(tone=tone, title="Biggest caveat", text=caveats(item)[0])  # type: ignore[arg-type]


def _lesser_caveats(item: Answers) -> tuple[Block, ...]:
    rest = caveats(item)[1:]
    return (Prose(text="Also keep in mind:"), Items(texts=rest)) if rest else ()


def _unanswered(item: Answers) -> Notice:
    return Notice(
        tone="info", title="Not answered by this law", text=" ".join(item.question.unanswered)
    )


def loss_section(item: Answers) -> tuple[Block, ...]:
    """Draw loss along the path, and write the forecasts of a few budgets."""
    along = item.curve.along
    ax = plots.plot_loss(item.fit, family=item.family, curve=item.curve, planned=item.planned)
    path = "along the compute-optimal path" if item.allocation is not None else f"against {along}"
    splits = item.allocation is not None
    above = " Runs away from the best split lie above the line." if splits else ""
    worse = (
        " Faint points are runs that another learning rate beat at the same size."
        if "learning_rate" in item.runs
        else ""
    )
    loss = interval(item.planned.draws[:, 0], item.question.probability)
    picture = Picture(
        source=style.to_data_uri(ax.figure, "loss"),  # type: ignore[arg-type]
        alt=f"Loss {path}: {len(item.runs)} runs, the law with 50 % and 90 % bands, and the "
        f"forecast at {place(item)}: {loss}.",
        caption=f"Loss {path}. Shaded bands: the law. Dashed: where 90 % of new runs should fall."
        f"{above}{worse} Right of the dotted line there are no runs.",
    )
    return (picture, _forecast_table(item))


def _forecast_table(item: Answers) -> Table:
    axis, probability = item.question.axis, item.question.probability
    tuned = tuple(item.planned.tuned)
    rows = []
    for at, found in zip(item.places, item.forecasts, strict=True):
        efolds = float(found.extrapolation.get(axis or "", np.zeros(1))[0])
        rows.append(
            (
                write_number(at) if axis == "flops" else write_count(at),
                _cell(found.draws[:, 0], probability),
                _cell(found.noise_free[:, 0], probability),
                *(_cell(found.tuned[name][:, 0], probability) for name in tuned),
                f"{efolds:.1f}",
            )
        )
    split = " at the best split of each budget" if item.allocation is not None else ""
    return Table(
        caption=f"Forecasts{split}: {_explained(probability)}",
        head=(
            "C [FLOP]" if axis == "flops" else str(axis),
            "loss of a new run",
            "noise-free loss",
            *(f"tuned {name.replace('_', ' ')}" for name in tuned),
            "e-folds beyond the runs",
        ),
        rows=tuple(rows),
    )


def allocation_section(item: Answers) -> tuple[Block, ...]:
    """Draw and write the best split of a few budgets."""
    split, path = item.allocation, item.curve.allocation
    if split is None or path is None:
        return (_unanswered(item),)
    probability = item.question.probability
    runs = item.runs if not item.fit.model.columns else None
    ax = plots.plot_allocation(path, runs=runs)
    picture = Picture(
        source=style.to_data_uri(ax.figure, "allocation"),  # type: ignore[arg-type]
        alt="Compute-optimal parameters and tokens against the budget, with 50 % and 90 % bands; "
        f"at {place(item)}: {write_counts(split.params[:, 2], probability)} parameters and "
        f"{write_counts(split.tokens[:, 2], probability)} tokens.",
        caption="The split of a budget C = 6 N D with the lowest noise-free loss. Bands: the "
        "optimum under each draw of the posterior.",
    )
    rows = tuple(
        (
            write_number(budget),
            without_kind(write_counts(split.params[:, index], probability)),
            without_kind(write_counts(split.tokens[:, index], probability)),
            _cell(split.tokens_per_param[:, index], probability),
            _cell(split.loss[:, index], probability),
        )
        for index, budget in enumerate(item.places)
    )
    table = Table(
        caption=f"Best split of a budget: {_explained(probability)}",
        head=(
            "C [FLOP]", "parameters N*", "tokens D*", "tokens per parameter",
            "noise-free loss",
        ),
        rows=rows,
    )  # fmt: skip
    return (picture, table)


def learning_rate_section(item: Answers) -> tuple[Block, ...]:
    """Draw the tuned learning rate along the path."""
    ax = plots.plot_learning_rate(
        item.fit, family=item.family, curve=item.curve, planned=item.planned
    )
    value = interval(item.planned.tuned["learning_rate"][:, 0], item.question.probability)
    return (
        Prose(text=f"At {place(item)} and the best split, the tuned learning rate is {value}."),
        Picture(
            source=style.to_data_uri(ax.figure, "learning-rate"),  # type: ignore[arg-type]
            alt="Tuned learning rate against parameters with 50 % and 90 % bands; at "
            f"{place(item)}: {value}.",
            caption="The bottom of the learning-rate valley along the best path. Points: "
            "the best rate of every (params, tokens) cell that tried at least three; their lengths "
            "differ from the path's, and the rates tried are a grid.",
        ),
    )
