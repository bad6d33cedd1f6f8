"""The first screen: the answer at a glance, and the gravest doubt; then all of it in numbers."""

from __future__ import annotations

import math

import numpy as np

from bayes_scaling.figures.words import (
    TIMES,
    response_unit,
    without_kind,
    write_amount,
    write_chance,
    write_count,
    write_counts,
    write_factor,
    write_number,
)
from bayes_scaling.laws.variants import tempering_in_words
from bayes_scaling.questions import Forecast
from bayes_scaling.questions.drawn_tables import by_law
from bayes_scaling.questions.forecast import most_pessimistic
from bayes_scaling.questions.glance import best_run, chance_of
from bayes_scaling.questions.loss_curve import observed
from bayes_scaling.reports.answer_sections import (
    cell,
    explained,
    loss_picture,
    place,
    unanswered,
)
from bayes_scaling.reports.answers import MOST_FAMILIES, Answers
from bayes_scaling.reports.blocks import Block, Facts, Items, Notice, Prose, Table, Tone
from bayes_scaling.reports.caveats import caveats, missed_runs
from bayes_scaling.reports.decision_sections import sentence
from bayes_scaling.reports.trust_sections import backtest_fact
from bayes_scaling.validation import Backtest

Fact = tuple[str, str, str]
"""A label, a value, and what belongs to it in small print."""

CARDS = 4
"""Facts on the first screen."""

MISSED = "This law misses your best large runs."


def verdict_section(
    answers: tuple[Answers, ...], backtest: Backtest | None = None
) -> tuple[Block, ...]:
    """Say the answer first: a sentence, a figure, four cards, and the gravest doubt."""
    first = answers[0]
    if first.question.axis is None:
        return (unanswered(first), *_missed(first), _caveat(first))
    blocks: list[Block] = [
        Prose(text=_headline(first), lead=True),
        *_missed(first),
        loss_picture(first),
        Facts(rows=_cards(first, backtest)),
        _caveat(first),
    ]
    if len(answers) > 1:
        blocks += [Prose(text=_order(answers)), _families_table(answers)]
    if first.question.unanswered:
        blocks.append(unanswered(first))
    return tuple(blocks)


def numbers_section(
    answers: tuple[Answers, ...], backtest: Backtest | None = None
) -> tuple[Block, ...]:
    """Write all that the cards leave out, how to read it, and the lesser doubts."""
    first = answers[0]
    table = Table(
        caption=f"At {place(first)}" + (f", {first.family}" if first.family is not None else ""),
        head=("", "value", ""),
        rows=_facts(first, backtest),
        text_columns=(0, 1, 2),
    )
    return (table, Prose(text=_reading(first)), *_lesser_caveats(first))


def other_families(answers: tuple[Answers, ...]) -> tuple[Block, ...]:
    """Name the families whose figures are not shown."""
    names = ", ".join(str(item.family) for item in answers[MOST_FAMILIES:])
    return (Prose(text=f"Without figures here, for length: {names}. Ask for one with family=."),)


def _order(answers: tuple[Answers, ...]) -> str:
    """Say how the families are ordered, and which of them the page shows."""
    count, first = len(answers), answers[0].family
    some = f"the first {MOST_FAMILIES}" if count > MOST_FAMILIES else "all of them"
    return (
        f"The fit holds {count} families, each answered by itself; the one with the largest run "
        f"comes first. Headline and cards are of {first}; figures follow for {some}."
    )


def _reading(item: Answers) -> str:
    """Explain brackets and e-folds, once for the page."""
    probability = item.question.probability
    tail = 50 * (1 - probability)
    tempered = tempering_in_words(fit.model for fit in item.fit.members.values())
    return (
        f"Large numbers are medians. Brackets hold {100 * probability:g} % of the draws, with "
        f"{tail:.3g} % below and {tail:.3g} % above: an equal-tailed interval, or ETI. E-folds "
        f"count factors of 2.718: 4.6 e-folds = 100{TIMES}."
        + (f" {tempered[:1].upper()}{tempered[1:]}." if tempered else "")
    )


def _missed(item: Answers) -> tuple[Block, ...]:
    """Warn that the law misses the best of the largest runs, from which a forecast starts."""
    miss = missed_runs(item.fit)
    if miss is None:
        return ()
    title = MISSED.replace("This law misses", miss.who)
    where = "see the check \u201clargest runs\u201d under Diagnostics"
    if item.question.axis is not None:
        where = f"see the figure, and {where[4:]}"
    if not miss.side:
        text = f"{miss.evidence} Expect the big run off this forecast; {where}. {miss.advice}"
        return (Notice(tone="warn", title=title, text=text.strip()),)
    text = (
        f"They lie {miss.distance} {miss.side} {miss.line}. Expect the big run {miss.side} this "
        f"forecast; {where}. {miss.advice}"
    )
    return (Notice(tone="warn", title=title, text=text.strip()),)


