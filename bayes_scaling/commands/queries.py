"""Commands that ask what follows from a fit, or from a published law."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.commands.answers import answering, give
from bayes_scaling.commands.console import print_json, print_table
from bayes_scaling.commands.options import (
    Computes,
    Family,
    Inputs,
    Json,
    Many,
    Probability,
    Source,
    count_option,
    read_settings,
)
from bayes_scaling.commands.planning import Served
from bayes_scaling.commands.tables import read_table
from bayes_scaling.errors import InputError
from bayes_scaling.intervals import PROBABILITY

if TYPE_CHECKING:
    from bayes_scaling.papers import PublishedLaw


def saturation(
    source: Source,
    gain: Annotated[float, typer.Option(help="Share of the loss; .02 is 2 %.")] = 0.02,
    params: Many = None,
    tokens: Many = None,
    family: Family = None,
    inputs: Inputs = None,
    probability: Probability = PROBABILITY,
    as_json: Json = False,
) -> None:
    """Tell beyond which size doubling it lowers the loss by less than a share.

    Example: bayes-scaling saturation fit.nc --params 7B --gain .01
    """
    found = answering(source)
    asked: dict[str, Any] = {"params": params, "tokens": tokens}
    asked["inputs"] = read_settings(inputs)
    answer = found.saturation(gain, **asked, **_asked(family, probability))
    give(found, answer, as_json=as_json)


def reach(
    source: Source,
    loss: Annotated[list[float], typer.Option(help="The loss to reach; several times.")],
    params: Many = None,
    tokens: Many = None,
    batch_size: Annotated[float | None, count_option(help="Tokens per step.")] = None,
    inference_tokens: Served = 0.0,
    family: Family = None,
    inputs: Inputs = None,
    probability: Probability = PROBABILITY,
    as_json: Json = False,
) -> None:
    """Tell what it takes to reach a loss: with given params or tokens, or at the least compute.

    Example: bayes-scaling reach fit.nc --loss 2.0 --params 7B
    """
    found = answering(source)
    asked: dict[str, Any] = {"params": params, "tokens": tokens}
    asked["inputs"] = read_settings(inputs)
    answer = found.reach(
        loss,
        batch_size=batch_size,
        inference_tokens=inference_tokens,
        **asked,
        **_asked(family, probability),
    )
    give(found, answer, as_json=as_json)


def judge_split(
    source: Source,
    runs: Annotated[
        str | None,
        typer.Option(help="A table of runs; the big published ones unless sizes are given."),
    ] = None,
    params: Many = None,
    tokens: Many = None,
    flops: Computes = None,
    family: Family = None,
    probability: Probability = PROBABILITY,
    as_json: Json = False,
) -> None:
    """Tell whether runs saw too few tokens for their compute, and what that cost them.

    Example: bayes-scaling judge-split fit.nc --params 280B --tokens 300B
    """
    from bayes_scaling.datasets import published_runs

    found = answering(source)
    given = {"params": params, "tokens": tokens, "flops": flops}
    sizes = {name: values for name, values in given.items() if values}
    if runs is not None and sizes:
        raise InputError("give a table of runs, or sizes, not both")
    asked: Any = sizes or (
        read_table(runs, None, None, needs_loss=False) if runs else published_runs()
    )
    answer = found.judge_split(asked, **_asked(family, probability))
    give(found, answer, as_json=as_json)


def query(
    source: Source,
    name: Annotated[str, typer.Argument(help="A query of the catalogue, or a TOML file.")],
    values: Annotated[
        list[str] | None,
        typer.Option("--set", help="An input or a setting, as name=value; several times."),
    ] = None,
    params: Many = None,
    tokens: Many = None,
    flops: Computes = None,
    family: Family = None,
    probability: Probability = PROBABILITY,
    as_json: Json = False,
) -> None:
    """Evaluate a query, such as overfitting-bound, on a fit of the law that it asks.

    Example: bayes-scaling query fit.nc critical-batch --set loss_reached=2.5
    """
    found = answering(source)
    given = {"params": params, "tokens": tokens, "flops": flops}
    asked: dict[str, Any] = {key: value for key, value in given.items() if value}
    asked |= read_settings(values)
    answer = found.query(name, asked, **_asked(family, probability))
    give(found, answer, as_json=as_json)


def published(
    name: Annotated[str | None, typer.Argument(help="A published law; all without.")] = None,
    params: Many = None,
    tokens: Many = None,
    flops: Computes = None,
    inputs: Inputs = None,
    as_json: Json = False,
) -> None:
    """List published laws, show one, or tell what it says of runs or of one size.

    Example: bayes-scaling published hoffmann-2022 --params 70B --tokens 1.4T
    """
    from bayes_scaling.commands.forecasts import show
    from bayes_scaling.papers import list_published, published as find

    if name is None:
        laws = list_published()
        if as_json:
            print_json([_law_dict(law) for law in laws])
            return
        rows = [[law.id, law.model, ", ".join(law.formulas), law.title] for law in laws]
        print_table(rows, ("published law", "model", "gives", "title"))
        return
    law = find(name)
    given = {"params": params, "tokens": tokens, "flops": flops}
    sizes: dict[str, Any] = {key: value for key, value in given.items() if value}
    others = read_settings(inputs)
    if not sizes and not others:
        print_json(_law_dict(law)) if as_json else _print_law(law)
    elif set(law.needed) <= {*sizes, *others} or len(sizes) > 1:
        give(law, law.at({**sizes, **others}), as_json=as_json)
    else:
        show(law, law.allocate(**sizes), as_json=as_json)


def _asked(family: str | None, probability: float) -> dict[str, Any]:
    """Return what every question takes."""
    return {"family": family, "probability": probability}


# ---- one published law ---------------------------------------------------------------------------


def _law_dict(law: PublishedLaw) -> dict[str, Any]:
    """Return a published law as plain data."""
    from bayes_scaling.formula.render import to_latex, to_text

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


def _print_law(law: PublishedLaw) -> None:
    """Print a published law: formula, constants, units, source."""
    from bayes_scaling.formula.render import to_text
    from bayes_scaling.laws import load_model

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
