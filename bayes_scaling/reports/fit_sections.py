"""Sections on what the answers rest on: runs, laws, priors, diagnostics and posteriors."""

from __future__ import annotations

import numpy as np

from bayes_scaling.facade import Fit
from bayes_scaling.figures import posterior_plots, style
from bayes_scaling.figures.words import (
    column_label,
    response_label,
    without_kind,
    write_count,
    write_number,
)
from bayes_scaling.formula.mathml import equation
from bayes_scaling.formula.render import to_text
from bayes_scaling.intervals import PROBABILITY, format_kind, interval
from bayes_scaling.laws import Model
from bayes_scaling.laws.link import link_of
from bayes_scaling.laws.variants import features_in_words, tempering_in_words
from bayes_scaling.posterior import Member
from bayes_scaling.posterior.diagnostics import doubts, elements, said_of_ceiling
from bayes_scaling.questions.learned import learned
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
from bayes_scaling.validation.fit_check import check_fit

COUNTS = (
    "params",
    "params_nonembedding",
    "params_active",
    "tokens",
    "unique_tokens",
    "steps",
    "batch_size",
)


# ---- the runs ------------------------------------------------------------------------------------


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
            f"Changed with size, never at one size: {', '.join(tied)}. Their effect is part of the "
            "law; a larger run should follow the same rule."
        )
    if unread:
        texts.append(
            f"Varied, and not read by this law, so part of its noise: {', '.join(unread)}."
        )
    if unknown:
        texts.append(
            f"Not recorded in the table, so perhaps fixed, perhaps not: {', '.join(unknown)}."
        )
    if texts:
        blocks.append(Items(texts=tuple(texts)))
    form = SOME_LAWS if len(fit.members) > 1 else f"{ONE_LAW} {TOO_NARROW}"
    return (*blocks, Prose(text=form))


# ---- laws and priors -----------------------------------------------------------------------------


def model_section(fit: Fit) -> tuple[Block, ...]:
    """Show every law, and the priors of all of them in one table."""
    blocks: list[Block] = []
    shown: dict[Math, str] = {}
    for name, member in fit.members.items():
        model, math = member.model, law_math(member.model)
        valid = f" Valid for: {model.valid}." if model.valid else ""
        weight = f", weight {fit.weights[name]:.2f}" if len(fit.members) > 1 else ""
        features = features_in_words(model)
        text = f"{name}{weight}: {model.title}.{valid}"
        text += f" On top of the formula: {features}." if features else ""
        if math in shown:
            blocks.append(Prose(text=f"{text} Its formula is that of {shown[math]}."))
        else:
            blocks += [Prose(text=text), math]
        shown.setdefault(math, name)
    response = fit.leading.model.response
    noise = {_noise(member.model) for member in fit.members.values()}
    scale = "log odds" if link_of(fit.leading.model).bounded else "log"
    blocks += [
        Prose(text=symbols(fit.leading)),
        Prose(
            text=f"The {scale} of an observed {response} scatter"
            f"{'s' * (scale == 'log')} around the {scale} of the law with "
            f"{' or '.join(sorted(noise))} noise of scale sigma."
        ),
        _shared_priors(fit),
    ]
    references = dict.fromkeys(
        text for member in fit.members.values() for text in member.model.references
    )
    if references:
        blocks.append(Prose(text=f"References: {'; '.join(references)}."))
    return tuple(blocks)


def _noise(model: Model) -> str:
    return "Student-t" if model.noise == "student_t" else "normal"


def law_math(model: Model) -> Math:
    """Show a formula: as published where that is another form, and as it is sampled."""
    published = model.published
    as_sampled = formula_lines(model)
    if published is None:
        return Math(markup=as_sampled, text=to_text(model.formula))
    return Math(
        markup=(
            equation(model.response, published.formula),
            *(equation(line.name, line.node, plain=True) for line in published.where),
        ),
        text=to_text(published.formula),
        as_sampled=as_sampled,
    )


def formula_lines(model: Model) -> tuple[str, ...]:
    """Write the law, its named lines and its tuned inputs as one MathML element each."""
    where = {line.name for line in model.where}
    lines = [(model.response, model.formula), *((line.name, line.node) for line in model.where)]
    lines += [(f"{line.name}_best", line.node) for line in model.tuned]
    return tuple(equation(name, node, plain=name in where) for name, node in lines)


def symbols(fit: Member) -> str:
    """Say what the letters of the formula mean."""
    names = {
        "params": "N: parameters",
        "tokens": "D: tokens",
        "flops": "C: compute [FLOP]",
        "learning_rate": "η: peak learning rate",
    }
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
    pools = {item.name: str(item.pool) for item in fit.model.parameters}
    rows = []
    for item in learned(fit):
        ends = f"{write_number(item.range[0], 2)} to {write_number(item.range[1], 2)}"
        pool = (pools.get(item.name, ""),) if several else ()
        rows.append((item.name, item.prior, ends, *pool, item.about))
    head = ("quantity", "prior", "90 % range", *(("groups",) if several else ()), "what it is")
    return Table(
        caption="Priors, with their central 90 % in natural units; \u201cimplied\u201d: a quantity "
        "that follows from the sampled ones, and so does its prior",
        head=head,
        rows=tuple(rows),
        text_columns=tuple(i for i in range(len(head)) if i != 2),
    )


