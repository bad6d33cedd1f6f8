"""`compare`: fit several models to the same runs and show what speaks for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.intervals import PROBABILITY, check_probability
from bayes_scaling.laws import Model
from bayes_scaling.laws.catalogue import AnyModel, load_models
from bayes_scaling.laws.design import make_design
from bayes_scaling.page import Page, Shown, grid_of
from bayes_scaling.posterior import Check
from bayes_scaling.posterior.members import default_members
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.posterior.stacking import stacking_weights
from bayes_scaling.posterior.weights import repeated_ids, row_problems
from bayes_scaling.questions.forecast import Forecast, forecast, mix_forecasts
from bayes_scaling.questions.sizes import FACTOR, Sizes, Values
from bayes_scaling.runs import RunTable, read_runs
from bayes_scaling.runs.columns import SIZES, canonical_name
from bayes_scaling.runs.rows import has_repeats
from bayes_scaling.scores import score
from bayes_scaling.validation.loo import Loo, leave_one_out, standard_error
from bayes_scaling.validation.split import Split, deep_split, size_columns
from bayes_scaling.validation.tasks import (
    Executor,
    FitTask,
    fit_task,
    keeping_fits,
    run_tasks,
)

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]

EQUAL, STACKING = "equal", "stacking"
"""Names of the two ways of weighting."""

AVERAGES = {EQUAL: "average, equal weights", STACKING: "average, stacking weights"}
"""How the averages are called beside the models."""

LARGEST_ERROR = 1e6
"""Multiple of the observed loss at which draws are cut off, so that scores stay finite."""


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
    executor: Executor | None = None,
    keep: str | Path | None = None,
    progress: bool | None = None,
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
    executor : object with submit or map, optional
        Does the fits in parallel; see `bayes_scaling.validation.tasks.run_tasks`.
    keep : path, optional
        A folder where each fit is saved, and read where the same is asked again: a comparison that
        was stopped goes on where it was. Needs `random_seed`.
    progress : bool, optional
        Whether a line says how many fits are done; by default in a notebook and in a terminal.

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
    laws = default_members(runs) if models is None else load_models(models)
    _check_models(laws, runs)
    runs, group = laws[0].rows_of(runs), laws[0].group
    asked = targets(runs, laws, at)
    settings = Settings.chosen(
        draws=draws, tune=tune, chains=chains, target_accept=target_accept, random_seed=random_seed
    )
    sequence = np.random.SeedSequence(settings.random_seed)
    seeds = sequence.generate_state(2 * len(laws)).tolist()

    split = deep_split(runs, response=laws[0].response, group_column=group)
    tables = (runs, split.fitted) if isinstance(split, Split) else (runs,)
    tasks = [
        FitTask(
            runs=table,
            model=law,
            settings=replace(settings, random_seed=seed),
            run_effect=law.run_effect.on,
        )
        for place, table in enumerate(tables)
        for law, seed in zip(laws, seeds[place::2], strict=True)
    ]
    kept = None if keep is None else keeping_fits(keep, random_seed)
    found = run_tasks(fit_task, tasks, executor, name="compare", progress=progress, keep=kept)
    names = [law.id for law in laws]
    fits = dict(zip(names, found, strict=False))
    small = dict(zip(names, found[len(names) :], strict=False))
    loo = {name: leave_one_out(one) for name, one in fits.items()}
    weights = _weights(fits, loo)
    predictions = {
        name: forecast(one, asked).with_probability(probability)  # one may read what others do not
        for name, one in fits.items()
    }
    deep = _deep_scores(small, split) if isinstance(split, Split) else {}
    return Comparison(
        fits=fits,
        loo=loo,
        weights=weights,
        split=split,
        deep=deep,
        predictions=_with_averages(predictions, weights),
        checks=_checks(fits, loo, split, small),
        probability=probability,
    )


# ---- models and targets --------------------------------------------------------------------------


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


def targets(runs: RunTable, models: Sequence[Model], at: Sizes | None) -> Sizes:
    """Return the sizes to forecast, in every group unless `at` names groups.

    They are those the user named, completed by `default_target` where no size is among them; all
    models have their groups in the same column, and a problem is raised where one needs more.
    """
    if at is not None and not isinstance(at, Mapping):
        return at
    group, labels = models[0].group, runs.groups(models[0].group)
    asked = dict(at or {})
    if not set(asked) - {group}:
        mine = np.isin(runs.labels(group), np.atleast_1d(asked.get(group, labels)))
        asked |= default_target(runs.take(mine) if mine.any() else runs)
    known = {canonical_name(str(name)) or str(name) for name in asked}
    if len(known & set(SIZES)) > 1:
        known |= set(SIZES)
    problems = [
        f"{model.id} needs {name!r} at the target; give two of params, tokens and flops, and what "
        "else the model reads"
        for model in models
        for name in model.sizes
        if name not in known
    ]
    if problems:
        raise InputError(problems, source="compare")
    sizes = {name: np.atleast_1d(np.asarray(value)) for name, value in asked.items()}
    count = max(values.size for values in sizes.values())
    if group in asked or len(labels) < 2 or {values.size for values in sizes.values()} - {1, count}:
        return asked
    spread: dict[str, Values] = {
        name: np.tile(np.broadcast_to(values, count), len(labels)) for name, values in sizes.items()
    }
    return {**spread, group: np.repeat(labels, count).tolist()}


def default_target(runs: RunTable) -> dict[str, Values]:
    """Return the size of a run of 100 times the largest compute, of any table with a size.

    Its tokens per parameter are the geometric mean of the runs. A table that knows only one of
    params, tokens and flops is carried 100 times further along it.
    """
    known = size_columns(runs)
    if not known:
        raise InputError(
            "no column of params, tokens or flops holds for every run; say at which sizes to "
            "forecast (at)",
            source="compare",
        )
    if len(known) < 3:
        name = known[-1]
        return {name: FACTOR * float(np.max(runs[name]))}
    largest = int(np.argmax(runs["flops"]))
    ratio = float(np.exp(np.mean(np.log(runs["tokens"] / runs["params"]))))
    # Runs whose flops are not exactly 6 N D keep their own count.
    per_pair = float(runs["flops"][largest] / (runs["params"] * runs["tokens"])[largest])
    params = float(np.sqrt(FACTOR * runs["flops"][largest] / per_pair / ratio))
    asked: dict[str, Values] = {"params": params, "tokens": ratio * params}
    if "params_nonembedding" in runs:
        share = runs["params_nonembedding"] / runs["params"]
        asked["params_nonembedding"] = params * float(share[largest])
    return asked


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


def score_groups(draws: Array, split: Split) -> dict[str, float]:
    """Score draws of the targets' losses (n_draws, n_targets), averaged over groups.

    The names are those of `bayes_scaling.scores`.
    """
    observed, labels = split.observed, split.scored_as(split.targets)
    finite = np.clip(np.nan_to_num(draws, nan=np.inf), 0.0, LARGEST_ERROR * observed)
    found = [
        score(finite[:, labels == label], observed[labels == label]) for label in np.unique(labels)
    ]
    return {name: float(np.mean([item[name] for item in found])) for name in found[0]}


def _with_averages(
    forecasts: Mapping[str, Forecast], weights: Mapping[str, Mapping[str, float]]
) -> dict[str, Forecast]:
    """Return forecasts of the models, and of both averages of those that have a weight."""
    found = dict(forecasts)
    for how, called in AVERAGES.items():
        heavy = {name: forecasts[name] for name, weight in weights[how].items() if weight > 0}
        found[called] = replace(mix_forecasts(heavy, weights[how]), tuned={})
    return found


def _checks(
    fits: Mapping[str, Fit], loo: Mapping[str, Loo], split: Split | str, small: Mapping[str, Fit]
) -> tuple[Check, ...]:
    """Return the checks of the fits, of leave-one-out, and of the deep split and its fits."""
    found = [check.of(name) for name, one in fits.items() for check in one.checks]
    found += [check.of(name) for name, one in loo.items() for check in one.checks()]
    first = next(iter(fits.values()))
    if has_repeats(first.runs, first.model.group):
        found.append(
            Check(
                name="leave-one-out",
                verdict="warn",
                evidence="some runs have several rows, and each row is left out by itself",
                advice="rows of one run foretell each other: keep one row of each, or go by the "
                "deep split",
            )
        )
    failed = [name for name, one in small.items() if one.status == "unconverged"]
    if isinstance(split, str):
        said = Check(name="deep split", verdict="warn", evidence=f"left out: {split}")
    elif failed:
        said = Check(
            name="deep split",
            verdict="warn",
            evidence=f"{split.summary}; {', '.join(failed)} did not converge there",
            advice="raise tune and draws before going by these scores",
        )
    else:
        said = Check(name="deep split", verdict="ok", evidence=split.summary)
    return (*found, said)


SHOWN = ("model", "status", "elpd_difference", "difference_se", "weight_stacking", "deep_crps")
"""Columns that are printed of each model."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Comparison(Shown):
    """Fits of several models to the same runs, and what speaks for each.

    Attributes
    ----------
    fits : mapping of str to Fit
        By the id of the model.
    loo : mapping of str to Loo
        Leave-one-out densities of the runs.
    weights : mapping of str to mapping of str to float
        ``equal`` and ``stacking``: the weight of every model that converged.
    split : Split or str
        Which runs were fitted and scored in the deep split; the reason, where there was none.
    deep : mapping of str to mapping of str to float
        Scores on the deep split (`bayes_scaling.scores`), by model and by name in `AVERAGES`; empty
        where there was no split. The stacking weights of that average are those of the small runs.
    predictions : mapping of str to Forecast
        At the target sizes, by model and by name in `AVERAGES`.
    checks : tuple of Check
        Of the fits, the leave-one-out estimates and the deep split, each by ``check of model``.
    probability : float
        Probability of the intervals in `forecasts`.
    """

    fits: Mapping[str, Fit]
    loo: Mapping[str, Loo]
    weights: Mapping[str, Mapping[str, float]]
    split: Split | str
    deep: Mapping[str, Mapping[str, float]]
    predictions: Mapping[str, Forecast]
    checks: tuple[Check, ...]
    probability: float = PROBABILITY

    def page(self) -> Page:
        """Return what is printed: the models, the highest density first."""
        first = next(iter(self.fits.values()))
        said = f"Comparison({', '.join(self.fits)} on {len(first.runs)} runs)"
        names = {name: name.replace("_", " ") for name in SHOWN}
        return [[said, grid_of(self.rows(), names)]]

    @property
    def trustworthy(self) -> bool:
        """Whether no check failed."""
        return all(check.verdict != "fail" for check in self.checks)

    # ---- models ------------------------------------------------------------------------------

    def rows(self) -> list[dict[str, Any]]:
        """Return the table as one dict per model, the highest density first."""
        order = sorted(self.fits, key=lambda name: -self.loo[name].elpd)
        best = self.loo[order[0]].pointwise
        return [self._row(name, best) for name in order]

    def _row(self, name: str, best: Array) -> dict[str, Any]:
        loo, fit = self.loo[name], self.fits[name]
        difference = loo.pointwise - best
        row: dict[str, Any] = {
            "model": name,
            "status": fit.status,
            "elpd": loo.elpd,
            "elpd_se": loo.se,
            "elpd_difference": float(difference.sum()),
            "difference_se": standard_error(difference),
            "effective_parameters": loo.effective,
            "high_k": loo.high,
            "likelihood": loo.likelihood,
        }
        row |= {f"weight_{how}": weights.get(name, 0.0) for how, weights in self.weights.items()}
        return row | {f"deep_{key}": value for key, value in self.deep.get(name, {}).items()}

    @property
    def table(self) -> pd.DataFrame:
        """One row per model: leave-one-out density, weights, and scores on the deep split.

        ``elpd`` [nats] is the sum over runs of the log density of the log response of a run left
        out; ``difference_se`` is the standard error of the difference to the first row.
        """
        import pandas as pd

        return pd.DataFrame(self.rows()).set_index("model")

    @property
    def deep_split(self) -> pd.DataFrame:
        """Scores on the deep split, one row per model and average; empty where there was none."""
        import pandas as pd

        return pd.DataFrame.from_dict(self.deep, orient="index").rename_axis("model")

    # ---- forecasts ---------------------------------------------------------------------------

    def forecast_rows(self) -> list[dict[str, Any]]:
        """Return the forecasts as one dict per target, model and average, target by target."""
        rows = {name: forecast.rows() for name, forecast in self.predictions.items()}
        count = len(next(iter(rows.values())))
        return [
            {"model": name, **found[index]}
            for index in range(count)
            for name, found in rows.items()
        ]

    @property
    def forecasts(self) -> pd.DataFrame:
        """One row per target, model and average: both losses with intervals, e-folds beyond."""
        import pandas as pd

        return pd.DataFrame(self.forecast_rows())

    # ---- all of it ---------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data."""
        first = next(iter(self.fits.values()))
        split: dict[str, Any] = {"skipped": self.split}
        if not isinstance(self.split, str):
            split = {
                "fitted": len(self.split.fitted),
                "scored": len(self.split.targets),
                "efolds": float(self.split.efolds.max()),
            }
        return {
            "runs": len(first.runs),
            "response": first.model.response,
            "trustworthy": self.trustworthy,
            "models": self.rows(),
            "weights": {how: dict(weights) for how, weights in self.weights.items()},
            "deep_split": split | {"scores": {name: dict(s) for name, s in self.deep.items()}},
            "forecasts": self.forecast_rows(),
            "checks": [asdict(check) for check in self.checks],
        }
