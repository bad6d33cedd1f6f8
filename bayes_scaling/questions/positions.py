"""Positions: the loss at one token of a context against that at another, of another one too."""

from __future__ import annotations

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.questions.answer import Answer
from bayes_scaling.questions.distance import farthest
from bayes_scaling.questions.search import Array
from bayes_scaling.questions.sizes import Numbers, given_sizes, wrong_numbers
from bayes_scaling.questions.surface import Source, surface

LARGER = 2.0
"""Factor in params over which the loss at a position is asked to fall."""


def positions(
    source: Source,
    params: Numbers,
    *,
    position: float,
    context: float,
    against_position: float,
    against_context: float,
    family: str | None = None,
) -> Answer:
    """Compare the loss at a position of a context with that at another position and context.

    Parameters
    ----------
    source : Fit
        Of the law context: losses by position, of models trained on contexts of several lengths.
    params : float or sequence of float
        Size of both models.
    position, context : float
        The token that is asked about, from 1, and the length of the context that its model is
        trained on [tokens].
    against_position, against_context : float
        What it is compared with.
    family : str, optional
        The group, where the fit has several.

    Returns
    -------
    Answer
        Both noise-free losses and their ratio; the probabilities that the first is lower
        (``lower``), and that each falls where params double (``falls``, ``against_falls``). The
        distance beyond the runs is that of whichever of the two is farther.

    Raises
    ------
    InputError
        A position lies beyond its context or is the first token, or the law reads no position.
    """
    sizes = given_sizes({"params": params})
    pairs = {
        "position": (position, context),
        "against_position": (against_position, against_context),
    }
    problems = wrong_numbers(
        {
            "position": position,
            "context": context,
            "against_position": against_position,
            "against_context": against_context,
        }
    )
    if problems:
        raise InputError(problems, source="positions")
    problems = [
        f"{name} {at:g} is beyond its context of {length:g} tokens; positions count from 1"
        for name, (at, length) in pairs.items()
        if not at <= length
    ]
    problems += [
        f"{name} must be above 1, got {at:g}: the first token follows nothing, and no law has it"
        for name, (at, _) in pairs.items()
        if not at > 1
    ]
    if problems:
        raise InputError(problems, source="positions")
    reads = source.leading.reads.inputs
    if not {"params", "position", "context_length"} <= set(reads):
        raise InputError(
            f"{source.id} reads {', '.join(reads)}: positions are asked of a fit of the law context"
        )
    losses: list[Array] = []
    falls, far = [], []
    for at, length in pairs.values():
        inputs = {"position": float(at), "context_length": float(length)}
        law = surface(source, group=family, inputs=inputs)
        now, grown = (
            law.at({"params": factor * sizes["params"]}, law.draws[:, None])
            for factor in (1.0, LARGER)
        )
        losses.append(np.asarray(now))
        falls.append(np.asarray(grown < now))
        there = {name: np.full(now.shape[1], value) for name, value in inputs.items()}
        far.append(law.beyond({**sizes, **there}))
    first, second = losses
    return Answer(
        asked={**sizes, **{name: np.full(first.shape[1], at) for name, (at, _) in pairs.items()}},
        draws={"loss": first, "against_loss": second, "ratio": first / second},
        flags={"lower": first < second, "falls": falls[0], "against_falls": falls[1]},
        extrapolation=farthest(far),
        member=source.member,
        members=tuple(source.members),
        weights=tuple(source.weights[name] for name in source.members),
        notes=tuple(source.leading.notes),
    )
