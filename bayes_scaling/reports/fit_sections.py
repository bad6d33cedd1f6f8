"""Sections on what the answers rest on: runs, model, diagnostics, posterior, what was fixed."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from bayes_scaling import __version__
from bayes_scaling.facade import Fit
from bayes_scaling.figures import style
from bayes_scaling.figures.labels import column_label, response_label
from bayes_scaling.figures.numbers import without_kind, write_count, write_number
from bayes_scaling.formula.mathml import equation
from bayes_scaling.formula.render import to_text
from bayes_scaling.intervals import PROBABILITY, format_kind, interval
from bayes_scaling.laws import Model
from bayes_scaling.laws.density import draw_prior
from bayes_scaling.laws.variants import features_in_words
from bayes_scaling.posterior import Member
from bayes_scaling.posterior.diagnostics import elements
from bayes_scaling.reports.blocks import Block, Items, Math, Picture, Prose, Table, Verdicts
from bayes_scaling.reports.caveats import (
    ONE_LAW,
    SOME_LAWS,
    TOO_NARROW,
    fixed_settings,
    tied_settings,
    unread_settings,
    unrecorded_settings,
)
from bayes_scaling.runs.summary import describe

COUNTS = ("params", "params_nonembedding", "params_active", "tokens", "unique_tokens", "steps",
          "batch_size")  # fmt: skip
PRIOR_DRAWS = 4000


def data_section(fit: Fit) -> tuple[Block, ...]:
    """Describe the runs: how many, over which ranges, what was completed."""
    summary = describe(fit.runs)
    runs = "" if summary.runs == summary.rows else f" of {summary.runs} runs"
    text = f"{summary.rows} rows{runs}."
    if "flops" in fit.runs:
        total = float(np.nansum(fit.runs["flops"]))
        text += f" Compute of all together: {write_number(total)} FLOP."
    if summary.families:
        named = ", ".join(f"{name} ({count})" for name, count in summary.families.items())
        text += f" Rows by family: {named}."
    rows = tuple(
        (
            response_label(fit) if name == fit.leading.model.response else column_label(name),
            write_count(found.low, 3) if name in COUNTS else write_number(found.low),
            write_count(found.high, 3) if name in COUNTS else write_number(found.high),
            str(found.distinct),
            str(found.missing),
        )
        for name, found in summary.ranges.items()
    )
    table = Table(
        caption="Ranges", head=("column", "lowest", "highest", "distinct", "missing"), rows=rows
    )
    blocks: list[Block] = [Prose(text=text), table]
    if summary.notes:
        blocks += [Prose(text="Completed or assumed on reading:"), Items(texts=summary.notes)]
    if summary.warnings:
        blocks += [Prose(text="Looks wrong, and was kept:"), Items(texts=summary.warnings)]
    return tuple(blocks)


def model_section(fit: Member) -> tuple[Block, ...]:
    """Show the law and its priors."""
    model = fit.model
    noise = "Student-t" if model.noise == "student_t" else "normal"
    valid = f" Valid for: {model.valid}." if model.valid else ""
    blocks: list[Block] = [
        Prose(text=f"{model.id}: {model.title}.{valid}"),
        Math(markup=formula_lines(model), text=to_text(model.formula)),
        Prose(text=symbols(fit)),
        *on_top(fit),
        Prose(
            text=f"The log of an observed {model.response} scatters around the log of the law with "
            f"{noise} noise of scale sigma."
        ),
        prior_table(fit),
    ]
    if model.references:
        blocks.append(Prose(text=f"References: {'; '.join(model.references)}."))
    return tuple(blocks)


def on_top(fit: Member, name: str = "the formula") -> tuple[Prose, ...]:
    """Say which features a law has on top of its formula."""
    features = features_in_words(fit.model)
    return (Prose(text=f"On top of {name}: {features}."),) if features else ()


def symbols(fit: Member) -> str:
    """Say what the letters of the formula mean."""
    names = {"params": "N: parameters", "tokens": "D: tokens", "flops": "C: compute [FLOP]",
             "learning_rate": "η: peak learning rate"}  # fmt: skip
    parts = [names[name] for name in fit.model.inputs if name in names]
    for name, column in fit.model.columns:
        parts.append(f"{name} here means {column_label(column)}")
    for name, value in fit.references.items():
        stem, _, end = name.rpartition("_")
        if end != "ref" and stem != "scale":
            continue  # the range of an input, which the table of ranges has
        symbol = {"params_ref": "N0", "tokens_ref": "D0", "flops_ref": "C0"}.get(name, name)
        meant = {"ref": "the geometric mean", "low": "the smallest", "high": "the largest"}[end]
        of = f" {' x '.join(fit.model.scale_inputs)}" if stem == "scale" else ""
        parts.append(f"{symbol}: {write_number(value)}, {meant}{of} of the runs")
    return "; ".join(parts) + "."


def prior_table(fit: Member) -> Table:
    """Write the prior of every parameter, and what they imply for derived quantities."""
    several = len(fit.groups) > 1
    rows = []
    for item in fit.model.parameters:
        low, high = (float(end) for end in item.prior.quantile(np.array([0.05, 0.95])))
        row = (item.name, str(item.prior), f"{write_number(low, 2)} to {write_number(high, 2)}")
        rows.append((*row, *((str(item.pool),) if several else ()), item.about))
    for name, (low, high) in _implied(fit).items():
        row = (name, "implied", f"{write_number(low, 2)} to {write_number(high, 2)}")
        rows.append((*row, *(("",) if several else ()), "derived"))
    head = ("quantity", "prior", "90 % range", *(("groups",) if several else ()), "what it is")
    return Table(
        caption="Priors, with their central 90 % in natural units", head=head, rows=tuple(rows),
        text_columns=tuple(i for i in range(len(head)) if i != 2),
    )  # fmt: skip


def _implied(fit: Member) -> dict[str, tuple[float, float]]:
    """Return the central 90 % of derived quantities under the prior."""
    rng = fit.generator("implied priors")
    derived = fit.model.derive(draw_prior(fit.model, PRIOR_DRAWS, rng), fit.references)
    ends = {
        name: np.quantile(values[np.isfinite(values)], (0.05, 0.95))
        for name, values in derived.items()
    }
    return {name: (float(low), float(high)) for name, (low, high) in ends.items()}


def diagnostics_section(fit: Member) -> tuple[Block, ...]:
    """Show every check as a verdict, with its evidence and advice."""
    settings = fit.settings
    head = {
        "converged": "The sampler converged.",
        "unconverged": "The sampler did not converge: no number on this page can be relied on.",
    }[fit.status]
    text = (
        f"{head} {settings.chains} chains of {settings.draws} draws after {settings.tune} to tune."
    )
    rows = tuple((check.verdict, check.name, check.evidence, check.advice) for check in fit.checks)
    return (Prose(text=text), Verdicts(rows=rows))


def posterior_section(fit: Member, probability: float = PROBABILITY) -> tuple[Block, ...]:
    """Write the posterior, in the published parameterisation first, and draw it with the priors."""
    from bayes_scaling.figures.posterior_plot import plot_posterior

    axes = plot_posterior(fit)
    names = ", ".join(item.name for item in fit.model.parameters)
    picture = Picture(
        source=style.to_data_uri(axes[0], "posterior"),
        alt=f"Prior against posterior of {names}.",
        caption="Prior (grey, its central 90 %) against posterior, each scaled to equal height; "
        "how much narrower the 90 % interval became stands below. Where it is about 1, the answer "
        "is the prior's.",
    )
    return (posterior_table(fit, probability), picture)


def posterior_table(
    fit: Member, probability: float = PROBABILITY, title: str = "Posterior"
) -> Table:
    """Write the posterior, in the published parameterisation first."""
    rows = []
    quantities = sorted(elements(fit.draws, fit.groups), key=lambda pair: _rank(fit, pair[0]))
    for name, draws in quantities:
        value, mixed = without_kind(str(interval(draws, probability))), fit.mixing[name]
        effective = (f"{mixed.ess:,.0f}", f"{mixed.ess_tail:,.0f}")
        rows.append((name, value, f"{mixed.r_hat:.3f}", *effective))
    return Table(
        caption=f"{title}: median [{format_kind(probability)}]",
        head=("quantity", "value", "R-hat", "effective draws", "in the tails"),
        rows=tuple(rows),
    )


def _rank(fit: Member, name: str) -> tuple[int, int]:
    """Order quantities: as published, then as sampled, then noise, then spreads of groups."""
    stem = name.partition("[")[0]
    derived = [line.name for line in fit.model.derived]
    replaced = {name for line in fit.model.derived for name, _ in line.inverse}
    own = [item.name for item in fit.model.parameters]
    if stem in ("sigma", "nu"):
        return 2, own.index(stem)
    if stem in derived:
        return 0, len(own) + derived.index(stem)
    if stem in own:
        return int(stem in replaced), own.index(stem)
    return 3, 0


def fixed_section(fit: Fit) -> tuple[Block, ...]:
    """Say what never varied, and so cannot be in any interval."""
    fixed, tied = fixed_settings(fit), tied_settings(fit)
    unread, unknown = unread_settings(fit), unrecorded_settings(fit)
    blocks: list[Block] = [
        Prose(
            text="A larger run that differs in any of this leaves the runs behind, and no interval "
            "here knows about it."
        )
    ]
    if fixed:
        blocks.append(
            Table(
                caption="The same in every run",
                head=("setting", "value"),
                rows=tuple((column_label(name), value) for name, value in fixed.items()),
                text_columns=(0, 1),
            )
        )
    texts: list[str] = []
    if tied:
        texts.append(
            f"Changed with size, never at one size: {_list(tied)}. Their effect is part of the "
            "law; a larger run should follow the same rule."
        )
    if unread:
        texts.append(f"Varied, and not read by this law, so part of its noise: {_list(unread)}.")
    if unknown:
        texts.append(f"Not recorded in the table, so perhaps fixed, perhaps not: {_list(unknown)}.")
    if texts:
        blocks.append(Items(texts=tuple(texts)))
    form = SOME_LAWS if len(fit.members) > 1 else f"{ONE_LAW} {TOO_NARROW}"
    return (*blocks, Prose(text=form))


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names)


def provenance_section(fit: Fit, command: str | None) -> tuple[Block, ...]:
    """Write all that is needed to make the page again."""
    settings, kept = fit.settings, dict(fit.provenance)
    rows = [("command", command)] if command else []
    rows += [
        ("random seed", str(settings.random_seed)),
        (
            "sampling",
            f"{settings.chains} chains, {settings.tune} tuning steps, {settings.draws} draws, "
            f"target acceptance {settings.target_accept:g}",
        ),
        ("report written", datetime.now(UTC).isoformat(timespec="seconds")),
        ("report written by", f"bayes-scaling {__version__}"),
    ]
    rows += [(name.replace("_", " ").replace(".", ": "), value) for name, value in kept.items()]
    return (Table(caption="Where this comes from", head=("what", "value"), rows=tuple(rows),
                  text_columns=(0, 1)),)  # fmt: skip


def formula_lines(model: Model) -> tuple[str, ...]:
    """Write the law, its named lines and its tuned inputs as one MathML element each."""
    where = {line.name for line in model.where}
    lines = [(model.response, model.formula), *((line.name, line.node) for line in model.where)]
    lines += [(f"{line.name}_best", line.node) for line in model.tuned]
    return tuple(equation(name, node, plain=name in where) for name, node in lines)
