"""Targets that are scores: the error rate to reach, or what is wrong with them."""

from __future__ import annotations

from typing import overload

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.questions.sizes import Numbers
from bayes_scaling.questions.surface import Source

ERROR = "error"
"""The response of laws of scores: 1 less the score."""


@overload
def error_to_reach(
    source: Source, score: float | None, loss: float | None, *, name: str
) -> float | None: ...
@overload
def error_to_reach(
    source: Source, score: Numbers | None, loss: Numbers | None, *, name: str
) -> Numbers | None: ...
def error_to_reach(
    source: Source, score: Numbers | None, loss: Numbers | None, *, name: str
) -> Numbers | None:
    """Return the target of a question in the response of a law.

    Parameters
    ----------
    source : Fit, ScoreFit or PublishedLaw
        Whose response it is.
    score : float or sequence of float, optional
        A score to reach, where the law explains an error rate.
    loss : float or sequence of float, optional
        The target in the response of the law, in its place.
    name : str
        What the question calls the score.

    Raises
    ------
    InputError
        Both are given, the law knows no score, or a score is not between 0 and 1.
    """
    if score is None:
        return loss
    given = np.atleast_1d(np.asarray(score, float))
    problems = []
    if loss is not None:
        problems.append(f"give a loss to reach or a {name}, not both")
    if source.leading.response != ERROR:
        problems.append(
            f"{source.id} explains the {source.leading.response} and knows no scores: {name} is "
            "asked of a law of scores such as score-c, or of a fit of the loss and one of scores "
            "together (bs.two_steps, or loss.nc+score.nc)"
        )
    problems += [
        f"{name} is between 0 and 1, got {value:g}; divide percentages by 100"
        for value in given
        if not 0 < value < 1
    ]
    if problems:
        raise InputError(problems, source=name)
    return float(1 - given[0]) if np.ndim(score) == 0 else 1 - given
