"""From several models and a table of runs to a `Posterior`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.intervals import significant
from bayes_scaling.laws.catalogue import load_models
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.model import Model
from bayes_scaling.posterior.diagnostics import CEILING, Check
from bayes_scaling.posterior.evidence import log_odds_of_priors, log_odds_without
from bayes_scaling.posterior.fit_model import fit_law
from bayes_scaling.posterior.member import Member
from bayes_scaling.posterior.members import (
    BELOW_CEILING,
    PLAIN,
    default_members,
    floor_before,
    floor_shares,
    shares,
)
from bayes_scaling.posterior.posterior import Posterior, failed_sampling
from bayes_scaling.posterior.progress import Progress, progress_line
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.posterior.weights import (
    LEAST,
    equal_weights,
    model_problems,
    renormalised,
    row_problems,
    weight_problems,
)
from bayes_scaling.runs import RunTable, read_runs
from bayes_scaling.runs.doubts_of_fit import doubts_of_fit
from bayes_scaling.runs.table import split_columns

LONGER = 3
"""How many times longer a member is sampled that did not converge at first."""


def fit_average(
    runs: RunTable | Any,
    models: Sequence[str | Path | Model | Mapping[str, Any]] | None,
    settings: Settings,
    *,
    weights: Mapping[str, float] | None = None,
    progress: bool | None = None,
) -> Posterior:
    """Sample the posteriors of several models given the same runs, and average them.

    As `bayes_scaling.fit_ensemble`, which documents the arguments; the seed of `settings` gives
    every member one of its own.
    """
    runs = runs if isinstance(runs, RunTable) else read_runs(runs)
    members = default_members(runs) if models is None else load_models(models)
    _check(members, weights)
    for text in _said_before_sampling(members, runs):
        warnings.warn(text, BayesScalingWarning, stacklevel=2)
    seeds = np.random.SeedSequence(settings.random_seed).spawn(len(members))
    planned = {
        model.id: _Planned(model=model, runs=runs, settings=settings, sequence=sequence)
        for model, sequence in zip(members, seeds, strict=True)
    }
    line = progress_line(progress, len(planned))
    fits: dict[str, Member] = {}
    if models is None and weights is None and PLAIN[0] in planned:
        fits, weights = _told_of_ceiling(planned, line)
    wanted = [
        name for name in planned if name not in fits and (weights is None or weights[name] > 0)
    ]
    if line:
        line.total = line.done + len(wanted)
    fits |= {name: planned[name].sample(line) for name in wanted}
    if models is None and weights is None:
        fits, weights = _told_of_floor(fits)
    kept = [fits[name] for name in planned if name in fits]
    given = None if weights is None else {fit.model.id: weights[fit.model.id] for fit in kept}
    return ensemble_of(kept, weights=given, settings=settings)


def _told_of_ceiling(
    planned: Mapping[str, _Planned], progress: Progress | None
) -> tuple[dict[str, Member], dict[str, float]]:
    """Sample members below a ceiling until one converges, and weigh all by what it tells."""
    fits: dict[str, Member] = {}
    for plain, below in zip(PLAIN, BELOW_CEILING, strict=True):
        fit = fits[below] = planned[below].sample(progress)
        if fit.status == "converged":
            odds = log_odds_without(fit, planned[plain].model)
            weights = shares(odds)
            fits[below] = replace(fit, checks=(*fit.checks, _said_of_ceiling(odds, weights)))
            return fits, weights
    return fits, shares(0.0)


def _told_of_floor(fits: dict[str, Member]) -> tuple[dict[str, Member], dict[str, float] | None]:
    """Weigh members of one size by what they tell of the floor of the loss, and say so."""
    odds = {
        name: log_odds_of_priors(fit, fits[before].model)
        for name, fit in fits.items()
        if (before := floor_before(name)) in fits
    }
    if not odds:
        return fits, None
    sure = {name: value for name, value in odds.items() if fits[name].status == "converged"}
    weights = floor_shares(fits, sure or odds)
    kept = {name: fit for name, fit in fits.items() if weights[name] > 0}
    if idle := [name for name in fits if name not in kept]:
        evidence = f"the runs show another irreducible loss than {', '.join(idle)}: left out"
        said = Check(name="irreducible loss", verdict="ok", evidence=evidence)
        first = next(iter(kept))
        kept[first] = replace(kept[first], checks=(*kept[first].checks, said))
    return kept, weights


def _said_of_ceiling(log_odds: float, weights: Mapping[str, float]) -> Check:
    """Say what the runs tell of a ceiling, and what follows for the average."""
    odds = min(float(np.exp(abs(log_odds))), 1e6)
    speak = "against" if log_odds > 0 else "for"
    share = sum(weights[name] for name in BELOW_CEILING)
    idle = [name for name, weight in weights.items() if weight == 0]
    beside = BELOW_CEILING if idle and idle[0] in BELOW_CEILING else PLAIN
    speaks = [name for name in beside if weights[name] > 0]
    left_out = f"; left out: {', '.join(idle)}, for which {speaks[0]} speaks" if idle else ""
    return Check(
        name=CEILING,
        verdict="ok",
        evidence=f"the runs speak {speak} a ceiling, {significant(odds, 3)} to 1; laws below one "
        f"weigh {share:.2f} together{left_out}",
    )


@dataclass(frozen=True, kw_only=True)
class _Planned:
    """A member that may be sampled."""

    model: Model
    runs: RunTable
    settings: Settings
    sequence: np.random.SeedSequence

    def sample(self, progress: Progress | None) -> Member:
        """Sample it, and once more where it does not converge."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BayesScalingWarning)  # said before
            found = self._fit(self.settings, self.sequence, progress)
            return found if found.status == "converged" else self._again(found, progress)

    def _again(self, found: Member, progress: Progress | None) -> Member:
        """Sample it once more and longer: to leave it out would move the average."""
        if progress:
            progress.total += 1
        settings, (sequence,) = self.settings, self.sequence.spawn(1)
        draws, tune = LONGER * settings.draws, LONGER * settings.tune
        longer = replace(settings, draws=draws, tune=tune, target_accept=0.98)
        second = self._fit(longer, sequence, progress)
        said = Check(
            name="sampled twice",
            verdict="ok",
            evidence=f"{settings.draws} draws a chain did not converge ({failed_sampling(found)}); "
            f"these are {draws}, after {tune} to tune",
        )
        return replace(second, checks=(*second.checks, said))

    def _fit(
        self, settings: Settings, sequence: np.random.SeedSequence, progress: Progress | None
    ) -> Member:
        return fit_law(self.model, self.runs, settings.seeded(sequence), progress=progress)


