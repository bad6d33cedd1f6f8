"""`backtest`: fit the small runs, forecast the larger ones, and score what comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.laws.catalogue import load_model
from bayes_scaling.laws.model import Model
from bayes_scaling.posterior.members import default_members
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.posterior.weights import model_problems
from bayes_scaling.runs import RunTable, read_runs
from bayes_scaling.validation.baselines import NAMES, baseline_quantiles
from bayes_scaling.validation.holdout import Task, answer
from bayes_scaling.validation.result import Backtest
from bayes_scaling.validation.rolling import rolling_splits
from bayes_scaling.validation.split import Mask, check_models, make_splits, row_mask
from bayes_scaling.validation.tasks import Executor, announce, run_tasks

AnyModel = str | Path | Model | Mapping[str, Any]


def backtest(
    runs: RunTable | Any,
    *,
    fit_where: str | None = None,
    target_where: str | None = None,
    models: AnyModel | Sequence[AnyModel] | None = None,
    by: str | None = None,
    rolling: bool = False,
    baselines: bool = True,
    draws: int = 1000,
    tune: int = 800,
    chains: int = 4,
    target_accept: float = 0.95,
    random_seed: int | None = None,
    executor: Executor | None = None,
    progress: bool = False,
) -> Backtest:
    """Fit small runs, forecast new runs of larger sizes, and score the forecasts.

    No loss of a target is read before its forecast is made.

    Parameters
    ----------
    runs : RunTable, DataFrame or path
        Small and large runs.
    fit_where, target_where : str
        Conditions on the columns, such as ``"flops <= 1e19"`` and ``"flops > 1e19"``: which runs
        are fitted, and which are forecast. With `rolling` they may be left out, and say which runs
        take part on either side of the cuts.
    models : model or sequence of models, optional
        One model (an id, a TOML file, a definition or a `Model`) is tested as it is, several as
        their ensemble, and the default ensemble where none is given.
    by : str, optional
        A column: runs of each of its values are fitted and scored by themselves. By default one
        fit takes all runs, families pooled, and every family is scored by itself.
    rolling : bool
        Whether to cut at every budget in turn (or every half decade of compute), where 8 runs are
        left to fit and 3 to forecast. Rows of scores then tell ``cut`` and extrapolation ``ratio``.
    baselines : bool
        Whether to score the two baselines too: the least-squares chinchilla law with its
        bootstrap, and the best fitted loss carried forward.
    draws, tune, chains, target_accept
        As in `bayes_scaling.fit`.
    random_seed : int, optional
        Seed of everything; a fresh one is taken and kept if absent.
    executor : object with submit or map, optional
        Does the fits in parallel; see `bayes_scaling.validation.tasks.run_tasks`.
    progress : bool
        Whether to report on standard error how many fits are done; without an executor only.

    Returns
    -------
    Backtest
        Fits that did not converge are scored all the same; their rows say so.

    Raises
    ------
    InputError
        The conditions, the runs, the models or the settings cannot be used; every problem at once,
        before anything is sampled.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> runs = bs.best_of_cells(bs.load_dataset("nano-lm"))
    >>> bs.backtest(
    ...     runs, fit_where="flops <= 1.02e12", target_where="flops > 9e12"
    ... ).table  # doctest: +SKIP
    """
    runs = runs if isinstance(runs, RunTable) else read_runs(runs)
    chosen = _models(models)
    settings = Settings.chosen(
        draws=draws,
        tune=tune,
        chains=chains,
        target_accept=target_accept,
        random_seed=random_seed,
    )
    fitted, targets = _sides(runs, fit_where, target_where, rolling)
    leader = chosen[0] if chosen else default_members(runs.take(fitted))[0]
    divide = rolling_splits if rolling else make_splits
    splits = divide(
        runs, fitted, targets, by=by, response=leader.response, group_column=leader.group
    )
    for split in splits:
        check_models(chosen or default_members(split.fitted), [split])
    # Each split has a seed for its fit, and one for its baselines.
    seeds = [
        sequence.spawn(2)
        for sequence in np.random.SeedSequence(settings.random_seed).spawn(len(splits))
    ]
    tasks = [
        Task(
            split=split,
            models=chosen,
            settings=settings.seeded(own),
        )
        for split, (own, _) in zip(splits, seeds, strict=True)
    ]
    done = announce("backtest", len(tasks)) if progress else None
    answers = run_tasks(answer, tasks, executor, done=done)
    rivals = [
        baseline_quantiles(split, theirs)
        for split, (_, theirs) in zip(splits, seeds, strict=True)
        if baselines
    ]
    return Backtest(
        method=chosen[0].id if chosen and len(chosen) == 1 else "ensemble",
        splits=splits,
        answers=tuple(answers),
        rivals={name: tuple(each[name] for each in rivals) for name in NAMES if rivals},
        settings={
            "fit_where": fit_where,
            "target_where": target_where,
            "models": [model.id for model in chosen] if chosen else None,
            "by": by,
            "rolling": rolling,
            **asdict(settings),
        },
    )


def _models(given: AnyModel | Sequence[AnyModel] | None) -> tuple[Model, ...] | None:
    if given is None:
        return None
    if isinstance(given, str | Path | Model | Mapping):
        return (load_model(given),)
    models: list[Model] = []
    problems: list[str] = []
    for each in given:
        try:
            models.append(load_model(each))
        except InputError as error:
            problems += error.problems
    if not models and not problems:
        problems = ["models is empty; leave it out for the default ensemble"]
    problems = problems or (model_problems(models) if len(models) > 1 else [])
    if problems:
        raise InputError(problems, source="models")
    return tuple(models)


def _sides(
    runs: RunTable, fit_where: str | None, target_where: str | None, rolling: bool
) -> tuple[Mask, Mask]:
    """Return which runs may be fitted and which forecast, or every problem of the conditions."""
    problems: list[str] = []
    masks: list[Mask] = []
    for name, condition in (("fit_where", fit_where), ("target_where", target_where)):
        if condition is None and not rolling:
            problems.append(f"{name} is missing; give a condition such as 'flops <= 1e19'")
            continue
        try:
            masks.append(row_mask(runs, condition))
        except InputError as error:
            problems += [f"{name}: {problem}" for problem in error.problems]
    if problems:
        raise InputError(problems)
    fitted, targets = masks
    return fitted, targets
