"""From runs to a `Fit`: the default average, one law, or several; and from a saved file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bayes_scaling import posterior
from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.intervals import PROBABILITY
from bayes_scaling.laws import load_model
from bayes_scaling.laws.model import Model
from bayes_scaling.posterior import Member
from bayes_scaling.posterior.fit_model import fit_law
from bayes_scaling.posterior.recipes import pooled_as_variants
from bayes_scaling.posterior.sampler import Engine
from bayes_scaling.questions.duel import ERROR, Duel
from bayes_scaling.questions.mistuned_runs import OffLaw, off_law as find_off_law
from bayes_scaling.questions.sizes import Numbers
from bayes_scaling.runs import RunTable, read_runs

Law = str | Path | Model | Mapping[str, Any]


def fit(
    runs: Any,
    model: Any = None,
    *,
    drift: bool | None = None,
    transient: bool | None = None,
    ceiling: bool | float | str | None = None,
    run_effect: bool | None = None,
    correlated: bool | None = None,
    mistuned: bool | None = None,
    temper: float | None = None,
    draws: int = 1000,
    tune: int = 800,
    chains: int = 4,
    target_accept: float = 0.95,
    random_seed: int | None = None,
    engine: Engine = "generated",
    progress: bool = False,
) -> Fit:
    """Sample the posterior of scaling laws given a table of runs.

    Parameters
    ----------
    runs : RunTable, DataFrame or path
        The small runs. Runs and model may also come the other way round.
    model : str, Path, Model or mapping, or a list of these, optional
        One law, several to be averaged, or none for the default average; see
        `bayes_scaling.posterior.fit_model.fit_law` and `fit_ensemble`.
    drift, transient, ceiling, run_effect, correlated, mistuned, temper
        Features of one law, as in `bayes_scaling.posterior.fit_model.fit_law`.
    draws, tune, chains : int
        Draws kept and discarded per chain, and chains, of each law.
    target_accept : float
        Acceptance probability that the step size aims at.
    random_seed : int, optional
        Seed of everything random; a fresh one is taken and kept if absent.
    engine : {"generated", "pymc"}
        Which density of one law is sampled; they are the same.
    progress : bool
        Whether to report progress on standard error.

    Returns
    -------
    Fit
        Of one law, or of several that are averaged.

    Raises
    ------
    InputError
        The model, the runs or the settings cannot be used.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> fit = bs.fit(bs.load_dataset("nano-lm"))  # doctest: +SKIP
    >>> law = bs.fit(bs.load_dataset("nano-lm"), "chinchilla")  # doctest: +SKIP
    """
    if model is not None and _is_law(runs) and not _is_law(model):
        runs, model = model, runs
    features = {
        "drift": drift, "transient": transient, "ceiling": ceiling, "run_effect": run_effect,
        "correlated": correlated, "mistuned": mistuned, "temper": temper,
    }  # fmt: skip
    if model is not None and not isinstance(model, list | tuple):
        member = fit_law(
            model, runs, drift=drift, transient=transient, ceiling=ceiling, run_effect=run_effect,
            correlated=correlated, mistuned=mistuned, temper=temper, draws=draws, tune=tune,
            chains=chains, target_accept=target_accept, random_seed=random_seed, engine=engine,
            progress=progress,
        )  # fmt: skip
        return Fit.of_one(member)
    given = [name for name, value in features.items() if value is not None]
    given += ["engine"] if engine != "generated" else []
    if given:
        raise InputError(
            f"{', '.join(given)}: of one law; name it, as in fit(runs, 'coupled', {given[0]}=...), "
            "or switch features of each member by load_model(...).with_features(...)"
        )
    return fit_ensemble(
        runs, model, draws=draws, tune=tune, chains=chains, target_accept=target_accept,
        random_seed=random_seed, progress=progress,
    )  # fmt: skip


def _is_law(given: object) -> bool:
    """Whether something is a law, a list of laws, or the name or the file of one."""
    if isinstance(given, list | tuple):
        return bool(given) and all(map(_is_law, given))
    if isinstance(given, Model | Mapping):
        return isinstance(given, Model) or "formula" in given or "base" in given
    if not isinstance(given, str | Path):
        return False
    return Path(given).suffix in ("", ".toml")


def fit_ensemble(
    runs: RunTable | Any,
    models: Sequence[str | Path | Model | Mapping[str, Any]] | None = None,
    *,
    weights: Mapping[str, float] | None = None,
    draws: int = 1000,
    tune: int = 800,
    chains: int = 4,
    target_accept: float = 0.95,
    random_seed: int | None = None,
    progress: bool = False,
) -> Fit:
    found = posterior.fit_ensemble(
        runs,
        models,
        weights=weights,
        draws=draws,
        tune=tune,
        chains=chains,
        target_accept=target_accept,
        random_seed=random_seed,
        progress=progress,
    )
    return Fit.of_posterior(found)


def load(path: str | Path) -> Fit:
    return Fit.of_posterior(posterior.load(path))


fit_ensemble.__doc__ = posterior.fit_ensemble.__doc__
load.__doc__ = posterior.load.__doc__


def ensemble_of(fits: Sequence[Fit | Member], *, weights: Mapping[str, float] | None = None) -> Fit:
    """Average fits of single laws to the same runs.

    Parameters
    ----------
    fits : sequence of Fit or Member
        Their laws must have different ids, and the same response, inputs and groups.
    weights : mapping of str to float, optional
        By the id of the law, in any unit; equal by default.

    Returns
    -------
    Fit
        Without the fits that did not converge and those of (nearly) no weight.

    Raises
    ------
    InputError
        The fits cannot be averaged, or weights do not belong to them.
    """
    members = [each if isinstance(each, Member) else each.only for each in fits]
    return Fit.of_posterior(posterior.ensemble_of(members, weights=weights))


DUEL = ("chinchilla", "coupled", "coupled-drift")
"""Laws that are averaged for a duel: what groups share is learned from all of them together."""


def duel(
    runs: RunTable | Any,
    *,
    a: str,
    b: str | Sequence[str] | None = None,
    flops: Numbers,
    by: str = "family",
    models: Sequence[Law] = DUEL,
    throughput: Mapping[str, float] | None = None,
    error: float = ERROR,
    draws: int = 1000,
    tune: int = 800,
    chains: int = 4,
    random_seed: int | None = None,
    probability: float = PROBABILITY,
    progress: bool = False,
) -> Duel:
    """Compare variants of a recipe at equal compute, from small runs of each.

    Parameters
    ----------
    runs : RunTable, DataFrame or path
        Small runs of every variant; they need not have the same sizes.
    a : str
        Label of the baseline.
    b : str or sequence of str, optional
        Labels of variants; all others by default.
    flops : float or sequence of float
        Budgets [FLOP]; the largest one is the target.
    by : str
        Column that tells the variants apart.
    models : sequence of str, Path, Model or mapping
        Laws that are averaged.
    throughput : mapping of str to float, optional
        Speed of a variant over that of the baseline, in FLOP per hour.
    error : float
        Probability of a wrong promotion, or a wrong drop, that a verdict may have.
    draws, tune, chains, random_seed, progress
        As in `fit`.
    probability : float
        Probability of the equal-tailed intervals.

    Returns
    -------
    Duel

    Raises
    ------
    InputError
        A variant has no runs, or the runs cannot be fitted.
    UnconvergedError
        No law converged.

    Examples
    --------
    >>> bs.duel(runs, a="baseline", b="variant", flops=1e23)  # doctest: +SKIP
    """
    found = duel_fit(
        runs,
        a=a,
        b=b,
        by=by,
        models=models,
        draws=draws,
        tune=tune,
        chains=chains,
        random_seed=random_seed,
        progress=progress,
    )
    return found.duel(
        a, b, flops=flops, throughput=throughput, error=error, probability=probability
    )


def duel_fit(
    runs: RunTable | Any,
    *,
    a: str,
    b: str | Sequence[str] | None = None,
    by: str = "family",
    models: Sequence[Law] = DUEL,
    draws: int = 1000,
    tune: int = 800,
    chains: int = 4,
    random_seed: int | None = None,
    progress: bool = False,
) -> Fit:
    """Fit the runs of variants of one recipe together, to be asked for duels; see `duel`."""
    table = runs if isinstance(runs, RunTable) else read_runs(runs)
    labels = table.labels(by)
    named = [a, *([b] if isinstance(b, str) else b or ())]
    unknown = [name for name in named if name not in labels]
    if unknown:
        known = ", ".join(dict.fromkeys(labels.tolist()))
        raise InputError(
            [f"no run has {by} {name!r}; known are {known}" for name in unknown], source="duel"
        )
    rows = np.isin(labels, named) if b is not None else np.ones(len(table), dtype=bool)
    taken = table.take(rows)
    taken = RunTable(columns={**taken.columns, "family": labels[rows]}, notes=taken.notes)
    return fit_ensemble(
        taken,
        [pooled_as_variants(load_model(each)) for each in models],
        draws=draws,
        tune=tune,
        chains=chains,
        random_seed=random_seed,
        progress=progress,
    )


def off_law(fit: Fit, *, material: float = 0.0, probability: float = PROBABILITY) -> OffLaw:
    return fit.off_law(material=material, probability=probability)


off_law.__doc__ = find_off_law.__doc__
