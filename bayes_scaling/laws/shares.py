"""Laws of what lies between 0 and 1, such as an error rate, made from laws of a loss."""

from __future__ import annotations

from dataclasses import replace

from bayes_scaling.errors import InputError
from bayes_scaling.laws.model import Model


def of_shares(model: Model) -> Model:
    """Return the model of a response between 0 and 1, such as an error rate.

    Returns
    -------
    Model
        Its noise acts on the log odds, and its level lies anywhere with the same probability. A
        ceiling stays of unknown level: chance is seldom 1, and even where it is, laws held to it
        forecast error rates a sixth too high.

    Raises
    ------
    InputError
        The law does not say which parameter its level is.
    """
    level = model.ceiling.level
    if level not in {item.name for item in model.parameters}:
        raise InputError(f"{model.id} names no parameter as its [ceiling] level", source="shares")
    anywhere = {"dist": "Beta", "alpha": 1.0, "beta": 1.0}
    return replace(model, scale="logit").with_priors({level: anywhere})
