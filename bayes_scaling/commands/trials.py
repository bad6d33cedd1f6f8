"""Commands that show how far answers can be relied on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from bayes_scaling import validation
from bayes_scaling.commands.chosen import Models
from bayes_scaling.commands.console import FORMATS, check_picture, judge, print_page, write_picture
from bayes_scaling.commands.executors import Keep, Where, executor_of
from bayes_scaling.commands.fits import sampling
from bayes_scaling.commands.options import (
    Family,
    Json,
    Many,
    Probability,
    complete_models,
)
from bayes_scaling.commands.sources import Reading, Runs, read_table
from bayes_scaling.commands.streams import print_json, say
from bayes_scaling.intervals import PROBABILITY, check_probability, format_kind
from bayes_scaling.laws import load_model
from bayes_scaling.page import SCORES, Block, Grid, Page, beyond, called, cell, past_telling
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.questions.rig import Budget, Rig
from bayes_scaling.validation import Approaches, Backtest, Calibration, Comparison

Plot = Annotated[
    Path | None, typer.Option(metavar="FILE", help=f"Write a picture ({', '.join(FORMATS)}).")
]

QUICK = Settings(draws=500, tune=500, chains=2)
"""How the many fits of a calibration are sampled, by default."""

# ---- backtest ------------------------------------------------------------------------------------


def backtest(
    *,
    runs: Runs,
    fit_where: Annotated[
        str | None, typer.Option(help="Which runs are fitted, e.g. 'flops <= 1e19'.")
    ] = None,
    target_where: Annotated[
        str | None, typer.Option(help="Which runs are forecast, e.g. 'flops > 1e19'.")
    ] = None,
    models: Models,
    by: Annotated[
        str | None, typer.Option(help="A column: runs of each of its values are fitted apart.")
    ] = None,
    rolling: Annotated[
        bool, typer.Option("--rolling", help="Make every cut in compute in turn.")
    ] = False,
    reading: Reading,
    settings: Settings,
    executor: Where = None,
    keep: Keep = None,
    plot: Plot = None,
    as_json: Json = False,
) -> None:
    """Fit small runs, forecast larger ones, and score the forecasts beside two baselines.

    Example: bayes-scaling backtest runs.csv --rolling
    """
    chosen = models.chosen()
    check_picture(plot)
    with executor_of(executor) as workers:
        result = validation.backtest(
            reading.table(runs),
            fit_where=fit_where,
            target_where=target_where,
            models=chosen,
            by=by,
            rolling=rolling,
            executor=workers,
            keep=keep,
            **sampling(settings),
        )
    if plot is not None:
        _draw_backtest(result, plot)
    if as_json:
        print_json(result.to_dict() | ({"plot": str(plot)} if plot else {}))
    else:
        print_page(backtest_page(result))
        if plot is not None:
            print(f"drew {plot}")
    unsure = [
        row["fit"] + (f" up to {row['cut']:.3g}" if result.rolling else "")
        for row in result.fit_rows()
        if row["status"] == "unconverged"
    ]
    if unsure:
        fits = ", ".join(dict.fromkeys(unsure))
        say(f"warning: scored though it did not converge: the fit of {fits}")
        raise typer.Exit(2)


def backtest_page(result: Backtest) -> Page:
    """Return what was fitted and how far was forecast, then scores beside those of baselines."""
    targets = sum(len(split.targets) for split in result.splits)
    furthest = max(float(split.efolds.max()) for split in result.splits)
    members = dict.fromkeys(row["model"] for row in result.fit_rows() if row["weight"] > 0)
    tested = f"ensemble of {', '.join(members)}" if len(members) > 1 else next(iter(members))
    fits = len(result.splits)
    if result.rolling:
        scores = _score_grid(sorted(result.curve_rows(), key=lambda row: row["ratio"]), "ratio")
    else:
        ours = [{"method": result.method, **row} for row in result.score_rows()]
        theirs = [{"method": row["baseline"], **row} for row in result.baseline_rows()]
        rows = sorted(ours + theirs, key=lambda row: str(row["group"]))
        several = len({row["group"] for row in rows}) > 1
        means = [{"group": "mean", **row} for row in result.mean_rows()] if several else []
        scores = _score_grid([*rows, *means], "group")
    return [
        [
            f"{tested}: {fits} fit{'s' if fits > 1 else ''}, {targets} targets",
            f"beyond the fitted runs: up to {furthest:.1f} e-folds ({math.exp(furthest):.3g}x)",
        ],
        [scores],
        [
            "shares of the observed loss; 50 and 90 % of the targets should lie in the intervals,",
            "and of the others less is better",
        ],
    ]


def _score_grid(rows: Sequence[Mapping[str, Any]], by: str) -> Grid:
    body, last = [], None
    for row in rows:
        label = f"{row[by]:g}x" if by == "ratio" else str(row[by])
        numbers = [_score(name, row[name]) for name in SCORES]
        count = str(row.get("n_target", ""))
        body.append(["" if label == last else label, row["method"], *numbers, count])
        last = label
    return Grid(heading=(by, "forecast by", *SCORES.values(), "targets"), rows=body)


def _score(name: str, value: float) -> str:
    if name.startswith("coverage"):
        return f"{value:.0%}"
    if large := past_telling(value):
        return large
    return f"{value:+.4f}" if name == "bias" else f"{value:.4f}"


def _draw_backtest(result: Backtest, path: Path) -> None:
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


# ---- compare -------------------------------------------------------------------------------------


def compare(
    *,
    runs: Runs,
    models: Models,
    params: Many = None,
    tokens: Many = None,
    budget: Budget,
    rig: Rig,
    family: Family = None,
    reading: Reading,
    settings: Settings,
    executor: Where = None,
    keep: Keep = None,
    probability: Probability = PROBABILITY,
    as_json: Json = False,
) -> None:
    """Compare models on the same runs: leave-one-out, the largest runs held out, forecasts.

    Example: bayes-scaling compare runs.csv -m chinchilla -m coupled
    """
    check_probability(probability)
    chosen = models.chosen()
    laws = None if chosen is None else [load_model(each) for each in chosen]
    table = reading.table(runs)
    group = laws[0].group if laws else "family"
    sizes = {"params": params, "tokens": tokens, "flops": budget.on(rig), group: family}
    at: dict[str, Any] = {name: value for name, value in sizes.items() if value is not None}
    with executor_of(executor) as workers:
        result = validation.compare(
            table,
            laws,
            at=at or None,
            probability=probability,
            executor=workers,
            keep=keep,
            **sampling(settings),
        )
    if as_json:
        print_json(result.to_dict())
    else:
        print_page(comparison_page(result))
    judge(result)


def comparison_page(result: Comparison) -> Page:
    """Return what speaks for each model, and their forecasts side by side."""
    density = Grid(
        heading=("model", "density (se)", "difference (se)", "effective parameters", "high k",
                 "equal weight", "stacking weight", "likelihood"),
        rows=[
            [
                str(row["model"]),
                f"{row['elpd']:.1f} ({row['elpd_se']:.1f})",
                f"{row['elpd_difference']:.1f} ({row['difference_se']:.1f})",
                f"{row['effective_parameters']:.1f}",
                str(row["high_k"]),
                f"{row['weight_equal']:.2f}",
                f"{row['weight_stacking']:.2f}",
                str(row["likelihood"]),
            ]
            for row in result.rows()
        ],
    )  # fmt: skip
    deep: list[Block] = [f"deep split left out: {result.split}"]
    if not isinstance(result.split, str):
        headings = {**SCORES, "width90": "width of 90 %"}
        cells = [
            [name, *(f"{scores[key]:.4f}" for key in headings)]
            for name, scores in result.deep.items()
        ]
        deep = [
            f"deep split: {result.split.summary}; shares of the observed loss",
            Grid(heading=("model", *headings.values()), rows=cells),
        ]
    rows, each = result.forecast_rows(), len(result.predictions)
    return [
        ["leave-one-out: log density of each run from all the others, summed [nats]", density],
        deep,
        *(_forecasts_at(result, rows[at : at + each]) for at in range(0, len(rows), each)),
    ]


def _forecasts_at(result: Comparison, rows: Sequence[Mapping[str, Any]]) -> list[Block]:
    """Tabulate the forecasts of every model and average at one target."""
    plan = next(iter(result.predictions.values())).plan
    first, average = rows[0], rows[-2]
    sizes = [f"{name} {first[name]:.4g}" for name in ("params", "tokens", "flops") if name in first]
    several = len(next(iter(result.fits.values())).groups) > 1
    group = [f"{plan.group_column} {first[plan.group_column]}"] if several else []
    quantities = ("noise_free", "new_run")
    return [
        f"forecasts at {', '.join([*group, *sizes])}, {beyond(average)}",
        Grid(
            heading=(f"model, {format_kind(result.probability)}", *map(called, quantities)),
            rows=[[str(row["model"]), *(cell(row, name) for name in quantities)] for row in rows],
        ),
    ]


# ---- approaches ----------------------------------------------------------------------------------

SPLIT = {
    "params": "params N*",
    "tokens_per_param": "D*/N*",
    "exponent": "exponent of N*",
    "loss": called("loss"),
}
"""Quantities of a split that are printed, and their headings; the rest is in the JSON."""


def approaches(
    *,
    runs: Runs,
    curves: Annotated[
        str | None,
        typer.Option(
            help="A table of losses during training, for the envelope; by default that of the runs."
        ),
    ] = None,
    budget: Budget,
    rig: Rig,
    family: Family = None,
    reading: Reading,
    settings: Settings,
    probability: Probability = PROBABILITY,
    plot: Plot = None,
    as_json: Json = False,
) -> None:
    """Compute-optimal sizes by envelope, isoFLOP lines and parametric fit, and why they differ.

    Example: bayes-scaling approaches nano-lm --curves nano-lm-curves
    """
    check_probability(probability)
    check_picture(plot)
    result = validation.approaches(
        reading.table(runs),
        curves=None if curves is None else reading.table(curves),
        flops=budget.on(rig),
        family=family,
        probability=probability,
        **sampling(settings),
    )
    if as_json:
        print_json(result.to_dict())
    else:
        print_page(approaches_page(result))
    if plot:
        from bayes_scaling.figures import plot_approaches

        write_picture(plot_approaches(result), plot)
    judge(result)


def approaches_page(result: Approaches) -> Page:
    """Return the splits budget by budget, approaches that were left out, and why they differ."""
    rows, each = result.rows(), len(result.fits)
    heading = (f"approach, {format_kind(result.probability)}", *SPLIT.values(), "published",
               "rows", "beyond")  # fmt: skip
    budgets: list[list[Block]] = [
        [
            f"compute {rows[at]['flops']:.4g} FLOP",
            Grid(heading=heading, rows=[_split_cells(row) for row in rows[at : at + each]]),
        ]
        for at in range(0, len(rows), each)
    ]
    left_out = [f"left out: {name}: {reason}" for name, reason in result.skipped.items()]
    why = [f"- {sentence}" for sentence in result.why]
    return [*budgets, [*left_out, "why they differ:", *why]]


def _split_cells(row: Mapping[str, Any]) -> list[str]:
    published, efolds = row["published_exponent"], row["efolds_flops"]
    return [
        f"{row['approach']}{'' if row['status'] == 'converged' else ' (unconverged)'}",
        *(cell(row, name) for name in SPLIT),
        "" if published is None else f"{published:.2f}",
        str(row["rows"]),
        f"{math.exp(efolds):.3g}x" if efolds > 0.01 else "",
    ]


# ---- calibrate -----------------------------------------------------------------------------------


def calibrate(
    *,
    model: Annotated[
        str,
        typer.Option(
            "--model", "-m", help="A model id or a TOML file.", autocompletion=complete_models
        ),
    ],
    runs: Annotated[
        str | None,
        typer.Option(help="A table or data set whose sizes are simulated; losses are not read."),
    ] = None,
    simulations: Annotated[int, typer.Option(help="Sets of runs to make up and fit.")] = 50,
    settings: Settings = QUICK,
    executor: Where = None,
    keep: Keep = None,
    plot: Plot = None,
    as_json: Json = False,
) -> None:
    """Fit runs that the prior of a law made up, and see where the truth falls.

    Example: bayes-scaling calibrate -m chinchilla --simulations 100
    """
    check_picture(plot)
    with executor_of(executor) as workers:
        found = validation.calibrate(
            model,
            read_table(runs),
            simulations=simulations,
            executor=workers,
            keep=keep,
            **sampling(settings),
        )
    if plot is not None:
        from bayes_scaling.figures import plot_calibration

        write_picture(plot_calibration(found), plot)
    count, unsure = found.converged.size, int((~found.converged).sum())
    if as_json:
        about = {"model": found.model, "simulations": count, "runs": found.runs}
        print_json(about | {"unconverged": unsure, "rows": found.rows()})
    else:
        print_page(calibration_page(found))
    if unsure:
        say(
            f"note: {unsure} of {count} fits did not converge, and count all the same; "
            "--draws gives more"
        )
    if not found.calibrated:
        say("warning: truths do not fall where they should; see the quantities that fail")
        raise typer.Exit(2)


def calibration_page(found: Calibration) -> Page:
    """Return where the truth fell, quantity by quantity."""
    rows = [
        [
            row["quantity"],
            f"{row['coverage50']:.0%}",
            f"{row['coverage90']:.0%}",
            f"{row['mean_place']:.2f}",
            f"{row['p_value']:.2g}",
            row["verdict"],
        ]
        for row in found.rows()
    ]
    heading = ("quantity", "in 50 %", "in 90 %", "mean place", "p of uniform", "")
    return [
        [f"{found.model}: {found.converged.size} simulations of {found.runs} runs"],
        [Grid(heading=heading, rows=rows)],
        [
            "the truth should fall uniformly among the draws, half of them below the median;",
            "whether real runs follow the law is for 'backtest' to say",
        ],
    ]
