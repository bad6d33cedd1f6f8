"""`compare`: fit several models to the same runs and show what speaks for each."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.facade import Fit
from bayes_scaling.fitting import fit
from bayes_scaling.intervals import PROBABILITY, check_probability
from bayes_scaling.laws import Model, load_model
from bayes_scaling.laws.design import make_design
from bayes_scaling.posterior import Check
from bayes_scaling.posterior.members import default_members
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.posterior.stacking import stacking_weights
from bayes_scaling.posterior.weights import repeated_ids, row_problems
from bayes_scaling.questions.forecast import Forecast, mix_forecasts
from bayes_scaling.questions.sizes import Sizes
from bayes_scaling.runs import RunTable, read_runs
from bayes_scaling.runs.rows import has_repeats
from bayes_scaling.validation.comparison import AVERAGES, EQUAL, STACKING, Comparison
from bayes_scaling.validation.deep_split import deep_split, describe, score_groups
from bayes_scaling.validation.loo import Loo, leave_one_out
from bayes_scaling.validation.split import Split
from bayes_scaling.validation.targets import targets

AnyModel = str | Path | Model | Mapping[str, Any]


def compare(
    runs: RunTable | Any,
    models: Sequence[AnyModel] | None = None,
    *,
    at: Sizes | None = None,
    probability: float = PROBABILITY,
    draws: int = 1000,
    tune: int = 800,
    chains: int = 4,
    target_accept: float = 0.95,
    random_seed: int | None = None,
    progress: bool = False,
) -> Comparison:
    """Compare models on the same runs: inside the data, at its upper end, and beyond it.

    Parameters
    ----------
    runs : RunTable, DataFrame or path
        The small runs.
    models : sequence of str, Path, Model or mapping, optional
        Two or more, as `fit` takes them, that explain the same response; by default the members of
        the default ensemble.
    at : mapping, DataFrame or RunTable, optional
        Sizes at which forecasts are shown side by side, in every group unless it names some; by
        default 100 times the largest compute, at the tokens per parameter of the runs.
    probability : float
        Probability of the equal-tailed intervals.
    draws, tune, chains, target_accept
        As in `fit`; every model is fitted twice, on all runs and on the small ones.
    random_seed : int, optional
        Seed of everything; a fresh one is taken if absent.
    progress : bool
        Whether to report progress on standard error.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        The models do not explain the same runs, or runs, sizes or settings cannot be used.

    Notes
    -----
    Leave-one-out asks for runs like those that are there, the deep split for larger ones; a
    forecast far beyond the data is a question of the second kind. Weights are shown two ways,
    equal and by stacking, with the deep split scores of both averages.

    References
    ----------
    Vehtari et al. 2017, arXiv:1507.04544; Yao et al. 2018, arXiv:1704.02030.

    Examples
    --------
    >>> bs.compare(runs, ["chinchilla", "coupled"], random_seed=1).table  # doctest: +SKIP
    """
    check_probability(probability)
    runs = runs if isinstance(runs, RunTable) else read_runs(runs)
    laws = [load_model(each) for each in (default_members(runs) if models is None else models)]
    _check_models(laws, runs)
    runs, group = laws[0].rows_of(runs), laws[0].group
    asked = targets(runs, laws, at)
    settings = Settings.chosen(
        draws=draws,
        tune=tune,
        chains=chains,
        target_accept=target_accept,
        random_seed=random_seed,
    )
    sequence = np.random.SeedSequence(settings.random_seed)
    seeds = sequence.generate_state(2 * len(laws)).tolist()

    def fit_all(table: RunTable, seeds: Sequence[int]) -> dict[str, Fit]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BayesScalingWarning)  # the checks say it again
            return {
                law.id: fit(
                    law,
                    table,
                    run_effect=law.run_effect.on,
                    **asdict(replace(settings, random_seed=one)),
                    progress=progress,
                )
                for law, one in zip(laws, seeds, strict=True)
            }

    fits = fit_all(runs, seeds[::2])
    loo = {name: leave_one_out(one) for name, one in fits.items()}
    weights = _weights(fits, loo)
    predictions = {
        name: one.accept_unconverged().forecast(asked, probability=probability)
        for name, one in fits.items()
    }
    split = deep_split(runs, response=laws[0].response, group=group)
    small: dict[str, Fit] = {}
    deep: dict[str, dict[str, float]] = {}
    if isinstance(split, Split):
        small = fit_all(split.fitted, seeds[1::2])
        deep = _deep_scores(small, split)
    return Comparison(
        fits=fits,
        loo=loo,
        weights=weights,
        split=split,
        deep=deep,
        predictions=_with_averages(predictions, weights),
        checks=(
            *_fit_checks(fits),
            *_loo_checks(loo),
            *_repeat_checks(runs, group),
            *_split_checks(split, small),
        ),
        probability=probability,
    )


# ---- what is asked -------------------------------------------------------------------------------


def _check_models(models: Sequence[Model], runs: RunTable) -> None:
    """Raise `InputError` where models cannot be compared on these runs."""
    problems = repeated_ids(models, "models")
    if len(models) < 2:
        problems.append(f"{len(models)} model: name two or more to compare")
    for model in models[1:]:
        first = models[0]
        for what, one, other in (
            ("explains", first.response, model.response),
            ("has its groups in", first.group, model.group),
        ):
            if one != other:
                problems.append(
                    f"{model.id} {what} {other!r} and {first.id} {one!r}: densities of different "
                    "things do not compare; compare them apart"
                )
    for model in models:
        try:
            make_design(model, model.rows_of(runs))
        except InputError as error:
            problems += [f"{model.id}: {problem}" for problem in error.problems]
    problems = problems or row_problems(models, runs)
    if problems:
        raise InputError(problems, source="compare")


# ---- what is found -------------------------------------------------------------------------------


def _weights(fits: Mapping[str, Fit], loo: Mapping[str, Loo]) -> dict[str, dict[str, float]]:
    """Return both weightings of the models that converged; of all, where none did."""
    names = [name for name, one in fits.items() if one.status == "converged"] or list(fits)
    stacked = stacking_weights([loo[name].pointwise for name in names])
    return {
        EQUAL: dict.fromkeys(names, 1 / len(names)),
        STACKING: dict(zip(names, stacked.tolist(), strict=True)),
    }


def _deep_scores(fits: Mapping[str, Fit], split: Split) -> dict[str, dict[str, float]]:
    """Score fits of the small runs, and their averages, on the largest runs."""
    weights = _weights(fits, {name: leave_one_out(one) for name, one in fits.items()})
    forecasts = {name: one.accept_unconverged().forecast(split.sizes) for name, one in fits.items()}
    return {
        name: score_groups(found.draws, split)
        for name, found in _with_averages(forecasts, weights).items()
    }


def _with_averages(
    forecasts: Mapping[str, Forecast], weights: Mapping[str, Mapping[str, float]]
) -> dict[str, Forecast]:
    """Return forecasts of the models and of both averages."""
    return {
        **forecasts,
        **{called: _average(forecasts, weights[how]) for how, called in AVERAGES.items()},
    }


def _average(forecasts: Mapping[str, Forecast], weights: Mapping[str, float]) -> Forecast:
    """Mix the forecasts of the models that have a weight."""
    weighty = {name: found for name, found in forecasts.items() if weights.get(name, 0.0) > 0}
    return replace(mix_forecasts(weighty, weights), tuned={})


def _fit_checks(fits: Mapping[str, Fit]) -> list[Check]:
    return [check.of(name) for name, one in fits.items() for check in one.checks]


def _repeat_checks(runs: RunTable, group: str) -> list[Check]:
    """Warn where rows are left out one by one that belong to one run."""
    if not has_repeats(runs, group):
        return []
    return [
        Check(
            name="leave-one-out",
            verdict="warn",
            evidence="some runs have several rows, and each row is left out by itself",
            advice="rows of one run foretell each other: keep one row of each, or go by the deep "
            "split",
        )
    ]


def _loo_checks(loo: Mapping[str, Loo]) -> list[Check]:
    return [check.of(name) for name, one in loo.items() for check in one.checks()]


def _split_checks(split: Split | str, fits: Mapping[str, Fit]) -> list[Check]:
    """Say whether there was a deep split, and which fits of it did not converge."""
    if isinstance(split, str):
        return [Check(name="deep split", verdict="warn", evidence=f"left out: {split}")]
    failed = [name for name, one in fits.items() if one.status == "unconverged"]
    if failed:
        return [
            Check(
                name="deep split",
                verdict="warn",
                evidence=f"{describe(split)}; {', '.join(failed)} did not converge there",
                advice="raise tune and draws before going by these scores",
            )
        ]
    return [Check(name="deep split", verdict="ok", evidence=describe(split))]
