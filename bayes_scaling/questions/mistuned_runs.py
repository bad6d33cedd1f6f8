"""Which of the fitted runs lie off the law: how probably, and by how much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.intervals import KIND, PROBABILITY, format_kind, quantiles
from bayes_scaling.laws.density import log_law, per_run
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.link import link_of
from bayes_scaling.laws.noise import P_OFF, off_logpdf, on_logpdf
from bayes_scaling.page import Block, Grid, Page, Printed, relative
from bayes_scaling.posterior import Posterior

if TYPE_CHECKING:
    from bayes_scaling.runs import RunTable

Array = NDArray[np.float64]

NAMED = ("run", "family", "params", "tokens", "flops", "learning_rate", "batch_size", "steps")
"""Columns by which a run is told, where the table has them."""

BLAMED = {"learning_rate": "rate", "batch_size": "batch", "steps": "steps"}
"""Columns that may be to blame, and how they are called."""

SHOWN = 20
"""Runs that are printed, the likeliest to lie off the law."""

LIKELY = 0.5
"""Probability of lying off the law from which a reason is looked for."""

FAR = 1.9
"""Factor from the best of a size, either way, from which a setting is blamed."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class OffLaw(Printed):
    """How each fitted run lies to the law.

    Attributes
    ----------
    runs : RunTable
        The fitted runs.
    response : str
        What the law explains.
    off : array (n_runs,)
        Posterior probability that a run lies above the law by more than noise.
    excess : array (n_runs,)
        Expected excess over the law, on the log scale; that of runs on the law counts as 0.
    deviation : array (n_draws, n_runs)
        Log response less log law.
    reasons : tuple of str
        What of a run is likely to blame, where the other runs of its size tell; empty elsewhere.
    probability : float
        Probability of the intervals.
    """

    runs: RunTable
    response: str
    off: Array
    excess: Array
    deviation: Array
    reasons: tuple[str, ...]
    probability: float = PROBABILITY

    def _rows(self) -> list[dict[str, Any]]:
        """Return one dict per run, in the order of the table."""
        median, lower, upper = quantiles(self.deviation, self.probability)
        named = [name for name in (*NAMED, self.response) if name in self.runs]
        return [
            {name: _plain(self.runs[name][index]) for name in named}
            | {"off": float(self.off[index]), "excess": float(self.excess[index])}
            | {"deviation": float(median[index]), "deviation_lower": float(lower[index])}
            | {"deviation_upper": float(upper[index])}
            | {"reason": self.reasons[index]}
            | {"probability": self.probability, "kind": KIND}
            for index in range(len(self.runs))
        ]

    def page(self, most: int | None = SHOWN) -> Page:
        """Return what is printed: the runs by how likely they are off the law."""
        rows = sorted(self.rows(), key=lambda row: -row["off"])
        grid = Grid(
            heading=("run", "params N", "rate", "off the law", "above it", "likely why"),
            rows=[
                [
                    str(row.get("run", "")),
                    *(
                        f"{row[name]:.3g}" if name in row else ""
                        for name in ("params", "learning_rate")
                    ),
                    f"{row['off']:.2f}",
                    relative(row, "deviation", sign="+"),
                    row["reason"],
                ]
                for row in rows[:most]
            ],
        )
        count = f"{len(rows)} runs; intervals {format_kind(self.probability)}"
        left = len(rows) - len(grid.rows)
        rest: list[Block] = [f"... and {left} less likely ones (--all)"] if left else []
        return [[count], [grid, *rest]]


def off_law(
    fit: Posterior,
    *,
    material: float = 0.0,
) -> OffLaw:
    """Tell which fitted runs lie above the law by more than noise.

    Parameters
    ----------
    fit : Fit
        The posterior of a law with mistuned runs (``bs.fit(..., mistuned=True)``).
    material : float
        Relative excess below which a run does not count as off the law.

    Returns
    -------
    OffLaw

    Raises
    ------
    InputError
        The law knows of no mistuned runs.

    Notes
    -----
    Draw by draw the probability is that of a two-part mixture (`bayes_scaling.laws.noise`) given
    the deviation of the run, averaged over draws; the excess is what a run deviates upwards, times
    that probability.
    """
    model = fit.model
    if not model.mistuned.on:
        raise InputError(
            f"{model.id} was fitted as if all runs lay on the law: fit again with mistuned=True "
            "(--mistuned)"
        )
    design = make_design(model, fit.runs)
    deviation = link_of(model).forward(design.response) - log_law(
        model, design, fit.flat, fit.only.walks
    )
    parameters = per_run(model, fit.flat, design.group)
    share = parameters[P_OFF]
    odds = off_logpdf(deviation, parameters) - on_logpdf(model.noise, deviation, parameters)
    odds = odds + np.log(share) - np.log1p(-share)
    off = 1 / (1 + np.exp(-np.clip(odds, -700, 700)))
    if material > 0:
        off = off * _exceeds(deviation, material, parameters["sigma"])
    probable = off.mean(axis=0)
    return OffLaw(
        runs=fit.runs,
        response=model.response,
        off=probable,
        excess=(off * np.maximum(deviation, 0.0)).mean(axis=0),
        deviation=deviation,
        reasons=tuple(_reasons(fit.runs, probable)),
    )


def _exceeds(deviation: Array, material: float, sigma: Array) -> Array:
    """Probability that a deviation, less the noise in it, exceeds a relative excess."""
    from scipy import special

    return np.asarray(special.ndtr((deviation - np.log1p(material)) / sigma))


def _reasons(runs: RunTable, off: Array) -> list[str]:
    """Say of runs likely off the law how rate and batch differ from the best of their size."""
    found = [""] * len(runs)
    if not {"params", "tokens", "loss"} <= set(runs.columns):
        return found
    keys = np.stack([runs["params"], runs["tokens"]])
    cell = np.unique(keys, axis=1, return_inverse=True)[1].ravel()
    for number in np.unique(cell[off > LIKELY]):
        rows = np.flatnonzero(cell == number)
        best = rows[np.argmin(runs["loss"][rows])]
        for row in rows[(off[rows] > LIKELY) & (rows != best)]:
            found[row] = "; ".join(
                f"{called} {ratio:.2g}x the best of its size"
                for name, called in BLAMED.items()
                if name in runs
                for ratio in [float(runs[name][row] / runs[name][best])]
                if abs(np.log(ratio)) > np.log(FAR)
            )
    return found


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
