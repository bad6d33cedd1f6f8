"""`approaches`: the compute-optimal split by every approach of Hoffmann et al. that the data allow.

It stands beside the comparison of models because it fits models and asks them, and judges nothing
by itself: the numbers of each, side by side, and why they differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import ceil, floor, log10
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.intervals import PROBABILITY, check_probability, format_numbers, quantiles
from bayes_scaling.laws import load_model
from bayes_scaling.page import Page, Shown, called, grid_of
from bayes_scaling.posterior import Check
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.questions.answer import draw_rows
from bayes_scaling.questions.sizes import FACTOR
from bayes_scaling.runs import RunTable
from bayes_scaling.runs.designs import clusters, is_last
from bayes_scaling.validation.hoffmann import (
    APPROACHES,
    Splits,
    along,
    read_tables,
    splits,
    usable_rows,
)
from bayes_scaling.validation.tasks import fit_quietly

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]

MOST_DEFAULT = 6
"""Default budgets, at most; the last lies up to `FACTOR` times beyond the largest run."""

POINTS = 13
"""Budgets along the path of a figure."""

PAIRS = (
    ("envelope", "isoflop"),
    ("isoflop", "chinchilla"),
    ("envelope", "chinchilla"),
    ("chinchilla", "coupled"),
)
"""Approaches whose best params are compared."""

LARGEST_RUNS = "largest runs"
"""Name of the check that sees whether a law leaves the largest runs."""

SURE = 0.95
"""Probability from which two approaches are said to differ."""

FAR = 3.0
"""Factor from the best params beyond which a run says more of the form of a law than of them."""

CLOSE = np.log(1.1)
"""How near in compute a finished run must be, to compare a row with it."""

ANNEALED = np.log(1.05)
"""How much less compute than the end of its run a row may have to count as its end."""


def approaches(
    runs: RunTable | Any,
    *,
    curves: RunTable | Any | None = None,
    flops: float | Sequence[float] | None = None,
    family: str | None = None,
    probability: float = PROBABILITY,
    draws: int = 1000,
    tune: int = 800,
    chains: int = 4,
    target_accept: float = 0.95,
    random_seed: int | None = None,
    progress: bool | None = None,
) -> Approaches:
    """Find the compute-optimal split by every approach that the data allow.

    Parameters
    ----------
    runs : RunTable, DataFrame or path
        Final losses. Where runs have several rows, the last of each is its final loss and the table
        also stands in for `curves`.
    curves : RunTable, DataFrame or path, optional
        Losses during training, for the envelope (approach 1); without them it is that of the runs.
    flops : float or sequence of float, optional
        Budgets [FLOP]; by default powers of ten from the smallest run to 100 times the largest.
    family : str, optional
        The family that is meant, where the table has several.
    probability : float
        Probability of the equal-tailed intervals.
    draws, tune, chains, target_accept
        As in `fit`.
    random_seed : int, optional
        Seed of everything; a fresh one is taken if absent.
    progress : bool, optional
        Whether a line says how far it is; by default in a notebook and in a terminal.

    Returns
    -------
    Approaches

    Raises
    ------
    InputError
        No approach can be taken, or a table or a budget cannot be used.

    Notes
    -----
    Approach 1 is the law ``envelope``, approach 2 ``isoflop`` and, with a cubic term,
    ``isoflop-cubic``; approach 3 is ``chinchilla``, and ``coupled``, its form with one exponent
    more. Runs that another learning rate beat at their size are left out of all of them.

    References
    ----------
    Hoffmann et al. 2022, arXiv:2203.15556, section 3.

    Examples
    --------
    >>> found = bs.approaches(runs, curves=curves, flops=1e23)  # doctest: +SKIP
    >>> found.table, found.why  # doctest: +SKIP
    """
    check_probability(probability)
    settings = Settings.chosen(
        draws=draws, tune=tune, chains=chains, target_accept=target_accept, random_seed=random_seed
    )
    ends, during, label = read_tables(runs, curves, family)
    budgets = _budgets(flops, ends)
    usable, skipped = usable_rows(ends, during)
    if not usable:
        reasons = [f"{name}: {reason}" for name, reason in skipped.items()]
        raise InputError(reasons, source="no approach can be taken")
    seeds = np.random.SeedSequence(settings.random_seed).generate_state(len(APPROACHES)).tolist()
    fits = {
        name: fit_quietly(
            usable[name], load_model(name), replace(settings, random_seed=seed), progress=progress
        )
        for name, seed in zip(APPROACHES, seeds, strict=True)
        if name in usable
    }
    low = min(float(budgets.min()), float(np.nanmin(ends["flops"])))
    path = np.geomspace(low, budgets.max(), POINTS)
    result = Approaches(
        fits=fits,
        at={name: splits(one, budgets) for name, one in fits.items()},
        path={name: along(one, path) for name, one in fits.items()},
        skipped=skipped,
        family=label,
        probability=probability,
    )
    return replace(result, why=_why(result, during))


def _budgets(flops: float | Sequence[float] | None, runs: RunTable) -> Array:
    """Return the given budgets in order, or powers of ten around the runs."""
    if flops is None:
        low, high = np.nanmin(runs["flops"]), FACTOR * np.nanmax(runs["flops"])
        powers = np.arange(ceil(log10(low)), floor(log10(high)) + 1)
        step = ceil(powers.size / MOST_DEFAULT)
        return np.asarray(10.0 ** powers[::-1][::step][::-1])
    try:
        asked = np.atleast_1d(np.asarray(flops, dtype=float))
    except (TypeError, ValueError):
        raise InputError(f"flops must be a number or numbers, got {flops!r}") from None
    if asked.ndim != 1 or not asked.size or not (np.isfinite(asked) & (asked > 0)).all():
        raise InputError(f"flops must be positive numbers, got {flops!r}")
    return np.sort(asked)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Approaches(Shown):
    """The compute-optimal split by every approach that the data allow.

    Attributes
    ----------
    fits : mapping of str to Fit
        By the law of the approach; `Fit.runs` are the rows it took.
    at : mapping of str to Splits
        The best splits of the given budgets.
    path : mapping of str to Splits
        Those along the way from the smallest run to the largest of these budgets.
    skipped : mapping of str to str
        Why an approach could not be taken.
    why : tuple of str
        Why they differ, from the posteriors and the rows.
    family : str
        The runs it holds for.
    probability : float
        Probability of the intervals in `table`.
    """

    fits: Mapping[str, Fit]
    at: Mapping[str, Splits]
    path: Mapping[str, Splits]
    skipped: Mapping[str, str]
    why: tuple[str, ...] = ()
    family: str = "all"
    probability: float = PROBABILITY

    def page(self) -> Page:
        """Return what is printed: the best split of each budget by each approach, and why."""
        shown = ("flops", "approach", "params", "tokens", "tokens_per_param", "exponent")
        return [[grid_of(self.rows(), {name: called(name) for name in shown})], list(self.why)]

    @property
    def checks(self) -> tuple[Check, ...]:
        """The checks of every fit, by its name."""
        return tuple(check.of(name) for name, one in self.fits.items() for check in one.checks)

    @property
    def trustworthy(self) -> bool:
        """Whether no check of any fit failed."""
        return all(one.trustworthy for one in self.fits.values())

    def rows(self) -> list[dict[str, Any]]:
        """Return the table as one dict per budget and approach, of plain numbers and texts."""
        found = {name: self._rows_of(name) for name in self.fits}
        count = next(iter(self.at.values())).flops.size
        return [rows[index] for index in range(count) for rows in found.values()]

    def _rows_of(self, law: str) -> list[dict[str, Any]]:
        split, one, approach = self.at[law], self.fits[law], APPROACHES[law]
        quantities = {
            "params": split.params,
            "tokens": split.tokens,
            "tokens_per_param": split.tokens / split.params,
            "exponent": split.exponent,
            "loss": split.loss,
        }
        rows = draw_rows(quantities, {"flops": split.beyond}, self.probability)
        return [
            {
                "flops": float(split.flops[index]),
                "approach": approach.name,
                "law": law,
                **row,
                "published_exponent": approach.published,
                "rows": len(one.runs),
                "status": one.status,
            }
            for index, row in enumerate(rows)
        ]

    @property
    def table(self) -> pd.DataFrame:
        """One row per budget and approach: N*, D*, tokens per param, exponent, with intervals."""
        import pandas as pd

        return pd.DataFrame(self.rows())

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it, draws aside."""
        return {
            "family": self.family,
            "rows": self.rows(),
            "why": list(self.why),
            "skipped": dict(self.skipped),
            "checks": [asdict(check) for check in self.checks],
        }


