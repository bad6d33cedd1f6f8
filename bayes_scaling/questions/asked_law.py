"""A law as queries see it: its loss at any size, draw by draw, be it fitted or published."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.laws.density import per_run
from bayes_scaling.laws.features import SIZES
from bayes_scaling.laws.noise import on_logpdf
from bayes_scaling.posterior.ensemble import Ensemble
from bayes_scaling.posterior.posterior import Fit
from bayes_scaling.questions.optimum import FEWER, Index, Loss
from bayes_scaling.questions.published_laws import PublishedLaw
from bayes_scaling.questions.routed import active_share
from bayes_scaling.questions.sizes import Member, group_index, longest_of, reads
from bayes_scaling.runs import training_flops
from bayes_scaling.runs.columns import canonical_name, nearest

Array = NDArray[np.float64]
Numbers = float | Sequence[float] | NDArray[np.float64]

Answerer = Fit | Ensemble | PublishedLaw
"""What answers questions."""

SEARCH = 60.0
"""Sizes are searched from 1 to e to this power, 1e26: what lies beyond counts as out of reach."""


@dataclass(frozen=True, kw_only=True, eq=False)
class AskedLaw:
    """A law with all but its sizes settled.

    Attributes
    ----------
    id : str
        Its name.
    reads : tuple of str
        The sizes it reads: params, tokens, steps, flops or some of them.
    settled : mapping of str to array ()
        Inputs that are no sizes.
    response : str
        What it gives.
    n_draws : int
        Number of draws; 1 for a published law.
    share : float
        Share of the params it reads that is active, which is what compute counts.
    evaluate : callable
        From sizes and draws, which broadcast, to the response.
    noise : callable
        From deviations of a new run's log response from that of the law, and draws, which
        broadcast, to log densities; 0 for a published law, which knows no noise.
    """

    id: str
    reads: tuple[str, ...]
    settled: Mapping[str, Array]
    response: str
    n_draws: int
    share: float = 1.0
    evaluate: Callable[[Mapping[str, Array], Index], Array]
    noise: Callable[[Array, Index], Array]

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
                f"{self.id} reads {', '.join(self.reads) or 'no size'}: a law of one size, or of "
                "params with tokens or steps, can be asked this"
            )
        return free or self.reads

    def at(self, sizes: Mapping[str, Array], draw: Index) -> Array:
        """Return the response at sizes; compute is completed where the law reads it."""
        sizes = dict(sizes)
        if "flops" in self.reads and "flops" not in sizes:
            sizes["flops"] = training_flops(self.share * sizes["params"], sizes["tokens"])
        read = {name: values for name, values in sizes.items() if name in self.reads}
        shape = np.broadcast_shapes(np.shape(draw), *(np.shape(x) for x in read.values()))
        return np.broadcast_to(self.evaluate(read, draw), shape)

    def fewer(self, count: int = FEWER) -> tuple[AskedLaw, Index]:
        """Return the law with some of its draws, evenly taken, and which they are."""
        places = np.linspace(0, self.n_draws - 1, min(count, self.n_draws))
        taken = np.unique(places.astype(np.int64))

        def evaluate(sizes: Mapping[str, Array], draw: Index) -> Array:
            return self.evaluate(sizes, taken[draw])

        def noise(deviation: Array, draw: Index) -> Array:
            return self.noise(deviation, taken[draw])

        return replace(self, n_draws=taken.size, evaluate=evaluate, noise=noise), taken

    def split_loss(self) -> Loss:
        """Return the loss as the search for a best split takes it.

        Raises
        ------
        InputError
            The law has no params and tokens to trade.
        """
        if self.traded != ("params", "tokens"):
            raise InputError(
                f"{self.id} reads {', '.join(self.reads)}: only a law in params and tokens can "
                "split a budget, such as chinchilla, coupled or kaplan-nd"
            )

        def loss(log_params: Array, log_tokens: Array, draw: Index) -> Array:
            return self.at({"params": np.exp(log_params), "tokens": np.exp(log_tokens)}, draw)

        return loss


def parts_of(source: Answerer) -> Mapping[str, Member]:
    """Return the members of an ensemble, or whatever else answers as the one member, by id."""
    if isinstance(source, Ensemble):
        return source.members
    return {reads(source).id: source}


def first_of(source: Answerer) -> Member:
    """Return the member for what all share: response, inputs and groups."""
    return source.leading if isinstance(source, Ensemble) else source


def _of_fit(
    fit: Fit, *, family: str | None = None, inputs: Mapping[str, float] | None = None
) -> AskedLaw:
    """Return the law of a fit, for one group and with its other inputs settled."""
    group, _, problems = group_index(fit, family, 1)
    wanted = [name for name in fit.model.inputs if name not in SIZES]
    others, found = other_inputs(wanted, inputs or {}, fit.model.id)
    problems += found
    problems += [
        f"{fit.model.id} also needs {name!r}, which has no tuned value: give it among the inputs"
        for name in fit.model.sizes
        if name not in SIZES and name not in others
    ]
    if problems:
        raise InputError(problems)

    def evaluate(sizes: Mapping[str, Array], draw: Index) -> Array:
        return fit.predict({**others, **sizes}, group=group[0], draw=draw)

    def noise(deviation: Array, draw: Index) -> Array:
        parameters = per_run(fit.model, fit.flat, group[0], draw)
        return on_logpdf(fit.model.noise, deviation, parameters)

    return AskedLaw(
        id=fit.model.id,
        reads=tuple(name for name in SIZES if name in fit.model.inputs),
        settled=others,
        response=fit.model.response,
        n_draws=fit.n_draws,
        share=active_share(fit),
        evaluate=evaluate,
        noise=noise,
    )


def _of_published(
    law: PublishedLaw, *, family: str | None = None, inputs: Mapping[str, float] | None = None
) -> AskedLaw:
    """Return a published law of a loss, its other inputs settled; one draw, without noise."""
    law.require_loss()
    _, _, problems = group_index(law, family, 1)
    wanted = [name for name in law.inputs if name not in SIZES]
    others, found = other_inputs(wanted, inputs or {}, law.id)
    problems += found
    problems += [
        f"{law.id} also needs {name!r}: give it among the inputs"
        for name in wanted
        if name not in others and name in law.needed
    ]
    if problems:
        raise InputError(problems)

    def evaluate(sizes: Mapping[str, Array], draw: Index) -> Array:
        return law.loss({**others, **sizes})

    def noise(deviation: Array, draw: Index) -> Array:
        return np.zeros(np.broadcast_shapes(np.shape(deviation), np.shape(draw)))

    return AskedLaw(
        id=law.id,
        reads=tuple(name for name in SIZES if name in law.inputs),
        settled=others,
        response=law.response,
        n_draws=1,
        evaluate=evaluate,
        noise=noise,
    )


def of_any(
    fit: Answerer, *, family: str | None = None, inputs: Mapping[str, float] | None = None
) -> AskedLaw:
    """Return the law of whatever answers, with all but its sizes settled.

    Parameters
    ----------
    fit : Fit, Ensemble or PublishedLaw
        The posterior, the mixture of an ensemble (draws in its order), or one published law.
    family : str, optional
        The group, where the fit has several.
    inputs : mapping of str to float, optional
        Values of inputs that are no sizes, such as unique_tokens or experts.

    Raises
    ------
    InputError
        The group is unknown or missing, or an input is; all at once. Or the law gives no loss.
    """
    if isinstance(fit, PublishedLaw):
        return _of_published(fit, family=family, inputs=inputs)
    if isinstance(fit, Fit):
        return _of_fit(fit, family=family, inputs=inputs)
    laws = [_of_fit(member, family=family, inputs=inputs) for member in fit.members.values()]
    rows = np.concatenate(fit.rows)

    def by_member(
        ask: Callable[[AskedLaw, Mapping[str, Array], Index], Array],
        given: Mapping[str, Array],
        draw: Index,
    ) -> Array:
        drawn, *laid = np.broadcast_arrays(draw, *given.values())
        found = np.empty(drawn.shape)
        for index, law in enumerate(laws):
            own = fit.member[drawn] == index
            read = {name: values[own] for name, values in zip(given, laid, strict=True)}
            found[own] = ask(law, read, rows[drawn[own]])
        return found

    def evaluate(sizes: Mapping[str, Array], draw: Index) -> Array:
        return by_member(AskedLaw.at, sizes, draw)

    def noise(deviation: Array, draw: Index) -> Array:
        def of_member(law: AskedLaw, given: Mapping[str, Array], draw: Index) -> Array:
            return law.noise(given["deviation"], draw)

        return by_member(of_member, {"deviation": deviation}, draw)

    read = {name for law in laws for name in law.reads}
    return AskedLaw(
        id="ensemble",
        reads=tuple(name for name in SIZES if name in read),
        settled=laws[0].settled,
        response=laws[0].response,
        n_draws=rows.size,
        share=laws[0].share,
        evaluate=evaluate,
        noise=noise,
    )


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
        else:
            values[column] = np.asarray(float(value))
    return values, problems


def positive(name: str, value: Numbers) -> Array:
    """Return numbers (n,) that are above 0 and finite, or say what is wrong with them.

    Raises
    ------
    InputError
        They are not.
    """
    try:
        values = np.atleast_1d(np.asarray(value, dtype=float))
    except (TypeError, ValueError):
        raise InputError(f"{name} must be a number or numbers, got {value!r}") from None
    if values.ndim != 1 or values.size == 0 or not (np.isfinite(values) & (values > 0)).all():
        raise InputError(f"{name} must be above 0 and finite, got {value!r}")
    return values


def given_sizes(sizes: Mapping[str, Numbers | None]) -> dict[str, Array]:
    """Return the sizes that were given, of one length (n_cases,); nothing where none was.

    Raises
    ------
    InputError
        One is not above 0 and finite, or lengths differ; all at once.
    """
    problems: list[str] = []
    found: dict[str, Array] = {}
    for name, value in sizes.items():
        if value is None:
            continue
        try:
            found[name] = positive(name, value)
        except InputError as error:
            problems += error.problems
    longest, bad_lengths = longest_of({name: values.size for name, values in found.items()})
    problems += bad_lengths
    if problems:
        raise InputError(problems)
    return {name: np.broadcast_to(values, longest) for name, values in found.items()}
