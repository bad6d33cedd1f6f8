"""pass@k: the chance that one of k answers is right, from some answers to each of many problems.

Problems differ: the chance p that one answer is right is Beta(a, b) over problems, and the answers
to a problem are binomial. So pass@k = 1 - mean (1 - p)^k, and the hard problems set how it rises.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bayes_scaling.errors import InputError
from bayes_scaling.intervals import KIND, PROBABILITY, quantiles
from bayes_scaling.page import Block, Page, Printed, told
from bayes_scaling.questions.search import Array

MEAN = (1e-4, 1 - 1e-4)
"""Least and greatest mean of p."""

SPREAD = (0.05, 1e3)
"""Least and greatest a + b."""

PLACES = 61
"""Grid size of either, over the part of the plane where the posterior lies."""

NEGLIGIBLE = 20.0
"""Fall of the log density from its top where the posterior counts as none."""

ZOOMS = 40
"""Times that the grid is drawn closer at most."""

DRAWS = 2000


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PassAtK(Printed):
    """Chances that one of k answers is right.

    Attributes
    ----------
    k : array (n_k,)
        Numbers of answers.
    draws : array (n_draws, n_k)
        Share of new problems of the same kind that one of them solves.
    a, b : array (n_draws,)
        Of the Beta distribution of p over problems.
    probability : float
        Probability of the intervals.
    """

    k: Array
    draws: Array
    a: Array
    b: Array
    probability: float = PROBABILITY

    def _rows(self) -> list[dict[str, Any]]:
        ends = quantiles(self.draws, self.probability)
        names = ("pass_at_k", "pass_at_k_lower", "pass_at_k_upper")
        return [
            {"k": float(k), **dict(zip(names, map(float, ends[:, place]), strict=True))}
            | {"probability": self.probability, "kind": KIND}
            for place, k in enumerate(self.k)
        ]

    def page(self) -> Page:
        """Return what is printed: a line for each k."""
        lines: list[Block] = [{f"pass@{row['k']:g}": told(row, "pass_at_k")} for row in self.rows()]
        return [lines]


def pass_at_k(
    right: ArrayLike,
    answers: ArrayLike,
    k: ArrayLike,
    *,
    random_seed: int = 0,
    probability: float = PROBABILITY,
) -> PassAtK:
    """Estimate pass@k from right answers to each of many problems.

    Parameters
    ----------
    right : array of int (n_problems,)
        Right answers to each problem.
    answers : int or array of int (n_problems,)
        Answers that were tried.
    k : int or array of int (n_k,)
        Numbers of answers to ask about, more than were tried too.
    random_seed : int
        Of the draws.
    probability : float
        Probability of the equal-tailed intervals.

    Returns
    -------
    PassAtK
        The posterior under a prior that is even in the log odds of the mean of p, between .0001
        and .9999, and in the log of a + b between .05 and 1,000.

    Raises
    ------
    InputError
        There are more right answers than answers, a number is no count, or there is no problem.

    References
    ----------
    arXiv:2407.21787, arXiv:2502.17578.

    Examples
    --------
    >>> bs.pass_at_k([0, 1, 5, 0], 10, [1, 100])  # doctest: +SKIP
    """
    from scipy.special import betaln, gammaln

    hits, tried, asked = _counts(right, answers, k)
    seen = [np.unique(each, return_counts=True) for each in (hits, tried - hits, tried)]

    def log_likelihood(at: Array) -> Array:
        a, b = _beta_of(at)
        right, wrong, all_of_them = (
            np.sum([t * (gammaln(c + n) - gammaln(c)) for n, t in zip(*own, strict=True)], axis=0)
            for c, own in zip((a, b, a + b), seen, strict=True)
        )
        return np.asarray(right + wrong - all_of_them)

    a, b = _beta_of(_drawn(log_likelihood, np.random.default_rng(random_seed)))
    fails = np.exp(betaln(a[:, None], b[:, None] + asked) - betaln(a, b)[:, None])
    return PassAtK(k=asked, draws=1 - fails, a=a, b=b, probability=probability)


def _beta_of(at: Array) -> tuple[Array, Array]:
    """Return a and b (...) of log odds of the mean of p and log of a + b (2, ...)."""
    from scipy.special import expit

    return expit(at[0]) * np.exp(at[1]), expit(-at[0]) * np.exp(at[1])


def _drawn(log_density: Callable[[Array], Array], rng: np.random.Generator) -> Array:
    """Draw log odds of the mean and log of a + b (2, n_draws), from a grid over the posterior.

    The grid starts over all that the prior allows and is drawn closer around the places that
    matter until they fill it, however narrow they are; draws lie anywhere in its cells.
    """
    from scipy.optimize import minimize
    from scipy.special import logit

    least, most = np.stack([logit(MEAN), np.log(SPREAD)]).T
    grid, value = _grid(log_density, least, most)
    mode = minimize(
        lambda at: -float(log_density(at)) / max(np.ptp(value), 1.0),
        grid[:, np.argmax(value)],
        bounds=np.stack([least, most]).T,
        method="Nelder-Mead",
        options={"xatol": 1e-8, "fatol": 1e-14},
    ).x
    top = float(log_density(mode))
    low, high = least, most
    for _ in range(ZOOMS):
        kept = np.concatenate([grid[:, value > top - NEGLIGIBLE], mode[:, None]], axis=1)
        step = (high - low) / (PLACES - 1)
        closer = np.maximum(kept.min(axis=1) - 2 * step, least)
        wider = np.minimum(kept.max(axis=1) + 2 * step, most)
        settled = (wider - closer > 0.8 * (high - low)).all()
        low, high = closer, wider
        grid, value = _grid(log_density, low, high)
        if settled:
            break
    weights = np.exp(value - value.max())
    taken = rng.choice(value.size, DRAWS, p=weights / weights.sum())
    step = (high - low) / (PLACES - 1)
    within = step[:, None] * rng.uniform(-0.5, 0.5, size=(2, DRAWS))
    return np.asarray(np.clip(grid[:, taken] + within, least[:, None], most[:, None]))


def _grid(log_density: Callable[[Array], Array], low: Array, high: Array) -> tuple[Array, Array]:
    """Return the places of an even grid (2, n_places) between two corners, and the density."""
    axes = [np.linspace(*ends, PLACES) for ends in zip(low, high, strict=True)]
    grid = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")])
    return grid, log_density(grid)


def _counts(right: ArrayLike, answers: ArrayLike, k: ArrayLike) -> tuple[Array, Array, Array]:
    """Return right answers and answers (n_problems,) and numbers to ask about (n_k,)."""
    given, problems = {}, []
    for name, values in (("right", right), ("answers", answers), ("k", k)):
        try:
            given[name] = np.atleast_1d(np.asarray(values, float)).ravel()
        except (TypeError, ValueError):
            problems.append(f"{name} must be whole numbers, one a problem, got {values!r:.60}")
            continue
        if not given[name].size:
            problems.append(f"{name} is empty: give a whole number for each problem")
    if not problems:
        sizes = given["right"].size, given["answers"].size
        if sizes[1] not in (1, sizes[0]):
            problems.append(
                f"right has {sizes[0]} problems and answers has {sizes[1]}: give one number of "
                "answers for all, or one for each problem"
            )
    if problems:
        raise InputError(problems, source="pass@k")
    hits, tried = np.broadcast_arrays(given["right"], given["answers"])
    asked = np.unique(given["k"])
    _check(hits, tried, asked)
    return hits, tried, asked


def _check(hits: Array, tried: Array, asked: Array) -> None:
    problems = []
    for name, values, least in (("right", hits, 0), ("answers", tried, 1), ("k", asked, 1)):
        bad = ~((values >= least) & (values == np.floor(values)) & np.isfinite(values))
        if bad.any():
            problems.append(f"{name} must be whole numbers from {least}, got {values[bad][0]:g}")
    more = np.flatnonzero(hits > tried)
    if more.size:
        problems.append(
            f"problem {more[0] + 1} has {hits[more[0]]:g} right of {tried[more[0]]:g} answers"
        )
    if problems:
        raise InputError(problems, source="pass@k")
