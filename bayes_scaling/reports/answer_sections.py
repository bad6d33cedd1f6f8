"""Sections with the answers: loss, each law by itself, drift, allocation and learning rate."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from bayes_scaling.facade import Fit
from bayes_scaling.figures import curve_plots
from bayes_scaling.figures.words import (
    column_label,
    without_kind,
    write_count,
    write_counts,
    write_number,
)
from bayes_scaling.intervals import format_kind, interval
from bayes_scaling.questions import Allocation, Forecast
from bayes_scaling.questions.drawn_tables import by_law
from bayes_scaling.questions.drifting_exponents import ASKED, LARGEST, REFERENCE, LocalExponent
from bayes_scaling.questions.forecast import most_pessimistic
from bayes_scaling.questions.glance import untried_split
from bayes_scaling.reports.answers import Answers
from bayes_scaling.reports.blocks import Block, Items, Notice, Picture, Prose, Table, picture
from bayes_scaling.reports.caveats import missed_runs
from bayes_scaling.runs.designs import mistuned

SAME = 1e-9
"""Range of draws from which they are one number."""

MEANING = (
    "Form: the laws disagree. Drift: exponents may go on changing beyond the runs. Parameters: "
    "what the runs leave open within each law. Noise: no two runs are alike."
)


def place(answers: Answers) -> str:
    """Say what is planned: a budget, or a size."""
    at = answers.question.at
    if answers.question.axis == "flops":
        served = " of training and serving" if answers.question.limits.inference_tokens else ""
        return f"{write_number(at)} FLOP{served}"
    axis = str(answers.question.axis)
    meant = dict(answers.model.columns).get(axis) == "params_nonembedding"
    return f"{write_count(at)} {'non-embedding parameters' if meant else axis}"


def budget_heading(answers: Answers) -> str:
    """Say what budgets of a table are of."""
    served = "of training and serving " if answers.question.limits.inference_tokens else ""
    return f"C {served}[FLOP]"


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
    """Write the forecasts of a few budgets; draw loss where the first screen does not."""
    table = _forecast_table(item)
    return (table,) if item.place == 0 else (loss_picture(item), table)


def loss_picture(item: Answers) -> Picture:
    """Draw loss along the path, with the runs and the planned one."""
    along, splits = item.curve.along, item.allocation is not None
    path = "along the compute-optimal path" if splits else f"against {along}"
    miss = missed_runs(item.fit)
    above = " Runs away from the best split lie above the line." if splits else ""
    if miss is not None:
        far = f"{miss.distance} {miss.side}" if miss.side else "off"
        above = f" {miss.who} the best of the largest runs: they lie {far} the line."
    worse = (
        " Faint points are runs that another learning rate beat at the same size."
        if mistuned(item.runs).any()
        else ""
    )
    several = len(item.planned.members) > 1
    bands = "the laws averaged; thin lines: each by itself" if several else "the law"
    loss = interval(item.planned.draws[:, 0], item.question.probability)
    return picture(
        lambda ax: curve_plots.plot_loss(
            item.fit, family=item.family, curve=item.curve, planned=item.planned, ax=ax
        ),
        "loss",
        alt=f"Loss {path}: {len(item.runs)} runs, the law with 50 % and 90 % bands, and the "
        f"forecast at {place(item)}: {loss}.",
        caption=f"Loss {path}. Shaded bands: {bands}. Dashed: where 90 % of new runs should fall."
        f"{above}{worse} Right of the dotted line there are no runs.",
    )


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
            budget_heading(item) if axis == "flops" else str(axis),
            "loss of a new run",
            "noise-free loss",
            *(f"tuned {name.replace('_', ' ')}" for name in tuned),
            "e-folds beyond the runs",
        ),
        rows=tuple(rows),
        asked=item.planned_place,
    )


def _efolds(found: Forecast | Allocation, index: int, axis: str | None) -> str:
    """Write how far an answer lies beyond the runs along the axis, and by each other size."""
    beyond = {name: float(values[index]) for name, values in found.extrapolation.items()}
    along = beyond.pop(axis or "", 0.0)
    others = ", ".join(f"{name.replace('_', ' ')} {value:.1f}" for name, value in beyond.items())
    return f"{along:.1f} ({others})" if others else f"{along:.1f}"


# ---- each law by itself --------------------------------------------------------------------------


def members_section(item: Answers) -> tuple[Block, ...]:
    """Show what each member says by itself, who is the most pessimistic, and where it spreads."""
    blocks: list[Block] = [Prose(text=_introduction(item)), _members_table(item)]
    if item.fit.averages and item.fit.left_out:
        told = (f"{name} is left out: {reason}." for name, reason in item.fit.left_out.items())
        blocks.append(Items(texts=tuple(told)))
    return (*blocks, *_spread(item))


def _introduction(item: Answers) -> str:
    count, target = len(item.planned.members), item.question.target_loss
    if count == 1:
        return "One law counts here, so nothing is averaged."
    worst = most_pessimistic(item.planned, target)
    least = f", which gives {target:g} the least chance" if target is not None else ""
    return (
        f"The forecast averages {count} laws, draw by draw. By itself each of them says this at "
        f"{place(item)}, for a run of the same size. The most pessimistic is {worst}{least}."
    )


def _members_table(item: Answers) -> Table:
    probability, planned = item.question.probability, item.planned
    rows = []
    new_runs = by_law(planned.draws[:, 0], planned)
    noise_free = by_law(planned.noise_free[:, 0], planned)
    for index, (name, weight) in enumerate(zip(planned.members, planned.weights, strict=True)):
        row = [name, f"{weight:.2f}", cell(new_runs[name], probability)]
        row.append(cell(noise_free[name], probability))
        if item.allocation is not None:
            mine = item.allocation.member == index
            row += [
                without_kind(write_counts(draws[mine, item.planned_place], probability))
                for draws in (item.allocation.params, item.allocation.tokens)
            ]
        rows.append(tuple(row))
    best = ("its own best parameters", "its own best tokens") if item.allocation is not None else ()
    return Table(
        caption=f"Every law by itself: {explained(probability)}",
        head=("law", "weight", "loss of a new run", "noise-free loss", *best),
        rows=tuple(rows),
    )


def _spread(item: Answers) -> tuple[Block, ...]:
    """Say where the spread comes from: in one sentence for the planned run, and at every place."""
    axis = item.question.axis
    shares = [(name, float(share[0])) for name, share in item.planned.spread.items()]
    largest = max(shares, key=lambda pair: pair[1])
    text = (
        f"Most of the spread at {place(item)} is {largest[0]} ({_percent(largest[1])}). {MEANING}"
        if largest[1] > 0.5
        else f"The largest part of the spread at {place(item)} is {largest[0]} "
        f"({_percent(largest[1])}). {MEANING}"
    )
    rows = []
    for at, found in zip(item.places, item.forecasts, strict=True):
        parts = (_percent(float(share[0])) for share in found.spread.values())
        rows.append((write_number(at) if axis == "flops" else write_count(at), *parts))
    table = Table(
        caption="Where the spread of the loss of a new run comes from: shares of the variance of "
        "its log",
        head=("C [FLOP]" if axis == "flops" else str(axis), *(name for name, _ in shares)),
        rows=tuple(rows),
    )
    blocks: list[Block] = [Prose(text=text), table]
    if item.allocation is not None and len(item.allocation.members) > 1:
        form = float(item.allocation.spread["form"][item.planned_place])
        blocks.append(
            Prose(
                text=f"What the laws disagree about makes up {_percent(form)} of the spread of the "
                "best tokens per parameter."
            )
        )
    return tuple(blocks)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


# ---- drift ---------------------------------------------------------------------------------------


def drifts(fit: Fit) -> bool:
    """Tell whether exponents of any member drift."""
    return any(member.model.drifting for member in fit.members.values())


def drift_section(item: Answers) -> tuple[Block, ...]:
    """Write the local exponents of every law that drifts."""
    probability = item.question.probability
    several = len(item.fit.members) > 1
    text = (
        "An exponent need not stay what it is where the runs are. Here it is a walk in the log of "
        "the size: it starts from the parameter of the law at the reference, the geometric mean "
        "of the runs, is told by them inside their range, and goes on beyond as fast as they let "
        f"it wander. At {place(item)} the intervals hold both."
    )
    rows = []
    for parts in _by_input(item.exponents.parts):
        first = parts[REFERENCE]
        name = column_label(first.input) + (f", {first.parameter}" if first.parameter else "")
        cells = []
        for at in (REFERENCE, LARGEST, ASKED):
            part = parts[at]
            draws = part.factor if part.exponent is None else part.exponent
            itself = at == REFERENCE and part.exponent is None
            cells += [write_count(part.size), "1" if itself else _cell(draws, probability)]
        factor = _cell(parts[ASKED].factor, probability)
        rows.append((*((first.member,) if several else ()), name, *cells, factor))
    head = (
        *(("law",) if several else ()),
        "input, exponent",
        "reference",
        "exponent there",
        "largest run",
        "exponent there",
        "answer",
        "exponent there",
        "over that at the reference",
    )
    table = Table(
        caption=f"Local exponents: {explained(probability)}; where a law has no single exponent of "
        "an input, its factor over the reference",
        head=head,
        rows=tuple(rows),
        text_columns=(0, 1) if several else (0,),
    )
    return (Prose(text=text), table)


def _by_input(parts: Iterable[LocalExponent]) -> list[dict[str, LocalExponent]]:
    """Return the places of every input of every law, by what they are."""
    found: dict[tuple[str, str], dict[str, LocalExponent]] = {}
    for part in parts:
        found.setdefault((part.member, part.input), {})[part.at] = part
    return list(found.values())


def _cell(draws: np.ndarray, probability: float) -> str:
    return f"{draws[0]:.4g}" if np.ptp(draws) < SAME else cell(draws, probability)


# ---- splits and rates ----------------------------------------------------------------------------


def allocation_section(item: Answers) -> tuple[Block, ...]:
    """Draw and write the best split of a few budgets."""
    split, path = item.allocation, item.curve.allocation
    if split is None or path is None:
        return (unanswered(item),)
    probability, planned = item.question.probability, item.planned_place
    runs = item.runs if not item.model.columns else None
    drawn = picture(
        lambda ax: curve_plots.plot_allocation(path, runs=runs, ax=ax),
        "allocation",
        alt="Compute-optimal parameters and tokens against the budget, with 50 % and 90 % bands; "
        f"at {place(item)}: {write_counts(split.params[:, planned], probability)} parameters and "
        f"{write_counts(split.tokens[:, planned], probability)} tokens.",
        caption=f"The split of a budget {_counted(item)} with the lowest noise-free loss. Bands: "
        f"the optimum under each draw of the posterior.{_untried(item)}",
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
            budget_heading(item),
            "parameters N*",
            "tokens D*",
            "tokens per parameter",
            "noise-free loss",
            "e-folds beyond the runs",
        ),
        rows=rows,
        asked=planned,
    )
    return (drawn, table)


def _counted(item: Answers) -> str:
    """Say how a budget is counted."""
    served = item.question.limits.inference_tokens
    if not served:
        return "C = 6 N D"
    return f"C = 6 N D + 2 N x {write_count(served)} tokens served, drawn at 6 N D,"


def _untried(item: Answers) -> str:
    """Say where the best split leaves the tokens per parameter that the runs have tried."""
    path, runs = item.curve.allocation, item.runs
    if path is None or item.model.columns or not {"params", "tokens"} <= set(runs.columns):
        return ""
    found = untried_split(item.fit, runs, path)
    if found is None:
        return ""
    most = " to ".join(write_number(end, 2) for end in (found.low, found.high))
    return (
        f" At {write_number(found.flops, 2)} FLOP the best split has "
        f"{write_number(found.best, 2)} tokens per parameter, and 90 % of the runs near that "
        f"budget have {most}: that split was hardly tried."
    )


def learning_rate_section(item: Answers) -> tuple[Block, ...]:
    """Draw the tuned learning rate along the path."""
    value = interval(item.planned.tuned["learning_rate"][:, 0], item.question.probability)
    return (
        Prose(text=f"At {place(item)} and the best split, the tuned learning rate is {value}."),
        picture(
            lambda ax: curve_plots.plot_learning_rate(
                item.fit, family=item.family, curve=item.curve, planned=item.planned, ax=ax
            ),
            "learning-rate",
            alt="Tuned learning rate against parameters with 50 % and 90 % bands; at "
            f"{place(item)}: {value}.",
            caption="Line: the bottom of the learning-rate valley, where every size is trained on "
            "the tokens that the best path gives it. Points: the best rate tried at each size and "
            "length, where at least three were tried; each has its own length, and rates come from "
            "a grid, so they need not lie on the line.",
        ),
    )