# ---- why they differ -----------------------------------------------------------------------------


def _why(result: Approaches, during: RunTable) -> tuple[str, ...]:
    """Say how approaches differ and what could make them, in sentences of their own numbers.

    `during` holds the rows that the envelope was taken from.
    """
    return (
        *_pairs(result),
        *_cubic(result),
        *_lines(result),
        *_steps(result),
        *_unannealed(result, during),
        *_far_from_best(result),
        *_beyond(result),
        *_floors(result),
        *_misfits(result),
        *_unconverged(result),
    )


def _called(law: str) -> str:
    return f"{law} ({APPROACHES[law].name.split(',')[0]})"


def _write(draws: Array, probability: float) -> str:
    median, lower, upper = (float(value) for value in quantiles(draws, probability))
    numbers = format_numbers(median, lower, upper)
    return f"{numbers[0]} [{numbers[1]}, {numbers[2]}]"


def _pairs(result: Approaches) -> Iterator[str]:
    """Compare best params at the largest budget, and exponents."""
    for one, other in PAIRS:
        if one not in result.fits or other not in result.fits:
            continue
        first, second = result.at[one], result.at[other]
        ratio = first.params[:, -1] / second.params[:, -1]
        more = float(np.mean(ratio > 1))
        exponents = [float(np.median(split.exponent[:, -1])) for split in (first, second)]
        said = (
            f"at {first.flops[-1]:.3g} FLOP {_called(one)} puts "
            f"{_write(ratio, result.probability)} times the params of {_called(other)}; "
            f"the exponents are {exponents[0]:.3f} and {exponents[1]:.3f}"
        )
        if max(more, 1 - more) >= SURE:
            yield f"{said}: {'more' if more > 0.5 else 'fewer'} with probability " + (
                f"{max(more, 1 - more):.3f}"
            )
        else:
            yield f"{said}: no difference that is sure (probability of more {more:.2f})"


