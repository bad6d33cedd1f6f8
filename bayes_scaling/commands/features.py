"""What drift and tempering make of an answer, as lines of text and as plain data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.commands.console import print_table
from bayes_scaling.intervals import format_kind, interval
from bayes_scaling.laws.variants import tempering_in_words

if TYPE_CHECKING:
    from bayes_scaling.facade import Fit
    from bayes_scaling.questions import Allocation, Forecast
    from bayes_scaling.questions.drifting_exponents import Exponents, LocalExponent

MANY = 4
"""Groups up to which each has its line where exponents are printed."""

SAME = 1e-4
"""Range of draws below which they are one number to the reader."""


def tempered(fit: Fit) -> str:
    """Say in one line which posteriors are tempered; empty where all are plain."""
    return tempering_in_words(member.model for member in fit.members.values())


def exponents_at(fit: Fit, result: Forecast | Allocation) -> Exponents:
    """Return the local exponents at the sizes of a forecast, or at the median best splits."""
    from bayes_scaling.questions import Forecast
    from bayes_scaling.questions.drifting_exponents import ASKED

    model = fit.leading.model
    if isinstance(result, Forecast):
        sizes: dict[str, Any] = {name: result.plan.columns[name] for name in model.sizes}
        sizes[model.group] = result.plan.labels
    else:
        sizes = {name: [row[name] for row in result.rows()] for name in model.sizes}
        sizes[model.group] = result.label
    found = fit.exponents(sizes, probability=result.probability)
    return replace(found, parts=tuple(part for part in found.parts if part.at == ASKED))


def print_exponents(found: Exponents) -> None:
    """Print local exponents, one line each, after an empty line; nothing where nothing drifts."""
    from bayes_scaling.questions.drifting_exponents import ASKED

    if not found.parts:
        return
    many = len({part.label for part in found.parts}) > MANY
    parts = [_without_group(part) for part in found.parts] if many else found.parts
    once = {(part.member, part.label, part.input, part.at, part.size): part for part in parts}
    rows = [
        [
            part.member,
            part.label,
            f"{part.input} ({part.parameter})" if part.parameter else part.input,
            f"{part.size:.3g}" + ("" if part.at == ASKED else f", the {part.at}"),
            "" if part.exponent is None else _written(part.exponent, found),
            _written(part.factor, found),
        ]
        for part in once.values()
    ]
    kind = format_kind(found.probability)
    head = (
        "member", found.group_column, "exponent of", "at", f"local exponent, {kind}",
        "over that at the reference",
    )  # fmt: skip
    shown = [
        index
        for index in range(len(head))
        if any(row[index] for row in rows) and (index or len({row[0] for row in rows}) > 1)
    ]
    print()
    print_table([[row[index] for index in shown] for row in rows], [head[i] for i in shown])


def _without_group(part: LocalExponent) -> LocalExponent:
    """Keep what is the same in every group: how far the exponent has drifted."""
    return replace(part, label="", parameter="", exponent=None)


def _written(draws: Any, found: Exponents) -> str:
    """Write an interval without its kind, which the heading names."""
    if np.ptp(draws) < SAME:
        return f"{draws[0]:.4g}"
    kind = format_kind(found.probability)
    return str(interval(draws, found.probability)).removesuffix(f" {kind}")
