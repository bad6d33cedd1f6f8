"""pass@k: the chance that one of k answers is right, from some answers to each of many problems.

Problems differ: the chance p that one answer is right is Beta(a, b) over problems, and the answers
to a problem are binomial. So pass@k = 1 - mean (1 - p)^k, and the hard problems set how it rises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bayes_scaling.errors import InputError
from bayes_scaling.intervals import KIND, PROBABILITY, quantiles
from bayes_scaling.page import Block, Page, Printed, told
from bayes_scaling.questions.search import Array

MEANS = 200
"""Grid size of the mean of p, on its log odds."""

SPREADS = 120
"""Grid size of the log of a + b."""

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
        There are more right answers than answers, or a number is no count.

    References
    ----------
    arXiv:2407.21787, arXiv:2502.17578.

    Examples
    --------
    >>> bs.pass_at_k([0, 1, 5, 0], 10, [1, 100])  # doctest: +SKIP
    """
    from scipy.special import betaln, expit, logit

    hits, tried = np.broadcast_arrays(
        np.atleast_1d(np.asarray(right, float)), np.asarray(answers, float)
    )
    asked = np.unique(np.atleast_1d(np.asarray(k, float)))
    _check(hits, tried, asked)
    pairs, count = np.unique(np.stack([hits, tried]), axis=1, return_counts=True)
    mean = expit(np.linspace(logit(1e-4), logit(1 - 1e-4), MEANS))[:, None]
    spread = np.geomspace(0.05, 1e3, SPREADS)
    a, b = mean * spread, (1 - mean) * spread
    log_likelihood = sum(
        weight * (betaln(a + s, b + n - s) - betaln(a, b))
        for (s, n), weight in zip(pairs.T, count, strict=True)
    )
    weights = np.exp(log_likelihood - np.max(log_likelihood)).ravel()
    rng = np.random.default_rng(random_seed)
    taken = rng.choice(weights.size, DRAWS, p=weights / weights.sum())
    a, b = a.ravel()[taken], b.ravel()[taken]
    fails = np.exp(betaln(a[:, None], b[:, None] + asked) - betaln(a, b)[:, None])
    return PassAtK(k=asked, draws=1 - fails, a=a, b=b, probability=probability)


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
