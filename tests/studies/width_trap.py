"""The width trap: a law that held at one learning rate, and failed because the best rate moved.

Run it as ``python -m tests.studies.width_trap [picture.png]``. From the three narrowest widths of
metz-mlp, and the three smallest sizes of nano-lm, the large ones are forecast: at the one rate that
was best there, as if it stayed the best; and by a law that knows of learning rates, fitted on all
rates of the same sizes. The second says beforehand how likely the first is to fail by what it did.
Models and settings were fixed before the large sizes were looked at.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.datasets import load_dataset
from bayes_scaling.facade import Fit
from bayes_scaling.figures import style
from bayes_scaling.fitting import fit
from bayes_scaling.intervals import format_kind, quantiles
from bayes_scaling.runs import RunTable, select_rows
from bayes_scaling.runs.designs import best_of

Array = NDArray[np.float64]
SETTINGS: Mapping[str, Any] = {"draws": 1000, "tune": 1000, "chains": 2, "random_seed": 1}


@dataclass(frozen=True, kw_only=True)
class Trap:
    """What the two forecasts say of the large sizes, and what happened.

    Attributes
    ----------
    name : str
    rate : float
        The learning rate that was best at the small sizes.
    small : RunTable
        The small runs at all rates.
    params, tokens : array (n,)
        Sizes that were asked for: those at which the rate was swept.
    fixed, at_rate, tuned : array (n_draws, n)
        Loss of a new run: by the law at the one rate, by the law of rates at that rate, and at its
        own best rate.
    truth_fixed, truth_best : array (n,)
        Loss reached at the one rate, and at the best one (mean over seeds).
    rates : array (n_draws, n)
        Forecast best learning rates.
    truth_rates : array (n,)
        Best swept rates.
    status : str
    """

    name: str
    rate: float
    small: RunTable
    params: Array
    tokens: Array
    fixed: Array
    at_rate: Array
    tuned: Array
    truth_fixed: Array
    truth_best: Array
    rates: Array
    truth_rates: Array
    status: str

    @property
    def chance(self) -> Array:
        """Probability that a run at the one rate misses its forecast by what it missed (n,)."""
        return np.asarray((self.at_rate >= self.truth_fixed).mean(axis=0))


def mean_over_seeds(runs: RunTable) -> RunTable:
    """Put the mean log loss of the seeds in the place of each run of a size and rate."""
    keys = np.stack([runs[name] for name in ("params", "tokens", "learning_rate")])
    _, first, cell = np.unique(keys, axis=1, return_index=True, return_inverse=True)
    cell = cell.ravel()
    loss = np.exp(np.bincount(cell, np.log(runs["loss"])) / np.bincount(cell))
    kept = runs.take(first)
    return RunTable(columns={**kept.columns, "loss": loss})


def best_rate(runs: RunTable) -> float:
    """Return the rate of least mean log loss over the sizes at which all were tried."""
    rates = np.unique(runs["learning_rate"])
    tried = {rate: runs["learning_rate"] == rate for rate in rates}
    most = max(int(rows.sum()) for rows in tried.values())
    full = [rate for rate in rates if tried[rate].sum() == most]
    return float(min(full, key=lambda rate: np.log(runs["loss"][tried[rate]]).mean()))


SWEPT = 3
"""Rates that make a sweep."""


def swept(runs: RunTable) -> RunTable:
    """Return the runs of sizes at which several rates were tried."""
    sizes = np.stack([runs[name] for name in ("params", "tokens")])
    cell, count = np.unique(sizes, axis=1, return_inverse=True, return_counts=True)[1:]
    return runs.take(count[cell.ravel()] >= SWEPT)


def spring(name: str, runs: RunTable, below: float, laws: tuple[str, str]) -> Trap:
    """Fit the sizes below a limit in both ways, and ask for those above."""
    averaged = mean_over_seeds(runs)
    small, large = (
        select_rows(t, f"params {s} {below}") for t, s in ((runs, "<"), (averaged, ">"))
    )
    large = swept(large)
    rate = best_rate(mean_over_seeds(small))
    at_fixed = large.take(np.isclose(large["learning_rate"], rate))
    cell = np.unique(
        np.stack([large[n] for n in ("params", "tokens")]), axis=1, return_inverse=True
    )[1]
    best = best_of(large, cell.ravel())
    place = {(p, d): i for i, (p, d) in enumerate(zip(best["params"], best["tokens"], strict=True))}
    order = np.array(
        [place[p, d] for p, d in zip(at_fixed["params"], at_fixed["tokens"], strict=True)]
    )
    best = best.take(order)
    one = fit(laws[0], small.take(np.isclose(small["learning_rate"], rate)), **SETTINGS)
    all_rates = fit(laws[1], small, **SETTINGS)
    sizes: Mapping[str, Array] = {n: at_fixed[n] for n in ("params", "tokens")}
    tuned = all_rates.accept_unconverged().forecast(sizes)
    rates = {"learning_rate": np.full(len(at_fixed), rate)}
    given = all_rates.accept_unconverged().forecast({**sizes, **rates})
    return Trap(
        name=name,
        rate=rate,
        small=small,
        params=at_fixed["params"],
        tokens=at_fixed["tokens"],
        fixed=one.accept_unconverged().forecast(sizes).draws,
        at_rate=given.draws,
        tuned=tuned.draws,
        truth_fixed=at_fixed["loss"],
        truth_best=best["loss"],
        rates=tuned.tuned["learning_rate"],
        truth_rates=best["learning_rate"],
        status=f"{one.model.id} {one.status}, {all_rates.model.id} {_worst(all_rates)}",
    )


def _worst(found: Fit) -> str:
    worst = [str(c) for c in found.checks if c.verdict == "fail"]
    return "; ".join([found.status, *worst])


def metz() -> Trap:
    """Three of the twelve widths of metz-mlp."""
    runs = load_dataset("metz-mlp")
    limit = (np.unique(runs["params"])[2] + np.unique(runs["params"])[3]) / 2
    return spring("metz-mlp", runs, limit, ("saturating-m2-n", "saturating-m2-n+lr-valley-steep"))


def nano() -> Trap:
    """Three of the ten sizes of the main line of nano-lm."""
    runs = select_rows(load_dataset("nano-lm"), "purpose != 'shape'")
    return spring("nano-lm", runs, 25000, ("chinchilla", "chinchilla+lr-valley-steep"))


def tell(trap: Trap) -> None:
    """Print the table."""
    print(
        f"\n{trap.name}: best rate of the small sizes {trap.rate:.4g}; {len(trap.small)} small runs"
    )
    print(f"  {trap.status}")
    print(f"  {'params':>9s}  {'fixed-rate forecast':24s} {'truth':6s}  "
          f"{'lr model at that rate':24s}"
          f" P(fails so)  {'lr model, tuned':24s} {'truth':6s}  "
          f"{'best rate':26s} {'swept best'}")  # fmt: skip
    for i, params in enumerate(trap.params):
        rate, low, high = quantiles(trap.rates[:, i])
        print(
            f"  {params:9.0f}  {_interval(trap.fixed[:, i])} {trap.truth_fixed[i]:6.3f}  "
            f"{_interval(trap.at_rate[:, i])} {trap.chance[i]:10.2f}   "
            f"{_interval(trap.tuned[:, i])} {trap.truth_best[i]:6.3f}  "
            f"{rate:.2g} [{low:.2g}, {high:.2g}]".ljust(26)
            + f"  {trap.truth_rates[i]:.2g}"
        )
    for label, draws, truth in (("fixed rate", trap.fixed, trap.truth_fixed),
                                ("lr model at that rate", trap.at_rate, trap.truth_fixed),
                                ("lr model, tuned", trap.tuned, trap.truth_best)):  # fmt: skip
        median, low, high = quantiles(draws)
        print(f"  {label:22s} median error {np.median(median / truth - 1):+.1%}, 90 % intervals "
              f"cover {((low <= truth) & (truth <= high)).sum()} of {truth.size}")  # fmt: skip


def _interval(draws: Array) -> str:
    median, low, high = quantiles(draws)
    return f"{median:.3f} [{low:.3f}, {high:.3f}]".ljust(24)


def longest(runs: RunTable) -> RunTable:
    """Return the longest runs of each size, seeds averaged."""
    averaged = mean_over_seeds(runs)
    most = {params: averaged["tokens"][averaged["params"] == params].max()
            for params in np.unique(averaged["params"])}  # fmt: skip
    return averaged.take(averaged["tokens"] == np.array([most[p] for p in averaged["params"]]))


def draw(traps: list[Trap], path: Path) -> None:
    """Draw the forecasts and what happened, against the size; of each the longest runs."""
    figure = style.new_figure(width=9.5, height=4.2)
    for ax, trap in zip(figure.subplots(1, len(traps), squeeze=False)[0], traps, strict=True):
        small = longest(trap.small.take(np.isclose(trap.small["learning_rate"], trap.rate)))
        order = np.lexsort((trap.tokens, trap.params))
        kept = order[np.append(np.diff(trap.params[order]) > 0, True)]
        params = trap.params[kept]
        series = (("forecast at one rate", trap.fixed, style.RED),
                  ("lr model, same rate", trap.at_rate, style.ORANGE),
                  ("lr model, tuned", trap.tuned, style.BLUE))  # fmt: skip
        for shift, (label, draws, colour) in enumerate(series):
            median, low, high = quantiles(draws[:, kept])
            places = params * 1.06 ** (shift - 1)
            ax.errorbar(places, median, [median - low, high - median], fmt="o", color=colour,
                        markersize=4, capsize=2, label=f"{label}, {format_kind()}")  # fmt: skip
        ax.plot(small["params"], small["loss"], "s", color=style.INK, markersize=5,
                label="small runs at that rate")  # fmt: skip
        for label, truth, marker, colour in (
            ("reached at that rate", trap.truth_fixed, "x", style.RED),
            ("reached at the best rate", trap.truth_best, "+", style.BLUE),
        ):
            ax.plot(params, truth[kept], marker, color=colour, markersize=8, label=label)
        style.log_scale(ax, "x", small["params"].min() / 1.3, params.max() * 1.3)
        ends = [trap.fixed[:, kept], trap.at_rate[:, kept], trap.tuned[:, kept]]
        ax.set_ylim(0.97 * min(np.quantile(part, 0.05, axis=0).min() for part in ends),
                    1.05 * max(np.quantile(part, 0.95, axis=0).max() for part in ends))  # fmt: skip
        style.tidy(ax, xlabel="parameters", ylabel="validation loss [nats per byte]")
        ax.set_title(f"{trap.name}: rate {trap.rate:.3g}, best at the three smallest sizes",
                     fontsize=style.SMALL)  # fmt: skip
    style.legend(figure.axes[0], loc="best")
    figure.savefig(path, dpi=150)


def main(picture: str | None = None) -> None:
    """Print both tables, and draw the figure where a path is given."""
    warnings.simplefilter("ignore")
    traps = [metz(), nano()]
    for trap in traps:
        tell(trap)
    if picture:
        draw(traps, Path(picture))


if __name__ == "__main__":
    main(*sys.argv[1:2])
