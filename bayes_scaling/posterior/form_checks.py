"""Whether a law can describe the runs at all, whatever its interval says.

A posterior of a law that cannot follow its runs converges as well as any other, and its interval
is narrow about nothing. What gives it away: the law leaves most of the spread of the losses, and
what it leaves is no noise, since runs of like sizes deviate alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.laws.design import Design
from bayes_scaling.laws.link import link_of
from bayes_scaling.laws.model import Model
from bayes_scaling.posterior.diagnostics import Check

Array = NDArray[np.float64]
Index = NDArray[np.int64]

SIZES = ("params", "tokens", "steps", "flops")
"""Inputs by which runs are alike."""

LEFT = (0.1, 0.6)
"""Share of the spread of the losses that a law may leave, where neighbours deviate alike: bounds
between ok and warn, and between warn and fail. Right laws leave .03, and laws that bend wrongly on
public sweeps up to .4; a U, or two units in one column, .9 and more."""

ALIKE = 0.5
"""Correlation of the deviations of neighbours from which a law fails; on public sweeps that no law
here follows it is above .9."""

CHANCE = 0.01
"""Probability of such a correlation by chance, below which it counts."""

RISING = (-0.3, 0.05)
"""Loss that larger runs lose less what they lose more, over all that is between any two; and the
probability of so little by chance: below both the loss rises with size."""

APART = np.log(1e4)
"""Gap between sizes [e-folds], more than their ranges on both sides, that no sweep has."""

FEWEST, MOST = 8, 500
"""Runs from which neighbours tell something, and runs that are looked at."""

LEAST_WEIGHT = 0.1
"""Weight of a tempered run below which the law need not follow it."""

SHUFFLES = 199
"""Random orders that say what chance does."""

NOTHING = 0.9
"""Share of the spread that a law leaves from which it explains nothing."""

FLAT = 1e-9
"""Spread, relative to the response, up to which runs count as equal: numbers are rounded."""

RESPONSES = {"loss": "losses", "error": "scores"}
"""What responses are called, of many runs."""

TIED = 3
"""Runs of different sizes that may end at the very same loss, the lowest of all."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Seen:
    """What is looked at.

    Attributes
    ----------
    sizes : array (n_runs, n_sizes)
        Logs of the sizes that the law reads.
    response, left : array (n_runs,)
        Response on the scale of its noise, and how far it lies from the law.
    group, run : array of int (n_runs,)
        Group of each row; and its run, where several rows of one run deviate together.
    """

    sizes: Array
    response: Array
    left: Array
    group: Index
    run: Index


def form_checks(model: Model, design: Design, law: Array) -> tuple[Check, ...]:
    """Check whether a law follows its runs.

    Parameters
    ----------
    model : Model
        The law.
    design : Design
        The data.
    law : array (n_draws, n_runs)
        The law at the fitted runs, on the scale of its noise.

    Returns
    -------
    tuple of Check
        ``form`` always; ``direction``, ``units`` and ``floor`` where they fail.
    """
    seen = _look(model, design, law)
    if not seen.sizes.shape[1]:
        return ()
    spread, what = _spread(seen.response, seen.group), RESPONSES.get(model.response, model.response)
    if spread <= FLAT * max(float(np.abs(seen.response).max(initial=0.0)), 1.0):
        found = [_no_spread(seen, what), _units(model, design), _floor(seen)]
        return tuple(check for check in found if check is not None)
    left = _spread(seen.left, seen.group) / spread
    found = [_form(seen, left, what), _direction(seen, left), _units(model, design), _floor(seen)]
    return tuple(check for check in found if check is not None)


def _look(model: Model, design: Design, law: Array) -> _Seen:
    """Take the rows that the law should follow, evenly where they are many."""
    names = [name for name in SIZES if name in design.inputs]
    if "params" in names and "tokens" in names:
        names = ["params", "tokens"]
    rows = np.flatnonzero(design.weights >= LEAST_WEIGHT)
    rows = rows[np.unique(np.linspace(0, rows.size - 1, min(rows.size, MOST)).astype(int))]
    response = link_of(model).forward(design.response)
    together = model.run_effect.on or model.correlated.on
    logs = [np.log(design.inputs[name][rows]) for name in names]
    return _Seen(
        sizes=np.stack(logs, axis=1) if logs else np.empty((rows.size, 0)),
        response=response[rows],
        left=(response - np.median(law, axis=0))[rows],
        group=design.group[rows],
        run=design.run[rows] if together else np.arange(rows.size),
    )


def _spread(values: Array, group: Index) -> float:
    """Root mean square around zero or the mean of the group, whichever tells of the group."""
    means = np.bincount(group, values) / np.maximum(np.bincount(group), 1)
    return float(np.sqrt(np.mean((values - means[group]) ** 2)))


# ---- form ----------------------------------------------------------------------------------------


def _no_spread(seen: _Seen, what: str) -> Check:
    """Say that runs are equal, or that no group has two: there is nothing that a law explains."""
    if np.bincount(seen.group).max(initial=0) < 2:
        return Check(name="form", verdict="ok", evidence="no group has two runs to compare")
    return Check(
        name="form",
        verdict="warn",
        evidence=f"the {what} have no spread: they are equal, whatever the size",
        advice="look for a column that was filled with one number, or rounded; no such runs tell "
        "what size does",
    )


