"""What a run in flight has logged: its finite losses, where it diverged, and what was a spike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.runs import RunTable

Array = NDArray[np.float64]

SPIKE = 0.2
"""Log loss by which a row must lie above both its neighbours to be a spike."""

STEEP = 8.0
"""... and this many times the usual change from row to row."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Flight:
    """One run so far, in order.

    Attributes
    ----------
    progress, loss : array (n_rows,)
        Share of the way, and loss, of the rows to believe.
    ended : bool
        Whether the last row is at the end, or another as far on would lie beyond it.
    diverged : float or None
        Where the loss was first not finite, and stayed so, by the clock; None where it did not.
    notes : tuple of str
        Spikes, and losses that were not finite for a while.
    """

    progress: Array
    loss: Array
    ended: bool
    diverged: float | None
    notes: tuple[str, ...]


def flight_of(curve: RunTable, clock: str, total: float, *, response: str) -> Flight:
    """Read what a run has logged.

    Parameters
    ----------
    curve : RunTable
        Rows of one run. NaN is a loss that was not logged; an infinite one was not finite.
    clock : str
        Column that tells how far the run has come.
    total : float
        Its value at the end.
    response : str
        The column of losses.

    Returns
    -------
    Flight

    Raises
    ------
    InputError
        The curve goes on beyond the plan.
    """
    order = np.argsort(curve[clock], kind="stable")
    times, losses = curve[clock][order], curve[response][order]
    logged = ~np.isnan(losses) & np.isfinite(times)
    times, losses = times[logged], losses[logged]
    if times.size and times[-1] > total * (1 + 1e-6):
        raise InputError(
            f"the curve goes on to {times[-1]:g} {clock}, beyond the {total:g} of the plan"
        )
    finite = np.isfinite(losses)
    notes = []
    last = int(np.flatnonzero(finite)[-1]) if finite.any() else -1
    if not finite[: last + 1].all():
        where = times[: last + 1][~finite[: last + 1]]
        notes.append(f"the loss was not finite at {clock} {_listed(where)}, and came back")
    diverged = float(times[last + 1]) if last + 1 < times.size else None
    times, losses = times[finite], losses[finite]
    spikes = spikes_of(np.log(losses))
    for row in np.flatnonzero(spikes)[:5]:
        notes.append(
            f"a spike at {clock} {times[row]:g}: the loss was {losses[row]:.4g} there, "
            f"{losses[row - 1]:.4g} before and {losses[row + 1]:.4g} after; it is left out"
        )
    progress = times[~spikes] / total
    return Flight(
        progress=progress,
        loss=losses[~spikes],
        ended=_ended(progress),
        diverged=diverged,
        notes=tuple(notes),
    )


def _ended(progress: Array) -> bool:
    if not progress.size:
        return False
    step = float(np.median(np.diff(progress[-6:]))) if progress.size > 1 else 0.0
    return bool(progress[-1] >= 1 - 1e-6 or progress[-1] + step > 1 + 1e-6)


def spikes_of(logs: Array) -> NDArray[np.bool_]:
    """Tell which log losses (n_rows,) lie far above both their neighbours."""
    found = np.zeros(logs.size, dtype=bool)
    if logs.size < 3:
        return found
    usual = float(np.median(np.abs(np.diff(logs))))
    above = np.minimum(logs[1:-1] - logs[:-2], logs[1:-1] - logs[2:])
    few = logs.size < 6
    found[1:-1] = above > (SPIKE if few else max(SPIKE, STEEP * usual))
    return found


def last_logged(flight: Flight, looks: Array) -> Array:
    """Return the last loss that was logged at or before each look (n_looks,); nan before any."""
    place = np.searchsorted(flight.progress, looks * (1 + 1e-9), side="right") - 1
    return np.where(place >= 0, flight.loss[np.maximum(place, 0)], np.nan)


def _listed(times: Array) -> str:
    shown = [f"{value:g}" for value in times[:3]]
    return ", ".join(shown) + (f" and {times.size - 3} more" if times.size > 3 else "")
