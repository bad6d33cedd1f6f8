"""Sections for the decision: what it takes, risk, sensitivity, and runs that lie off the law."""

from __future__ import annotations

import math

from bayes_scaling.facade import Fit
from bayes_scaling.figures import decision_plots, run_plots
from bayes_scaling.figures.words import without_kind, write_amount, write_count, write_number
from bayes_scaling.intervals import format_kind, outward
from bayes_scaling.page import told
from bayes_scaling.posterior.diagnostics import CONFLICT
from bayes_scaling.questions.glance import gains_by_law
from bayes_scaling.questions.limits import WITHOUT
from bayes_scaling.questions.power_scaling import SENSITIVE
from bayes_scaling.questions.risk import Risk
from bayes_scaling.questions.tested_distance import IF_IT_HOLDS
from bayes_scaling.questions.valleys import crowded_budget
from bayes_scaling.reports.answer_sections import cell, explained, place
from bayes_scaling.reports.answers import Answers
from bayes_scaling.reports.blocks import Block, Items, Picture, Prose, Table, picture

SHOWN = 10
"""Runs off the law that are listed."""

SPREAD = 0.1
"""Budgets of the valleys, as multiples of the one that is asked about: it, and a tenth of it."""


def decision_section(item: Answers) -> tuple[Block, ...]:
    """Say what the planned run takes, whether to make it, and what a smaller run first is worth."""
    question, row = item.question, item.risk.rows()[0]
    blocks: list[Block] = []
    if "decision" in row:
        gains = gains_by_law(item.risk)
        by_law = ", ".join(f"{name} {write_amount(gain)}" for name, gain in gains.items())
        several = f" By each law: {by_law}." if len(gains) > 1 else ""
        blocks.append(
            Prose(
                text=f"{sentence(row['decision'])}. Reaching {question.target_loss:g} is worth "
                f"{write_amount(question.value or 0.0)}, and the run costs "
                f"{write_amount(row['money'])}: the expected gain is "
                f"{write_amount(row['expected_gain'])}.{several}"
            )
        )
    blocks.append(_what_it_takes(item))
    if question.target_loss is not None:
        blocks.append(_stage_gate(item, question.target_loss))
    if question.unmatched:
        blocks += [
            Prose(text="By the plan, the small runs and the big one are not known to be alike:"),
            Items(texts=tuple(f"{sentence(text)}." for text in question.unmatched)),
        ]
    return tuple(blocks)


def sentence(text: str) -> str:
    """Begin a text with a capital."""
    return f"{text[:1].upper()}{text[1:]}"


def _what_it_takes(item: Answers) -> Table:
    """Tabulate compute, hours, money and energy: of the plan, of its waste, and of being sure."""
    row, rig, needed = item.risk.rows()[0], item.question.rig, item.risk.needed
    cases, whole = {"the planned run": row["flops"]}, row["flops"]
    if "lifetime_flops" in row:
        whole = row["lifetime_flops"]
        cases = {"the planned run, its training": row["flops"], "with what it serves": whole}
    if "expected_wasted_share" in row:
        cases["of it for not knowing the best split"] = row["expected_wasted_share"] * whole
    if needed is not None and math.isfinite(needed.size):
        reach = f"to reach the target with {100 * row['sure']:g} %"
        reach += ", training" if needed.lifetime is not None else ""
        cases[f"{reach}, {IF_IT_HOLDS}" if needed.untested else reach] = needed.size
    priced, powered = rig.price is not None, rig.energy(1.0) is not None
    rows = tuple(
        (
            name,
            write_number(flops),
            write_amount(rig.hours(flops)),
            *((write_amount(rig.money(flops) or 0.0),) if priced else ()),
            *((write_amount(rig.energy(flops) or 0.0),) if powered else ()),
        )
        for name, flops in cases.items()
    )
    price = f", {rig.price:g} an hour" if priced else "; give a price for money"
    return Table(
        caption=f"What it takes on {rig.accelerator} used to {100 * rig.utilisation:g} %{price}",
        head=(
            "",
            "compute [FLOP]",
            "accelerator-hours",
            *(("money",) if priced else ()),
            *(("energy [kWh]",) if powered else ()),
        ),
        rows=rows,
    )


