"""`Surface`: a law with everything settled but its sizes, draw by draw, be it fitted or published.

A posterior of several laws has one surface too: its draws are those of the mixture, in its order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.laws.features import SIZES
from bayes_scaling.posterior import Check, Member
from bayes_scaling.questions.distance import efolds_beyond_runs
from bayes_scaling.questions.new_budget import at_new_budget
from bayes_scaling.questions.published_laws import Law
from bayes_scaling.questions.search import FEWER, Array, Index
from bayes_scaling.questions.sizes import FROM_ONE, few_of, first_text, group_index
from bayes_scaling.runs import training_flops
from bayes_scaling.runs.columns import canonical_name, nearest
from bayes_scaling.runs.doubts_of_fit import splits_take
from bayes_scaling.runs.finetuning import was_pretrained

type SplitLoss = Callable[[Array, Array, Index], Array]
"""A function of log params, log tokens and the draw; the three broadcast."""


class Source(Protocol):
    """What questions are put to: laws with weights, and the order of their draws in the mixture."""

    @property
    def id(self) -> str:
        """Name of the law, or ``"ensemble"``."""

    @property
    def members(self) -> Mapping[str, Any]:
        """The laws, by id."""

    @property
    def weights(self) -> Mapping[str, float]:
        """Of the laws; they sum to 1."""

    @property
    def leading(self) -> Any:
        """The law of the largest weight, for what all of them share."""

    @property
    def groups(self) -> tuple[str, ...]:
        """Labels of the groups of runs."""

    @property
    def member(self) -> Index:
        """Position of the law that each draw of the mixture comes from (n_draws,)."""

    @property
    def rows(self) -> tuple[Index, ...]:
        """Draws of each law (n_taken,) that stand in the mixture."""

    @property
    def checks(self) -> tuple[Check, ...]:
        """What was checked of the sampling and of the runs."""

    def mix(self, parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Take from what each law says (n_draws, ...) the draws that stand in the mixture."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Surface:
    """The loss of a law, or of a mixture of laws, at any size.

    Attributes
    ----------
    id : str
        Name of the law.
    reads : tuple of str
        The sizes it reads: params, tokens, steps, flops or some of them.
    response : str
        What it gives.
    group_column, group : str
        The column that names groups, and the group it holds for.
    share : float
        Share of the params it reads that is active, which is what compute counts.
    member : array of int (n_draws,)
        Position of the law that each draw comes from.
    members : tuple of str
        Names of the laws.
    weights : tuple of float
        Of the laws; they sum to 1.
    notes : tuple of str
        What a reader of its answers should know.
    parts : tuple of _Part
        The laws, each with its group and its other inputs.
    rows : array of int (n_draws,)
        Which draw of its law each draw is.
    """

    id: str
    reads: tuple[str, ...]
    response: str
    group_column: str
    group: str
    share: float
    member: Index
    members: tuple[str, ...]
    weights: tuple[float, ...]
    notes: tuple[str, ...]
    parts: tuple[_Part, ...]
    rows: Index

    @property
    def n_draws(self) -> int:
        """Number of draws; 1 of a published law."""
        return self.rows.size

    @property
    def draws(self) -> Index:
        """Every draw (n_draws,)."""
        return np.arange(self.n_draws)

    @property
    def traded(self) -> tuple[str, ...]:
        """Sizes that can be given apart from each other; compute follows from C = 6 N D.

        Raises
        ------
        InputError
            The law reads no size, or more than two that are free.
        """
        free = tuple(name for name in self.reads if name != "flops")
        if free in (("params",), ("tokens",)) and "flops" in self.reads:
            return ("params", "tokens")
        if not self.reads or len(free) > 2:
            raise InputError(
                f"{self.id} reads {', '.join(self.reads) or 'no size'}: this can be answered by a "
                "law of one size, or of params with tokens or steps"
            )
        return free or self.reads

    def at(self, sizes: Mapping[str, Array], draw: Index) -> Array:
        """Return the response at sizes; compute is completed where the law reads it.

        Parameters
        ----------
        sizes : mapping of str to array
            Sizes; they broadcast with the draws.
        draw : array of int
            Which draws.
        """
        return self._asked(_Part.response, sizes, draw)

    def _asked(
        self,
        ask: Callable[[_Part, Mapping[str, Array], Index], Array],
        sizes: Mapping[str, Array],
        draw: Index,
    ) -> Array:
        """Ask each law about sizes, with their compute where it reads that."""
        read = self._completed(sizes)
        shape = np.broadcast_shapes(np.shape(draw), *(np.shape(x) for x in read.values()))
        return np.broadcast_to(self._by_law(ask, read, draw), shape)

    def tuned(self, sizes: Mapping[str, Array]) -> dict[str, Array]:
        """Return inputs such as the learning rate at their best (n_draws, n_sizes).

        Those that every law tunes. Sizes are (n_sizes,) or (n_draws, n_sizes).
        """
        read, draw = self._completed(sizes), self.draws[:, None]
        free = [
            name
            for name in self.parts[0].tunes
            if name not in read and all(name in part.tunes for part in self.parts)
        ]
        return {name: self._by_law(partial(_Part.tuned, name=name), read, draw) for name in free}

    def new_run_logpdf(self, response: Array, law: Array, draw: Index) -> Array:
        """Return log densities of the response of a new run, where the law says `law`.

        All three broadcast. 0 of a published law, which knows no noise.
        """
        return self._by_law(_Part.new_run_logpdf, {"response": response, "law": law}, draw)

    def with_noise(self, loss: Array, rng: np.random.Generator) -> Array:
        """Return losses of one new run each (n_draws, n), where the law says `loss`."""
        ask = partial(_Part.with_noise, rng=rng)
        return self._by_law(ask, {"loss": loss}, self.draws[:, None])

    @property
    def predicts(self) -> bool:
        """Whether it gives a response, and is no rule of sizes alone."""
        return all(part.law.predicts for part in self.parts)

    @property
    def states_split(self) -> bool:
        """Whether the law gives the best params of a budget by itself, without a search."""
        return all(part.law.states_split for part in self.parts)

    def stated_split(self, flops: Array, draw: Index) -> tuple[Array, Array]:
        """Return the params and tokens (n,) that some draws of the law state for budgets (n,)."""
        given = {"flops": flops}
        params = self._by_law(partial(_Part.stated, place=0), given, draw)
        return params, self._by_law(partial(_Part.stated, place=1), given, draw)

    def beyond(self, sizes: Mapping[str, Array]) -> dict[str, Array]:
        """Return e-folds by which sizes (n_cases,) lie beyond the fitted runs of the group."""
        count = next(iter(sizes.values())).size
        laws = [part.law for part in self.parts]
        return efolds_beyond_runs(laws, sizes, (self.group,) * count)

    def fewer(self, count: int = FEWER) -> tuple[Surface, Index]:
        """Return the surface with some of its draws, evenly taken, and which they are."""
        places = np.linspace(0, self.n_draws - 1, min(count, self.n_draws))
        taken = np.unique(places.astype(np.int64))
        return replace(self, member=self.member[taken], rows=self.rows[taken]), taken

    def repeated(self, count: int) -> Surface:
        """Return the surface with its one draw as often, to stand beside draws of a fit."""
        places = np.zeros(count, dtype=np.int64)
        return replace(self, member=self.member[places], rows=self.rows[places])

    def split_loss(self) -> SplitLoss:
        """Return the loss as a function of log params, log tokens and the draw.

        Raises
        ------
        InputError
            The law has no params and tokens to trade.
        """
        return self._of_split(_Part.response)

    def split_rank(self) -> SplitLoss:
        """Return what is least at the best split, as a function of the same: the loss.

        Of a law of scores it is the loss that the score is said from: how a score goes on below
        the losses it was seen at is not known, not even that it rises, and that decides no split.

        Raises
        ------
        InputError
            As `split_loss`.
        """
        return self._of_split(_Part.rank)

    def _of_split(self, ask: Callable[[_Part, Mapping[str, Array], Index], Array]) -> SplitLoss:
        """Return what each law says of sizes as a function of their logs and the draw."""
        if self.traded != ("params", "tokens"):
            raise InputError(
                f"{self.id} reads {', '.join(self.reads)}: only a law in params and tokens can "
                "split a budget, such as chinchilla, coupled or kaplan-nd, and to fit one "
                + splits_take(getattr(self.parts[0].law, "runs", None))
            )

        def found(log_params: Array, log_tokens: Array, draw: Index) -> Array:
            return self._asked(
                ask, {"params": np.exp(log_params), "tokens": np.exp(log_tokens)}, draw
            )

        return found

    def _completed(self, sizes: Mapping[str, Array]) -> dict[str, Array]:
        sizes = dict(sizes)
        if "flops" in self.reads and "flops" not in sizes:
            sizes["flops"] = training_flops(self.share * sizes["params"], sizes["tokens"])
        return {name: values for name, values in sizes.items() if name in self.reads}

    def _by_law(
        self,
        ask: Callable[[_Part, Mapping[str, Array], Index], Array],
        given: Mapping[str, Array],
        draw: Index,
    ) -> Array:
        """Ask each law for its own draws."""
        if len(self.parts) == 1:
            return ask(self.parts[0], given, self.rows[draw])
        draw = np.asarray(draw)
        shape = np.broadcast_shapes(draw.shape, *(np.shape(x) for x in given.values()))
        ndim = draw.ndim
        if ndim == len(shape) and draw.size == shape[0]:  # draws vary along the first axis alone
            first = self.member[draw.ravel()]
            found = np.empty(shape)
            for index, part in enumerate(self.parts):
                own = first == index
                read = {name: _rows(values, own, ndim) for name, values in given.items()}
                found[own] = ask(part, read, self.rows[draw[own]])
            return found
        drawn, *laid = np.broadcast_arrays(draw, *given.values())
        found = np.empty(drawn.shape)
        for index, part in enumerate(self.parts):
            own = self.member[drawn] == index
            read = {name: values[own] for name, values in zip(given, laid, strict=True)}
            found[own] = ask(part, read, self.rows[drawn[own]])
        return found


def _rows(values: Array, own: NDArray[np.bool_], ndim: int) -> Array:
    """Take the rows of some draws, where values differ between draws."""
    values = np.asarray(values)
    return values[own] if values.ndim == ndim and values.shape[0] == own.size else values


@dataclass(frozen=True, kw_only=True, eq=False)
class _Part:
    """One law, for one group and with its other inputs settled."""

    law: Law
    index: int
    settled: Mapping[str, Array]

    @property
    def tunes(self) -> tuple[str, ...]:
        return tuple(name for name in self.law.tunes if name not in self.settled)

    def response(self, sizes: Mapping[str, Array], draw: Index) -> Array:
        inputs = {**self.settled, **sizes}
        return self.law.predict(inputs, group=np.asarray(self.index), draw=draw)

    def rank(self, sizes: Mapping[str, Array], draw: Index) -> Array:
        inputs = {**self.settled, **sizes}
        return self.law.rank(inputs, group=np.asarray(self.index), draw=draw)

    def tuned(self, sizes: Mapping[str, Array], draw: Index, *, name: str) -> Array:
        inputs = {**self.settled, **sizes}
        return self.law.tuned(inputs, group=np.asarray(self.index), draw=draw)[name]

    def new_run_logpdf(self, given: Mapping[str, Array], draw: Index) -> Array:
        return self.law.new_run_logpdf(given["response"], given["law"], group=self.index, draw=draw)

    def with_noise(
        self, given: Mapping[str, Array], draw: Index, *, rng: np.random.Generator
    ) -> Array:
        return self.law.with_noise(given["loss"], group=self.index, draw=draw, rng=rng)

    def stated(self, sizes: Mapping[str, Array], draw: Index, *, place: int) -> Array:
        return self.law.stated_split(sizes["flops"], group=self.index, draw=draw)[place]


def surface(
    source: Source, *, group: str | None = None, inputs: Mapping[str, float] | None = None
) -> Surface:
    """Settle all that a law reads but its sizes.

    Parameters
    ----------
    source : Fit or PublishedLaw
        The posterior, or a published law.
    group : str, optional
        Label of the group, where the fit has several.
    inputs : mapping of str to float, optional
        Values of inputs that are no sizes, such as unique_tokens or experts.

    Returns
    -------
    Surface

    Raises
    ------
    InputError
        The group is unknown or missing, or an input is; all at once.
    """
    parts = tuple(_part(law, group, inputs or {}) for law in source.members.values())
    read = {name for part in parts for name in part.law.reads.inputs}
    first = source.leading
    return Surface(
        id=source.id,
        reads=tuple(name for name in SIZES if name in read),
        response=first.response,
        group_column=first.reads.group,
        group=parts[0].law.groups[parts[0].index],
        share=first.active_share,
        member=source.member,
        members=tuple(source.members),
        weights=tuple(source.weights[name] for name in source.members),
        notes=tuple(first.notes),
        parts=parts,
        rows=np.concatenate(source.rows),
    )


def _part(law: Law, group: str | None, inputs: Mapping[str, float]) -> _Part:
    """Return one law, its group and other inputs settled."""
    if isinstance(law, Member):
        law, group = at_new_budget(law, group)
    if not (law.predicts or law.states_split):
        law.predict({}, group=np.zeros(1, np.int64))  # says what it gives in place of a loss
    index, labels, problems = group_index(law, group, 1)
    reads = law.reads
    wanted = [name for name in reads.inputs if name not in SIZES]
    if "pretrained" in wanted:
        inputs = {"pretrained": float(was_pretrained(first_text(law, labels[0]))), **inputs}
    settled, found = other_inputs(wanted, inputs, law.id)
    problems += found
    problems += [
        _lacks(law, name) for name in reads.needed if name not in SIZES and name not in settled
    ]
    if problems:
        raise InputError(problems)
    return _Part(law=law, index=int(index[0]), settled=settled)


def _lacks(law: Law, name: str) -> str:
    """Say what a law needs beside sizes, and how it is given."""
    if name == "loss" and law.response != "loss":
        return (
            f"{law.id} reads the loss, which no size says by itself: join it to a fit of the loss, "
            "loss.nc+score.nc in a shell, bs.two_steps(loss, score) in Python"
        )
    return f"{law.id} also needs {name!r}, which has no tuned value: give it among the inputs"


def other_inputs(
    wanted: Sequence[str], given: Mapping[str, float], law: str
) -> tuple[dict[str, Array], list[str]]:
    """Return the values of inputs that are no sizes, and what is wrong with those given."""
    values: dict[str, Array] = {}
    problems = []
    for name, value in given.items():
        column = canonical_name(name) or name
        if column not in wanted:
            near = nearest(name, wanted)
            known = f"it reads {', '.join(wanted)}" if wanted else "it reads only sizes"
            hint = f"did you mean {near!r}?" if near else known
            problems.append(f"{law} has no input {name!r} beside sizes; {hint}")
        elif np.ndim(value) or not np.isfinite(value):
            problems.append(f"{name!r} must be one finite number, got {value!r}")
        elif column in FROM_ONE and value < 1:
            problems.append(few_of(column, float(value)))
        else:
            values[column] = np.asarray(float(value))
    return values, problems
