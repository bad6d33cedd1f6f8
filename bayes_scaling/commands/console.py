"""Results as lines of text and as JSON, for the command line."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bayes_scaling.intervals import Interval, interval

if TYPE_CHECKING:
    from bayes_scaling.decisions import Allocation, Forecast
    from bayes_scaling.inference import Fit

ESTIMATED = {
    "noise_free": "noise-free loss",
    "new_run": "loss of a new run",
    "params": "params N*",
    "tokens": "tokens D*",
    "flops": "compute C [FLOP]",
    "tokens_per_param": "tokens per param",
    "loss": "noise-free loss",
    "learning_rate": "best learning rate",
}
"""How each quantity of a forecast or an allocation is called where it has an interval."""

GIVEN = {
    "params": "params N",
    "tokens": "tokens D",
    "flops": "compute C [FLOP]",
    "learning_rate": "learning rate",
}
"""How each is called where it was given."""


def print_json(result: Any) -> None:
    """Print one JSON value; numbers that JSON cannot hold become null."""
    print(json.dumps(_plain(result), indent=2, allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def print_table(rows: Sequence[Sequence[str]], header: Sequence[str]) -> None:
    """Print columns of text, aligned."""
    widths = [max(len(row[index]) for row in (header, *rows)) for index in range(len(header))]
    for row in (header, *rows):
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


def say(text: str) -> None:
    """Print a line for people, on standard error."""
    print(text, file=sys.stderr)


# ---- fits ----------------------------------------------------------------------------------------


def fit_dict(fit: Fit, probability: float) -> dict[str, Any]:
    """Return a fit as plain data: posterior, checks and provenance."""
    summary = {}
    for name, values in _elements(fit):
        summary[name] = interval(values, probability).to_dict() | asdict(fit.mixing[name])
    return {
        "model": fit.model.id,
        "runs": len(fit.runs),
        "groups": list(fit.groups),
        "status": fit.status,
        "trustworthy": fit.trustworthy,
        "posterior": summary,
        "references": dict(fit.references),
        "checks": checks_list(fit),
        "notes": list(fit.runs.notes),
        "provenance": dict(fit.provenance),
    }


def checks_list(fit: Fit) -> list[dict[str, str]]:
    """Return the checks of a fit as plain data."""
    return [asdict(check) for check in fit.checks]


def print_fit(fit: Fit, probability: float) -> None:
    """Print posterior and checks."""
    print(f"{fit.model.id}: {fit.model.title}")
    print(f"{len(fit.runs)} runs, {fit.settings.chains} chains of {fit.settings.draws} draws")
    print()
    rows = [
        [name, str(interval(values, probability)), f"{mixed.r_hat:.3f}", f"{mixed.ess:.0f}"]
        for name, values in _elements(fit)
        for mixed in (fit.mixing[name],)
    ]
    print_table(rows, ("parameter", "posterior", "R-hat", "ESS"))
    print()
    for check in fit.checks:
        print(check)


def _elements(fit: Fit) -> Iterable[tuple[str, Any]]:
    from bayes_scaling.inference.diagnostics import elements

    return elements(fit.draws, fit.groups)


def warn_of_checks(fit: Fit) -> None:
    """Say on standard error what a reader of a result should know of its fit."""
    for check in fit.checks:
        if check.verdict == "fail":
            say(f"warning: do not rely on this: {check}")
        elif check.verdict == "warn":
            say(f"note: {check}")


# ---- decisions -----------------------------------------------------------------------------------


def print_rows(fit: Fit, result: Forecast | Allocation) -> None:
    """Print a forecast or an allocation, one block per run or budget."""
    for index, row in enumerate(result.rows()):
        if index:
            print()
        if len(fit.groups) > 1:
            print(f"{fit.model.group:22s} {row[fit.model.group]}")
        for name, value in row.items():
            if f"{name}_lower" in row:
                called = ESTIMATED.get(name, f"best {name.replace('_', ' ')}")
                print(f"{called:22s} {_interval(row, name)}")
            elif name in fit.model.inputs or name in GIVEN:
                print(f"{GIVEN.get(name, name.replace('_', ' ')):22s} {value:.4g}")
        print(f"{'extrapolation':22s} {_beyond(row)}")
        if row.get("at_edge", 0.0) > 0:
            share = f"{row['at_edge']:.0%} of the draws"
            print(
                f"{'no optimum':22s} inside the range searched, in {share}: do not use this split"
            )


def _interval(row: Mapping[str, Any], name: str) -> Interval:
    return Interval(
        median=row[name],
        lower=row[f"{name}_lower"],
        upper=row[f"{name}_upper"],
        probability=row["probability"],
    )


def _beyond(row: Mapping[str, Any]) -> str:
    """Say how far a row lies outside the fitted runs."""
    beyond = {
        name.removeprefix("efolds_"): value
        for name, value in row.items()
        if name.startswith("efolds_")
    }
    parts = [
        f"{name} {value:.1f} e-folds ({math.exp(value):.3g}x)"
        for name, value in beyond.items()
        if value > 0
    ]
    return "beyond the fitted runs: " + ", ".join(parts) if parts else "inside the fitted runs"