def _stage_gate(item: Answers, target: float) -> Table:
    """Tell what runs of a tenth and a hundredth of the compute, made first, would tell."""
    rows, question = [], item.question
    worth: tuple[str, ...] = ()
    for share in (0.1, 0.01):
        found = item.asked.stage_gate(
            item.risk_flops,
            target,
            share=share,
            family=item.family,
            limits=question.limits if item.trades else WITHOUT,
            rig=question.rig,
            value=question.value,
            probability=question.probability,
        )
        row = found.rows()[0]
        ends = f"{row['chance_after_lower']:.2f} to {row['chance_after_upper']:.2f}"
        money: tuple[str, ...] = ()
        if "gain_of_first" in row:
            worth = ("costs", "what it tells is worth", "so it is")
            money = (
                write_amount(row["first_money"]),
                write_amount(row["value_of_first"]),
                "worth it" if row["gain_of_first"] > 0 else "not worth it",
            )
        rows.append(
            (
                f"{100 * share:g} % of the compute",
                f"{write_count(row['first_params'])} on {write_count(row['first_tokens'])}"
                if item.trades
                else write_number(row["first_flops"]) + " FLOP",
                f"{write_number(row['width'])} to {write_number(row['width_after'])}",
                f"{row['chance']:.2f}, then {ends}",
                f"{row['changes_decision']:.2f}",
                *money,
            )
        )
    return Table(
        caption=f"A smaller run made first, as a stage gate; intervals: "
        f"{format_kind(question.probability)}",
        head=(
            "first run",
            "parameters on tokens" if item.trades else "compute",
            "width of the interval, expected",
            "chance of the target",
            "changes the decision with probability",
            *worth,
        ),
        rows=tuple(rows),
    )


def risk_section(item: Answers) -> tuple[Block, ...]:
    """Say how probable the target is, and what not knowing the best split costs."""
    question, probability = item.question, item.question.probability
    found = item.risk
    row = found.rows()[0]
    blocks: list[Block] = []
    if question.target_loss is not None:
        sure, reach = f"{100 * row['sure']:g} %", _takes(found)
        over = cell(found.forecast.draws[:, 0] - question.target_loss, probability)
        worst = (
            f" {row['most_pessimistic']}, the most pessimistic law, gives the target a chance of "
            f"{row['chance_of_it']:.2g}."
            if len(found.forecast.members) > 1
            else ""
        )
        blocks += [
            Prose(
                text=f"At {place(item)}: {row['in_words']}. To be {sure} sure {reach}. The loss of "
                f"a new run less the target is {over}.{worst}"
            ),
            _chance_picture(item, question.target_loss),
        ]
    if not found.splits:
        return tuple(blocks)
    budgets = sorted(
        {crowded_budget(item.fit, item.family), SPREAD * item.risk_flops, item.risk_flops}
    )
    valleys = item.asked.valleys(budgets, family=item.family, limits=question.limits)
    planned = valleys[budgets.index(item.risk_flops)]
    regret = cell(found.regret[:, 0], probability)
    wasted = without_kind(cell(100 * found.wasted_share[:, 0], probability))
    spent = " of training and serving" if found.lifetime is not None else ""
    costs = "training and serving cost" if found.lifetime is not None else "it costs"
    price = (
        f" That is {write_amount(row['regret_money'])} of the "
        f"{write_amount(row.get('lifetime_money', row['money']))} that {costs}."
        if row.get("regret_money") is not None
        else ""
    )
    limits = question.limits
    within = f" within the limits ({limits.told})" if limits.told else ""
    flat = " to ".join(write_count(end) for end in outward(*planned.choice.flat))
    plans = {"the plan": question.sizes["params"]} if question.sizes else {}
    return (
        *blocks,
        Prose(
            text="Not knowing the law has a price: against the best split under each draw"
            f"{within}, the split chosen here loses {regret} of loss "
            f"({row['expected_regret']:.2g} expected), and {wasted} % of its compute{spent} "
            f"({100 * row['expected_wasted_share']:.2g} % expected) is more than the "
            f"same loss takes at the best split.{price}"
        ),
        picture(
            lambda ax: decision_plots.plot_regret(planned, plans=plans, ax=ax),
            "regret",
            alt=f"Loss above the best split of {place(item)} against parameters, with bands.",
            caption="What a size loses against the best split of the same budget, under each draw. "
            f"Within 1 % of the least expected loss: {flat} parameters.",
        ),
        picture(
            lambda ax: decision_plots.plot_isoflop(valleys, ax=ax),
            "valleys",
            alt="Noise-free loss along lines of equal compute with 90 % bands, the interval of "
            "each best size, and the runs.",
            caption="Loss along lines of equal compute. Thick: 90 % interval of the best size, on "
            "its own line; large dots: the size to choose; small dots: runs.",
        ),
    )


