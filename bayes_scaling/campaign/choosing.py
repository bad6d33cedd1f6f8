"""The next batch of a campaign, and whether to stop: what the posterior says of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.campaign.campaign_toml import Campaign
from bayes_scaling.facade import Fit
from bayes_scaling.intervals import PROBABILITY, quantiles, significant
from bayes_scaling.questions.learning import best_order
from bayes_scaling.questions.splits import expected_split
from bayes_scaling.runs import RunTable

Array = NDArray[np.float64]

FEWEST = 4
"""Runs without which nothing is fitted."""

BROKEN = 0.998
"""Probability of the interval outside which a loss looks broken."""


@dataclass(frozen=True, kw_only=True)
class Aim:
    """What a fit says of the target.

    Attributes
    ----------
    sizes : mapping of str to float
        Of the target.
    loss : (float, float, float)
        Lower end, median and upper end of its noise-free loss.
    width : float
        Of the interval, on the log scale.
    reach : float, optional
        Probability that it reaches the target loss.
    worth : float, optional
        What knowing the law perfectly would be worth before deciding on the target.
    """

    sizes: Mapping[str, float]
    loss: tuple[float, float, float]
    width: float
    reach: float | None = None
    worth: float | None = None


def aim_of(campaign: Campaign, fit: Fit) -> Aim:
    """Return what a fit says of the target."""
    target = campaign.target
    if target.params is not None and target.tokens is not None:
        sizes = {"params": target.params, "tokens": target.tokens}
    else:
        choice = expected_split(fit.surface(group=target.family), target.flops or 0.0)
        sizes = {"params": choice.params, "tokens": choice.tokens}
    group = {} if target.family is None else {fit.leading.reads.group: target.family}
    losses = fit.forecast({**sizes, **group}).noise_free[:, 0]
    middle, low, high = (float(each) for each in quantiles(losses, PROBABILITY))
    found = Aim(sizes=sizes, loss=(low, middle, high), width=float(np.log(high / low)))
    stop = campaign.stop
    if stop.target_loss is None:
        return found
    reach = float(np.mean(losses <= stop.target_loss))
    price = campaign.rig.money(6 * sizes["params"] * sizes["tokens"])
    if stop.value is None or price is None:
        return replace(found, reach=reach)
    knowing = reach * max(stop.value - price, 0.0)
    return replace(found, reach=reach, worth=knowing - max(reach * stop.value - price, 0.0))


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Runs to make next.

    Attributes
    ----------
    rows : tuple of int
        Candidates.
    gain : float
        Share of the width that all runs which can be paid for would remove.
    expected : tuple of (float, float, float)
        Lower end, median and upper end of the loss of each, where nearly all runs lie.
    """

    rows: tuple[int, ...]
    gain: float = 1.0
    expected: tuple[tuple[float, ...], ...] = ()


def first_design(candidates: RunTable, budget: float, count: int) -> tuple[int, ...]:
    """Spread the first runs over the candidates that are affordable, from the costliest on.

    Parameters
    ----------
    candidates : RunTable
        All of them.
    budget : float
        Compute of all these runs [FLOP]; where it pays for none, the cheapest ones are taken.
    count : int
        Runs.
    """
    cost = candidates["flops"]
    able = np.flatnonzero(cost <= budget / count)
    if not able.size:
        return tuple(int(row) for row in np.argsort(cost, kind="stable")[:count])
    places = np.log(np.stack([candidates[name][able] for name in ("params", "tokens")], axis=1))
    places = places / np.maximum(np.ptp(places, axis=0), 1e-9)
    chosen = [int(np.argmax(cost[able]))]
    while len(chosen) < min(count, able.size):
        far = np.linalg.norm(places[:, None] - places[chosen], axis=2).min(axis=1)
        far[chosen] = -1.0
        chosen.append(int(np.argmax(far)))
    return tuple(int(able[place]) for place in chosen)


def next_batch(
    fit: Fit,
    aim: Aim,
    candidates: RunTable,
    *,
    free: NDArray[np.bool_],
    pending: Sequence[int],
    budget: float,
    batch: float,
    slots: int,
    family: str | None,
) -> Batch:
    """Choose the runs that narrow the target most, given those that are in flight.

    Parameters
    ----------
    fit : Fit
        The posterior.
    aim : Aim
        The target.
    candidates : RunTable
        All of them.
    free : array of bool (n,)
        Which may be taken.
    pending : sequence of int
        Which are in flight.
    budget, batch : float
        Compute that is left, and that this batch may take [FLOP].
    slots : int
        Runs of this batch at most.
    family : str, optional
        Group of the target.
    """
    cost = candidates["flops"]
    able = free & (cost <= budget)
    asked = np.flatnonzero(able | np.isin(np.arange(cost.size), pending))
    if not able.any():
        return Batch(rows=(), gain=0.0)
    part = candidates.take(asked)
    target = dict(aim.sizes)
    found = fit.next_runs(float(cost[asked].max()), candidates=part, target=target, family=family)
    bench = found.bench
    waiting = np.flatnonzero(np.isin(asked, pending))
    for place in waiting:
        bench = bench.given(int(place))
    own = np.where(np.isin(np.arange(asked.size), waiting), np.inf, cost[asked])
    bench = replace(bench, cost=own)
    whole = best_order(bench, budget)
    widths = bench.after(whole)
    order = best_order(bench, min(batch, budget)) or whole
    chosen = order[:slots]
    if not chosen:
        return Batch(rows=(), gain=0.0)
    losses = fit.forecast(part.take(np.array(chosen)))
    ends = [quantiles(losses.draws[:, place], BROKEN) for place in range(len(chosen))]
    return Batch(
        rows=tuple(int(asked[place]) for place in chosen),
        gain=float(1 - widths[-1] / widths[0]) if widths[0] > 0 else 0.0,
        expected=tuple((float(low), float(mid), float(high)) for mid, low, high in ends),
    )


def reason_to_stop(campaign: Campaign, aim: Aim, batch: Batch, costs: Array) -> str | None:
    """Return why a campaign is over; None where it goes on.

    Parameters
    ----------
    campaign : Campaign
        What it aims at.
    aim : Aim
        What the fit says of the target.
    batch : Batch
        What would be run next.
    costs : array (n_rows,)
        Compute of each of these runs [FLOP].
    """
    stop = campaign.stop
    if stop.width is not None and aim.width <= stop.width:
        return (
            f"width: the {PROBABILITY:.0%} interval of the target's loss is {aim.width:.2%} wide; "
            f"{stop.width:.2%} was asked for"
        )
    if aim.reach is not None and max(aim.reach, 1 - aim.reach) >= stop.sure:
        said, chance = ("reached", aim.reach) if aim.reach > 0.5 else ("missed", 1 - aim.reach)
        return f"decision: loss {stop.target_loss:g} is {said} with probability {chance:.3f}"
    if not batch.rows:
        return "budget: no run that is left and can be paid for would narrow the target noticeably"
    if stop.gain is not None and batch.gain <= stop.gain:
        return (
            "gain: all runs that can still be paid for would take "
            f"{batch.gain:.1%} off the width of the interval; {stop.gain:.1%} was asked for"
        )
    price = campaign.rig.money(float(costs[0]))
    if aim.worth is not None and price is not None and aim.worth <= price:
        return (
            f"value: knowing the law perfectly is worth {significant(aim.worth, 3)}, and the next "
            f"run costs {significant(price, 3)}"
        )
    return None