def _headline(item: Answers) -> str:
    question, row = item.question, item.risk.rows()[0] if item.weighs else {}
    of = f" of {item.family}" if item.family is not None else ""
    unit, probability = response_unit(item.fit), question.probability
    loss = cell(item.planned.draws[:, 0], probability) + (f" {unit}" if unit else "")
    loss += f" ({100 * probability:g} % interval)"
    at, costs = place(item), ""
    if row.get("money") is not None:
        served = " to train" if question.limits.inference_tokens else ""
        costs = f", for {write_amount(row['money'])}{served}"
    if item.allocation is None:
        plain = f"at {at}{costs}, a new run{of} should reach a loss of {loss}."
        return f"{sentence(row['decision'])}: {plain}" if "decision" in row else sentence(plain)
    which = "the plan" if question.sizes else "the best split"
    said = (
        f"at {at}{costs}, {which}{of} is {_size(item)}, and a new run of that size should reach a "
        f"loss of {loss}."
    )
    return f"{sentence(row['decision'])}: {said}" if "decision" in row else sentence(said)


def _size(item: Answers) -> str:
    params, tokens = (item.planned.plan.columns[name][0] for name in ("params", "tokens"))
    return f"{write_count(params)} parameters on {write_count(tokens)} tokens"


def _cards(item: Answers, backtest: Backtest | None) -> tuple[Fact, ...]:
    """Choose the four facts of the first screen."""
    question = item.question
    found = [_loss(item)]
    found += [_split(item)] if item.allocation is not None else []
    if question.target_loss is not None:
        found.append(_chance(item.planned, question.target_loss))
    if item.weighs and question.rig.price is not None:
        found.append(_cost(item))
    if backtest is not None:
        found.append(backtest_fact(backtest))
    found += [_distance(item), *_best_run(item), *_worst_member(item), *_law_itself(item)]
    return tuple(found[:CARDS])


def _facts(item: Answers, backtest: Backtest | None) -> tuple[Fact, ...]:
    """Write everything that is known at first sight."""
    question, planned = item.question, item.planned
    found = [_loss(item), *_law_itself(item)]
    found += _best_sizes(item)
    if question.target_loss is not None:
        found.append(_chance(planned, question.target_loss))
    if item.weighs:
        found.append(_cost(item))
    found += [_distance(item), *_best_run(item), *_worst_member(item)]
    for name, draws in planned.tuned.items():
        value = cell(draws[:, 0], question.probability)
        found.append((f"Tuned {name.replace('_', ' ')}", value, "at that size"))
    if backtest is not None:
        found.append(backtest_fact(backtest))
    return tuple(found)


def _loss(item: Answers) -> Fact:
    own = cell(item.planned.draws[:, 0], item.question.probability)
    return "Loss of a new run", *_cut(own, response_unit(item.fit))


def _law_itself(item: Answers) -> list[Fact]:
    law = cell(item.planned.noise_free[:, 0], item.question.probability)
    return [("The law itself, noise-free", *_cut(law, "what such runs reach on average"))]


def _split(item: Answers) -> Fact:
    """Tell the size of the planned run, and how well the best one is known."""
    split, index, probability = item.allocation, item.planned_place, item.question.probability
    assert split is not None
    params, tokens = (item.planned.plan.columns[name][0] for name in ("params", "tokens"))
    known = without_kind(write_counts(split.params[:, index], probability)).partition(" [")[2]
    label = "Parameters and tokens of the plan" if item.question.sizes else "Parameters and tokens"
    ratio = f"{write_number(float(tokens / params), 2)} tokens per parameter"
    return label, f"{write_count(params)} on {write_count(tokens)}", f"{ratio}; best N* [{known}"


def _best_sizes(item: Answers) -> list[Fact]:
    split, index, probability = item.allocation, item.planned_place, item.question.probability
    if split is None:
        return []
    params, tokens = split.params[:, index], split.tokens[:, index]
    ratio = cell(split.tokens_per_param[:, index], probability)
    return [
        ("Best parameters N*", *_cut(write_counts(params, probability))),
        ("Best tokens D*", *_cut(write_counts(tokens, probability), f"{ratio} tokens per param")),
    ]


