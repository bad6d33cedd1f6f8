"""Why approaches to the compute-optimal split differ, in sentences made of their own numbers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.intervals import format_numbers, quantiles
from bayes_scaling.runs import RunTable
from bayes_scaling.runs.budgets import is_last
from bayes_scaling.runs.frontier import clusters
from bayes_scaling.validation.approaches_result import APPROACHES, Approaches

Array = NDArray[np.float64]

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


def why_they_differ(result: Approaches, *, ends: RunTable, during: RunTable) -> tuple[str, ...]:
    """Say how approaches differ and what could make them.

    Parameters
    ----------
    result : Approaches
        What they found; its `why` is not read.
    ends, during : RunTable
        Final losses, and the rows that the envelope was taken from.

    Returns
    -------
    tuple of str
        One sentence each: how far the best params differ and how surely; what a cubic term changes;
        how far the sizes on a line reach; rows of the envelope from before the end of their runs;
        runs far from the best split; distance from the rows; floors of the loss; laws that leave
        the largest runs; failed fits.
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


# ---- how they differ -----------------------------------------------------------------------------


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
    fit = result.fits["isoflop-cubic"]
    middle = int(np.argmin(np.abs(np.log(plain.flops) - np.mean(np.log(fit.runs["flops"])))))
    ratio = np.median(skewed.params, axis=0) / np.median(plain.params, axis=0)
    moved = np.median(skewed.exponent[:, -1]) - np.median(plain.exponent[:, -1])
    skew = fit.flat["s"]
    steeper = "large" if np.median(skew) > 0 else "small"
    sure = max(np.mean(skew > 0), np.mean(skew < 0))
    yield (
        f"a cubic term moves the bottom of the valleys by a factor {ratio[middle]:.3f} in params "
        f"at {plain.flops[middle]:.2g} FLOP and {ratio[-1]:.3f} at {plain.flops[-1]:.3g}, and the "
        f"exponent by {moved:+.3f}; the valleys are steeper towards models that are too {steeper} "
        f"with probability {sure:.2f}, and a parabola is biased where they are"
    )


# ---- what they rest on ---------------------------------------------------------------------------


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
    fit = result.fits["envelope"]
    sizes = int(clusters(np.log(fit.runs["params"])).max())
    yield (
        f"the envelope rests on {len(fit.runs)} runs of {sizes} sizes, whose params scatter by "
        f"{100 * float(np.median(fit.flat['sigma_params'])):.0f} % around its line: between two "
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
    early = np.array(
        [last[run] > flops * np.exp(ANNEALED) for run, flops in zip(rows["run"], rows["flops"],
                                                                    strict=True)]
    )  # fmt: skip
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
        rows = np.flatnonzero(
            (cells == number) & np.isin(end, best) & (x < x[end] - ANNEALED)
            & (x > x[end] - np.log(2)) & (x > x[best[0]])
        )  # fmt: skip
        near = np.abs(x[rows][:, None] - x[best]).min(axis=1, initial=np.inf) < CLOSE
        rows = rows[near]
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
    floors = {name: fit.flat["E"] for name, fit in result.fits.items()}
    if len(floors) > 1:
        each = ", ".join(
            f"{_write(draws, result.probability)} ({name})" for name, draws in floors.items()
        )
        yield f"the irreducible loss is {each}: the more of the loss it is, the less compute buys"


def _misfits(result: Approaches) -> Iterator[str]:
    """Say which laws leave the largest runs, from which a forecast starts."""
    for name, fit in result.fits.items():
        for check in fit.checks:
            if check.name == LARGEST_RUNS and check.verdict != "ok":
                yield f"{_called(name)} leaves its data at the upper end: {check.evidence}"


def _unconverged(result: Approaches) -> Iterator[str]:
    for name, fit in result.fits.items():
        if fit.status == "unconverged":
            yield f"{_called(name)} did not converge: do not use its numbers"
