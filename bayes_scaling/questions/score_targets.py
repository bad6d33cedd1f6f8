"""Laws of error rates, which fall with size as a loss does, are asked and told in scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import overload

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.laws.items import ERROR as ERROR
from bayes_scaling.page import as_level
from bayes_scaling.questions.sizes import Numbers
from bayes_scaling.questions.surface import Source

SCORES: Mapping[str, str] = {
    "loss": "score",
    "noise_free": "score",
    "new_run": "new_run_score",
}
"""Names of scores, by those of the error rates they stand for."""


def with_scores[Number: (float, NDArray[np.float64])](
    quantities: Mapping[str, Number], response: str
) -> dict[str, Number]:
    """Return quantities by their own names, and the scores of those that are error rates."""
    rates = [name for name in quantities if name in SCORES and response == ERROR]
    own = {own_name(name, response): value for name, value in quantities.items()}
    return {**own, **{SCORES[name]: 1 - quantities[name] for name in rates}}


def shown_name(name: str, response: str) -> str:
    """Return the name of what is shown of a quantity: a score in the place of an error rate."""
    return SCORES.get(name, own_name(name, response)) if response == ERROR else name


def own_name(name: str, response: str) -> str:
    """Return the name of a quantity in plain data, where no error rate is a loss."""
    return name.replace("loss", response, 1) if response == ERROR else name


def level_of(target: float, response: str) -> str:
    """Write what is to be reached: a loss, or a score."""
    return f"a score of {1 - target:.4g}" if response == ERROR else as_level(target)


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
        A loss to reach, where the law explains a loss, in its place.
    name : str
        What the question calls the score.

    Raises
    ------
    InputError
        Both are given, the law knows no score, or scores alone, or a score is not between 0 and 1.
    """
    if score is None:
        if loss is not None and source.leading.response == ERROR:
            raise InputError(_no_loss(source, loss, name), source=name.replace("score", "loss"))
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


def _no_loss(source: Source, loss: Numbers, name: str) -> str:
    """Say that a loss is no target of a law of scores, and what to give."""
    first = float(np.atleast_1d(np.asarray(loss, float))[0])
    option = name.replace("_", "-")
    return (
        f"{source.id} answers in scores, and a loss of {first:g} is none: give {name}, a share of "
        f"1, in place of {name.replace('score', 'loss')} (in a shell --{option} 0.6); a loss is "
        "asked of the fit of the loss alone"
    )
