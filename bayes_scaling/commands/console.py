"""Results as lines of text and as JSON, for the command line."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bayes_scaling.intervals import Interval, format_kind, outward

if TYPE_CHECKING:
    from bayes_scaling.papers import Answerer
    from bayes_scaling.questions import Allocation, Answer, Forecast
    from bayes_scaling.validation import Approaches, Comparison

ESTIMATED = {
    "noise_free": "noise-free loss",
    "new_run": "loss of a new run",
    "params": "params N*",
    "params_active": "active params N*",
    "tokens": "tokens D*",
    "flops": "compute C [FLOP]",
    "tokens_per_param": "tokens per param",
    "loss": "noise-free loss",
    "learning_rate": "best learning rate",
}
"""How each quantity of a forecast or an allocation is called where it has an interval."""

ENSEMBLE = "ensemble"
"""What stands for the id of a model where several are averaged."""

OF_MEMBERS = {
    "noise_free": ("new_run",),
    "tokens_per_param": ("params", "tokens", "loss"),
}
"""By a quantity that tells a forecast from an allocation: what is shown of each member."""

SCORES = {
    "mare": "error", "bias": "bias", "coverage50": "in 50 %", "coverage90": "in 90 %",
    "width90": "width", "interval_score90": "interval score", "crps": "CRPS",
}  # fmt: skip
"""Scores that are printed, by the names of `bayes_scaling.scores`, and their headings."""

GIVEN = {
    "params": "params N",
    "params_active": "active params N",
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


# ---- checks --------------------------------------------------------------------------------------


def checks_list(fit: Answerer) -> list[dict[str, str]]:
    """Return the checks of a fit as plain data; none of a published law."""
    return [asdict(check) for check in fit.checks]


def warn_of_checks(fit: Answerer | Approaches | Comparison) -> None:
    """Say on standard error what a reader of a result should know of its fit."""
    for check in fit.checks:
        if check.verdict == "fail":
            say(f"warning: do not rely on this: {check}")
        elif check.verdict == "warn":
            say(f"note: {check}")


# ---- decisions -----------------------------------------------------------------------------------


def named(fit: Answerer) -> dict[str, str]:
    """Name what answers, as plain data: a model, the average of several, or a published law."""
    from bayes_scaling.papers import PublishedLaw

    if isinstance(fit, PublishedLaw):
        return {"published": fit.id}
    return {"model": fit.id}


def answer_dict(fit: Answerer, result: Forecast | Allocation | Answer) -> dict[str, Any]:
    """Return an answer as plain data, with what each member of several says."""
    found: dict[str, Any] = {**named(fit), "rows": result.rows()}
    if fit.averages:
        found |= {"by_member": result.member_rows(), "left_out": dict(fit.left_out)}
    return found | {"checks": checks_list(fit)}


def print_rows(fit: Answerer, result: Forecast | Allocation) -> None:
    """Print a forecast or an allocation, one block per run or budget."""
    from bayes_scaling.questions import Forecast

    of_members = result.member_rows() if fit.averages else []
    if isinstance(result, Forecast):
        group, given = result.plan.group_column, {*result.plan.columns}
    else:
        group, given = result.group_column, {result.given}
    for index, row in enumerate(result.rows()):
        if index:
            print()
        if "run" in row:
            print(f"{'run':22s} {row['run']}")
        if len(fit.groups) > 1:
            print(f"{group:22s} {row[group]}")
        typical = row.get("tuning") == "typical"
        silent = "" if "kind" in row else "new_run"  # as a published law has no noise
        if typical:
            print(f"{'tuning':22s} as in the fitted runs")
        for name, value in row.items():
            plain = name.replace("_", " ")
            if name in given:
                print(f"{GIVEN.get(name, plain):22s} {value:.4g}")
            elif f"{name}_lower" in row or (name in ESTIMATED and name != silent):
                called = ESTIMATED.get(name, plain if typical else f"best {plain}")
                print(f"{called:22s} {row_text(row, name)}")
        _print_choice(row)
        if "kind" in row:
            print(f"{'extrapolation':22s} {beyond(row)}")
        if row.get("at_edge", 0.0) > 0:
            share = f"{row['at_edge']:.0%} of the draws"
            print(f"{'no optimum':22s} inside the range searched, or it is a limit, in {share}")
        if of_members:
            count = len(result.members)
            print()
            _print_member_rows(of_members[index * count : (index + 1) * count])
            print(f"{'spread':22s} {_spread(row)}")


def _print_choice(row: Mapping[str, Any]) -> None:
    """Print the split to choose, where a budget is split."""
    if "choose_params" not in row:
        return
    print(
        f"{'choose':22s} N {row['choose_params']:.3g}, D {row['choose_tokens']:.3g}; expected "
        f"regret {row['expected_regret']:.2g}"
    )
    low, high = outward(row["flat_params_from"], row["flat_params_to"])
    print(f"{'within 1 % of it':22s} N {low:.2g} to {high:.2g}")


def _print_member_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print what each member says of one run or budget, with its weight."""
    shown = next(names for key, names in OF_MEMBERS.items() if key in rows[0])
    shown = tuple(name for name in shown if f"{name}_lower" in rows[0])
    kind = format_kind(rows[0]["probability"])
    print_table(
        [
            [
                str(row["member"]),
                f"{row['weight']:.2f}",
                *(str(row_interval(row, name)).removesuffix(f" {kind}") for name in shown),
            ]
            for row in rows
        ],
        (f"member, {kind}", "weight", *(ESTIMATED[name] for name in shown)),
    )


def _spread(row: Mapping[str, Any]) -> str:
    """Say where the spread of an answer comes from."""
    shares = {
        name.removeprefix("spread_"): share
        for name, share in row.items()
        if name.startswith("spread_")
    }
    what = "the log loss of a new run" if "noise" in shares else "log tokens per param"
    parts = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
    return f"{parts} of the variance of {what}"


def row_text(row: Mapping[str, Any], name: str) -> str:
    """Write one quantity of a row: with its interval, where it has one."""
    return str(row_interval(row, name)) if f"{name}_lower" in row else f"{row[name]:.4g}"


def row_interval(row: Mapping[str, Any], name: str) -> Interval:
    """Return the interval of one quantity of a row."""
    return Interval(
        median=row[name],
        lower=row[f"{name}_lower"],
        upper=row[f"{name}_upper"],
        probability=row["probability"],
    )


def beyond(row: Mapping[str, Any]) -> str:
    """Say how far a row lies outside the fitted runs, in compute and every input."""
    efolds = {
        name.removeprefix("efolds_"): value
        for name, value in row.items()
        if name.startswith("efolds_")
    }
    outside = [
        f"{name} {value:.1f} e-folds ({math.exp(value):.3g}x)"
        for name, value in efolds.items()
        if value > 0
    ]
    if not outside:
        return "inside the fitted runs"
    inside = [name for name, value in efolds.items() if value == 0]
    rest = f"; inside them: {', '.join(inside)}" if inside else ""
    return f"beyond the fitted runs: {', '.join(outside)}{rest}"
