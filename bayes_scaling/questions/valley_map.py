"""Valley map: the loss over two settings, or a setting and a size, and where its valley runs.

Such as loss over learning rate and batch size at one size of model, or over learning rate and
params at one length of training: for each place of the second the best of the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.intervals import KIND, PROBABILITY, quantiles
from bayes_scaling.laws.design import needs_positive
from bayes_scaling.page import Grid, Page, Printed, called, cell, farthest_of
from bayes_scaling.questions.distance import efolds_beyond_runs
from bayes_scaling.questions.sizes import group_index, wrong_numbers
from bayes_scaling.questions.surface import Source
from bayes_scaling.runs.columns import canonical_name, nearest

Array = NDArray[np.float64]

PLACES = 33
"""Places along either side, by default."""

FINEST = 400
"""Places along either side at most: more are not told apart in any figure."""

TOLD = 5
"""Places of the second at which the valley is printed."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ValleyMap(Printed):
    """The loss over two inputs of a law, the others held.

    Attributes
    ----------
    x, y : str
        The setting whose valley is looked for, and the other input.
    xs, ys : array (n_x,), (n_y,)
        Their places.
    loss : array (n_y, n_x)
        Median of the noise-free loss.
    best : array (n_draws, n_y)
        Setting of least loss at each place of the other.
    held : mapping of str to float
        The other inputs.
    seen : array (n_runs, 2)
        Where the fitted runs lie.
    extrapolation : mapping of str to array (n_y,)
        E-folds of the held inputs, the second and the best of the first beyond the fitted runs.
    probability : float
        Probability of the intervals.
    """

    x: str
    y: str
    xs: Array
    ys: Array
    loss: Array
    best: Array
    held: Mapping[str, float]
    seen: Array
    extrapolation: Mapping[str, Array]
    probability: float = PROBABILITY

    def _rows(self) -> list[dict[str, Any]]:
        """Return one dict per place of the second input: the best setting, and the loss there."""
        middle, low, high = quantiles(self.best, self.probability)
        return [
            {
                self.y: float(self.ys[place]),
                f"best_{self.x}": float(middle[place]),
                f"best_{self.x}_lower": float(low[place]),
                f"best_{self.x}_upper": float(high[place]),
                "loss": float(self.loss[place].min()),
                "probability": self.probability,
                "kind": KIND,
            }
            | {f"efolds_{name}": float(far[place]) for name, far in self.extrapolation.items()}
            for place in range(self.ys.size)
        ]

    @property
    def about(self) -> dict[str, Any]:
        """What is told beside the rows."""
        return {"held": dict(self.held), "loss": self.loss.tolist(), "xs": self.xs.tolist()}

    def page(self) -> Page:
        """Return what is printed: the valley at some places of the second input."""
        taken = np.unique(np.linspace(0, self.ys.size - 1, TOLD).astype(int))
        rows = self.rows()
        grid = Grid(
            heading=(called(self.y), f"best {called(self.x)}", "loss there"),
            rows=[
                (
                    f"{rows[i][self.y]:.3g}",
                    cell(rows[i], f"best_{self.x}"),
                    f"{rows[i]['loss']:.4g}",
                )
                for i in taken
            ],
        )
        return [[grid, {"extrapolation": farthest_of(rows)}]]


