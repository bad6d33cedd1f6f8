"""`TwoSteps`: from sizes to the loss by one law, and from the loss to an error rate by another.

Every draw of the first goes through a draw of the second, so that what is not known of the loss
widens what is said of the error. Where one has more draws, as many as the other has are taken of
it, evenly, by their places alone: what a law draws beyond its runs stays that of each draw. The
second may read sizes that the first reads, beside the loss: the shape of a model, where models of
one loss differ in a score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.posterior.diagnostics import Check
from bayes_scaling.posterior.member import Member, Reads

Array = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class TwoSteps:
    """One law of the loss, and one of the error rate in the loss.

    Attributes
    ----------
    loss : Member
        The first: the loss in sizes.
    family : str
        Its group.
    score : Member
        The second: the error rate in the loss.
    """

    loss: Member
    family: str
    score: Member

    @property
    def id(self) -> str:
        """Name of both laws."""
        return f"{self.loss.id}+{self.score.id}"

    @property
    def response(self) -> str:
        """What the second law gives."""
        return self.score.response

    @cached_property
    def reads(self) -> Reads:
        """What the first law reads, in the groups of the second."""
        return replace(self.loss.reads, id=self.id, group=self.score.reads.group)

    @property
    def groups(self) -> tuple[str, ...]:
        """Labels of the groups of the second law, such as tasks."""
        return self.score.groups

    @property
    def grouped(self) -> bool:
        """Whether they differ in any parameter."""
        return self.score.grouped

    @property
    def n_draws(self) -> int:
        """Number of pairs of draws: those of the law that has fewer."""
        return min(self.loss.n_draws, self.score.n_draws)

    @cached_property
    def loss_draws(self) -> Index:
        """Draws of the first law that stand in the pairs (n_draws,)."""
        return self._evenly(self.loss)

    @cached_property
    def score_draws(self) -> Index:
        """Those of the second."""
        return self._evenly(self.score)

    def _evenly(self, law: Member) -> Index:
        """Return the places of the draws of a law that stand in the pairs (n_draws,)."""
        return np.linspace(0, law.n_draws - 1, self.n_draws).astype(np.int64)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of its answers should know."""
        return (*self.loss.notes, *self.score.notes)

    @property
    def checks(self) -> tuple[Check, ...]:
        """What was checked of both."""
        parts = (self.loss, self.score)
        return tuple(check.of(part.id) for part in parts for check in part.checks)

    # ---- sizes are those of the first law ------------------------------------------------------

    predicts = True

    @property
    def fitted_sizes(self) -> Mapping[str, Array]:
        """Sizes of the runs of the first law (n_runs,)."""
        return self.loss.fitted_sizes

    @property
    def active_shares(self) -> tuple[float, float]:
        """Least and largest share of params that was active in them."""
        return self.loss.active_shares

    @property
    def active_share(self) -> float:
        """Share of params that is active."""
        return self.loss.active_share

    @property
    def tunes(self) -> tuple[str, ...]:
        """Inputs that have a best value."""
        return self.loss.tunes

    @property
    def place(self) -> int:
        """Group of the first law."""
        return self.loss.groups.index(self.family)

    @property
    def states_split(self) -> bool:
        """Whether the first law says which params are best for a budget."""
        return self.loss.states_split

    def stated_split(self, flops: Array, *, group: int, draw: Index) -> tuple[Array, Array]:
        """Return the params and tokens (n,) stated for budgets (n,) under draws (n,)."""
        return self.loss.stated_split(flops, group=self.place, draw=self.loss_draws[draw])

    def tuned(
        self, inputs: Mapping[str, Array], *, group: Index, draw: Index | None = None
    ) -> dict[str, Array]:
        """Compute the best value of inputs that are not given; see `Member.tuned`."""
        place, rows = np.full_like(group, self.place), _of(self.loss_draws, draw)
        return self.loss.tuned(inputs, group=place, draw=rows)

    # ---- the error rate -----------------------------------------------------------------------

    def predict(
        self, inputs: Mapping[str, Array], *, group: Index, draw: Index | None = None
    ) -> Array:
        """Compute the error rate of a noise-free loss at any size; see `Member.predict`."""
        place, rows = np.full_like(group, self.place), _of(self.loss_draws, draw)
        loss = self.loss.predict(inputs, group=place, draw=rows)
        if not set(self.score.model.inputs) <= {"loss", *inputs}:
            inputs = {**self.tuned(inputs, group=group, draw=draw), **inputs}
        return self.error({**inputs, "loss": loss}, group=group, draw=draw)

    def rank(
        self, inputs: Mapping[str, Array], *, group: Index, draw: Index | None = None
    ) -> Array:
        """Compute what is least at the best split: the loss, unless sizes tell beside it."""
        if {"params", "tokens", "flops"} & set(self.score.model.inputs):
            return self.predict(inputs, group=group, draw=draw)
        place, rows = np.full_like(group, self.place), _of(self.loss_draws, draw)
        return self.loss.predict(inputs, group=place, draw=rows)

    def middle_loss(self, sizes: Mapping[str, Array]) -> Array | None:
        """Return the median loss of the first law at sizes (n_sizes,); None where one is missing.

        It is not a number where a size is not.
        """
        reads = self.loss.reads
        if not set(reads.needed) <= set(sizes):
            return None
        given = {name: np.asarray(sizes[name]) for name in reads.inputs if name in sizes}
        group = np.full(next(iter(given.values())).shape, self.place)
        return np.asarray(np.median(self.loss.predict(given, group=group), axis=0))

    def error(
        self, inputs: Mapping[str, Array], *, group: Index, draw: Index | None = None
    ) -> Array:
        """Compute the error rate by the second law alone, at a loss that is among the inputs."""
        read = {name: inputs[name] for name in self.score.model.inputs}
        return self.score.predict(read, group=group, draw=_of(self.score_draws, draw))

    def new_run_logpdf(self, response: Array, law: Array, *, group: int, draw: Index) -> Array:
        """Compute the log density of the error rate of a new run whose loss is known."""
        rows = self.score_draws[draw]
        return self.score.new_run_logpdf(response, law, group=group, draw=rows)

    def with_noise(
        self, loss: Array, *, group: int, draw: Index, rng: np.random.Generator
    ) -> Array:
        """Return error rates of one new run each, of a loss that is known."""
        return self.score.with_noise(loss, group=group, draw=self.score_draws[draw], rng=rng)

    def known(self, group: int) -> dict[str, Array]:
        """Return what the second law knows of a group (n_draws, 1), by name."""
        whole = self.score.known(group)
        return {
            name: values[self.score_draws] if np.ndim(values) else values
            for name, values in whole.items()
        }

    def generator(self, purpose: str) -> np.random.Generator:
        """Return the random generator of one purpose."""
        return self.score.generator(purpose)


def _of(rows: Index, draw: Index | None) -> Index:
    """Return the draws of a law in some pairs; those of all, (n_draws, 1), by default."""
    return rows[:, None] if draw is None else rows[draw]