def _form(seen: _Seen, left: float, what: str) -> Check:
    """See whether neighbours deviate alike, and how much of the spread that is."""
    alike, chance = _neighbours(seen)
    share = f"the law leaves {left:.0%} of the spread of the {what}"
    if left >= NOTHING and chance > CHANCE and seen.response.size >= FEWEST:
        return Check(
            name="form",
            verdict="warn",
            evidence=f"{share}: it explains nothing of these runs",
            advice="they do not show what size does: add larger runs, or more that differ in size",
        )
    if chance > CHANCE or left < LEFT[0]:
        return Check(name="form", verdict="ok", evidence=share)
    evidence = f"{share}, and neighbours in size deviate alike (correlation {alike:.2f})"
    if left < LEFT[1] or alike < ALIKE:
        return Check(
            name="form",
            verdict="warn",
            evidence=evidence,
            advice="the law bends otherwise than the runs: try one with a ceiling or with drift, "
            "or the larger runs alone",
        )
    return Check(
        name="form",
        verdict="fail",
        evidence=evidence,
        advice="no law of this form describes these runs: look for losses that rise again, losses "
        "in two units, or runs of two recipes in one group",
    )


def _neighbours(seen: _Seen) -> tuple[float, float]:
    """Correlation of the deviations of nearest runs, and how often chance gives as much."""
    nearest = _nearest(seen)
    rows = np.flatnonzero(nearest >= 0)
    if rows.size < FEWEST:
        return 0.0, 1.0
    low, high = np.quantile(seen.left, [0.05, 0.95])
    values = np.clip(seen.left, low, high)
    values = values - values.mean()
    if not values.any():
        return 0.0, 1.0

    def alike(orders: Array) -> Array:
        shared = (orders[:, rows] * orders[:, nearest[rows]]).mean(axis=1)
        return np.asarray(shared / (values**2).mean())

    rng = np.random.default_rng(0)
    shuffled = rng.permuted(np.tile(values, (SHUFFLES, 1)), axis=1)
    found = float(alike(values[None])[0])
    return found, float((1 + np.sum(alike(shuffled) >= found)) / (1 + SHUFFLES))


def _nearest(seen: _Seen) -> Index:
    """Nearest run of the same group for each row (n_runs,); -1 where there is none."""
    scale = np.maximum(seen.sizes.std(axis=0), 1e-9)
    away = (((seen.sizes[:, None] - seen.sizes) / scale) ** 2).sum(axis=2)
    other = (seen.group[:, None] != seen.group) | (seen.run[:, None] == seen.run)
    away[other] = np.inf
    return np.where(np.isfinite(away.min(axis=1)), away.argmin(axis=1), -1).astype(np.int64)


# ---- direction -----------------------------------------------------------------------------------


def _direction(seen: _Seen, left: float) -> Check | None:
    """See whether larger runs are worse, and the law does not follow them."""
    if left < LEFT[1]:
        return None
    larger = (seen.sizes[:, None] <= seen.sizes).all(axis=2)
    larger &= (seen.sizes[:, None] < seen.sizes).any(axis=2)
    larger &= seen.group[:, None] == seen.group

    def falls(values: Array) -> float:
        gain = (values[:, None] - values)[larger]
        return float(gain.sum() / max(np.abs(gain).sum(), 1e-300))

    found, rng = falls(seen.response), np.random.default_rng(0)
    by_chance = [falls(_shuffled(seen, rng)) for _ in range(SHUFFLES)]
    chance = (1 + sum(value <= found for value in by_chance)) / (1 + SHUFFLES)
    if found > RISING[0] or chance > RISING[1]:
        return None
    worse = float(np.mean((seen.response[:, None] < seen.response)[larger]))
    return Check(
        name="direction",
        verdict="fail",
        evidence=f"of two runs the larger has the higher loss in {worse:.0%} of the cases",
        advice="the law falls with size and these losses rise: look for overfitting, too few "
        "tokens, learning rates that do not suit large runs, or a score where a loss should be",
    )


def _shuffled(seen: _Seen, rng: np.random.Generator) -> Array:
    """Responses in random order within each group."""
    values = seen.response.copy()
    for label in np.unique(seen.group):
        rows = np.flatnonzero(seen.group == label)
        values[rows] = values[rng.permutation(rows)]
    return values


# ---- the table -----------------------------------------------------------------------------------


def _units(model: Model, design: Design) -> Check | None:
    """See whether a size falls into two sets that no sweep would have."""
    for name in SIZES:
        if name not in design.inputs:
            continue
        logs = np.sort(np.log(design.inputs[name]))
        gaps = np.diff(logs)
        gap = float(gaps.max(initial=0.0))
        if gap > APART and gap > logs[-1] - logs[0] - gap:
            place = int(np.argmax(gaps))
            low, high = np.exp(logs[place]), np.exp(logs[place + 1])
            return Check(
                name="units",
                verdict="fail",
                evidence=f"{name} has nothing between {low:.2g} and {high:.2g}",
                advice=f"{name} seems to be given in two units: write all in one",
            )
    return None


def _floor(seen: _Seen) -> Check | None:
    """See whether many runs of different sizes end at the very same loss, the lowest of all."""
    values, counts = np.unique(seen.response, return_counts=True)
    lowest, others = int(counts[0]), int(counts[1:].max(initial=0))
    sizes = np.unique(seen.sizes[seen.response == values[0]], axis=0)
    if len(sizes) <= TIED or lowest <= 2 * others:
        return None
    return Check(
        name="floor",
        verdict="fail",
        evidence=f"{lowest} runs of {len(sizes)} sizes share the very lowest loss",
        advice="losses that stop at one number are cut off, not learned: look for a clip, or an "
        "evaluation that failed",
    )