def valley_map(
    source: Source,
    x: str = "learning_rate",
    y: str = "batch_size",
    *,
    held: Mapping[str, float] | None = None,
    places: int = PLACES,
    family: str | None = None,
) -> ValleyMap:
    """Map the loss over a setting and another input.

    Parameters
    ----------
    source : Fit
        A posterior of a law with a valley in the setting.
    x : str
        The setting whose valley is looked for, such as learning_rate.
    y : str
        The other input, such as batch_size, params or width.
    held : mapping of str to float, optional
        Values of the other inputs; the geometric mean of the runs where one is not given.
    places : int
        Places along either side, over what the runs spanned; 3 to 400.
    family : str, optional
        The group, where the fit has several.

    Returns
    -------
    ValleyMap

    Raises
    ------
    InputError
        The law reads no such input, a held value cannot be used or is one of the two that are
        mapped, the runs never varied one, or there are no runs; all at once.
    """
    x, y = (canonical_name(name) or name for name in (x, y))
    law = source.leading
    _check(source, x, y, held or {}, places)
    runs = law.runs
    read = {name for each in source.members.values() for name in each.reads.inputs}
    spans = {name: _column(law, name) for name in sorted(read)}
    given = {canonical_name(name) or name: float(value) for name, value in (held or {}).items()}
    rest = {
        name: given.get(name, float(np.exp(np.mean(np.log(values)))))
        for name, values in spans.items()
        if name not in (x, y) and (name in given or name not in law.tunes)
    }
    xs, ys = (np.geomspace(spans[name].min(), spans[name].max(), places) for name in (x, y))
    index, labels, problems = group_index(law, family, places)
    if problems:
        raise InputError(problems, source="valley map")
    held_there = {name: np.full(places, value) for name, value in rest.items()}

    def losses(at: float) -> Array:
        given = held_there | {x: xs, y: np.full(places, at)}
        parts = [each.predict(given, group=index) for each in source.members.values()]
        return np.asarray(np.median(source.mix(parts), axis=0))

    with np.errstate(over="ignore", invalid="ignore"):
        loss = np.stack([losses(float(at)) for at in ys])
    if not np.isfinite(loss).all():
        said = ", ".join(f"{name} {value:.3g}" for name, value in rest.items())
        raise InputError(
            f"the law gives no loss at {said}: hold nearer values", source="valley map"
        )
    valley = source.mix(
        [each.tuned(held_there | {y: ys}, group=index)[x] for each in source.members.values()]
    )
    best = np.broadcast_to(valley, (valley.shape[0], places))
    there = held_there | {y: ys, x: quantiles(best, PROBABILITY)[0]}
    return ValleyMap(
        x=x,
        y=y,
        xs=xs,
        ys=ys,
        loss=loss,
        best=best,
        held=rest,
        seen=np.stack([np.asarray(runs[name], float) for name in (x, y)], axis=1),
        extrapolation=efolds_beyond_runs(source.members.values(), there, labels),
    )


def _column(law: Any, name: str) -> Array:
    """Return what the runs had of an input, by the column that it means."""
    meant = dict(law.reads.meant).get(name, name)
    values = np.asarray(law.runs[meant if meant in law.runs else name], float)
    return values[np.isfinite(values)]


def _check(source: Source, x: str, y: str, held: Mapping[str, float], places: int) -> None:
    """Raise where the map cannot be drawn."""
    law = source.leading
    problems = []
    if getattr(law, "runs", None) is None:
        raise InputError(f"{law.id} has no runs: a map is drawn over what the runs spanned")
    for each in source.members.values():
        if x not in each.tunes:
            problems.append(
                f"{each.id} has no valley in {x}: fit a law that has one, such as "
                f"{each.id}+lr-valley or {each.id}+valley:{x}"
            )
        for name in (y, *(canonical_name(name) or name for name in held)):
            if name not in each.reads.inputs:
                near = nearest(name, each.reads.inputs)
                hint = f"did you mean {near!r}?" if near else ", ".join(each.reads.inputs)
                problems.append(f"{each.id} reads no {name}; {hint}")
    if not problems:
        problems += [
            f"all runs had one {name}: there is nothing to map along it"
            for name in (x, y)
            if np.ptp(_column(law, name)) == 0
        ]
    for key, value in held.items():
        name = canonical_name(key) or key
        if name in (x, y):
            problems.append(f"{name} is mapped: leave it out of what is held, or map another")
        elif needs_positive(name):
            problems += [f"held: {each}" for each in wrong_numbers({name: value})]
        elif np.ndim(value) or not np.isfinite(value):
            problems.append(f"held: {name} must be one finite number, got {value!r}")
    if x == y:
        problems.append(f"{x} against itself: name two inputs")
    if not isinstance(places, int | np.integer) or not 3 <= places <= FINEST:
        problems.append(f"places is 3 or more, up to {FINEST}, and whole, got {places!r}")
    if problems:
        raise InputError(problems, source="valley map")
