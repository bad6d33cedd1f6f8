"""`Backtest`: forecasts of held-out runs with their scores, beside those of the baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling import scores
from bayes_scaling.intervals import PROBABILITY
from bayes_scaling.runs.columns import SIZES
from bayes_scaling.validation.holdout import Answer
from bayes_scaling.validation.rolling import ratio_bins
from bayes_scaling.validation.split import Split

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
Row = dict[str, Any]

ENDS = {"lower90": 1, "lower50": 9, "median": 19, "upper50": 29, "upper90": 37}
"""Where the ends of the intervals are among the quantiles at `bayes_scaling.scores.LEVELS`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Backtest:
    """How well small runs foretold larger ones.

    Attributes
    ----------
    method : str
        What was tested: the id of a model, or "ensemble".
    splits : tuple of Split
        What was fitted and what was forecast, one for each fit.
    answers : tuple of Answer
        The forecasts of the tested method, in the same order.
    rivals : mapping of str to tuple of array (39, n_targets)
        Quantiles of each baseline, by its name, in the same order.
    settings : mapping of str to Any
        What was asked for, the seed included.
    """

    method: str
    splits: tuple[Split, ...]
    answers: tuple[Answer, ...]
    rivals: Mapping[str, tuple[Array, ...]]
    settings: Mapping[str, Any]

    def __repr__(self) -> str:
        """Say what was tested and the two scores that matter most."""
        mean = _mean(self.score_rows())
        targets = sum(len(split.targets) for split in self.splits)
        return (
            f"Backtest({self.method}, {len(self.splits)} fits, {targets} targets: 90 % intervals "
            f"cover {mean['coverage90']:.0%}, interval score {mean['interval_score90']:.3f})"
        )

    @property
    def status(self) -> str:
        """Whether every fit converged: "converged" or "unconverged"."""
        fine = all(answer.status == "converged" for answer in self.answers)
        return "converged" if fine else "unconverged"

    @property
    def rolling(self) -> bool:
        """Whether every cut in compute was made in turn."""
        return self.splits[0].cut is not None

    # ---- rows of plain numbers -----------------------------------------------------------------

    def score_rows(self) -> list[Row]:
        """Return `scores` as one dict per row."""
        return self._rows([answer.quantiles for answer in self.answers], self.rolling)

    def baseline_rows(self) -> list[Row]:
        """Return `baselines` as one dict per row."""
        return [
            {"baseline": name, **row}
            for name, quantiles in self.rivals.items()
            for row in self._rows(quantiles, self.rolling, ours=False)
        ]

    def mean_rows(self) -> list[Row]:
        """Return the mean over groups of each method, one dict per method."""
        rows = [{"method": self.method, **_mean(self.score_rows())}]
        for name in self.rivals:
            theirs = [row for row in self.baseline_rows() if row["baseline"] == name]
            rows.append({"method": name, **_mean(theirs)})
        return rows

    def curve_rows(self) -> list[Row]:
        """Return `curve` as one dict per method and ratio."""
        found = []
        methods = {self.method: [answer.quantiles for answer in self.answers], **self.rivals}
        for name, quantiles in methods.items():
            rows = self._rows(quantiles, True, ours=name == self.method)
            for ratio in sorted({row["ratio"] for row in rows}):
                chosen = [row for row in rows if row["ratio"] == ratio]
                count = sum(row["n_target"] for row in chosen)
                found.append({"method": name, "ratio": ratio, **_mean(chosen), "n_target": count})
        return found

    def forecast_rows(self) -> list[Row]:
        """Return `forecasts` as one dict per target."""
        found: list[Row] = []
        for split, answer in zip(self.splits, self.answers, strict=True):
            columns: dict[str, NDArray[Any]] = {"group": split.scored_as(split.targets)}
            if split.cut is not None:
                columns["cut"] = np.full(len(split.targets), split.cut)
            for name in ("run", *SIZES):
                if name in split.targets:
                    columns[name] = split.targets[name]
            columns["observed"] = split.observed
            columns |= {name: answer.quantiles[place] for name, place in ENDS.items()}
            columns |= {"pit": answer.pit, "log_density": answer.log_density}
            columns["efolds"] = split.efolds
            plain = {name: values.tolist() for name, values in columns.items()}
            found += [
                dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)
            ]
        return found

    def fit_rows(self) -> list[Row]:
        """Return `fits` as one dict per fit and member."""
        return [
            {"fit": split.label}
            | ({} if split.cut is None else {"cut": split.cut})
            | {"n_fit": len(split.fitted), **member}
            for split, answer in zip(self.splits, self.answers, strict=True)
            for member in answer.members
        ]

    def coverage_rows(self) -> list[Row]:
        """Return `coverage` as one dict per nominal probability."""
        from scipy import stats

        methods = {self.method: [answer.quantiles for answer in self.answers], **self.rivals}
        found = {name: self._coverage(quantiles) for name, quantiles in methods.items()}
        counts = [row["n_target"] for row in self._rows(methods[self.method], False)]
        # Targets that a mean over groups of these sizes is worth: the variance of that mean.
        worth = max(1, round(len(counts) ** 2 / sum(1 / count for count in counts)))
        tail = (1 - PROBABILITY) / 2
        low, high = (
            stats.binom.ppf(level, worth, scores.NOMINAL) / worth for level in (tail, 1 - tail)
        )
        return [
            {"nominal": float(nominal)}
            | {name: float(values[index]) for name, values in found.items()}
            | {"lower": float(low[index]), "upper": float(high[index])}
            for index, nominal in enumerate(scores.NOMINAL)
        ]

    def _coverage(self, quantiles: Sequence[Array]) -> Array:
        parts = [
            scores.coverage(q[:, chosen], split.observed[chosen])
            for split, q in zip(self.splits, quantiles, strict=True)
            for labels in (split.scored_as(split.targets),)
            for chosen in (labels == label for label in np.unique(labels))
        ]
        return np.asarray(np.mean(parts, axis=0))

    def _rows(self, quantiles: Sequence[Array], binned: bool, *, ours: bool = True) -> list[Row]:
        """Score quantiles by group, and by cut and extrapolation ratio where `binned`."""
        return [
            row
            for split, answer, q in zip(self.splits, self.answers, quantiles, strict=True)
            for row in _score_rows(split, q, binned, answer if ours else None)
        ]

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


def _score_rows(split: Split, quantiles: Array, binned: bool, answer: Answer | None) -> list[Row]:
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
        if answer is not None:
            row["log_density"] = float(np.mean(answer.log_density[chosen]))
        row |= {
            "n_fit": int(np.sum(here == label)),
            "n_target": int(np.sum(chosen)),
            "efolds": float(np.max(efolds[chosen])),
        }
        if answer is not None:
            row["status"] = answer.status
        rows.append(row)
    return rows


def _mean(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the mean of every score over rows."""
    names = [name for name in (*scores.COLUMNS, "log_density") if name in rows[0]]
    return {name: float(np.mean([row[name] for row in rows])) for name in names}


def _frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows)
