"""The commands ``models`` and ``published``: definitions, as lines of text and as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling import papers
from bayes_scaling.commands.console import FORMATS, check_picture, give, print_table, write_picture
from bayes_scaling.commands.options import Inputs, Json, Many, read_settings
from bayes_scaling.commands.sources import read_table
from bayes_scaling.commands.streams import print_json
from bayes_scaling.errors import InputError
from bayes_scaling.formula.nodes import Node, Solve, names
from bayes_scaling.formula.render import latex_name, to_latex, to_text
from bayes_scaling.intervals import KIND
from bayes_scaling.laws import Model, list_models, load_model
from bayes_scaling.laws.lines import Line
from bayes_scaling.laws.noise import PARAMETERS as NOISE
from bayes_scaling.laws.parameters import Parameter
from bayes_scaling.laws.published import Constants, Published
from bayes_scaling.laws.transient import SCALE_REF
from bayes_scaling.laws.variants import features_in_words
from bayes_scaling.questions.prior_losses import PriorPredictive, prior_predictive
from bayes_scaling.questions.published_laws import PublishedConstants
from bayes_scaling.questions.rig import Budget, Rig

if TYPE_CHECKING:
    from bayes_scaling.runs import RunTable

KINDS = {
    "law": "laws: what a run reaches, fitted to runs",
    "rule": "rules: what to choose at a size",
    "query": "queries: what follows from a fitted law",
}
"""Headings of the list of models, in this order."""

SEED = 0
"""Of the draws of a prior that is shown: the same model gives the same numbers."""


def models(
    action: Annotated[str, typer.Argument(help="'list', or 'show' with a name.")] = "list",
    name: Annotated[str | None, typer.Argument(help="A model id or a TOML file.")] = None,
    plot: Annotated[
        Path | None,
        typer.Option(help=f"With 'show': draw what the prior expects ({', '.join(FORMATS)})."),
    ] = None,
    runs: Annotated[
        str | None,
        typer.Option(help="With --plot: a table of runs, or a data set, to show on top of it."),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the models, or show one: formula, priors and what they expect, constants, source.

    Example: bayes-scaling models show chinchilla
    """
    if action == "show" and name:
        if runs is not None and plot is None:
            raise InputError("--runs shows runs in a picture: name its file with --plot")
        check_picture(plot)
        model = load_model(name)
        if plot is not None:
            draw_prior(model, plot, read_table(runs))
        if as_json:
            content = model_dict(model)
            print_json(content | ({"plot": str(plot)} if plot else {}))
            return
        print_model(model)
        if plot is not None:
            print(f"drew {plot}")
        return
    if action != "list" or name or plot or runs:
        raise InputError("write 'models', or 'models show NAME', which --plot and --runs go with")
    found = list_models()
    if as_json:
        print_json(models_list(found))
    else:
        print_models(found)


def published(
    *,
    name: Annotated[str | None, typer.Argument(help="A published law; all without.")] = None,
    params: Many = None,
    tokens: Many = None,
    budget: Budget,
    rig: Rig,
    inputs: Inputs = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="RUNS", help="Tell how far a table of runs lies from the law."),
    ] = None,
    as_json: Json = False,
) -> None:
    """List published laws, show one, or tell what it says of runs or of one size.

    Example: bayes-scaling published hoffmann-2022 --params 70B --tokens 1.4T
    """
    if name is None:
        laws = papers.list_published()
        if as_json:
            print_json([law_dict(law) for law in laws])
            return
        rows = [[law.id, law.model, ", ".join(law.formulas), law.title] for law in laws]
        print_table(rows, ("published law", "model", "gives", "title"))
        return
    law = papers.published(name)
    given = {"params": params, "tokens": tokens, "flops": budget.on(rig)}
    sizes: dict[str, Any] = {key: value for key, value in given.items() if value}
    others = read_settings(inputs)
    table = read_table(against)
    if table is not None:
        give(law, law.against(table), as_json=as_json)
    elif not sizes and not others:
        print_json(law_dict(law)) if as_json else print_law(law)
    elif set(law.needed) <= {*sizes, *others} or len(sizes) > 1:
        give(law, law.at({**sizes, **others}), as_json=as_json)
    else:
        give(law, law.allocate(**sizes), as_json=as_json)


# ---- one model -----------------------------------------------------------------------------------


def print_model(model: Model) -> None:
    """Print a model: formula, priors and what they expect of runs, published constants, source."""
    expected = _expected(model)
    print(f"{model.id}: {model.title}")
    print(f"{model.kind}" + (f", built on {model.base}" if model.base else ""))
    print()
    for line in formula_lines(model):
        print(line)
    print("\nLaTeX:")
    for line in latex_lines(model):
        print(f"  {line}")
    print()
    for name, said in _settings(model).items():
        print(f"{name}: {said}")
    print()
    _print_priors(model, expected[model.response])
    for response, found in expected.items():
        print()
        _print_expected(response, found)
    if model.published is not None:
        print()
        _print_published(model, model.published)
    print(f"\nvalid for: {model.valid or 'not stated'}")
    print(f"references: {'; '.join(model.references) or 'none'}")


