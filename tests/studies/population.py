"""What several studies say of a parameter together: location and spread, by moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.laws.priors import Prior

Array = NDArray[np.float64]

MOVES = 1 / 3
"""Share of the width of a prior by which leaving a study out may move its centre."""

SHARE = "log E/R"
"""Log odds of the irreducible share of the loss at the reference size."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What one set, or one study, says: means and variances on the unbounded scales.

    Attributes
    ----------
    study, group : str
        Where it comes from.
    size : float
        log(N_ref D_ref / ORIGIN) [e-folds].
    mean, var : mapping of str to float
        Posterior mean and variance of every parameter, and of `SHARE`.
    note : str
        Rows, divergences, worst R-hat, whether the fit converged.
    """

    study: str
    group: str
    size: float
    mean: Mapping[str, float]
    var: Mapping[str, float]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Population:
    """Location and spread of a parameter over studies, on its unbounded scale.

    Attributes
    ----------
    centre : float
        Mean over studies, each counted once.
    raw : float
        Standard deviation of the studies' means.
    error : float
        Root of the mean posterior variance of a study.
    spread : float
        Standard deviation between studies once that variance is taken off; 0 if nothing is left.
    weighted : float
        Mean with each study weighted by one over its variance plus that between studies.
    without : mapping of str to float
        The centre with each study left out.
    """

    centre: float
    weighted: float
    raw: float
    error: float
    spread: float
    without: Mapping[str, float]


def unbounded(values: Array, scale: str) -> Array:
    """Take values to the scale on which they have no bounds."""
    if scale == "identity":
        return values
    return np.log(values) - np.log1p(-values) if scale == "logit" else np.log(values)


def width(prior: Prior) -> tuple[float, float]:
    """Mean and standard deviation of a prior on its unbounded scale."""
    u = unbounded(prior.quantile((np.arange(20_000) + 0.5) / 20_000), prior.scale)
    return float(np.mean(u)), float(np.std(u))


def by_study(estimates: Sequence[Estimate]) -> list[Estimate]:
    """Average the sets of a study, which then counts once.

    The posteriors of its sets are taken as independent: the variance of their mean is the mean
    of theirs over their number.
    """
    found = []
    for study in dict.fromkeys(each.study for each in estimates):
        own = [each for each in estimates if each.study == study]
        n = len(own)
        names = own[0].mean
        found.append(
            Estimate(
                study=study,
                group=f"mean of {n}" if n > 1 else own[0].group,
                size=float(np.mean([each.size for each in own])),
                mean={name: float(np.mean([each.mean[name] for each in own])) for name in names},
                var={name: float(np.mean([each.var[name] for each in own])) / n for name in names},
            )
        )
    return found


def population(studies: Sequence[Estimate], name: str) -> Population:
    """Location and spread of a parameter over studies, by unweighted moments.

    The sample variance of the studies' means is that of the population plus, on average, the mean
    of their own variances, which is taken off. The posterior variance stands in for the sampling
    variance, which is fair where it is far below that of the weak prior.

    References
    ----------
    Hedges and Olkin 1985, ch. 9 (the unweighted variant of DerSimonian and Laird 1986).
    """
    means = np.array([each.mean[name] for each in studies])
    own = np.array([each.var[name] for each in studies])
    raw, error = float(means.var(ddof=1)), float(own.mean())
    between = max(0.0, raw - error)
    without = {
        each.study: float(np.delete(means, index).mean()) for index, each in enumerate(studies)
    }
    return Population(
        centre=float(means.mean()),
        weighted=float(np.average(means, weights=1 / np.maximum(own + between, 1e-12))),
        raw=raw**0.5,
        error=error**0.5,
        spread=between**0.5,
        without=without,
    )


def within_studies(estimates: Sequence[Estimate], name: str) -> float:
    """Standard deviation among the sets of a study, their posterior variance taken off."""
    squares, freedom = 0.0, 0
    for study in dict.fromkeys(each.study for each in estimates):
        own = [each for each in estimates if each.study == study]
        if len(own) > 1:
            squares += (len(own) - 1) * (
                np.var([each.mean[name] for each in own], ddof=1)
                - np.mean([each.var[name] for each in own])
            )
            freedom += len(own) - 1
    return float(max(0.0, squares / freedom) ** 0.5) if freedom else float("nan")


def line(x: Array, y: Array) -> tuple[float, float, float, float]:
    """Least-squares line: intercept at 0, slope, error of the slope, scatter about the line."""
    slope, intercept = np.polyfit(x, y, 1)
    scatter = float(np.sqrt(np.sum((y - intercept - slope * x) ** 2) / max(1, x.size - 2)))
    error = scatter / float(np.sqrt(np.sum((x - x.mean()) ** 2)))
    return float(intercept), float(slope), error, scatter


def verdict(shipped: Prior, found: Population) -> dict[str, Any]:
    """Set a shipped prior beside what the studies say.

    Returns
    -------
    dict
        `off`, distance of its centre from theirs in its widths; `ratio`, its width over their
        spread; `moved`, the most that leaving a study out moves the centre, in its widths; `by`,
        that study; `holds`, whether that is at most `MOVES`.
    """
    centre, sd = width(shipped)
    moves = {study: abs(value - found.centre) / sd for study, value in found.without.items()}
    by = max(moves, key=lambda study: moves[study])
    return {
        "off": (centre - found.centre) / sd,
        "ratio": sd / found.spread if found.spread > 0 else float("inf"),
        "moved": moves[by],
        "by": by,
        "holds": moves[by] <= MOVES,
    }


def natural(value: float, scale: str) -> float:
    """Take a value back from its unbounded scale."""
    if scale == "identity":
        return value
    return float(1 / (1 + np.exp(-value)) if scale == "logit" else np.exp(value))
