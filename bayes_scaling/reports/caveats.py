"""What could make the answers wrong, the gravest first."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bayes_scaling.facade import Fit
from bayes_scaling.figures.words import write_factor
from bayes_scaling.posterior import Check, Member
from bayes_scaling.posterior.diagnostics import doubts
from bayes_scaling.reports.answers import Answers
from bayes_scaling.runs import RunTable
from bayes_scaling.runs.designs import cell_of

FAR = math.log(10)
"""E-folds beyond the runs from which the distance itself is the gravest doubt."""

EDGE = 0.05
"""Share of draws without an optimum from which an allocation is doubtful."""

LARGEST = "largest runs"
"""The check of the fit that says whether a forecast starts where the best runs are."""

ONE_LAW = "Every interval here takes the form of this one law for granted."

TOO_NARROW = (
    "Backtests on public runs show that intervals of a single form contain the truth less often "
    "than they say: take them for the least uncertainty there is."
)

SOME_LAWS = (
    "The laws averaged here are a few of many: where all are wrong alike, so is their average, and "
    "no interval here knows."
)

MOST = 0.5
"""Weight of the members that miss the best of the largest runs from which the ensemble does."""

SETTINGS = (
    "optimizer",
    "schedule",
    "corpus",
    "context_length",
    "batch_size",
    "learning_rate",
    "width",
    "depth",
    "heads",
    "d_ff",
    "experts",
    "unique_tokens",
)
"""Columns that describe how a run was made and that a larger run might do differently."""

EXPECTED = ("optimizer", "schedule", "corpus", "context_length", "batch_size", "learning_rate")
"""Settings whose absence from a table is worth a sentence."""

IGNORED = ("run", "seed", "flops", "params", "tokens", "loss", "score", "steps", "budget")
"""Columns that are no settings."""


def caveats(answers: Answers) -> tuple[str, ...]:
    """List the doubts about the answers of one group, the gravest first.

    What `missed_runs` tells is left out: it stands above all of them.
    """
    form = SOME_LAWS if len(answers.fit.members) > 1 else ONE_LAW
    return (*_of_the_fit(answers.fit), *_of_the_answers(answers), form)


@dataclass(frozen=True, kw_only=True)
class Miss:
    """How a law, or most of several, misses the best of the largest runs.

    Attributes
    ----------
    side : str
        Where the runs lie: ``"below"`` or ``"above"`` the law; empty where it is not known.
    distance : str
        How far, in per cent, as text; empty where it is not known.
    evidence, advice : str
        As in the check.
    who : str
        Subject and verb: ``"This law misses"``, ``"Most of these laws miss"``.
    line : str
        What the runs lie off: ``"it"`` or ``"them"``.
    """

    side: str
    distance: str
    evidence: str
    advice: str
    who: str = "This law misses"
    line: str = "it"


def missed_runs(fit: Fit) -> Miss | None:
    """Return how the law misses the best of the largest runs; None where it does not.

    An ensemble misses them where members of at least half the weight do.
    """
    if not fit.averages or len(fit.members) == 1:
        return _missed_by(fit.leading)
    found = {name: miss for name, item in fit.members.items() if (miss := _missed_by(item))}
    if sum(fit.weights[name] for name in found) < MOST:
        return None
    sides = {miss.side for miss in found.values()}
    distances = sorted((miss.distance for miss in found.values()), key=_size)
    ends = list(dict.fromkeys((distances[0], distances[-1])))
    return Miss(
        side=sides.pop() if len(sides) == 1 else "",
        distance=" to ".join(ends).replace(" % to", " to"),
        evidence="; ".join(f"{name}: {miss.evidence}" for name, miss in found.items()),
        advice="Add a law that follows them, or fit the larger runs alone.",
        who="These laws miss" if len(found) == len(fit.members) else "Most of these laws miss",
        line="them",
    )


def _size(distance: str) -> float:
    return float(distance.removesuffix(" %") or 0)


def _missed_by(fit: Member) -> Miss | None:
    check = next((item for item in fit.checks if item.name == LARGEST), None)
    if check is None or check.verdict == "ok":
        return None
    found = re.search(r"([\d.]+) ?% (below|above) the law", check.evidence)
    distance = f"{float(found[1]):.2g} %" if found else ""
    side = found[2] if found else ""
    return Miss(
        side=side,
        distance=distance,
        evidence=_sentence(check.evidence),
        advice=_sentence(check.advice),
    )


def _of_the_fit(fit: Fit) -> list[str]:
    grave = [check for check in fit.checks if check.verdict == "fail"]
    grave = [check for check in grave if not check.name.startswith(LARGEST)]
    head = (
        ["The sampler did not converge: no number on this page can be relied on."]
        if fit.status == "unconverged"
        else []
    )
    return head + [_told(check) for check in grave]


def _told(check: Check) -> str:
    """Write a check as sentences."""
    evidence = _sentence(f"{check.name}: {check.evidence}")
    return f"{evidence} {_sentence(check.advice)}".strip()


def _of_the_answers(answers: Answers) -> list[str]:
    if answers.question.axis is None:
        return []
    found = []
    beyond = max((float(item[0]) for item in answers.planned.extrapolation.values()), default=0.0)
    if beyond >= FAR:
        found.append(
            f"The answer lies {write_factor(math.exp(beyond))} outside the runs: nothing in them "
            "tests the law out there, and the intervals hold only as far as its form does."
        )
    if answers.allocation is not None:
        split = answers.allocation
        held, edge = (float(np.max(x)) for x in (split.at_limit, split.at_edge - split.at_limit))
        if held > EDGE:
            found.append(
                f"In {held:.0%} of the draws the best split of a budget is held back by what was "
                f"asked for ({split.limits.told}): the runs would have it otherwise."
            )
        if edge > EDGE:
            found.append(
                f"In {edge:.0%} of the draws no split of a budget is best: the runs do not say "
                "how params trade against tokens."
            )
    warned = [check for check in doubts(answers.fit.checks) if check.verdict == "warn"]
    warned.sort(key=lambda check: check.sampling)
    if missed_runs(answers.fit) is not None:
        warned = [check for check in warned if not check.name.startswith(LARGEST)]
    return found + [_told(check) for check in warned]


def _sentence(text: str) -> str:
    """Make a sentence of a clause."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}" if text else ""


