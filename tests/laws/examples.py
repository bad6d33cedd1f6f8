"""Runs that a law might be fitted to, made from what it reads and from its own prior.

`design` lays out the sizes; `example` adds losses of a draw of the prior that looks like training:
so every model of the catalogue has data on which it is exactly right, and a known truth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.laws import Model
from bayes_scaling.laws.density import per_run
from bayes_scaling.laws.link import link_of
from bayes_scaling.laws.noise import RUN_EFFECT, sample_noise
from bayes_scaling.posterior import Member
from bayes_scaling.posterior.prior import prior_member
from bayes_scaling.runs import RunTable

Array = NDArray[np.float64]
Columns = Mapping[str, Array]

ROWS = 48
"""Runs of a design, and rows of a run where rows of one run share an effect."""

ROWS_OF_A_RUN = 6

DRAWS = 400
"""Draws of the prior among which a truth is looked for."""

LEVELS = (1e-3, 1e4)
"""Responses of a law that may be an error rate or a perplexity; others lie far inside."""

FALL = (1.03, 60.0)
"""How far the response changes over the runs: less is no law, more is no training."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """Simulated runs of a law.

    Attributes
    ----------
    model : Model
        The law, taking every row: the rows are what its protocol would have left.
    runs : RunTable
        The runs.
    truth : mapping of str to float
        Every parameter and derived quantity they were simulated with.
    noise_free : mapping of str to array (n_runs,)
        Without noise, by response.
    """

    model: Model
    runs: RunTable
    truth: Mapping[str, float]
    noise_free: Mapping[str, Array]


# ---- sizes ---------------------------------------------------------------------------------------


def _log_uniform(low: float, high: float) -> Callable[[Columns, np.random.Generator, int], Array]:
    return lambda _, rng, n: np.exp(rng.uniform(np.log(low), np.log(high), n))


def _one_of(*values: float) -> Callable[[Columns, np.random.Generator, int], Array]:
    return lambda _, rng, n: rng.choice(np.array(values), n)


RANGES: Mapping[str, Callable[[Columns, np.random.Generator, int], Array]] = {
    "params": _log_uniform(1e7, 1e10),
    "tokens": _log_uniform(2e8, 2e11),
    "flops": _log_uniform(1e17, 1e21),
    "steps": _log_uniform(3e2, 1e5),
    "batch_size": _log_uniform(5e4, 4e6),
    "learning_rate": _log_uniform(1e-4, 1e-2),
    "weight_decay": _log_uniform(1e-2, 1),
    "gradient_noise": _log_uniform(1e5, 4e6),
    "rate_area": _log_uniform(0.3, 30),
    "annealing_area": lambda _, rng, n: rng.uniform(0, 1, n),
    "params_nonembedding": lambda c, rng, n: 0.85 * c["params"],
    "params_active": lambda c, rng, n: c["params"] / rng.choice([2.0, 4.0, 8.0], n),
    "unique_tokens": lambda c, rng, n: c["tokens"] / np.exp(rng.uniform(-0.5, np.log(40), n)),
    "experts": _one_of(1, 2, 4, 8, 16, 32, 64, 128, 256),
    "granularity": _one_of(1, 2, 4, 8, 16),
    "context_length": _one_of(512, 1024, 2048, 4096),
    "position": lambda c, rng, n: np.floor(
        np.exp(rng.uniform(0.7, np.log(c.get("context_length", np.array(1024.0))), n))
    ),
    "width": _one_of(256, 512, 768, 1024, 2048),
    "depth": _one_of(4, 8, 12, 24, 32),
    "heads": _one_of(4, 8, 16, 32),
    "d_ff": _one_of(1024, 2048, 4096, 8192),
    "finetune_tokens": _log_uniform(1e5, 1e9),
    "pretrained": _one_of(0.0, 1.0),
    "loss": _log_uniform(1.8, 5.0),
}
"""How each input is spread; those that follow others come after them."""

OTHER = _log_uniform(0.5, 2.0)
"""An input that nobody knows."""

BUDGETS = (1e18, 4e18, 1.6e19, 6.4e19, 2.56e20, 1e21)


def design(model: Model, rng: np.random.Generator, rows: int = ROWS) -> RunTable:
    """Lay out runs that identify a law.

    A law of params and tokens (or of compute and one of them) gets isoFLOP lines; everything else
    varies on its own.
    """
    inputs = set(model.inputs)
    columns: dict[str, Array] = {}
    if len(inputs & {"params", "tokens", "flops"}) > 1 or "budget" in inputs:
        columns |= _lines(rng, rows)
    for name, spread in RANGES.items():
        if name in inputs - set(columns):
            columns[name] = np.asarray(spread(columns, rng, rows), float)
    columns |= {name: OTHER(columns, rng, rows) for name in sorted(inputs - set(columns))}
    runs = np.arange(rows) // (ROWS_OF_A_RUN if model.run_effect.on else 1)
    named = {"run": np.array([f"r{index:02d}" for index in runs])}
    groups = {
        name: columns[name] if name in columns else np.full(rows, "one")
        for name in model.group.split("/")
    }
    responses = {name: np.ones(rows) for name in model.responses}
    return RunTable(columns={**named, **columns, **groups, **responses})


def _lines(rng: np.random.Generator, rows: int) -> dict[str, Array]:
    """Params, tokens and flops on isoFLOP lines, each around twenty tokens per parameter."""
    budget = np.resize(np.array(BUDGETS), rows)
    ratio = np.exp(rng.uniform(np.log(2), np.log(300), rows))
    params = np.sqrt(budget / 6 / ratio)
    return {"params": params, "tokens": ratio * params, "flops": budget, "budget": budget}


# ---- losses --------------------------------------------------------------------------------------


def example(model: Model, *, seed: int = 0, rows: int = ROWS) -> Example:
    """Simulate runs of a law with parameters from its prior.

    Raises
    ------
    ValueError
        No draw of the prior looks like training.
    """
    whole = replace(model, select="")
    rng = np.random.default_rng([seed, 7])
    sizes = design(whole, rng, rows)
    prior = prior_member(whole, sizes, draws=DRAWS, random_seed=seed)
    expected = {name: _noise_free(prior, name) for name in whole.responses}
    sane = np.logical_and.reduce(
        [
            _looks_like_training(values)
            if name.startswith(("loss", "error"))
            else _possible(values)
            for name, values in expected.items()
        ]
    )
    if not sane.any():
        raise ValueError(f"{model.id}: no draw of the prior looks like training")
    chosen = int(np.flatnonzero(sane)[0])
    truth = {name: float(values[chosen]) for name, values in prior.flat.items()}
    columns = dict(sizes.columns)
    for name, values in expected.items():
        noise = _noise(whole.of(name), truth, name, columns["run"], rng)
        columns[name] = link_of(whole.of(name)).shifted(values[chosen], noise)
    return Example(
        model=whole,
        runs=RunTable(columns=columns),
        truth=truth,
        noise_free={name: values[chosen] for name, values in expected.items()},
    )


def _noise_free(prior: Member, response: str) -> Array:
    """Responses of the law at the fitted sizes (n_draws, n_runs), drift and transient included."""
    fit = prior if response == prior.model.response else prior.of(response)
    inputs = {name: np.asarray(prior.runs[name], float) for name in fit.model.inputs}
    return fit.predict(inputs, group=np.zeros(len(prior.runs), dtype=np.int64))


def _possible(values: Array) -> NDArray[np.bool_]:
    """Tell which draws (n_draws, n_runs) give responses that can be observed at all."""
    return np.asarray((np.isfinite(values) & (values > 0)).all(axis=1))


def _looks_like_training(values: Array) -> NDArray[np.bool_]:
    """Tell which draws (n_draws, n_runs) give losses that somebody might have seen."""
    low, high = values.min(axis=1), values.max(axis=1)
    with np.errstate(all="ignore"):
        fall = high / low
    inside = (low > LEVELS[0]) & (high < LEVELS[1]) & (fall > FALL[0]) & (fall < FALL[1])
    return np.asarray(_possible(values) & inside)


def _noise(
    model: Model,
    truth: Mapping[str, float],
    response: str,
    runs: NDArray[np.str_],
    rng: np.random.Generator,
) -> Array:
    """Deviation of every row on the log scale: its own, and that of its run."""
    renamed = {"sigma": truth.get(f"sigma_{response}", truth["sigma"])}
    values = {name: np.array(value) for name, value in {**truth, **renamed}.items()}
    of_row = {name: value for name, value in values.items() if name in ("sigma", "nu")}
    noise = sample_noise(model.noise, of_row, runs.shape, rng)
    if RUN_EFFECT in truth:
        labels, index = np.unique(runs, return_inverse=True)
        noise = noise + truth[RUN_EFFECT] * rng.standard_normal(labels.size)[index]
    return noise


def truth_per_run(found: Example) -> dict[str, Array]:
    """Lay out the truth as draws of one chain, for functions of draws."""
    draws = {name: np.array([value]) for name, value in found.truth.items()}
    return per_run(found.model, draws, np.zeros(len(found.runs), dtype=np.int64))
