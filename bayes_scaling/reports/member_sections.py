"""Sections on the members of an ensemble: their own answers, models, diagnostics, posteriors."""

from __future__ import annotations

import numpy as np

from bayes_scaling.facade import Fit
from bayes_scaling.figures.numbers import without_kind, write_count, write_counts, write_number
from bayes_scaling.formula.render import to_text
from bayes_scaling.intervals import PROBABILITY
from bayes_scaling.laws.variants import tempering_in_words
from bayes_scaling.questions import Forecast
from bayes_scaling.reports.answer_sections import cell, explained, place
from bayes_scaling.reports.answers import Answers
from bayes_scaling.reports.blocks import Block, Items, Math, Prose, Table, Verdicts
from bayes_scaling.reports.fit_sections import (
    formula_lines,
    on_top,
    posterior_table,
    prior_table,
    symbols,
)

MEANING = (
    "Form: the laws disagree. Drift: exponents may go on changing beyond the runs. Parameters: "
    "what the runs leave open within each law. Noise: no two runs are alike."
)


def members_section(item: Answers) -> tuple[Block, ...]:
    """Show what each member says by itself, who is the most pessimistic, and where it spreads."""
    blocks: list[Block] = [Prose(text=_introduction(item)), _members_table(item)]
    if item.fit.averages and item.fit.left_out:
        told = (f"{name} is left out: {reason}." for name, reason in item.fit.left_out.items())
        blocks.append(Items(texts=tuple(told)))
    return (*blocks, *_spread(item))


def most_pessimistic(forecast: Forecast) -> str:
    """Return the member with the highest median loss of a new run."""
    medians = [
        float(np.median(forecast.draws[forecast.member == index, 0]))
        for index in range(len(forecast.members))
    ]
    return forecast.members[int(np.argmax(medians))]


def _introduction(item: Answers) -> str:
    count = len(item.planned.members)
    if count == 1:
        return "One law counts here, so nothing is averaged."
    return (
        f"The forecast averages {count} laws, draw by draw. By itself each of them says this at "
        f"{place(item)}, for a run of the same size. The most pessimistic is "
        f"{most_pessimistic(item.planned)}."
    )


def _members_table(item: Answers) -> Table:
    probability, planned = item.question.probability, item.planned
    rows = []
    for index, (name, weight) in enumerate(zip(planned.members, planned.weights, strict=True)):
        own = planned.member == index
        row = [name, f"{weight:.2f}", cell(planned.draws[own, 0], probability)]
        row.append(cell(planned.noise_free[own, 0], probability))
        if item.allocation is not None:
            column = list(item.places).index(item.question.at)
            mine = item.allocation.member == index
            row += [
                without_kind(write_counts(draws[mine, column], probability))
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
        column = list(item.places).index(item.question.at)
        form = float(item.allocation.spread["form"][column])
        blocks.append(
            Prose(
                text=f"What the laws disagree about makes up {_percent(form)} of the spread of the "
                "best tokens per parameter."
            )
        )
    return tuple(blocks)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


# ---- what the answers rest on --------------------------------------------------------------------


def models_section(ensemble: Fit) -> tuple[Block, ...]:
    """Show every law, and the priors of all of them in one table."""
    blocks: list[Block] = []
    for name, fit in ensemble.members.items():
        model = fit.model
        valid = f" Valid for: {model.valid}." if model.valid else ""
        weight = f"weight {ensemble.weights[name]:.2f}"
        blocks += [
            Prose(text=f"{name}, {weight}: {model.title}.{valid}"),
            Math(markup=formula_lines(model), text=to_text(model.formula)),
            *on_top(fit),
        ]
    references = dict.fromkeys(
        text for fit in ensemble.members.values() for text in fit.model.references
    )
    blocks += [Prose(text=symbols(ensemble.leading)), _prior_table(ensemble)]
    if references:
        blocks.append(Prose(text=f"References: {'; '.join(references)}."))
    return tuple(blocks)


def _prior_table(ensemble: Fit) -> Table:
    """Write each prior once, with the laws that have it."""
    tables = {name: prior_table(fit) for name, fit in ensemble.members.items()}
    owners: dict[tuple[str, ...], list[str]] = {}
    for name, table in tables.items():
        for row in table.rows:
            owners.setdefault(row, []).append(name)
    first = next(iter(tables.values()))
    rows = tuple(
        (*row, "all" if len(names) == len(tables) else ", ".join(names))
        for row, names in sorted(owners.items(), key=lambda pair: -len(pair[1]))
    )
    return Table(
        caption=first.caption,
        head=(*first.head, "laws"),
        rows=rows,
        text_columns=(*first.text_columns, len(first.head)),
    )


def diagnostics_section(ensemble: Fit) -> tuple[Block, ...]:
    """Show the verdict on every check of every law, and the evidence where it is not ok."""
    settings = ensemble.settings
    head = {
        "converged": "The sampler converged for every law that counts.",
        "unconverged": "The sampler converged for no law: no number on this page can be relied on.",
    }[ensemble.status]
    text = (
        f"{head} {settings.chains} chains of {settings.draws} draws each, after {settings.tune} to "
        "tune."
    )
    verdicts = ensemble.verdicts
    names = tuple(next(iter(verdicts.values())))
    table = Table(
        caption="Every check of every law",
        head=("law", *names),
        rows=tuple((name, *told.values()) for name, told in verdicts.items()),
        text_columns=tuple(range(len(names) + 1)),
    )
    told = tuple(
        (check.verdict, check.name, check.evidence, check.advice)
        for check in ensemble.checks
        if check.verdict != "ok"
    )
    tempered = tempering_in_words(fit.model for fit in ensemble.members.values())
    return (
        Prose(text=text),
        table,
        *((Verdicts(rows=told),) if told else ()),
        *((Prose(text=f"{tempered[:1].upper()}{tempered[1:]}."),) if tempered else ()),
    )


def posteriors_section(ensemble: Fit, probability: float = PROBABILITY) -> tuple[Block, ...]:
    """Write the posterior of every law."""
    return tuple(
        posterior_table(fit, probability, title=f"{name}, weight {ensemble.weights[name]:.2f}")
        for name, fit in ensemble.members.items()
    )
