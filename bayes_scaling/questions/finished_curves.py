"""What finished training curves teach: their shapes, and how far one of them surprised the rest."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.posterior.posterior import Posterior
from bayes_scaling.questions import alarm
from bayes_scaling.questions.curve_shapes import Shapes, covered, fit_shapes, foreign
from bayes_scaling.questions.training_curves import (
    Curve,
    curves_in,
    deviations,
    follows_curves,
    law_of_finished,
    log_compute,
)
from bayes_scaling.runs import RunTable

Array = NDArray[np.float64]

BORROWED = 2.0
"""Factor by which descents are less sure where the finished curves are those of another recipe."""

LENT = 0.14
"""Log loss that a quarter of the tokens costs the shipped runs, in the median of their sizes."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Lessons:
    """What finished runs taught.

    Attributes
    ----------
    shapes : Shapes
        How they came down.
    first : int
        First look that they cover.
    statistic : array (n_runs,)
        The largest surprise in each, judged by the others; empty where they are few.
    notes : tuple of str
        What was assumed.
    """

    shapes: Shapes
    first: int
    statistic: Array
    notes: tuple[str, ...]


def lessons(
    fit: Posterior,
    finished: RunTable | None,
    curve: RunTable,
    noise: float,
    looks: Array,
    between: int | None,
) -> Lessons:
    """Learn from finished curves, from those that were fitted, or from the shipped ones.

    Parameters
    ----------
    fit : Fit
        The posterior, whose law says where runs end.
    finished : RunTable, optional
        Finished curves.
    curve : RunTable
        The run in flight; where it names its schedule, runs of the same count.
    noise : float
        Standard deviation of the log loss of a run around the law.
    looks : array (n_looks,)
        Shares of the way at which curves are looked at.
    between : int or None
        The look at the last row of the run in flight, which is no look of other runs.

    Raises
    ------
    InputError
        What was given has no training curve.
    """
    runs = fit.runs if finished is None else finished
    curves = curves_in(runs)
    if finished is not None and not curves:
        raise InputError(
            "finished has no training curve: at least 5 rows of one run, by tokens or steps, the "
            "first of them before 30 % of the way"
        )
    if not curves:
        return _borrowed(noise, looks, between)
    curves, notes = _alike(fit, runs, curves, curve)
    law, descent = law_of_finished(fit, runs, curves)
    found = deviations(runs, curves, law, fit.leading.response, looks)
    compute = log_compute(runs, curves)
    lent = _learn(found, descent, compute, noise, looks, between, scaled=not follows_curves(fit))
    return replace(lent, notes=notes)


def _learn(
    found: Array,
    descent: Array,
    compute: Array,
    noise: float,
    looks: Array,
    between: int | None,
    *,
    scaled: bool,
    judged: bool = True,
) -> Lessons:
    used, first = covered(found)
    looks = looks[first:]
    shared = np.arange(first, first + looks.size) != between

    def shapes(rows: NDArray[np.int64]) -> Shapes:
        return fit_shapes(
            found[rows, first:], descent[rows], compute[rows], looks, noise, scaled=scaled
        )

    rows = np.flatnonzero(used)
    surprises, law = [], np.zeros((1, looks.size + 1))
    for run in rows if judged and rows.size >= alarm.CALIBRATED else []:
        known = shapes(rows[rows != run]).expected(law, descent[[run]], compute[run])
        expected, spread, _, _ = alarm.update(*known, found[run, first:], looks.size)
        surprises.append(((found[run, first:-1] - expected) / spread)[shared])
    largest = alarm.statistic(np.array(surprises))[:, -1] if surprises else np.array([])
    return Lessons(shapes=shapes(rows), first=first, statistic=largest, notes=())


def _borrowed(noise: float, looks: Array, between: int | None) -> Lessons:
    """Learn from the shipped curves, with less trust; the noise of a run is that of the fit."""
    from bayes_scaling.datasets import load_dataset

    runs = load_dataset("nano-lm-curves")
    curves = curves_in(runs)
    law = [np.full(each.rows.size, np.log(runs["loss"][each.rows[-1]])) for each in curves]
    note = (
        "the fit has no training curves: their shape is that of the shipped nano-lm-curves, with "
        "wider bands; give finished runs of your own recipe"
    )
    found = deviations(runs, curves, law, "loss", looks)
    compute = log_compute(runs, curves)
    descent = np.full(len(curves), LENT)
    lent = _learn(found, descent, compute, noise, looks, between, scaled=True, judged=False)
    shapes = replace(
        lent.shapes,
        variance=lent.shapes.variance * BORROWED**2,
        end=noise,
        foreign=foreign(looks[lent.first :]),
    )
    return replace(lent, shapes=shapes, notes=(note,))


def _alike(
    fit: Posterior, runs: RunTable, curves: list[Curve], curve: RunTable
) -> tuple[list[Curve], tuple[str, ...]]:
    """Keep curves of runs that were fitted, where some were, and of the same schedule."""
    notes: tuple[str, ...] = ()
    names = np.array([runs["run"][each.rows[0]] for each in curves])
    fitted = np.isin(names, np.unique(fit.runs["run"]))
    if fitted.any() and not fitted.all():
        notes = (f"used are the {fitted.sum()} of {len(curves)} finished curves that were fitted",)
        curves = [each for each, keep in zip(curves, fitted, strict=True) if keep]
    if follows_curves(fit) or "schedule" not in runs or "schedule" not in curve:
        return curves, notes
    same = [each for each in curves if runs["schedule"][each.rows[0]] == curve["schedule"][0]]
    return same or curves, notes
