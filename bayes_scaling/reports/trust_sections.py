"""Sections on trust: backtest, forecasts on record, methods with sources, and provenance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from bayes_scaling import __version__
from bayes_scaling.facade import Fit
from bayes_scaling.figures import style, validation_plots
from bayes_scaling.figures.words import without_kind, write_number, write_size
from bayes_scaling.laws.link import link_of
from bayes_scaling.page import past_telling, told
from bayes_scaling.questions.record import TrackRecord
from bayes_scaling.reports.blocks import Block, Items, Picture, Prose, Table
from bayes_scaling.validation import Backtest

SCORES = {
    "mare": "error",
    "bias": "bias",
    "coverage90": "in 90 %",
    "coverage50": "in 50 %",
    "width90": "width",
    "interval_score90": "interval score",
}
"""Scores that are shown, and their headings."""

SOURCES = (
    "Sampling: Hoffman and Gelman 2014, arXiv:1111.4246 (NUTS). Convergence: Vehtari et al. 2021, "
    "doi:10.1214/20-BA1221 (rank-normalised R-hat and effective sizes).",
    "Averaging: Yao et al. 2018, doi:10.1214/17-BA1091 (stacking). Scores: Gneiting and Raftery "
    "2007, doi:10.1198/016214506000001437.",
)
"""Where the methods that all reports use come from."""


def held(backtest: Backtest) -> tuple[int, int]:
    """Count held-out runs whose 90 % interval held, and all of them."""
    rows = backtest.forecast_rows()
    hits = [row["lower90"] <= row["observed"] <= row["upper90"] for row in rows]
    return sum(hits), len(hits)


def backtest_fact(backtest: Backtest) -> tuple[str, str, str]:
    """Say in the verdict whether such forecasts held on these runs."""
    hits, count = held(backtest)
    furthest = max(float(np.max(split.efolds)) for split in backtest.splits)
    return (
        "Did it hold on your runs?",
        f"{hits} of {count}",
        f"larger runs inside the 90 % interval, foretold from smaller ones up to "
        f"{np.exp(furthest):.2g}x away",
    )


def backtest_section(backtest: Backtest) -> tuple[Block, ...]:
    """Show forecasts of the larger runs from the smaller ones, beside what they reached."""
    hits, count = held(backtest)
    picture = Picture(
        source=style.to_data_uri(validation_plots.plot_backtest(backtest), "backtest"),
        alt=f"Forecasts of {count} held-out runs with intervals, and what they reached.",
        caption=f"Fitted again on the smaller runs alone: the 90 % interval holds for {hits} of "
        f"{count} larger ones. Runs of one sweep err together, so few of them count as many.",
    )
    rows = tuple(
        (str(row["method"]), *(past_telling(row[name]) or f"{row[name]:.3g}" for name in SCORES))
        for row in backtest.mean_rows()
    )
    table = Table(
        caption="Scores relative to the loss; lower is better but for the shares",
        head=("method", *SCORES.values()),
        rows=rows,
    )
    return (picture, table)


def record_section(record: TrackRecord) -> tuple[Block, ...]:
    """Show forecasts that were put on record, and what became of them."""
    pairs = zip(record.rows(), record.forecasts, strict=True)
    found = sorted(((_beyond(row), row, item) for row, item in pairs), key=lambda each: each[0])
    rows = tuple(
        (
            row["created"][:10],
            _called(item),
            write_size(row["params"]) if "params" in row else "",
            write_size(row["tokens"]) if "tokens" in row else "",
            f"{far:.1f}" if math.isfinite(far) else "",
            without_kind(told(row, "new_run")),
            "open" if row["loss"] is None else write_number(row["loss"], 4),
            "" if row["loss"] is None else ("inside" if row["inside"] else "outside"),
        )
        for far, row, item in found
    )
    table = Table(
        caption="Forecasts on record, made before their runs, by e-folds beyond the runs of the "
        "fit: median [90 % ETI]",
        head=("since", "model", "parameters", "tokens", "e-folds", "forecast", "reached", ""),
        rows=rows,
        text_columns=(0, 1, 7),
    )
    done = record.scores
    if done is None:
        return (Prose(text="No run of a forecast on record is finished yet."), table)
    text = (
        f"{len(record.outcomes)} of {len(record.forecasts)} forecasts are scored: the 90 % "
        f"interval held for {done['coverage90']:.0%} of them, mean error {done['mare']:.2%}."
    )
    return (Prose(text=text), table)


def _beyond(row: Mapping[str, Any]) -> float:
    """E-folds beyond the runs, in compute or else the farthest input; inf where none are known."""
    far = {name: value for name, value in row.items() if name.startswith("efolds_")}
    return float(far.get("efolds_flops", max(far.values(), default=math.inf)))


def _called(item: Mapping[str, Any]) -> str:
    """Write the model of a forecast, and the group where there are several."""
    groups = [str(v) for v in item["plan"].values() if isinstance(v, str) and v != "all"]
    return ", ".join([str(item["model"]), *groups])


def methods_section(fit: Fit) -> tuple[Block, ...]:
    """Say in a paragraph how the numbers were made, with sources."""
    members = fit.members
    settings = fit.settings
    laws = "a law" if len(members) == 1 else f"{len(members)} laws"
    bounded = link_of(fit.leading.model).bounded
    deviate = "Error rates deviate" if bounded else "Losses deviate"
    scale = "scale of the log odds" if bounded else "log scale"
    text = (
        f"The posterior of {laws} ({', '.join(members)}) given {len(fit.runs)} runs was sampled "
        f"with the no-U-turn sampler in PyMC, {settings.chains} chains of {settings.draws} draws "
        f"after {settings.tune} of tuning, seed {settings.random_seed}. {deviate} from the "
        f"law on the {scale}, with heavy tails. "
    )
    if fit.averages and len(members) > 1:
        weights = ", ".join(f"{name} {weight:.2f}" for name, weight in fit.weights.items())
        text += f"Draws of the laws are mixed with weights {weights}. "
    text += (
        "Exponents may drift with scale, and beyond the runs they go on drifting, as far as the "
        "model says so. Intervals are equal-tailed; the law of total variance parts their spread."
    )
    references = dict.fromkeys(
        reference for each in members.values() for reference in each.model.references
    )
    texts = (*(f"Law: {reference}." for reference in references), *SOURCES)
    return (Prose(text=text), Items(texts=texts))


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
    return (
        Table(
            caption="Where this comes from",
            head=("what", "value"),
            rows=tuple(rows),
            text_columns=(0, 1),
        ),
    )