def _cost(item: Answers) -> Fact:
    """Tell what the planned run takes."""
    rig, flops = item.question.rig, float(item.risk.flops[0])
    hours = f"{write_amount(rig.hours(flops))} {rig.accelerator}-hours"
    used = f"used to {100 * rig.utilisation:g} %"
    used += ", for training alone" if item.question.limits.inference_tokens else ""
    kilowatt_hours = rig.energy(flops)
    energy = f"; {write_amount(kilowatt_hours)} kWh" if kilowatt_hours is not None else ""
    money = rig.money(flops)
    if money is None:
        return "Cost", hours, f"{used}{energy}; give a price for money"
    return "Cost", write_amount(money), f"{hours}, {used}, at {rig.price:g} each{energy}"


def _best_run(item: Answers) -> list[Fact]:
    """Name the lowest loss that a run has reached."""
    axis, response = item.question.axis or "flops", item.model.response
    losses = np.asarray(item.runs[response], float)
    if response != "loss":
        return []
    best = best_run(item.runs, response)
    at = float(observed(item.fit, item.runs, axis)[best])
    size = f"{write_number(at)} FLOP" if axis == "flops" else f"{write_count(at)} {axis}"
    counts = [
        f"{write_count(float(item.runs[name][best]))} {words}"
        for name, words in (("params", "parameters"), ("tokens", "tokens"))
        if name in item.runs
    ]
    details = [text for text in (response_unit(item.fit), " on ".join(counts)) if text]
    return [("Best run so far", f"{write_number(losses[best], 4)} at {size}", "; ".join(details))]


def _worst_member(item: Answers) -> list[Fact]:
    """Name the member of an ensemble that expects the least of the planned run."""
    planned, target = item.planned, item.question.target_loss
    if len(planned.members) < 2:
        return []
    name = most_pessimistic(planned, target)
    index = planned.members.index(name)
    own = cell(by_law(planned.draws[:, 0], planned)[name], item.question.probability)
    more = f"{name}, weight {planned.weights[index]:.2f} of {len(planned.members)} laws averaged"
    more += f"; it gives {target:g} the least chance" if target is not None else ""
    return [("The most pessimistic law", *_cut(own, more))]


def _cut(written: str, more: str = "") -> tuple[str, str]:
    """Part a written interval into what is set large and what is set small, without its kind."""
    head, _, tail = without_kind(written).partition(" [")
    return head, f"[{tail}" + (f"; {more}" if more else "")


def _distance(item: Answers) -> Fact:
    axis = item.question.axis or "flops"
    beyond = {name: float(values[0]) for name, values in item.planned.extrapolation.items()}
    efolds = beyond.get(axis, 0.0)
    unit = "FLOP" if axis == "flops" else axis
    largest = float(np.nanmax(observed(item.fit, item.runs, axis)))
    written = write_number(largest) if axis == "flops" else write_count(largest)
    value = f"{write_factor(math.exp(efolds))}, {efolds:.1f} e-folds" if efolds >= 0.005 else "none"
    others = ", ".join(
        f"{name.replace('_', ' ')} {write_factor(math.exp(far)) if far >= 0.005 else 'inside'}"
        for name, far in beyond.items()
        if name != axis
    )
    text = f"the largest run has {written} {unit}" + (f"; by size: {others}" if others else "")
    return "Beyond the runs", value, text


def _chance(planned: Forecast, target: float) -> Fact:
    found = chance_of(planned, target)
    return (
        f"Chance of missing {target:g}",
        write_chance(1 - found.new_run, found.draws),
        f"the loss of a new run is at most {target:g} with probability "
        f"{100 * found.new_run:.3g} %; the law itself with {100 * found.law:.3g} %",
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
            row += [
                without_kind(write_counts(draws[:, item.planned_place], probability))
                for draws in (item.allocation.params, item.allocation.tokens)
            ]
        row.append(cell(item.planned.draws[:, 0], probability))
        if target is not None:
            row.append(_chance(item.planned, target)[1])
        rows.append(tuple(row))
    return Table(
        caption=f"Every family at {place(answers[0])}: {explained(probability)}",
        head=tuple(head),
        rows=tuple(rows),
    )


def _caveat(item: Answers) -> Notice:
    tone: Tone = "fail" if not item.fit.trustworthy else "warn"
    title = "Biggest caveat" if missed_runs(item.fit) is None else "Next caveat"
    return Notice(tone=tone, title=title, text=caveats(item)[0])


def _lesser_caveats(item: Answers) -> tuple[Block, ...]:
    rest = caveats(item)[1:]
    return (Prose(text="Also keep in mind:"), Items(texts=rest)) if rest else ()
