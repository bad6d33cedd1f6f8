"""`fit`: the one door to sampling, for the default average, one law, or several."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, overload

from bayes_scaling.errors import InputError
from bayes_scaling.laws.model import Model
from bayes_scaling.posterior.average import fit_ensemble
from bayes_scaling.posterior.ensemble import Ensemble
from bayes_scaling.posterior.fit_model import fit as fit_law
from bayes_scaling.posterior.posterior import Fit
from bayes_scaling.posterior.sampler import Engine

Law = str | Path | Model | Mapping[str, Any]


@overload
def fit(
    runs: Any,
    model: list[Any] | tuple[Any, ...] | None = None,
    *,
    draws: int = ...,
    tune: int = ...,
    chains: int = ...,
    target_accept: float = ...,
    random_seed: int | None = ...,
    progress: bool = ...,
) -> Ensemble: ...


@overload
def fit(
    runs: Any,
    model: Any,
    *,
    drift: bool | None = ...,
    transient: bool | None = ...,
    ceiling: bool | float | str | None = ...,
    run_effect: bool | None = ...,
    correlated: bool | None = ...,
    mistuned: bool | None = ...,
    temper: float | None = ...,
    engine: Engine = ...,
    draws: int = ...,
    tune: int = ...,
    chains: int = ...,
    target_accept: float = ...,
    random_seed: int | None = ...,
    progress: bool = ...,
) -> Fit: ...


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
) -> Fit | Ensemble:
    """Sample the posterior of scaling laws given a table of runs.

    Parameters
    ----------
    runs : RunTable, DataFrame or path
        The small runs. Runs and model may also come the other way round.
    model : str, Path, Model or mapping, or a list of these, optional
        One law, several to be averaged, or none for the default average; see
        `bayes_scaling.posterior.fit_model.fit` and `bayes_scaling.posterior.average.fit_ensemble`.
    drift, transient, ceiling, run_effect, correlated, mistuned, temper
        Features of one law, as in `bayes_scaling.posterior.fit_model.fit`.
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
    Fit or Ensemble
        An ensemble where laws are averaged.

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
        return fit_law(
            model, runs, drift=drift, transient=transient, ceiling=ceiling, run_effect=run_effect,
            correlated=correlated, mistuned=mistuned, temper=temper, draws=draws, tune=tune,
            chains=chains, target_accept=target_accept, random_seed=random_seed, engine=engine,
            progress=progress,
        )  # fmt: skip
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