def _takes(found: Risk) -> str:
    """Say what it takes to reach the target surely."""
    needed = found.needed
    if needed is None or not math.isfinite(needed.size):
        return f"{needed.none if needed else 'no budget'} is enough"
    said = f"takes {write_number(needed.size)} FLOP"
    if needed.lifetime is not None:
        said += f" of training, {write_number(needed.lifetime)} with serving"
    return f"{said}, {IF_IT_HOLDS}" if needed.untested else said


def _chance_picture(item: Answers, target: float) -> Picture:
    planned = float(item.risk.flops[0])
    return picture(
        lambda ax: decision_plots.plot_chance(item.curve, target, planned=planned, ax=ax),
        "chance",
        alt=f"Probability of a loss of at most {target:g} against the budget; at {place(item)}: "
        f"{item.risk.rows()[0]['chance']:.2g}.",
        caption=f"Probability that a new run{' at the best split' * item.trades} reaches "
        f"{target:g}, by its budget. "
        "Grey: each law by itself.",
    )


def sensitivity_section(item: Answers) -> tuple[Block, ...]:
    """Say how the forecast moves with form, prior and drift."""
    found = item.asked.sensitivity(
        item.planned_sizes,
        target_loss=item.question.target_loss,
        probability=item.question.probability,
    )
    target = item.question.target_loss
    rows = tuple(
        (
            ": ".join(part for part in (row["assumption"], row["variant"]) if part),
            without_kind(told(row, "new_run")),
            *((f"{row['chance']:.2f}",) if target is not None else ()),
            row["note"],
        )
        for row in found.rows()
    )
    head: tuple[str, ...] = ("assumption", "loss of a new run")
    head += (f"chance of {target:g}",) if target is not None else ()
    table = Table(
        caption=f"The planned run under other assumptions: {explained(item.question.probability)}",
        head=(*head, ""),
        rows=rows,
        text_columns=(0, len(head)),
    )
    text = (
        "Each law by itself; the draws weighed as if the prior had counted less or more; and "
        "exponents that stay, beyond the runs, what they are at their ends."
    )
    return (Prose(text=text), table, _power_scaling(item))


def _power_scaling(item: Answers) -> Table:
    """Tabulate how loss and best size of each law move with a little more of prior or runs."""
    found = item.asked.power_scaling(
        item.planned_sizes,
        flops=item.risk_flops if item.trades else None,
        family=item.family,
        limits=item.question.limits,
    )
    return Table(
        caption=f"Power scaling: below {SENSITIVE:g} nothing moves. Prior and runs disagree where "
        f"the check \u201c{CONFLICT}\u201d of that law says so",
        head=("law", "quantity", "prior", "likelihood", ""),
        rows=tuple(
            (
                row["law"],
                row["quantity"],
                f"{row['prior']:.2f}",
                f"{row['likelihood']:.2f}",
                row["diagnosis"],
            )
            for row in found.rows()
        ),
        text_columns=(0, 1, 4),
    )


def tells_mistuned(fit: Fit) -> bool:
    """Whether a fit knows of runs off the law."""
    return not fit.averages and fit.leading.model.mistuned.on


def mistuned_section(fit: Fit, probability: float) -> tuple[Block, ...]:
    """Draw the runs that lie off the law, and list the likeliest."""
    found = fit.accept_unconverged().off_law(probability=probability)
    ranked = sorted(found.rows(), key=lambda row: -row["off"])[:SHOWN]
    rows = tuple(
        (
            str(row.get("run", "")),
            write_count(row["params"]) if "params" in row else "",
            f"{row['off']:.2f}",
            f"{row['deviation']:+.1%} [{row['deviation_lower']:+.1%}, "
            f"{row['deviation_upper']:+.1%}]",
            row["reason"],
        )
        for row in ranked
    )
    table = Table(
        caption=f"The {len(rows)} likeliest of {len(found.runs)}; {format_kind(probability)}",
        head=("run", "parameters", "probability", "above the law", "likely why"),
        rows=rows,
        text_columns=(0, 4),
    )
    drawn = picture(
        lambda ax: run_plots.plot_mistuned(found, ax=ax),
        "mistuned",
        alt="Deviation of every run from the law against compute, coloured by probability.",
        caption="How far each run lies from the law of tuned runs. None was left out: the fit "
        "gives each the weight that its probability of being tuned says.",
    )
    return (drawn, table)