def formula_lines(model: Model) -> list[str]:
    """Write the formulas of a model as text: of what it explains, and what they are made of."""
    lines = [f"{name} = {to_text(node)}" for name, node in _explained(model)]
    for line in _where(model):
        if isinstance(line.node, Solve):
            ends = f"between {to_text(line.node.lo)} and {to_text(line.node.hi)}"
            text = f"the root of {to_text(line.node.residual)} {ends}"
        else:
            text = to_text(line.node)
        lines.append(f"  where {line.name} = {text}")
    return [*lines, *(f"  tuned: {line.name} = {to_text(line.node)}" for line in model.tuned)]


def latex_lines(model: Model) -> list[str]:
    """Write the formulas of a model in LaTeX, one equation each."""
    lines = _explained(model)
    lines += [(line.name, line.node) for line in (*_where(model), *model.tuned)]
    return [f"{latex_name(name)} = {to_latex(node)}" for name, node in lines]


def _explained(model: Model) -> list[tuple[str, Node]]:
    """Return what a model explains, with the formula of each."""
    further = [(item.response, item.node) for item in model.likelihoods]
    return [(model.response, model.formula), *further]


def _where(model: Model) -> list[Line]:
    """Return the named lines that something reads: not the formula of a base that is replaced."""
    nodes = [node for _, node in _explained(model)]
    nodes += [line.node for line in (*model.where, *model.derived, *model.tuned)]
    read = frozenset().union(*(names(node) for node in nodes))
    return [line for line in model.where if line.name in read]


def _settings(model: Model) -> dict[str, str]:
    """Say what else a model is, by what it is called; only what differs from the plain."""
    found = {
        "counts": ", ".join(f"{name} means {meant}" for name, meant in model.columns),
        "rows": f"those of the protocol {model.select!r}" if model.select else "",
        "ascending": "; ".join(" < ".join(names) for names in model.ordered),
        "arguments": ", ".join(f"{name} = {value:g}" for name, value in model.arguments),
        "groups": f"by {model.group}",
        "features": features_in_words(model),
        "noise": f"{model.noise} on log {model.response}" if model.kind != "query" else "",
    }
    return {name: said for name, said in found.items() if said}


def _expected(model: Model) -> dict[str, PriorPredictive]:
    """Return what the prior expects of everything a model explains, by its name."""
    return {name: prior_predictive(model.of(name), random_seed=SEED) for name in model.responses}


def _print_priors(model: Model, expected: PriorPredictive) -> None:
    rows = [
        [
            item.name,
            str(item.prior),
            _to(*_prior_range(item, expected)),
            str(item.pool),
            item.about,
        ]
        for item in _shown_parameters(model)
    ]
    print_table(rows, ("parameter", "prior", "90 % range", "groups", "about"))
    if not model.derived:
        return
    ranges = expected.ranges()
    rows = [
        [line.name, to_text(line.node), _to(*_ends(ranges[line.name]))] for line in model.derived
    ]
    print()
    print_table(rows, ("derived", "formula", "90 % range of its prior *"))
    sizes = ", ".join(
        f"{name} = {value:.4g}"
        for name, value in expected.references.items()
        if name.endswith("_ref") and name != SCALE_REF
    )
    print(f"* at {sizes or 'any size'}")


def _shown_parameters(model: Model) -> list[Parameter]:
    """Return the parameters of a model; a query explains no runs, so noise says nothing of it."""
    noise = {item.name for item in NOISE[model.noise]}
    noise |= {item.sigma_name for item in model.likelihoods}
    return [item for item in model.parameters if model.kind != "query" or item.name not in noise]


def _print_expected(response: str, expected: PriorPredictive) -> None:
    """Print what the prior expects at nominal sizes; nothing but the formula for a query."""
    of_runs = expected.model.kind != "query"
    which = "new_run" if of_runs else "noise_free"
    print(f"the prior expects: {response}{' of a new run' if of_runs else ''} ({KIND})")
    sizes = [name for name in expected.plan.columns if name in {*expected.model.inputs, "flops"}]
    rows = [
        [
            str(row["run"]),
            *(f"{row[name]:.3g}" for name in sizes),
            f"{row[which]:.3g}",
            *(_to(row[f"{which}_lower{p}"], row[f"{which}_upper{p}"]) for p in (50, 90)),
        ]
        for row in expected.rows()
    ]
    print_table(rows, ("nominal size", *sizes, "median", "50 %", "90 %"))


def _print_published(model: Model, published: Published) -> None:
    print(f"published: {model.response} = {to_text(published.formula)}")
    for line in published.also:
        print(f"  {line.name} = {to_text(line.node)}")
    for line in published.where:
        print(f"  where {line.name} = {to_text(line.node)}")
    rows = [[law.id, _constants(law), law.units, law.source] for law in published.laws]
    print_table(rows, ("law", "constants [interval]", "units", "source"))


