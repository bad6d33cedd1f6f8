"""Against: how far runs of one's own lie from a published law, and what it would have said of them.

Losses of another tokenizer or text differ by a constant factor, which is told apart from what
changes with compute: a law whose distance grows along the runs says nothing of larger ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.intervals import KIND, PROBABILITY, quantiles
from bayes_scaling.page import Grid, Page, Printed, called
from bayes_scaling.questions.published_laws import PublishedConstants
from bayes_scaling.questions.sizes import read_plan
from bayes_scaling.runs import RunTable, training_flops

Array = NDArray[np.float64]

RESAMPLES = 1000
"""Bootstrap samples of the runs."""

SHOWN = 12
"""Runs that are printed, the largest."""

FEWEST = 3
"""Runs from which a trend is told."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Against(Printed):
    """Runs beside what a published law says of them.

    Attributes
    ----------
    law : str
        Its name.
    sizes : mapping of str to array (n_runs,)
        Params, tokens and flops, as far as they are known.
    loss, said : array (n_runs,)
        What was reached, and what the law says.
    offset : array (n_resamples,)
        Median of log loss over what was said, of bootstrap samples of the runs.
    trend : array (n_resamples,)
        Change of that per decade of compute; nan where compute does not vary.
    names : tuple of str
        Of the runs.
    probability : float
        Probability of the intervals.
    """

    law: str
    sizes: Mapping[str, Array]
    loss: Array
    said: Array
    offset: Array
    trend: Array
    names: tuple[str, ...] = field(default=())
    probability: float = PROBABILITY

    @property
    def deviation(self) -> Array:
        """Log of the loss over what the law says (n_runs,)."""
        return np.asarray(np.log(self.loss / self.said))

    @property
    def about(self) -> dict[str, Any]:
        """What is told beside the rows."""
        found: dict[str, Any] = {"law": self.law}
        for name, draws in (("offset", self.offset), ("trend_per_decade", self.trend)):
            known = np.isfinite(draws).all()
            ends = quantiles(draws, self.probability) if known else (None, None, None)
            found |= dict(zip((name, f"{name}_lower", f"{name}_upper"), ends, strict=True))
        left = self.deviation - np.median(self.deviation)
        found["left_after_offset"] = float(np.median(np.abs(left)))
        plain = {key: float(v) if isinstance(v, np.floating) else v for key, v in found.items()}
        return plain | {"probability": self.probability, "kind": KIND}

    def _rows(self) -> list[dict[str, Any]]:
        """Return one dict per run: its sizes, its loss, what the law says, and the deviation."""
        return [
            {"run": self.names[row] if self.names else str(row + 1)}
            | {name: float(values[row]) for name, values in self.sizes.items()}
            | {"loss": float(self.loss[row]), "said": float(self.said[row])}
            | {"deviation": float(self.deviation[row])}
            for row in range(self.loss.size)
        ]

    def page(self) -> Page:
        """Return what is printed: offset and trend, then the largest runs."""
        about, kind = self.about, f"{self.probability:.0%} {KIND}"

        def said(name: str) -> str:
            if about[name] is None:
                return "cannot be told: compute does not vary"
            ends = (about[name], about[f"{name}_lower"], about[f"{name}_upper"])
            middle, low, high = (f"{np.expm1(end):+.2%}" for end in ends)
            return f"{middle} [{low}, {high}] {kind}"

        rows = self.rows()
        rows = sorted(rows, key=lambda row: row.get("flops", row["said"]))[-SHOWN:]
        names = [name for name in ("params", "tokens", "flops") if name in self.sizes]
        grid = Grid(
            heading=("run", *map(called, names), "loss", "by the law", "deviation"),
            rows=[
                [
                    row["run"],
                    *(f"{row[name]:.3g}" for name in names),
                    f"{row['loss']:.4g}",
                    f"{row['said']:.4g}",
                    f"{np.expm1(row['deviation']):+.2%}",
                ]
                for row in rows
            ],
        )
        left = np.expm1(about["left_after_offset"])
        lines = {
            "runs above the law": said("offset"),
            "more with each decade of compute": said("trend_per_decade"),
            "left without that offset": f"{left:.2%} in the median run",
        }
        return [[f"{self.loss.size} runs against {self.law}", lines], [grid]]


def against(source: PublishedConstants, runs: RunTable, *, random_seed: int = 0) -> Against:
    """Compare runs with what a published law says of them.

    Parameters
    ----------
    source : PublishedLaw
        A law of the loss.
    runs : RunTable
        Runs with a loss, and what the law reads.
    random_seed : int
        Seed of the bootstrap.

    Returns
    -------
    Against

    Raises
    ------
    InputError
        The law says nothing of losses, or the runs lack what it reads.
    """
    if "loss" not in source.formulas:
        raise InputError(f"{source.id} gives {', '.join(source.formulas)}, and no loss of runs")
    if "loss" not in runs:
        raise InputError("the runs have no loss")
    usable = {name: values for name, values in runs.columns.items() if name != "loss"}
    missing = [name for name in source.inputs if name not in runs]
    if missing:
        raise InputError(
            f"the runs have no {', '.join(missing)}; {source.id} reads {', '.join(source.inputs)}"
        )
    plan = read_plan(source, {name: usable[name] for name in source.inputs})
    said = np.broadcast_to(source.loss({n: plan.columns[n] for n in source.inputs}), (len(runs),))
    sizes = {name: runs[name] for name in ("params", "tokens", "flops") if name in runs}
    if "flops" not in sizes and {"params", "tokens"} <= set(sizes):
        sizes["flops"] = training_flops(sizes["params"], sizes["tokens"])
    deviation = np.log(runs["loss"] / said)
    rng = np.random.default_rng(random_seed)
    taken = rng.integers(0, len(runs), size=(RESAMPLES, len(runs)))
    scale = np.log10(sizes["flops"]) if "flops" in sizes else np.zeros(len(runs))
    varies = len(runs) >= FEWEST and np.ptp(scale) > 0
    return Against(
        law=source.id,
        sizes=sizes,
        loss=runs["loss"],
        said=np.asarray(said),
        offset=np.median(deviation[taken], axis=1),
        trend=_slopes(scale[taken], deviation[taken]) if varies else np.full(RESAMPLES, np.nan),
        names=tuple(runs.labels("run").tolist()) if "run" in runs else (),
    )


def _slopes(x: Array, y: Array) -> Array:
    """Least-squares slope of every sample (n_samples,); 0 where x does not vary in one."""
    x = x - x.mean(axis=1, keepdims=True)
    spread = (x**2).sum(axis=1)
    along = (x * (y - y.mean(axis=1, keepdims=True))).sum(axis=1)
    return np.asarray(np.divide(along, spread, out=np.zeros_like(along), where=spread > 0))