def _cubic(result: Approaches) -> Iterator[str]:
    """Say what a cubic term changes in the bottom of the valleys."""
    if not {"isoflop", "isoflop-cubic"} <= set(result.fits):
        return
    plain, skewed = (result.path[name] for name in ("isoflop", "isoflop-cubic"))
    one = result.fits["isoflop-cubic"]
    middle = int(np.argmin(np.abs(np.log(plain.flops) - np.mean(np.log(one.runs["flops"])))))
    ratio = np.median(skewed.params, axis=0) / np.median(plain.params, axis=0)
    moved = np.median(skewed.exponent[:, -1]) - np.median(plain.exponent[:, -1])
    skew = one.flat["s"]
    steeper = "large" if np.median(skew) > 0 else "small"
    sure = max(np.mean(skew > 0), np.mean(skew < 0))
    yield (
        f"a cubic term moves the bottom of the valleys by a factor {ratio[middle]:.3f} in params "
        f"at {plain.flops[middle]:.2g} FLOP and {ratio[-1]:.3f} at {plain.flops[-1]:.3g}, and the "
        f"exponent by {moved:+.3f}; the valleys are steeper towards models that are too {steeper} "
        f"with probability {sure:.2f}, and a parabola is biased where they are"
    )


def _lines(result: Approaches) -> Iterator[str]:
    """Say how far the sizes on the lines reach from the bottom, on both sides."""
    law = next((name for name in ("isoflop-cubic", "isoflop") if name in result.fits), None)
    if law is None:
        return
    runs = result.fits[law].runs
    off = np.log(runs["params"]) - _best(result, law, runs)
    budgets = np.unique(runs["budget"])
    low = np.array([off[runs["budget"] == one].min() for one in budgets])
    high = np.array([off[runs["budget"] == one].max() for one in budgets])
    outside = [f"{one:.3g}" for one, a, b in zip(budgets, low, high, strict=True) if a > 0 or b < 0]
    sizes = [clusters(np.log(runs["params"][runs["budget"] == one])).max() for one in budgets]
    said = (
        f"the {budgets.size} isoFLOP lines hold {min(sizes)} to {max(sizes)} sizes, from "
        f"{np.exp(np.median(low)):.2g} to {np.exp(np.median(high)):.2g} times the best (medians)"
    )
    if outside:
        said += f"; on {', '.join(outside)} FLOP the best lies outside the sizes that were tried"
    yield said


def _steps(result: Approaches) -> Iterator[str]:
    """Say how finely the envelope can know the best params."""
    if "envelope" not in result.fits:
        return
    one = result.fits["envelope"]
    sizes = int(clusters(np.log(one.runs["params"])).max())
    yield (
        f"the envelope rests on {len(one.runs)} runs of {sizes} sizes, whose params scatter by "
        f"{100 * float(np.median(one.flat['sigma_params'])):.0f} % around its line: between two "
        "sizes that were tried it sees nothing"
    )


