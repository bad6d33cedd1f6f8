"""Monitor of a run in flight: where it will end, and whether it is still on track."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.intervals import PROBABILITY
from bayes_scaling.page import Grid, Page, Printed, told
from bayes_scaling.posterior.posterior import Posterior
from bayes_scaling.questions import alarm
from bayes_scaling.questions.curve_shapes import LOOKS, SAME, at_looks, looks_until
from bayes_scaling.questions.finished_curves import lessons
from bayes_scaling.questions.flight import Flight, flight_of, last_logged
from bayes_scaling.questions.sizes import Sizes
from bayes_scaling.questions.training_curves import Planned, clock_of, law_of_flight
from bayes_scaling.runs import RunTable

Array = NDArray[np.float64]

FALSE_ALARMS = 0.05
"""Share of healthy runs that raise an alarm at any time, unless it is said."""

DOUBT = 3.0
"""Factor by which the law is trusted less than it trusts itself, before the first look as after it.

Far beyond its runs a law errs in one direction for all larger runs, and a curve should be able to
say so. Chosen inside the small runs of nano-lm: see tests/studies/monitor.py.
"""


SHOWN = 12
"""Looks that are printed."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Monitor(Printed):
    """What a run in flight says so far.

    Attributes
    ----------
    progress : array (n_looks,)
        Share of the way at each look made, the last of them at the last row that was logged.
    clock : str
        Column that tells how far the run has come.
    total : float
        Its value at the end.
    loss : array (n_looks,)
        Last loss that was logged at or before each look (nats per token).
    expected, spread : arrays (n_looks,)
        Log loss expected from all earlier looks, and its standard deviation.
    end, end_spread : arrays (n_looks + 1,)
        Log loss expected at the end of training and its standard deviation, before the first look
        and after each.
    statistic : array (n_looks,)
        Largest surprise so far; see `bayes_scaling.questions.alarm`. For a last row between two
        looks in units that keep the share of false alarms.
    limit : float
        What it exceeds in a share `false_alarms` of healthy runs.
    false_alarms : float
        That share.
    finished : int
        Curves of finished runs that were learned from.
    first : float
        Share of the way from which on runs are looked at, where finished ones had begun.
    between : bool
        Whether the last look is one of this moment: at a last row between two looks.
    ended : bool
        Whether the run has logged its last row: it is at the end, or the next would lie beyond.
    diverged : float or None
        Where the loss was first not finite, by the clock: an alarm whatever the looks say.
    notes : tuple of str
        What was assumed.
    probability : float
        Probability of the intervals.
    """

    progress: Array
    clock: str
    total: float
    loss: Array
    expected: Array
    spread: Array
    end: Array
    end_spread: Array
    statistic: Array
    limit: float
    false_alarms: float
    finished: int
    first: float = float(LOOKS[0])
    between: bool = False
    ended: bool = False
    diverged: float | None = None
    notes: tuple[str, ...] = ()
    probability: float = PROBABILITY

    @property
    def alarm(self) -> int | None:
        """The look that raised an alarm first; None while the run is on track."""
        over = np.flatnonzero(self.statistic > self.limit)
        return int(over[0]) if over.size else None

    @property
    def alarmed(self) -> bool:
        """Whether there is an alarm, at a look or since the loss is not finite."""
        return self.diverged is not None or self.alarm is not None

    @property
    def status(self) -> str:
        """How the run stands, in words."""
        if self.diverged is not None:
            return f"ALARM: diverged at {self.clock} {self.diverged:g}: the loss is not finite"
        if not self.progress.size:
            return f"too early to tell: the first look is at {share_of_way(self.first)}"
        if self.alarm is None:
            return "on track"
        side = "above" if np.log(self.loss[self.alarm]) > self.expected[self.alarm] else "below"
        where = share_of_way(self.progress[self.alarm])
        return f"alarm at {where}: the loss lies {side} what was expected"

    def _rows(self) -> list[dict[str, Any]]:
        """Return one dict per look, the first of them before the run began."""
        from scipy import special

        reach = float(special.ndtri((1 + self.probability) / 2))
        ends = _interval("final", self.end, reach * self.end_spread)
        start = {"progress": 0.0, self.clock: 0.0, **ends[0], "alarm": False}
        seen = _interval("expected", self.expected, reach * self.spread)
        return [start | {"probability": self.probability}] + [
            {"progress": float(share), self.clock: float(share * self.total)}
            | {"loss": float(self.loss[look]), **seen[look], **ends[look + 1]}
            | {"statistic": float(self.statistic[look]), "limit": self.limit}
            | {"alarm": bool(self.statistic[look] > self.limit), "probability": self.probability}
            for look, share in enumerate(self.progress)
        ]

    @property
    def about(self) -> dict[str, Any]:
        """What is told beside the rows."""
        return {
            "status": self.status,
            "alarm": self.alarmed,
            "diverged": self.diverged,
            "finished_runs": self.finished,
            "notes": list(self.notes),
        }

    def page(self) -> Page:
        """Return what is printed: how the run stands, and the last looks."""
        return [[self.stands], [self.grid(self.rows()[-SHOWN:])]]

    @property
    def stands(self) -> str:
        """How the run stands, and by what it is judged."""
        return f"{self.status}; learned from {self.finished} finished runs"

    def grid(self, rows: Sequence[Mapping[str, Any]]) -> Grid:
        """Tabulate looks."""
        return Grid(
            heading=("way", self.clock, "loss", "expected before", "at the end", ""),
            rows=[
                [
                    share_of_way(row["progress"]),
                    f"{row[self.clock]:.3g}",
                    told(row, "loss") if "loss" in row else "",
                    told(row, "expected") if "loss" in row else "",
                    told(row, "final"),
                    "ALARM" if row["alarm"] else "",
                ]
                for row in rows
            ],
        )