def _shared_priors(fit: Fit) -> Table:
    """Write each prior once, with the laws that have it."""
    tables = {name: prior_table(member) for name, member in fit.members.items()}
    first = next(iter(tables.values()))
    if len(tables) == 1:
        return first
    owners: dict[tuple[str, ...], list[str]] = {}
    for name, table in tables.items():
        for row in table.rows:
            owners.setdefault(row, []).append(name)
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


# ---- the sampling --------------------------------------------------------------------------------


def diagnostics_section(fit: Fit) -> tuple[Block, ...]:
    """Show every check as a verdict; of several laws a table, and the evidence where not ok."""
    settings, several = fit.settings, len(fit.members) > 1
    head = {
        ("converged", False): "The sampler converged.",
        ("converged", True): "The sampler converged for every law that counts.",
        ("unconverged", False): "The sampler did not converge: no number on this page can be "
        "relied on.",
        ("unconverged", True): "The sampler converged for no law: no number on this page can be "
        "relied on.",
    }[fit.status, several]
    each = " each," if several else ""
    said = doubts(fit.checks) if several else list(fit.checks)
    rough = [check for check in said if check.sampling and check.verdict == "warn"]
    if rough and fit.status == "converged":
        names = ", ".join(check.name for check in rough)
        head = f"{head[:-1]}, but not closely: {names} (below)."
    text = (
        f"{head} {settings.chains} chains of {settings.draws} draws{each} after {settings.tune} to "
        "tune."
    )
    blocks: list[Block] = [Prose(text=text)]
    if several:
        verdicts = fit.verdicts
        blocks.append(
            Table(
                caption="Every check of every law",
                head=("check", *verdicts),
                rows=tuple(
                    (check, *(told[check] for told in verdicts.values()))
                    for check in next(iter(verdicts.values()))
                ),
                text_columns=tuple(range(len(verdicts) + 1)),
            )
        )
    told = tuple((check.verdict, check.name, check.evidence, check.advice) for check in said)
    blocks += [Verdicts(rows=told)] if told else []
    ceiling = said_of_ceiling(fit.checks) if several else ""
    blocks += [Prose(text=f"{ceiling[:1].upper()}{ceiling[1:]}.")] if ceiling else []
    tempered = tempering_in_words(member.model for member in fit.members.values())
    blocks += [Prose(text=f"{tempered[:1].upper()}{tempered[1:]}.")] if tempered else []
    return tuple(blocks)


def posterior_section(fit: Fit, name: str, probability: float = PROBABILITY) -> tuple[Block, ...]:
    """Write the posterior of one law, as published first, and draw it with the priors."""
    member = fit.members[name]
    title = "Posterior" if len(fit.members) == 1 else f"{name}, weight {fit.weights[name]:.2f}"
    axes = posterior_plots.plot_posterior(member)
    names = ", ".join(item.name for item in learned(member))
    picture = Picture(
        source=style.to_data_uri(axes[0], "posterior"),
        alt=f"Prior against posterior of {names}, for {name}.",
        caption="Prior (grey, its central 90 %) against posterior, each scaled to equal height; "
        "how much narrower the 90 % interval became stands below. Where it is about 1, the answer "
        "is the prior's.",
    )
    return (posterior_table(member, probability, title), picture)


def check_section(fit: Fit, name: str) -> tuple[Block, ...]:
    """Say how the runs lie under one law, with each left out, and whether its chains agree."""
    member = fit.members[name]
    found = check_fit(member)
    high = int(np.count_nonzero(found.pareto_k > found.good_k))
    text = (
        f"{name}: the 90 % interval of a new run holds {found.inside:.0%} of the runs. Log "
        f"predictive density, each run left out: {found.elpd.sum():.1f}. Pareto k is above "
        f"{found.good_k:.2f} for {high} of {found.observed.size}, and "
        f"{found.pareto_k.max():.2f} at most."
    )
    checked = Picture(
        source=style.to_data_uri(posterior_plots.plot_fit_check(found)[0], "check"),
        alt=f"Runs against {name}: deviations by params, tokens and order with 90 % bands, "
        f"LOO-PIT, Pareto k, and observed against predicted. {found.inside:.0%} lie inside.",
        caption="Deviations from the median of a new run, with the 90 % band of each (posterior "
        "predictive); probability below each run when it is left out, in tenths; and how far that "
        "can be relied on.",
    )
    ranks = Picture(
        source=style.to_data_uri(posterior_plots.plot_ranks(member)[0], "ranks"),
        alt=f"Ranks of the draws of every parameter of {name}, by chain.",
        caption="Ranks of the draws by chain: even, inside the grey band, where chains agree.",
    )
    return (Prose(text=text), checked, ranks)


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