def _unannealed(result: Approaches, during: RunTable) -> Iterator[str]:
    """Say how many rows of the envelope are from before the end of a run, and what that costs."""
    if "envelope" not in result.fits or "run" not in during:
        return
    ended = is_last(during)
    if ended.all():
        return
    rows = result.fits["envelope"].runs
    last = dict(zip(during["run"][ended].tolist(), during["flops"][ended].tolist(), strict=True))
    ends = np.array([last[run] for run in rows["run"].tolist()])
    early = ends > rows["flops"] * np.exp(ANNEALED)
    said = (
        f"{int(early.sum())} of the {len(rows)} rows of the envelope are from before the end of "
        "their run, where the learning rate may not have come down"
    )
    excess = _excess(during, ended)
    if excess.size:
        middle = 100 * float(np.median(excess))
        said += (
            f": rows of the second half of runs lie {abs(middle):.1f} % "
            f"{'above' if middle > 0 else 'below'} finished runs of the same params and compute "
            f"(median of {excess.size})"
        )
    yield said


def _excess(during: RunTable, ended: NDArray[np.bool_]) -> Array:
    """Return how far rows of the second half of a run lie above finished runs of their params.

    The reference is the line between the best finished runs of the same params, in log compute and
    log loss, close to one of them (farther off the line lies above the curve that it cuts). Rows of
    runs that end above it say nothing.
    """
    size, x, y = (np.log(during[name]) for name in ("params", "flops", "loss"))
    last = dict(zip(during["run"][ended].tolist(), np.flatnonzero(ended).tolist(), strict=True))
    end = np.array([last[run] for run in during["run"].tolist()])
    found: list[float] = []
    for number in np.unique(cells := clusters(size)):
        here = np.flatnonzero(ended & (cells == number))
        here = here[np.argsort(x[here])]
        best = here[y[here] <= np.minimum.accumulate(y[here])]
        if np.unique(x[best]).size < 2:
            continue
        second_half = (x < x[end] - ANNEALED) & (x > x[end] - np.log(2))
        inside = (cells == number) & np.isin(end, best) & (x > x[best[0]])
        near = np.abs(x[:, None] - x[best]).min(axis=1) < CLOSE
        rows = np.flatnonzero(second_half & inside & near)
        found += (y[rows] - np.interp(x[rows], x[best], y[best])).tolist()
    return np.array(found)


def _far_from_best(result: Approaches) -> Iterator[str]:
    """Say how much of a parametric fit rests on runs far from the best split."""
    for law in ("chinchilla", "coupled"):
        if law in result.fits:
            runs = result.fits[law].runs
            off = np.abs(np.log(runs["params"]) - _best(result, law, runs))
            share = float(np.mean(off > np.log(FAR)))
            yield (
                f"{_called(law)} takes {len(runs)} runs, and {share:.0%} of them have less than a "
                f"third or more than {FAR:g} times the best params: there the form of the law "
                "speaks, which the other approaches do not need"
            )
            return


def _best(result: Approaches, law: str, runs: RunTable) -> Array:
    """Return the log of the best params at the compute of runs (n_runs,): medians."""
    path = result.path[law]
    best = np.median(np.log(path.params), axis=0)
    return np.asarray(np.interp(np.log(runs["flops"]), np.log(path.flops), best))


def _beyond(result: Approaches) -> Iterator[str]:
    """Say how far the largest budget lies beyond the rows of each approach."""
    factors = {name: float(np.exp(split.beyond[-1])) for name, split in result.at.items()}
    if max(factors.values()) > 1:
        flops = next(iter(result.at.values())).flops[-1]
        low, high = min(factors.values()), max(factors.values())
        each = ", ".join(f"{factor:.3g} ({name})" for name, factor in factors.items())
        each = f"{high:.3g}" if high < 1.01 * low else each
        yield f"{flops:.3g} FLOP is this many times the largest compute of each approach: {each}"


def _floors(result: Approaches) -> Iterator[str]:
    """Compare what the approaches take for irreducible."""
    floors = {name: one.flat["E"] for name, one in result.fits.items()}
    if len(floors) > 1:
        each = ", ".join(
            f"{_write(draws, result.probability)} ({name})" for name, draws in floors.items()
        )
        yield f"the irreducible loss is {each}: the more of the loss it is, the less compute buys"


def _misfits(result: Approaches) -> Iterator[str]:
    """Say which laws leave the largest runs, from which a forecast starts."""
    for name, one in result.fits.items():
        for check in one.checks:
            if check.name == LARGEST_RUNS and check.verdict != "ok":
                yield f"{_called(name)} leaves its data at the upper end: {check.evidence}"


def _unconverged(result: Approaches) -> Iterator[str]:
    for name, one in result.fits.items():
        if one.status == "unconverged":
            yield f"{_called(name)} did not converge: do not use its numbers"