def _constants(law: Constants) -> str:
    """Write the constants of a published law, with the intervals that its source prints."""
    ends = dict(law.intervals)
    return ", ".join(
        f"{name} {value:.4g}" + (" [{:.4g}, {:.4g}]".format(*ends[name]) if name in ends else "")
        for name, value in law.values
    )


def _prior_range(item: Parameter, expected: PriorPredictive) -> tuple[float, float]:
    """Return the 90 % range of a prior; of one of several that ascend, that of its place."""
    if any(item.name in names for names in expected.model.ordered):
        return _ends(expected.ranges()[item.name])
    low, high = (float(value) for value in item.prior.quantile([0.05, 0.95]))
    return low, high


def _to(low: float, high: float) -> str:
    return f"{low:.3g} to {high:.3g}"


def model_dict(model: Model) -> dict[str, Any]:
    """Return a model as plain data: its definition, and what `print_model` prints of it."""
    content = model.to_dict()
    expected = _expected(model)
    main = expected[model.response]
    ranges = main.ranges()
    for item in model.parameters:
        content["parameters"][item.name]["range90"] = list(_prior_range(item, main))
    return content | {
        "inputs": list(model.inputs),
        "content_hash": model.content_hash,
        "text": formula_lines(model),
        "latex": latex_lines(model),
        "implied_prior": {
            "range90": {line.name: list(_ends(ranges[line.name])) for line in model.derived},
            "at": dict(main.references),
        },
        "prior_predictive": {name: found.rows() for name, found in expected.items()},
    }


SHOWN = ("inputs", "content_hash", "text", "latex", "implied_prior", "prior_predictive")
"""Keys of `model_dict` beyond those of a definition."""


def _ends(ranges: Mapping[str, float]) -> tuple[float, float]:
    return ranges["lower90"], ranges["upper90"]


def draw_prior(model: Model, path: Path, runs: RunTable | None) -> None:
    """Write a picture of what a prior expects, with runs on top where they are given."""
    from bayes_scaling.figures.posterior_plots import plot_prior
    from bayes_scaling.figures.style import new_figure

    figure = new_figure()
    plot_prior(model, runs=runs, random_seed=SEED, ax=figure.add_subplot())
    write_picture(figure, path)


# ---- all of them ---------------------------------------------------------------------------------


def print_models(models: Sequence[Model]) -> None:
    """Print the list of models: by kind, and a variant below the law it is built on."""
    for kind, heading in KINDS.items():
        own = [item for item in models if item.kind == kind]
        if not own:
            continue
        print(f"{heading}\n")
        rows = [
            [
                f"{'  ' * depth}{item.id}",
                ", ".join(item.responses),
                ", ".join(item.inputs),
                item.title,
            ]
            for item, depth in _by_family(own)
        ]
        print_table(rows, ("model", "gives", "reads", "title"))
        print()


def _by_family(models: Sequence[Model]) -> list[tuple[Model, int]]:
    """Put every model below the one it is built on, with its depth."""
    known = {item.id for item in models}

    def below(parent: str | None, depth: int) -> list[tuple[Model, int]]:
        found = []
        for item in models:
            base = item.base if item.base in known else None
            if base == parent:
                found += [(item, depth), *below(item.id, depth + 1)]
        return found

    return below(None, 0)


def models_list(models: Sequence[Model]) -> list[dict[str, Any]]:
    """Return the list of models as plain data."""
    return [
        {
            "id": item.id,
            "kind": item.kind,
            "inputs": list(item.inputs),
            "response": item.response,
            "responses": list(item.responses),
            "title": item.title,
            "base": item.base,
        }
        for item in models
    ]


# ---- one published law ---------------------------------------------------------------------------


def law_dict(law: PublishedConstants) -> dict[str, Any]:
    """Return a published law as plain data."""
    return {
        "id": law.id,
        "model": law.model,
        "kind": law.kind,
        "title": law.title,
        "formulas": {name: to_text(node) for name, node in law.formulas.items()},
        "latex": {name: to_latex(node) for name, node in law.formulas.items()},
        "inputs": list(law.inputs),
        "constants": dict(law.constants),
        "intervals": {name: list(ends) for name, ends in law.intervals.items()},
        "units": law.units,
        "source": law.source,
    }


def print_law(law: PublishedConstants) -> None:
    """Print a published law: formula, constants, units, source."""
    print(f"{law.id}: {law.title}\n")
    form = load_model(law.model).published
    if form is not None:
        print(f"{law.response} = {to_text(form.formula)}")
        for line in form.also:
            print(f"{line.name} = {to_text(line.node)}")
        for line in form.where:
            print(f"  where {line.name} = {to_text(line.node)}")
    print()
    rows = [
        [name, f"{value:.6g}", "[{:g}, {:g}]".format(*law.intervals[name])]
        if name in law.intervals
        else [name, f"{value:.6g}", ""]
        for name, value in law.constants.items()
    ]
    print_table(rows, ("constant", "value", "interval as printed" if law.intervals else ""))
    print(f"\nunits: {law.units or 'not stated'}")
    print(f"source: {law.source}")
    if law.kind != "query":
        print(f"model: {law.model}, which can be fitted to runs")