def ensemble_of(
    fits: Sequence[Member],
    *,
    weights: Mapping[str, float] | None = None,
    settings: Settings | None = None,
) -> Posterior:
    """Average fits of several models to the same runs.

    Parameters
    ----------
    fits : sequence of Member
        Their models must have different ids, and the same response, inputs and groups.
    weights : mapping of str to float, optional
        By the id of the model, in any unit; equal by default.
    settings : Settings, optional
        Whose seed the ensemble has; those of the first fit by default.

    Returns
    -------
    Posterior
        Without the fits that did not converge and those of (nearly) no weight; the weights of the
        others sum to 1. Where none converged it holds them all the same, and its status says so.

    Raises
    ------
    InputError
        The fits cannot be averaged, or weights do not belong to them.
    """
    problems = [
        f"{fit.model.id} was fitted on other runs than {fits[0].model.id}; fit both on the same"
        for fit in fits[1:]
        if fit.runs.content_hash != fits[0].runs.content_hash
    ]
    _check([fit.model for fit in fits], weights, problems)
    by_name = {fit.model.id: fit for fit in fits}
    given = dict(equal_weights(by_name) if weights is None else weights)
    weighty = [name for name in by_name if given[name] > 0]
    converged = [name for name in weighty if by_name[name].status == "converged"]
    shares = renormalised({name: given[name] for name in converged or weighty})
    kept = {name: by_name[name] for name, share in shares.items() if share >= LEAST}
    left_out = {
        name: f"it did not converge ({failed_sampling(item)})"
        if item.status == "unconverged" and converged
        else f"its weight is {shares.get(name, 0.0):.2g}, too little to matter"
        for name, item in by_name.items()
        if name not in kept
    }
    return Posterior(
        members=kept,
        weights=renormalised({name: shares[name] for name in kept}),
        left_out=left_out,
        settings=settings or fits[0].settings,
    )


def _check(
    models: Sequence[Model], weights: Mapping[str, float] | None, problems: Sequence[str] = ()
) -> None:
    """Raise `InputError` with all that keeps models from being averaged with these weights."""
    found = [*model_problems(models), *problems]
    if weights is not None:
        found += weight_problems(weights, [model.id for model in models])
    if found:
        raise InputError(found, source="ensemble")


def _said_before_sampling(models: Sequence[Model], runs: RunTable) -> list[str]:
    """Return what is to be said of the runs, each once; problems of all models are raised."""
    texts = list(doubts_of_fit(runs, split_columns(models[0].group)))
    problems: list[str] = []
    for model in models:
        try:
            texts += make_design(model, model.rows_of(runs)).warnings
        except InputError as error:
            problems.append(str(error))
    problems = problems or row_problems(models, runs)
    if problems:
        raise InputError(problems)
    return list(dict.fromkeys(texts))
