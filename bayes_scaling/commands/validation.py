"""Commands that show how far answers can be relied on."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.commands.chosen import chosen_models
from bayes_scaling.commands.console import SCORES, print_json, print_table, say
from bayes_scaling.commands.options import (
    Best,
    Ceiling,
    Chains,
    Columns,
    Commas,
    Correlated,
    Draws,
    Drift,
    DropEmpty,
    Json,
    Mistuned,
    ModelNames,
    Runs,
    Seed,
    Temper,
    Transient,
    Tune,
    Where,
)
from bayes_scaling.commands.pictures import FORMATS, check_picture, write_picture
from bayes_scaling.commands.tables import read_table

if TYPE_CHECKING:
    from bayes_scaling.validation import Backtest


def backtest(
    runs: Runs,
    fit_where: Annotated[
        str | None, typer.Option(help="Which runs are fitted, e.g. 'flops <= 1e19'.")
    ] = None,
    target_where: Annotated[
        str | None, typer.Option(help="Which runs are forecast, e.g. 'flops > 1e19'.")
    ] = None,
    model: ModelNames = None,
    drift: Drift = None,
    transient: Transient = None,
    mistuned: Mistuned = None,
    correlated: Correlated = None,
    ceiling: Ceiling = None,
    temper: Temper = None,
    by: Annotated[
        str | None, typer.Option(help="A column: runs of each of its values are fitted apart.")
    ] = None,
    rolling: Annotated[
        bool, typer.Option("--rolling", help="Make every cut in compute in turn.")
    ] = False,
    columns: Columns = None,
    where: Where = None,
    drop_empty: DropEmpty = False,
    commas: Commas = None,
    best: Best = False,
    draws: Draws = 1000,
    tune: Tune = 800,
    chains: Chains = 4,
    seed: Seed = 0,
    plot: Annotated[
        Path | None, typer.Option(help=f"Where to draw it ({', '.join(FORMATS)}).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Fit small runs, forecast larger ones, and score the forecasts beside two baselines.

    Example: bayes-scaling backtest runs.csv --rolling
    """
    from bayes_scaling.validation import backtest as test

    models = chosen_models(
        model, drift=drift, transient=transient, mistuned=mistuned, correlated=correlated,
        ceiling=ceiling, temper=temper,
    )  # fmt: skip
    if plot is not None:
        check_picture(plot)
    result = test(
        read_table(runs, columns, where, best=best, drop_empty=drop_empty, commas=commas),
        fit_where=fit_where,
        target_where=target_where,
        models=models,
        by=by,
        rolling=rolling,
        draws=draws,
        tune=tune,
        chains=chains,
        random_seed=seed,
        progress=sys.stderr.isatty(),
    )
    if plot is not None:
        _draw(result, plot)
    if as_json:
        print_json(result.to_dict() | ({"plot": str(plot)} if plot else {}))
    else:
        _print(result)
        if plot is not None:
            print(f"drew {plot}")
    unsure = [
        row["fit"] + (f" up to {row['cut']:.3g}" if result.rolling else "")
        for row in result.fit_rows()
        if row["status"] == "unconverged"
    ]
    if unsure:
        named = ", ".join(dict.fromkeys(unsure))
        say(f"warning: scored though it did not converge: the fit of {named}")
        raise typer.Exit(2)


def _print(result: Backtest) -> None:
    targets = sum(len(split.targets) for split in result.splits)
    furthest = max(float(split.efolds.max()) for split in result.splits)
    members = dict.fromkeys(row["model"] for row in result.fit_rows() if row["weight"] > 0)
    tested = f"ensemble of {', '.join(members)}" if len(members) > 1 else next(iter(members))
    fits = len(result.splits)
    print(f"{tested}: {fits} fit{'s' if fits > 1 else ''}, {targets} targets")
    print(f"beyond the fitted runs: up to {furthest:.1f} e-folds ({math.exp(furthest):.3g}x)")
    print()
    if result.rolling:
        _print_scores(result.curve_rows(), "ratio")
    else:
        ours = [{"method": result.method, **row} for row in result.score_rows()]
        theirs = [{"method": row["baseline"], **row} for row in result.baseline_rows()]
        rows = sorted(ours + theirs, key=lambda row: str(row["group"]))
        several = len({row["group"] for row in rows}) > 1
        means = [{"group": "mean", **row} for row in result.mean_rows()] if several else []
        _print_scores([*rows, *means], "group")
    print()
    print("shares of the observed loss; 50 and 90 % of the targets should lie in the intervals,")
    print("and of the others less is better")


def _print_scores(rows: Sequence[Mapping[str, Any]], by: str) -> None:
    body, last = [], None
    for row in sorted(rows, key=lambda row: row[by]) if by == "ratio" else rows:
        label = f"{row[by]:g}x" if by == "ratio" else str(row[by])
        counts = [str(row["n_target"])] if "n_target" in row else [""]
        numbers = [_number(name, row[name]) for name in SCORES]
        body.append(["" if label == last else label, row["method"], *numbers, *counts])
        last = label
    print_table(body, (by, "forecast by", *SCORES.values(), "targets"))


def _number(name: str, value: float) -> str:
    if name.startswith("coverage"):
        return f"{value:.0%}"
    return f"{value:+.4f}" if name == "bias" else f"{value:.4f}"


def _draw(result: Backtest, path: Path) -> None:
    """Draw intervals and coverage, or coverage and interval score by distance."""
    from bayes_scaling.figures import plot_backtest, plot_coverage, plot_rolling
    from bayes_scaling.figures.style import new_figure

    figure = new_figure(11.5, 4.3)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1) if result.rolling else (1.6, 1))
    if result.rolling:
        plot_rolling(result, ax=left)
        plot_rolling(result, score="interval_score90", ax=right)
    else:
        plot_backtest(result, ax=left)
        plot_coverage(result, ax=right)
    write_picture(figure, path)
