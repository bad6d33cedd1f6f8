"""The section on drift: exponents at the reference, at the largest run, and where the answer is."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from bayes_scaling.facade import Fit
from bayes_scaling.figures.labels import column_label
from bayes_scaling.figures.numbers import write_count
from bayes_scaling.questions.drifting_exponents import ASKED, LARGEST, REFERENCE, LocalExponent
from bayes_scaling.reports.answer_sections import cell, explained, place
from bayes_scaling.reports.answers import Answers
from bayes_scaling.reports.blocks import Block, Prose, Table

SAME = 1e-9
"""Range of draws from which they are one number."""


def drifts(fit: Fit) -> bool:
    """Tell whether exponents of any member drift."""
    return any(member.model.drifting for member in fit.members.values())


def drift_section(item: Answers) -> tuple[Block, ...]:
    """Write the local exponents of every law that drifts."""
    probability = item.question.probability
    several = len(item.fit.members) > 1
    text = (
        "An exponent need not stay what it is where the runs are. Here it is a walk in the log of "
        "the size: it starts from the parameter of the law at the reference, the geometric mean "
        "of the runs, is told by them inside their range, and goes on beyond as fast as they let "
        f"it wander. At {place(item)} the intervals hold both."
    )
    rows = []
    for parts in _by_input(item.exponents.parts):
        first = parts[REFERENCE]
        name = column_label(first.input) + (f", {first.parameter}" if first.parameter else "")
        cells = []
        for at in (REFERENCE, LARGEST, ASKED):
            part = parts[at]
            draws = part.factor if part.exponent is None else part.exponent
            cells += [write_count(part.size), _cell(draws, probability)]
        factor = _cell(parts[ASKED].factor, probability)
        rows.append((*((first.member,) if several else ()), name, *cells, factor))
    head = (
        *(("law",) if several else ()), "input, exponent",
        "reference", "exponent there", "largest run", "exponent there",
        "answer", "exponent there", "over that at the reference",
    )  # fmt: skip
    table = Table(
        caption=f"Local exponents: {explained(probability)}; where a law has no single exponent of "
        "an input, its factor over the reference",
        head=head,
        rows=tuple(rows),
        text_columns=(0, 1) if several else (0,),
    )
    return (Prose(text=text), table)


def _by_input(parts: Iterable[LocalExponent]) -> list[dict[str, LocalExponent]]:
    """Return the places of every input of every law, by what they are."""
    found: dict[tuple[str, str], dict[str, LocalExponent]] = {}
    for part in parts:
        found.setdefault((part.member, part.input), {})[part.at] = part
    return list(found.values())


def _cell(draws: np.ndarray, probability: float) -> str:
    return f"{draws[0]:.4g}" if np.ptp(draws) < SAME else cell(draws, probability)