def share_of_way(share: float) -> str:
    """Write a share of the way in percent; 100 % is the end and nothing before it."""
    return f"{np.floor(1000 * share * (1 + SAME)) / 10:g}%"


def _interval(name: str, centre: Array, reach: Array) -> list[dict[str, float]]:
    middle, low, high = (np.exp(centre + sign * reach) for sign in (0, -1, 1))
    return [
        {name: float(middle[i]), f"{name}_lower": float(low[i]), f"{name}_upper": float(high[i])}
        for i in range(centre.size)
    ]


def monitor(
    fit: Posterior,
    curve: RunTable,
    plan: Sizes,
    *,
    finished: RunTable | None = None,
    false_alarms: float = FALSE_ALARMS,
) -> Monitor:
    """Forecast the final loss of a run in flight, and tell whether it is on track.

    Parameters
    ----------
    fit : Fit
        The posterior; its forecast, as wide as the law was found to err (`DOUBT`), is what is
        believed before the run begins.
    curve : RunTable
        What the run has shown: tokens or steps, and loss.
    plan : mapping, DataFrame or RunTable
        The run at its end, as for a forecast. For a law that holds along curves (it reads steps or
        areas of the learning rate) the rows of the whole schedule.
    finished : RunTable, optional
        Training curves of finished runs of the same recipe. By default those that were fitted;
        where the fit has none, the shipped ``nano-lm-curves``, with wider bands.
    false_alarms : float
        Share of healthy runs that raise an alarm at any time.

    Returns
    -------
    Monitor

    Raises
    ------
    InputError
        The curve or the plan cannot be used.

    Notes
    -----
    Log losses at all looks are joint normal: the law and its uncertainty, the shape that finished
    runs had (`bayes_scaling.questions.curve_shapes`), and the noise of a run. Each look conditions
    the rest.
    """
    if not 0 < false_alarms < 1:
        raise InputError(f"false_alarms is a share between 0 and 1, got {false_alarms!r}")
    clock = clock_of(curve)
    planned = law_of_flight(fit, plan, clock)
    flight = flight_of(curve, clock, planned.total, response=fit.leading.response)
    looks, between = looks_until(flight.progress[-1] if flight.progress.size else np.nan)
    known = lessons(fit, finished, curve, planned.noise, looks, between)
    law = planned.at(np.append(looks, 1.0))
    centre = law.mean(axis=0)
    doubted = centre + DOUBT * (law - centre)
    mean, covariance = known.shapes.expected(
        doubted[:, known.first :], planned.descent, planned.compute
    )
    values = _seen(flight, planned, looks)
    made = np.flatnonzero(np.isfinite(values))
    made = made[made >= known.first]
    begun = made[0] if made.size else known.first
    within = np.arange(begun, looks.size + 1) - known.first
    expected, spread, end, end_spread = alarm.update(
        mean[within], covariance[np.ix_(within, within)], values[begun:], made.size
    )
    surprises = (values[made] - expected) / spread
    now = between is not None and made.size > 0
    asked = (looks.size - begun - now, false_alarms * (1 - alarm.BETWEEN))
    limit = alarm.limit(*asked, known.statistic, fit.leading.generator("monitor"))
    statistic = alarm.statistic(surprises[:-1] if now else surprises)
    if now:
        healthy = alarm.limit(*asked, np.array([]), fit.leading.generator("monitor"))
        rows = flight.progress.size / flight.progress[-1]
        of_row = alarm.limit_of_row(rows, false_alarms * alarm.BETWEEN, known.shapes.runs)
        statistic = np.append(
            statistic, max(abs(surprises[-1]) * healthy / of_row, *statistic[-1:])
        )
    return Monitor(
        progress=looks[made],
        clock=clock,
        total=planned.total,
        loss=last_logged(flight, looks[made]),
        expected=expected,
        spread=spread,
        end=end,
        end_spread=end_spread,
        statistic=statistic,
        limit=limit,
        false_alarms=false_alarms,
        finished=known.shapes.runs,
        first=float(looks[known.first]),
        between=now,
        ended=flight.ended,
        diverged=flight.diverged,
        notes=(*known.notes, *flight.notes),
    )


def _seen(flight: Flight, planned: Planned, looks: Array) -> Array:
    """Return log losses (n_looks,) at the looks; nan at those that were not made.

    What is averaged is how far the rows lie over the law, which may fall from row to row.
    """
    if not flight.loss.size:
        return np.full(looks.size, np.nan)
    over = np.log(flight.loss) - planned.median_at(flight.progress)
    return at_looks(flight.progress, over, looks) + planned.median_at(looks)
