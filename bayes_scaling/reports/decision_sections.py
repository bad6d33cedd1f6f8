"""Sections for the decision: risk, stage gate, sensitivity, and runs that lie off the law."""

from __future__ import annotations

from bayes_scaling.facade import Fit
from bayes_scaling.figures import decision_plots, run_plots, style
from bayes_scaling.figures.words import without_kind, write_count, write_number
from bayes_scaling.intervals import format_kind, outward
from bayes_scaling.reports.answer_sections import cell, explained, place
from bayes_scaling.reports.answers import Answers
from bayes_scaling.reports.blocks import Block, Picture, Prose, Table

SHOWN = 10
"""Runs off the law that are listed."""

SPREAD = 0.1
"""Budgets of the valleys, as multiples of the one that is asked about: it, and a tenth of it."""


def risk_section(item: Answers) -> tuple[Block, ...]:
    """Say what can go wrong with the planned run, and what its split and a first run are worth."""
    question, probability = item.question, item.question.probability
    found = item.risk
    row = found.rows()[0]
    blocks: list[Block] = []
    if question.target_loss is not None:
        enough = row["enough_flops"]
        sure = f"{100 * row['sure']:g} %"
        reach = f"takes {write_number(enough)} FLOP" if enough < float("inf") else "no budget is"
        over = cell(found.forecast.draws[:, 0] - question.target_loss, probability)
        blocks.append(
            Prose(
                text=f"At {place(item)}: {row['in_words']}. To be {sure} sure {reach}. The loss of "
                f"a new run less the target is {over}. {row['most_pessimistic']}, the most "
                f"pessimistic law, gives the target a chance of {row['chance_of_it']:.2g}."
            )
        )
        blocks.append(_chance_picture(item, question.target_loss))
    valleys = item.asked.valleys(
        [SPREAD * question.at, question.at], family=item.family, limits=question.limits
    )
    regret = cell(found.regret[:, 0], probability)
    wasted = without_kind(cell(100 * found.extra_flops[:, 0], probability))
    flat = " to ".join(write_count(end) for end in outward(*valleys[1].choice.flat))
    blocks += [
        Prose(
            text="Not knowing the law has a price: against the best split under each draw, the "
            f"split chosen here loses {regret} of loss ({row['expected_regret']:.2g} expected), "
            f"and costs {wasted} % more compute than the same loss takes at its best."
        ),
        Picture(
            source=style.to_data_uri(decision_plots.plot_regret(valleys[1]), "regret"),
            alt=f"Loss above the best split of {place(item)} against parameters, with bands.",
            caption="What a size loses against the best split of the same budget, under each draw. "
            f"Within 1 % of the least expected loss: {flat} parameters.",
        ),
        Picture(
            source=style.to_data_uri(decision_plots.plot_isoflop(valleys), "valleys"),
            alt="Noise-free loss along two lines of equal compute, with the band of the optimum.",
            caption="Loss along lines of equal compute. Bars: 90 % intervals of the best size; "
            "dots: the size to choose.",
        ),
    ]
    if question.target_loss is not None:
        blocks.append(_stage_gate(item, question.target_loss))
    return tuple(blocks)


def _chance_picture(item: Answers, target: float) -> Picture:
    ax = decision_plots.plot_chance(item.curve, target, planned=item.question.at)
    return Picture(
        source=style.to_data_uri(ax, "chance"),
        alt=f"Probability of a loss of at most {target:g} against the budget.",
        caption=f"Probability that a new run at the best split reaches {target:g}, by its budget.",
    )


def _stage_gate(item: Answers, target: float) -> Table:
    """Tell what runs of a tenth and a hundredth of the compute, made first, would tell."""
    rows, probability = [], item.question.probability
    for share in (0.1, 0.01):
        found = item.asked.stage_gate(
            item.question.at, target, share=share, family=item.family, probability=probability
        )
        row = found.rows()[0]
        ends = f"{row['chance_after_lower']:.2f} to {row['chance_after_upper']:.2f}"
        rows.append(
            (
                f"{100 * share:g} % of the compute",
                f"{write_count(row['first_params'])} on {write_count(row['first_tokens'])}",
                f"{write_number(row['width'])} to {write_number(row['width_after'])}",
                f"{row['chance']:.2f}, then {ends}",
                f"{row['changes_decision']:.2f}",
            )
        )
    return Table(
        caption=f"A smaller run made first, as a stage gate; intervals: {format_kind(probability)}",
        head=(
            "first run",
            "parameters on tokens",
            "width of the interval, expected",
            "chance of the target",
            "changes the decision with probability",
        ),
        rows=tuple(rows),
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
            f"{write_number(row['new_run'])} [{write_number(row['new_run_lower'])}, "
            f"{write_number(row['new_run_upper'])}]",
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
        "Each law by itself; the draws weighed as if the prior had counted half or twice; and "
        "exponents that stay, beyond the runs, what they are at their ends."
    )
    return (Prose(text=text), table)


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
    picture = Picture(
        source=style.to_data_uri(run_plots.plot_mistuned(found), "mistuned"),
        alt="Deviation of every run from the law against compute, coloured by probability.",
        caption="How far each run lies from the law of tuned runs. None was left out: the fit "
        "gives each the weight that its probability of being tuned says.",
    )
    return (picture, table)