def fixed_settings(fit: Fit) -> Mapping[str, str]:
    """Return the columns that have one value in all runs, with that value."""
    fixed = {}
    for name, values in fit.runs.columns.items():
        if name in IGNORED or name in fit.leading.model.inputs or len(np.unique(values)) != 1:
            continue
        label = str(fit.runs.labels(name)[0])
        if label not in ("", "nan"):
            fixed[name] = label if len(label) <= 80 else f"{label[:77]}..."
    return fixed


def tied_settings(fit: Fit) -> tuple[str, ...]:
    """Return settings that vary between sizes but never within one (params, tokens) cell."""
    return tuple(name for name in _varied(fit) if not _varies_within(fit.runs, name))


def unread_settings(fit: Fit) -> tuple[str, ...]:
    """Return settings that vary at one size and that the law does not read."""
    return tuple(name for name in _varied(fit) if _varies_within(fit.runs, name))


def unrecorded_settings(fit: Fit) -> tuple[str, ...]:
    """Return settings that the table says nothing about."""
    return tuple(name for name in EXPECTED if name not in fit.runs)


def _varied(fit: Fit) -> list[str]:
    return [
        name
        for name in SETTINGS
        if name in fit.runs
        and name not in fit.leading.model.inputs
        and len(np.unique(fit.runs.labels(name))) > 1
    ]


def _varies_within(runs: RunTable, name: str) -> bool:
    if "params" not in runs or "tokens" not in runs:
        return True
    cell, labels = cell_of(runs), runs.labels(name)
    return any(len(np.unique(labels[cell == index])) > 1 for index in range(cell.max() + 1))
