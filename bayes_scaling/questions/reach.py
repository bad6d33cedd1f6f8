"""Reach: the tokens, steps and compute at which a loss is reached, or the cheapest run that does.

Larger models reach a loss in fewer tokens, and at most sizes some losses are out of reach whatever
the data: both are told draw by draw.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.questions.answer import Answer, Found, answer_of
from bayes_scaling.questions.limits import FLOPS_PER_SERVED, Limits
from bayes_scaling.questions.saturation import the_other
from bayes_scaling.questions.score_targets import error_to_reach
from bayes_scaling.questions.search import SEARCHED, Array, Index, crossing
from bayes_scaling.questions.sizes import Numbers, Sizes, canonical_sizes, given_sizes, run_names
from bayes_scaling.questions.splits import cheapest
from bayes_scaling.questions.surface import Source, Surface, surface
from bayes_scaling.runs import training_flops

SMALLEST = 2.0
"""Size below which a run is none."""

EVERY_SIZE = (
    "the smallest sizes that are looked at reach this already: it is no better than a model that "
    "learned nothing, or lies far outside the runs"
)


def reach(
    source: Source,
    loss: Numbers | None = None,
    *,
    score: Numbers | None = None,
    params: Numbers | None = None,
    tokens: Numbers | None = None,
    runs: Sizes | None = None,
    batch_size: float | None = None,
    inference_tokens: float = 0.0,
    family: str | None = None,
    inputs: Mapping[str, float] | None = None,
) -> Answer:
    """Find what it takes to reach a noise-free loss.

    Parameters
    ----------
    source : Fit or PublishedLaw
        A law in params and tokens (or steps), or in one size.
    loss : float or sequence of float, optional
        The loss to reach, in the unit of the runs (nats per token).
    score : float or sequence of float, optional
        The score to reach in its place, between 0 and 1, by a law of scores.
    params, tokens : float or sequence of float, optional
        The size that is given; the other one is found. With neither, the run that reaches the
        loss with the least compute is found.
    runs : mapping, DataFrame or RunTable, optional
        Runs in place of sizes: for the params of each the tokens are found, or the params for its
        tokens where the table has those alone; it needs no losses, and names the answers.
    batch_size : float, optional
        Tokens per step, for the number of steps.
    inference_tokens : float
        Tokens the model will serve over its life. With neither size given, what is least is then
        training and serving together, 6 N D + 2 N D_inf, told as ``lifetime_flops``.
    family : str, optional
        The group, where the fit has several.
    inputs : mapping of str to float, optional
        Other inputs of the law, such as unique_tokens.

    Returns
    -------
    Answer
        params or tokens, flops by C = 6 N D, and steps where the batch size is known;
        ``unreachable`` where no size does (which then is inf).

    Raises
    ------
    InputError
        A number is not above 0, both sizes are given, or one the law does not read.

    Examples
    --------
    >>> fit.reach(2.0, params=[7e9, 7e10]).table  # doctest: +SKIP
    """
    loss = error_to_reach(source, score, loss, name="score")
    if loss is None:
        raise InputError("say what to reach: a loss, or a score where the law knows scores")
    if runs is not None:
        params, tokens = _size_of_runs(runs, params, tokens)
    given = given_sizes({"loss": loss, "params": params, "tokens": tokens})
    batch = check_batch(batch_size)
    served = Limits(inference_tokens=inference_tokens).inference_tokens
    law = surface(source, group=family, inputs=inputs)
    found = find_reach(law, given, batch, served)
    settings = {} if batch is None else {"batch_size": batch}
    asked: dict[str, Any] = {**({} if runs is None else run_names(runs)), **given}
    answer = answer_of(law, found, given=asked, settings=settings, named=family is not None)
    smallest = [np.median(draws, axis=0).min() < SMALLEST for draws in found.draws.values()]
    return replace(answer, notes=(*answer.notes, EVERY_SIZE)) if any(smallest) else answer


def _size_of_runs(
    runs: Sizes, params: Numbers | None, tokens: Numbers | None
) -> tuple[Numbers | None, Numbers | None]:
    """Return the params of runs, or else their tokens."""
    if params is not None or tokens is not None:
        raise InputError("give a table of runs, or params or tokens, not both")
    table = canonical_sizes(runs)
    name = next((name for name in ("params", "tokens") if name in table), None)
    if name is None:
        raise InputError("the table has neither params nor tokens, of which one is given")
    numbers = np.asarray(table[name], dtype=np.float64)
    return (numbers, None) if name == "params" else (None, numbers)


def check_batch(batch_size: float | None) -> float | None:
    """Return the batch size, or say what is wrong with it."""
    if batch_size is None:
        return None
    return float(given_sizes({"batch_size": batch_size})["batch_size"][0])


def find_reach(
    law: Surface, given: Mapping[str, Array], batch_size: float | None, served: float = 0.0
) -> Found:
    """Find the sizes that reach a loss; `given` holds the loss and a size, if any (n_cases,)."""
    loss = given["loss"]
    sizes = {name: values for name, values in given.items() if name != "loss"}
    if not sizes and law.traded == ("params", "tokens"):
        return _with_steps(_cheapest(law, loss, served), batch_size)
    sought = the_other(law, sizes)
    found = [
        first_reaching(
            law, sought, {name: values[case] for name, values in sizes.items()}, np.log(loss[case])
        )
        for case in range(loss.size)
    ]
    log_size = np.stack(found, axis=1)
    draws = {sought: np.exp(log_size)}
    if {sought, *sizes} == {"params", "tokens"}:
        draws["flops"] = law.share * training_flops(draws[sought], next(iter(sizes.values())))
        draws |= _lifetime(draws["flops"], law.share * {**sizes, **draws}["params"], served)
    result = Found(draws=draws, flags={"unreachable": np.isinf(log_size)})
    return _with_steps(result, batch_size)


def _cheapest(law: Surface, loss: Array, served: float) -> Found:
    """Find the run that reaches each loss with the least compute over the life of the model."""
    function = law.split_loss()
    target = np.broadcast_to(np.log(loss), (law.n_draws, loss.size))
    within = Limits(inference_tokens=served)
    found = [
        cheapest(function, target[:, case], law.draws, within=within) for case in range(loss.size)
    ]
    log_params, log_tokens = (np.stack(part, axis=1) for part in zip(*found, strict=True))
    sizes = {"params": np.exp(log_params), "tokens": np.exp(log_tokens)}
    sizes["flops"] = law.share * training_flops(sizes["params"], sizes["tokens"])
    sizes |= _lifetime(sizes["flops"], law.share * sizes["params"], served)
    return Found(draws=sizes, flags={"unreachable": np.isinf(log_params)})


def _lifetime(flops: Array, params: Array, served: float) -> dict[str, Array]:
    """Compute of training and serving, where anything is served."""
    return {"lifetime_flops": flops + FLOPS_PER_SERVED * params * served} if served else {}


def _with_steps(found: Found, batch_size: float | None) -> Found:
    """Add steps to tokens, or tokens to steps, where the batch size is known."""
    draws = dict(found.draws)
    if batch_size is not None and "tokens" in draws:
        draws["steps"] = draws["tokens"] / batch_size
    elif batch_size is not None and "steps" in draws:
        draws["tokens"] = draws["steps"] * batch_size
    elif batch_size is not None:
        raise InputError("batch_size turns tokens into steps: give params, and tokens are found")
    return Found(draws=draws, flags=found.flags)


def first_reaching(law: Surface, sought: str, given: Mapping[str, float], log_loss: Array) -> Array:
    """Find the smallest size that reaches a loss, the others being given.

    Parameters
    ----------
    law : Surface
        The law.
    sought : str
        The size.
    given : mapping of str to float
        The other sizes.
    log_loss : array () or (n_draws,)
        Log of the loss to reach.

    Returns
    -------
    array (n_draws,)
        Log of the size; inf where none does.
    """
    fixed = {name: np.asarray(value) for name, value in given.items()}
    target = np.broadcast_to(log_loss, law.n_draws)

    def above(x: Array, draw: Index) -> Array:
        return np.asarray(np.log(law.at({**fixed, sought: np.exp(x)}, draw)) - target[draw])

    with np.errstate(all="ignore"):
        smallest = above(SEARCHED[:1], law.draws) <= 0
    return np.where(smallest, SEARCHED[0], np.abs(crossing(above, SEARCHED, law.draws)))
