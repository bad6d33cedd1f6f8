"""Each approach of Hoffmann et al. to the compute-optimal split: its law, its rows, what it finds.

References
----------
Hoffmann et al. 2022, arXiv:2203.15556, section 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.laws import load_model
from bayes_scaling.laws.design import make_design
from bayes_scaling.runs import RunTable, read_runs
from bayes_scaling.runs.designs import COLLINEAR, is_last, mistuned

Array = NDArray[np.float64]

FEWEST = 8
"""Runs that a law of params and tokens is fitted to, at least."""

STEP = 0.05
"""Half the distance over which the local exponent is taken [e-folds of compute]."""


@dataclass(frozen=True, kw_only=True)
class Approach:
    """A way to the compute-optimal split.

    Attributes
    ----------
    name : str
        What it is called beside the others.
    rows : str
        What it is fitted to: ``"curves"``, ``"lines"`` or ``"all"``.
    published : float or None
        Exponent of the best params in compute that its authors report.
    """

    name: str
    rows: str
    published: float | None = None


APPROACHES: Mapping[str, Approach] = {
    "envelope": Approach(name="1, envelope", rows="curves", published=0.50),
    "isoflop": Approach(name="2, isoFLOP", rows="lines", published=0.49),
    "isoflop-cubic": Approach(name="2, isoFLOP with a cubic term", rows="lines"),
    "chinchilla": Approach(name="3, parametric", rows="all", published=0.46),
    "coupled": Approach(name="3, parametric, coupled", rows="all"),
}
"""By the law of each; the published exponents are those of Hoffmann et al. 2022, table 2."""


# ---- its rows ------------------------------------------------------------------------------------


def read_tables(
    runs: RunTable | Any, curves: RunTable | Any | None, family: str | None
) -> tuple[RunTable, RunTable, str]:
    """Return final losses and losses during training of one family, and its name."""
    table = _complete(runs, "runs")
    given = table if curves is None else _complete(curves, "curves")
    known = table.groups("family")
    if family is None and len(known) > 1:
        raise InputError(f"runs of several families: say which family, one of {', '.join(known)}")
    label = known[0] if family is None else family
    if label not in known:
        raise InputError(f"family {label!r} is not in the runs; known are {', '.join(known)}")
    table = table.take(table.labels("family") == label)
    if "family" in given:
        given = given.take(given.labels("family") == label)
    if not len(given):
        raise InputError(f"the curves have no row of family {label!r}")
    for name, one in (("runs", table), ("curves", given)):
        if len(metrics := one.groups("metric")) > 1:
            raise InputError(
                f"{name}: losses by several metrics, which do not compare: take one of "
                f"{', '.join(metrics)}"
            )
    return table.take(is_last(table)), given, label


def _complete(given: RunTable | Any, name: str) -> RunTable:
    """Read a table, and require what the approaches read."""
    table = given if isinstance(given, RunTable) else read_runs(given)
    missing = [column for column in ("params", "tokens", "flops", "loss") if column not in table]
    if missing:
        what = "loss and two of params, tokens and flops are needed"
        raise InputError([f"no column {column!r}: {what}" for column in missing], source=name)
    return table


def usable_rows(ends: RunTable, during: RunTable) -> tuple[dict[str, RunTable], dict[str, str]]:
    """Return the rows of every approach that can be taken, and why others cannot."""
    sources = {"curves": during, "lines": ends, "all": ends.take(~mistuned(ends))}
    usable, skipped = {}, {}
    for name, approach in APPROACHES.items():
        law, table = load_model(name), sources[approach.rows]
        try:
            rows = law.rows_of(table)
            if approach.rows == "all":
                _require_spread(rows)
            make_design(law, rows)
        except InputError as error:
            skipped[name] = "; ".join(error.problems)
        else:
            usable[name] = rows
    return usable, skipped


def _require_spread(runs: RunTable) -> None:
    """Raise `InputError` where params and tokens do not vary, or only together."""
    u, v = np.log(runs["params"]), np.log(runs["tokens"])
    if len(runs) < FEWEST:
        raise InputError(f"{len(runs)} runs; a law of params and tokens needs {FEWEST} at least")
    fixed = [name for name, x in (("params", u), ("tokens", v)) if np.ptp(x) == 0]
    if fixed:
        raise InputError(f"all runs have the same {' and '.join(fixed)}")
    r = float(np.corrcoef(u, v)[0, 1])
    if abs(r) > COLLINEAR:
        raise InputError(
            f"params and tokens move together (correlation {r:.3f}): vary one at a fixed value of "
            "the other"
        )


# ---- what it finds -------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class Splits:
    """The best splits of some budgets by one approach.

    Attributes
    ----------
    flops : array (n_budgets,)
        The budgets [FLOP].
    params, tokens : array (n_draws, n_budgets)
        Best sizes, draw by draw.
    exponent : array (n_draws, n_budgets)
        Local exponent of the best params in compute.
    loss : array (n_draws, n_budgets)
        Noise-free loss at the best split (nats per token).
    beyond : array (n_budgets,)
        E-folds of compute beyond the rows of the approach.
    """

    flops: Array
    params: Array
    tokens: Array
    exponent: Array
    loss: Array
    beyond: Array


def along(fit: Fit, flops: Array) -> Splits:
    """Find the best splits along a path (n_budgets,); exponents are its slopes."""
    found = fit.accept_unconverged().allocate(flops=flops.tolist())
    return Splits(
        flops=flops,
        params=found.params,
        tokens=found.tokens,
        exponent=np.gradient(np.log(found.params), np.log(flops), axis=1),
        loss=found.loss,
        beyond=np.asarray(found.extrapolation["flops"]),
    )


def splits(fit: Fit, flops: Array) -> Splits:
    """Find the best splits of some budgets (n_budgets,), with their local exponents."""
    steps = np.exp([-STEP, 0.0, STEP])
    found = fit.accept_unconverged().allocate(flops=np.outer(steps, flops).ravel().tolist())
    shape = (fit.n_draws, 3, flops.size)
    log_params = np.log(found.params).reshape(shape)
    return Splits(
        flops=flops,
        params=found.params.reshape(shape)[:, 1],
        tokens=found.tokens.reshape(shape)[:, 1],
        exponent=(log_params[:, 2] - log_params[:, 0]) / (2 * STEP),
        loss=found.loss.reshape(shape)[:, 1],
        beyond=np.asarray(found.extrapolation["flops"]).reshape(3, flops.size)[1],
    )
