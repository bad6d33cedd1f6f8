"""`backtest`: fit the small runs, forecast the larger ones, and score what comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling import scores
from bayes_scaling.errors import InputError
from bayes_scaling.intervals import PROBABILITY
from bayes_scaling.laws.catalogue import AnyModel, load_model, load_models
from bayes_scaling.laws.model import Model
from bayes_scaling.page import SCORES, Page, Shown, grid_of, past_telling
from bayes_scaling.posterior.members import default_members
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.posterior.weights import model_problems
from bayes_scaling.runs import RunTable, read_runs
from bayes_scaling.runs.columns import SIZES
from bayes_scaling.runs.rows import row_mask
from bayes_scaling.validation.baselines import NAMES, baseline_quantiles
from bayes_scaling.validation.holdout import HeldOut, Task, forecast_targets, keeping
from bayes_scaling.validation.split import (
    Mask,
    Split,
    check_model,
    make_splits,
    ratio_bins,
    rolling_splits,
)
from bayes_scaling.validation.tasks import Executor, run_tasks

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
Row = dict[str, Any]

ENDS = {"lower90": 1, "lower50": 9, "median": 19, "upper50": 29, "upper90": 37}
"""Where the ends of the intervals are among the quantiles at `bayes_scaling.scores.LEVELS`."""


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
    keep: str | Path | None = None,
    progress: bool | None = None,
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
    keep : path, optional
        A folder for the result of each fit, which is read where the same is asked again: a backtest
        that was stopped goes on where it was. Needs `random_seed`.
    progress : bool, optional
        Whether a line says how many fits are done; by default in a notebook and in a terminal.

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
        draws=draws, tune=tune, chains=chains, target_accept=target_accept, random_seed=random_seed
    )
    fitted, targets = _sides(runs, fit_where, target_where, rolling)
    leader = chosen[0] if chosen else default_members(runs.take(fitted))[0]
    divide = rolling_splits if rolling else make_splits
    splits = divide(
        runs, fitted, targets, by=by, response=leader.response, group_column=leader.group
    )
    problems = [
        text
        for split in splits
        for model in chosen or default_members(split.fitted)
        for text in check_model(model, split)
    ]
    if problems:
        raise InputError(list(dict.fromkeys(problems)))
    # Each split has a seed for its fit, and one for its baselines.
    seeds = [
        sequence.spawn(2)
        for sequence in np.random.SeedSequence(settings.random_seed).spawn(len(splits))
    ]
    tasks = [
        Task(split=split, models=chosen, settings=settings.seeded(own))
        for split, (own, _) in zip(splits, seeds, strict=True)
    ]
    kept = None if keep is None else keeping(keep, random_seed)
    answers = run_tasks(
        forecast_targets, tasks, executor, name="backtest", progress=progress, keep=kept
    )
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
    models = load_models(given)
    if len(models) != 1 and (problems := model_problems(models)):
        raise InputError(problems, source="models")
    return models


def _sides(
    runs: RunTable, fit_where: str | None, target_where: str | None, rolling: bool
) -> tuple[Mask, Mask]:
    """Return which runs may be fitted and which forecast, or every problem of the conditions."""
    problems: list[str] = []
    masks: list[Mask] = []
    for name, condition in (("fit_where", fit_where), ("target_where", target_where)):
        try:
            if condition is not None:
                masks.append(row_mask(runs, condition))
            elif rolling:
                masks.append(np.ones(len(runs), dtype=bool))
            else:
                problems.append(f"{name} is missing; give a condition such as 'flops <= 1e19'")
        except InputError as error:
            problems += [f"{name}: {problem}" for problem in error.problems]
    if problems:
        raise InputError(problems)
    fitted, targets = masks
    return fitted, targets


# ---- what comes of it ----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Backtest(Shown):
    """How well small runs foretold larger ones.

    Attributes
    ----------
    method : str
        What was tested: the id of a model, or "ensemble".
    splits : tuple of Split
        What was fitted and what was forecast, one for each fit.
    answers : tuple of HeldOut
        The forecasts of the tested method, in the same order.
    rivals : mapping of str to tuple of array (39, n_targets)
        Quantiles of each baseline, by its name, in the same order.
    settings : mapping of str to Any
        The arguments, the seed included.
    """

    method: str
    splits: tuple[Split, ...]
    answers: tuple[HeldOut, ...]
    rivals: Mapping[str, tuple[Array, ...]]
    settings: Mapping[str, Any]

    def page(self) -> Page:
        """Return what is printed: the two scores that matter most, then all beside baselines."""
        mean = _mean(self.score_rows())
        targets = sum(len(split.targets) for split in self.splits)
        said = (
            f"Backtest({self.method}, {len(self.splits)} fits, {targets} targets: 90 % intervals "
            f"cover {mean['coverage90']:.0%}, interval score {mean['interval_score90']:.3f})"
        )
        rows = [
            {name: (past_telling(row[name]) if name in SCORES else "") or row[name] for name in row}
            for row in self.mean_rows()
        ]
        return [[said, grid_of(rows, {"method": "method", **SCORES})]]

    @property
    def status(self) -> str:
        """Whether every fit converged: "converged" or "unconverged"."""
        fine = all(own.status == "converged" for own in self.answers)
        return "converged" if fine else "unconverged"

    @property
    def rolling(self) -> bool:
        """Whether every cut in compute was made in turn."""
        return self.splits[0].cut is not None

    # ---- rows of plain numbers -----------------------------------------------------------------

    def score_rows(self) -> list[Row]:
        """Return `scores` as one dict per row."""
        return self._rows(self.method, self.rolling)

    def baseline_rows(self) -> list[Row]:
        """Return `baselines` as one dict per row."""
        return [
            {"baseline": name, **row}
            for name in self.rivals
            for row in self._rows(name, self.rolling)
        ]

    def mean_rows(self) -> list[Row]:
        """Return the mean over groups of each method, one dict per method."""
        return [
            {"method": name, **_mean(self._rows(name, self.rolling))} for name in self._quantiles
        ]

    def curve_rows(self) -> list[Row]:
        """Return `curve` as one dict per method and ratio."""
        found = []
        for name in self._quantiles:
            rows = self._rows(name, True)
            for ratio in sorted({row["ratio"] for row in rows}):
                chosen = [row for row in rows if row["ratio"] == ratio]
                count = sum(row["n_target"] for row in chosen)
                found.append({"method": name, "ratio": ratio, **_mean(chosen), "n_target": count})
        return found

    def forecast_rows(self) -> list[Row]:
        """Return `forecasts` as one dict per target."""
        found: list[Row] = []
        for split, own in zip(self.splits, self.answers, strict=True):
            columns: dict[str, NDArray[Any]] = {"group": split.scored_as(split.targets)}
            if split.cut is not None:
                columns["cut"] = np.full(len(split.targets), split.cut)
            for name in ("run", *SIZES):
                if name in split.targets:
                    columns[name] = split.targets[name]
            columns["observed"] = split.observed
            columns |= {name: own.quantiles[place] for name, place in ENDS.items()}
            columns |= {"pit": own.pit, "log_density": own.log_density}
            columns["efolds"] = split.efolds
            cells = zip(*(values.tolist() for values in columns.values()), strict=True)
            found += [dict(zip(columns, row, strict=True)) for row in cells]
        return found

    def fit_rows(self) -> list[Row]:
        """Return `fits` as one dict per fit and member."""
        return [
            {"fit": split.label}
            | ({} if split.cut is None else {"cut": split.cut})
            | {"n_fit": len(split.fitted), **member}
            for split, own in zip(self.splits, self.answers, strict=True)
            for member in own.members
        ]

    def coverage_rows(self) -> list[Row]:
        """Return `coverage` as one dict per nominal probability."""
        from scipy import stats

        columns = {"nominal": scores.NOMINAL}
        columns |= {name: self._coverage(found) for name, found in self._quantiles.items()}
        counts = [row["n_target"] for row in self._rows(self.method, False)]
        # Targets that a mean over groups of these sizes is worth: the variance of that mean.
        worth = max(1, round(len(counts) ** 2 / sum(1 / count for count in counts)))
        tail = (1 - PROBABILITY) / 2
        for name, level in (("lower", tail), ("upper", 1 - tail)):
            columns[name] = stats.binom.ppf(level, worth, scores.NOMINAL) / worth
        cells = zip(*(values.tolist() for values in columns.values()), strict=True)
        return [dict(zip(columns, row, strict=True)) for row in cells]

    @property
    def _quantiles(self) -> dict[str, Sequence[Array]]:
        """Quantiles (39, n_targets) of each split, by method: the tested one first."""
        return {self.method: [own.quantiles for own in self.answers], **self.rivals}

    def _rows(self, name: str, binned: bool) -> list[Row]:
        """Score a method by group, and by cut and extrapolation ratio where `binned`."""
        ours = self.answers if name == self.method else [None] * len(self.splits)
        return [
            row
            for split, q, own in zip(self.splits, self._quantiles[name], ours, strict=True)
            for row in _score_rows(split, q, binned, own)
        ]

    def _coverage(self, quantiles: Sequence[Array]) -> Array:
        parts = [
            scores.coverage(q[:, chosen], split.observed[chosen])
            for split, q in zip(self.splits, quantiles, strict=True)
            for labels in (split.scored_as(split.targets),)
            for chosen in (labels == label for label in np.unique(labels))
        ]
        return np.asarray(np.mean(parts, axis=0))

    # ---- tables --------------------------------------------------------------------------------

    @property
    def scores(self) -> pd.DataFrame:
        """Scores of the tested method, one row per group.

        Columns: ``group`` (in a rolling backtest also ``cut``, the largest compute fitted, and
        ``ratio``, how many times beyond it: 1, 3, 10, 30, 100, ...), those of
        `bayes_scaling.scores.COLUMNS`, ``log_density`` (mean, per unit of loss), ``n_fit`` and
        ``n_target`` (runs of the group), ``efolds`` (of compute, or of the only size, from the
        largest fitted run to the furthest target) and ``status`` of the fit.
        """
        return _frame(self.score_rows())

    @property
    def overall(self) -> pd.Series[float]:
        """Mean over the rows of `scores`: every group counts the same."""
        import pandas as pd

        return pd.Series(_mean(self.score_rows()), name=self.method)

    @property
    def baselines(self) -> pd.DataFrame:
        """Scores of the baselines on the same targets: ``baseline``, then as `scores`."""
        return _frame(self.baseline_rows())

    @property
    def table(self) -> pd.DataFrame:
        """The tested method beside the baselines: ``method``, and the means over groups."""
        return _frame(self.mean_rows())

    @property
    def curve(self) -> pd.DataFrame:
        """Mean scores by ``method`` and extrapolation ``ratio``."""
        return _frame(self.curve_rows())

    @property
    def forecasts(self) -> pd.DataFrame:
        """One row per target: sizes, observed loss, median, 50 and 90 % intervals, PIT, e-folds."""
        return _frame(self.forecast_rows())

    @property
    def fits(self) -> pd.DataFrame:
        """One row per fit and member: its weight, status, divergent draws and seconds."""
        return _frame(self.fit_rows())

    @property
    def coverage(self) -> pd.DataFrame:
        """Share of targets inside central intervals, by nominal probability and method.

        ``lower`` and ``upper`` bound, 9 times in 10, what a calibrated forecast of as many
        independent targets would show.
        """
        return _frame(self.coverage_rows())

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data, for JSON."""
        return {
            "method": self.method,
            "status": self.status,
            "settings": dict(self.settings),
            "overall": _mean(self.score_rows()),
            "scores": self.score_rows(),
            "means": self.mean_rows(),
            "baselines": self.baseline_rows(),
            "curve": self.curve_rows(),
            "coverage": self.coverage_rows(),
            "forecasts": self.forecast_rows(),
            "fits": self.fit_rows(),
        }


def _score_rows(split: Split, quantiles: Array, binned: bool, own: HeldOut | None) -> list[Row]:
    observed, efolds = split.observed, split.efolds
    labels, here = split.scored_as(split.targets), split.scored_as(split.fitted)
    ratios = ratio_bins(efolds) if binned else np.zeros(observed.size)
    rows: list[Row] = []
    for label, ratio in sorted(set(zip(labels.tolist(), ratios.tolist(), strict=True))):
        chosen = (labels == label) & (ratios == ratio)
        row: Row = {"group": label}
        if binned:
            row |= {"cut": split.cut, "ratio": ratio}
        row |= scores.score_quantiles(quantiles[:, chosen], observed[chosen])
        if own is not None:
            row["log_density"] = float(np.mean(own.log_density[chosen]))
        row |= {
            "n_fit": int(np.sum(here == label)),
            "n_target": int(np.sum(chosen)),
            "efolds": float(np.max(efolds[chosen])),
        }
        if own is not None:
            row["status"] = own.status
        rows.append(row)
    return rows


def _mean(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the mean of every score over rows."""
    names = [name for name in (*scores.COLUMNS, "log_density") if name in rows[0]]
    return {name: float(np.mean([row[name] for row in rows])) for name in names}


def _frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows)
