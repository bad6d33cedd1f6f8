"""Published laws as objects: they forecast, allocate and answer queries without a fit.

A paper gives one number for each constant, so a published law answers with one number: no
intervals, no noise, and yes or no where a posterior has a probability.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.decisions.answer import Answer, Found, cases, published_answer
from bayes_scaling.decisions.asked_law import AskedLaw, Numbers, given_sizes, other_inputs
from bayes_scaling.decisions.limits import Limits
from bayes_scaling.decisions.optimum import Index
from bayes_scaling.decisions.query import (
    AnyDefinition,
    evaluated,
    load_query,
    read_values,
    require_base,
)
from bayes_scaling.decisions.reach import check_batch, find_reach
from bayes_scaling.decisions.saturation import find_saturation
from bayes_scaling.decisions.sizes import Sizes, Values
from bayes_scaling.errors import InputError
from bayes_scaling.inference.queries import GAIN
from bayes_scaling.laws import load_model
from bayes_scaling.laws.features import SIZES
from bayes_scaling.laws.nodes import Node, evaluate, names, substitute
from bayes_scaling.laws.render import to_text

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class PublishedLaw:
    """One set of published constants in the form of its paper.

    Attributes
    ----------
    id : str
        Its name.
    model : str
        Id of the definition it belongs to.
    kind : str
        What that describes: a law, a rule, a query.
    title : str
        One line for people.
    formulas : mapping of str to Node
        What it gives, the response first, in constants and inputs.
    constants : mapping of str to float
        In the units of this package.
    intervals : mapping of str to (float, float)
        Those that the source prints, of its own kind.
    units : str
        What counts as a parameter, a token, a loss; and what was converted.
    source : str
        Paper, with the equation or table.
    columns : mapping of str to str
        Inputs that mean a more specific column, such as params_nonembedding.
    defaults : mapping of str to Node
        Inputs that need not be given, and what they are then.
    """

    id: str
    model: str
    kind: str
    title: str
    formulas: Mapping[str, Node]
    constants: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    units: str = ""
    source: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Node] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Say what it is, formula included."""
        return f"PublishedLaw({self.id}: {self.response} = {to_text(self.formula)})"

    @property
    def response(self) -> str:
        """What it gives first."""
        return next(iter(self.formulas))

    @property
    def formula(self) -> Node:
        """The formula of the response."""
        return self.formulas[self.response]

    @property
    def inputs(self) -> tuple[str, ...]:
        """Columns it reads, sorted."""
        return tuple(sorted(set().union(*map(names, self.formulas.values())) - {*self.constants}))

    @property
    def needed(self) -> tuple[str, ...]:
        """Columns that it must be given."""
        return tuple(name for name in self.inputs if name not in self.defaults)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of its answers should know."""
        return (self.units,) if self.units else ()

    def loss(self, inputs: Mapping[str, Numbers]) -> Array:
        """Compute the loss.

        Parameters
        ----------
        inputs : mapping of str to float or array
            What the law reads, in the units of the run table; they broadcast.

        Returns
        -------
        array
            Nats per token of the paper's tokenizer and evaluation set.

        Raises
        ------
        InputError
            The law gives no loss, or an input is missing.
        """
        if self.response != "loss":
            raise InputError(f"{self.id} gives {', '.join(self.formulas)}, and no loss")
        return self.predict("loss", inputs)

    def predict(self, response: str, inputs: Mapping[str, Any]) -> Array:
        """Compute one of the quantities it gives; arguments as in `loss`."""
        node = substitute(self.formulas[response], self._unless(inputs))
        missing = sorted(names(node) - {*self.constants, *inputs})
        if missing:
            raise InputError(f"{self.id} needs {' and '.join(missing)} for {response}")
        values = {name: np.asarray(value, float) for name, value in inputs.items()}
        return np.asarray(evaluate(node, {**values, **self.constants}))

    def _unless(self, given: Iterable[str]) -> dict[str, Node]:
        return {name: node for name, node in self.defaults.items() if name not in set(given)}

    # ---- answers -----------------------------------------------------------------------------

    def forecast(self, sizes: Sizes) -> Answer:
        """Compute what it says of runs; see `bayes_scaling.decisions.published_answers`."""
        from bayes_scaling.decisions.published_answers import forecast

        return forecast(self, sizes)

    def allocate(
        self,
        *,
        flops: Numbers | None = None,
        params: Numbers | None = None,
        tokens: Numbers | None = None,
    ) -> Answer:
        """Find the best split of compute; see `bayes_scaling.decisions.published_answers`."""
        from bayes_scaling.decisions.published_answers import allocate

        return allocate(self, flops=flops, params=params, tokens=tokens)

    def judge_split(self, runs: Sizes) -> Answer:
        """Judge how runs split their compute; see `bayes_scaling.decisions.judge_split`."""
        from bayes_scaling.decisions.published_answers import judge_split

        return judge_split(self, runs)

    def saturation(
        self,
        gain: float = GAIN,
        *,
        params: Numbers | None = None,
        tokens: Numbers | None = None,
        inputs: Mapping[str, float] | None = None,
    ) -> Answer:
        """Find where doubling stops to pay; see `bayes_scaling.decisions.saturation`."""
        given = given_sizes({"params": params, "tokens": tokens})
        found = find_saturation(self.asked(inputs), gain, given)
        return self.answer(found, cases(given, {"gain": gain}, {}))

    def reach(
        self,
        loss: Numbers,
        *,
        params: Numbers | None = None,
        tokens: Numbers | None = None,
        batch_size: float | None = None,
        inference_tokens: float = 0.0,
        inputs: Mapping[str, float] | None = None,
    ) -> Answer:
        """Find what it takes to reach a loss; see `bayes_scaling.decisions.reach`."""
        given = given_sizes({"loss": loss, "params": params, "tokens": tokens})
        batch = check_batch(batch_size)
        served = Limits(inference_tokens=inference_tokens).inference_tokens
        found = find_reach(self.asked(inputs), given, batch, served)
        return self.answer(found, cases(given, {} if batch is None else {"batch_size": batch}, {}))

    def query(
        self, definition: AnyDefinition, values: Mapping[str, Values] | None = None
    ) -> Answer:
        """Evaluate a query with its constants; see `bayes_scaling.decisions.query.query`."""
        asked = load_query(definition)
        require_base(asked, load_model(self.model))
        given = read_values(asked, values or {})
        known = {name: np.asarray(value) for name, value in self.constants.items()}
        draws = evaluated(asked, known, given)
        return self.answer(Found(draws=draws), given)

    def asked(self, inputs: Mapping[str, float] | None = None) -> AskedLaw:
        """Return the law as queries see it, its inputs that are no sizes settled."""
        if self.response != "loss":
            raise InputError(f"{self.id} gives {', '.join(self.formulas)}, and no loss")
        wanted = [name for name in self.inputs if name not in SIZES]
        others, problems = other_inputs(wanted, inputs or {}, self.id)
        problems += [
            f"{self.id} also needs {name!r}: give it among the inputs"
            for name in wanted
            if name not in others and name in self.needed
        ]
        if problems:
            raise InputError(problems)

        def evaluate_at(sizes: Mapping[str, Array], draw: Index) -> Array:
            return self.loss({**others, **sizes})

        return AskedLaw(
            id=self.id,
            reads=tuple(name for name in SIZES if name in self.inputs),
            response=self.response,
            n_draws=1,
            evaluate=evaluate_at,
            noise=lambda deviation, draw: np.zeros(
                np.broadcast_shapes(deviation.shape, draw.shape)
            ),
        )

    def answer(self, found: Found, asked: Mapping[str, NDArray[Any]]) -> Answer:
        """Return what was found as an answer of this law."""
        return published_answer(self.id, found, asked=asked, notes=self.notes)
