"""Published laws: constants of a paper in its own form, which answer questions as a fit does.

A paper gives one number for each constant, so every answer has one draw: no intervals, no noise,
and yes or no where a posterior has a probability. A law of a loss answers whatever needs no runs; a
rule, which gives params for a budget, splits compute and judges how runs split theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.formula.nodes import Node, evaluate, names, substitute
from bayes_scaling.formula.render import to_text
from bayes_scaling.posterior import Check, Member, Reads
from bayes_scaling.posterior.two_steps import TwoSteps
from bayes_scaling.runs.counting import FLOPS_PER_PARAM_TOKEN

Array = NDArray[np.float64]
WHOLE = "all"
"""Label of all runs, where nothing tells groups apart."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PublishedConstants:
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
    def groups(self) -> tuple[str, ...]:
        """Labels of the groups it tells apart: it has one law for all runs."""
        return (WHOLE,)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of its answers should know."""
        return (self.units,) if self.units else ()

    def loss(self, inputs: Mapping[str, Any]) -> Array:
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
        if not self.predicts:
            raise InputError(
                f"{self.id} gives {', '.join(self.formulas)}, and no loss; at(sizes), or the "
                "command 'published', computes what it gives"
            )
        return self.compute("loss", inputs)

    def compute(self, response: str, inputs: Mapping[str, Any]) -> Array:
        """Compute one of the quantities it gives; arguments as in `loss`."""
        node = substitute(self.formulas[response], self._unless(inputs))
        missing = sorted(names(node) - {*self.constants, *inputs})
        if missing:
            raise InputError(f"{self.id} needs {' and '.join(missing)} for {response}")
        values = {name: np.asarray(value, float) for name, value in inputs.items()}
        return np.asarray(evaluate(node, {**values, **self.constants}))

    def _unless(self, given: Iterable[str]) -> dict[str, Node]:
        return {name: node for name, node in self.defaults.items() if name not in set(given)}

    # ---- as what is asked: one law, of weight 1 ------------------------------------------------

    @property
    def members(self) -> Mapping[str, PublishedConstants]:
        """Itself, by its name."""
        return {self.id: self}

    @property
    def weights(self) -> Mapping[str, float]:
        """1, by its name."""
        return {self.id: 1.0}

    @property
    def leading(self) -> PublishedConstants:
        """Itself."""
        return self

    @property
    def member(self) -> NDArray[np.int64]:
        """Position of the law of its one draw (1,)."""
        return np.zeros(1, dtype=np.int64)

    @property
    def rows(self) -> tuple[NDArray[np.int64], ...]:
        """Its one draw."""
        return (np.zeros(1, dtype=np.int64),)

    @property
    def checks(self) -> tuple[Check, ...]:
        """None: nothing was sampled."""
        return ()

    def mix(self, parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Return its one draw."""
        return parts[0]

    # ---- as one law of a posterior, of one draw ------------------------------------------------

    n_draws = 1
    grouped = False
    active_share = 1.0
    active_shares = (1.0, 1.0)

    @property
    def tunes(self) -> tuple[str, ...]:
        """Inputs that have a best value: none."""
        return ()

    @property
    def predicts(self) -> bool:
        """Whether it gives a loss, and is no rule of sizes alone."""
        return self.response == "loss"

    @property
    def reads(self) -> Reads:
        """What it reads of a table."""
        return Reads(
            id=self.id,
            inputs=self.inputs,
            needed=self.needed,
            meant=self.columns,
            columns=(),
            group="family",
        )

    @property
    def fitted_sizes(self) -> dict[str, Array]:
        """Nothing: it was fitted elsewhere."""
        return {}

    def predict(self, inputs: Mapping[str, Any], *, group: Any = 0, draw: Any = 0) -> Array:
        """Compute the loss; there is one group and one draw."""
        return self.loss(inputs)

    def rank(self, inputs: Mapping[str, Any], *, group: Any = 0, draw: Any = 0) -> Array:
        """Compute what is least at the best split: the loss."""
        return self.loss(inputs)

    def tuned(
        self, inputs: Mapping[str, Any], *, group: Any = 0, draw: Any = 0
    ) -> dict[str, Array]:
        """Return nothing: it tunes no inputs."""
        return {}

    def new_run_logpdf(
        self, response: Array, law: Array, *, group: int, draw: NDArray[np.int64]
    ) -> Array:
        """Return zeros: it knows no noise."""
        return np.zeros(np.broadcast_shapes(np.shape(response), np.shape(law), np.shape(draw)))

    def with_noise(
        self, loss: Array, *, group: int, draw: NDArray[np.int64], rng: np.random.Generator
    ) -> Array:
        """Return the losses: it knows no noise."""
        return loss

    def known(self, group: int) -> dict[str, Array]:
        """Return its constants, by name."""
        return {name: np.asarray(value) for name, value in self.constants.items()}

    @property
    def states_split(self) -> bool:
        """Whether it gives the params for a budget."""
        return "params" in self.formulas and self.inputs == ("flops",)

    def stated_split(self, flops: Array, *, group: int, draw: Any) -> tuple[Array, Array]:
        """Return the params and tokens that it states for budgets (n,)."""
        params = self.compute("params", {"flops": flops})
        if "tokens" in self.formulas:
            return params, self.compute("tokens", {"flops": flops})
        return params, flops / (FLOPS_PER_PARAM_TOKEN * params)


type Law = Member | TwoSteps | PublishedConstants
"""One law: with draws of its parameters, be they of two steps, or with the constants of a paper,
which are one draw."""
