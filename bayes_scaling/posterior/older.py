"""Fits saved before their content had a hash: what can be computed anew must agree."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.laws.density import log_likelihood, log_prior
from bayes_scaling.laws.design import make_design
from bayes_scaling.posterior.diagnostics import elements, of_chains
from bayes_scaling.posterior.fit_model import derived_of
from bayes_scaling.posterior.member import Member

MOST_COMPARED = 2_000_000
"""Densities that are computed anew; of larger fits, those of evenly taken draws."""

CLOSE = 1e-4
"""Difference of a number computed anew that is of its rounding: densities are kept in 4 bytes."""


def check_older(
    fit: Member,
    densities: Mapping[str, NDArray[np.float64]],
    priors: Mapping[str, NDArray[np.float64]],
) -> None:
    """Raise `InputError` where a fit without a hash does not follow from its own draws.

    Parameters
    ----------
    fit : Member
        The fit.
    densities, priors : mapping of str to array (n_chains, n_draws, ...)
        Log likelihood and log prior that were saved with it.
    """
    design = make_design(fit.model, fit.runs)
    problems = [
        f"reference size {name!r} is {value:.6g} where the runs give {design.references[name]:.6g}"
        for name, value in fit.references.items()
        if name in design.references and not _agree(value, design.references[name])
    ]
    if len(fit.groups) == len(design.groups):
        every = max(1, fit.n_draws * design.response.size // MOST_COMPARED)
        flat = {name: values[::every] for name, values in fit.flat.items()}
        walks = {name: walk.take(slice(None, None, every)) for name, walk in fit.walks.items()}
        found = log_prior(fit.model, flat, design.grouping)
        problems += _differing("prior density", found, priors, every)
        if fit.response in densities:
            of_runs = {fit.response: log_likelihood(fit.model, design, flat, walks)}
            problems += _differing("likelihood", of_runs, densities, every)
        kept = derived_of(fit.model, design, fit.draws)
        derived = {name: fit.flat[name] for name in kept if name in fit.flat}
        problems += _differing("value", derived, kept, 1)
        problems += _milder(fit)
    if problems:
        raise InputError(
            [f"{text}: the file was changed after it was saved, fit again" for text in problems]
        )


def _agree(one: NDArray[np.float64] | float, other: NDArray[np.float64] | float) -> bool:
    return bool(np.allclose(one, other, rtol=CLOSE, atol=CLOSE, equal_nan=True))


def _differing(
    what: str,
    found: Mapping[str, NDArray[np.float64]],
    saved: Mapping[str, NDArray[np.float64]],
    every: int,
) -> list[str]:
    problems = []
    for name, values in found.items():
        if name not in saved:
            continue
        kept = np.asarray(saved[name], float)
        kept = kept.reshape(-1, *kept.shape[2:])[::every]
        if kept.shape != values.shape or not _agree(values, kept):
            problems.append(f"the {what} of {name!r} is not what its draws give")
    return problems


def _milder(fit: Member) -> list[str]:
    """Name checks that R-hat, effective sizes or divergences fail and the file says they passed."""
    own = {name for name, _ in elements(fit.draws, fit.groups)}
    mixed = {name: item for name, item in fit.mixing.items() if name in own}
    asked = {name: item for name, item in fit.mixing.items() if name not in own}
    anew = of_chains(mixed, asked, fit.stats)
    failed = {check.name for check in anew if check.verdict == "fail"}
    return [
        f"check {check.name!r} says {check.verdict!r} where its numbers fail it"
        for check in fit.checks
        if check.name in failed and check.verdict != "fail"
    ]
