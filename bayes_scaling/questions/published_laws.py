"""Published laws: constants of a paper in its own form, which answer questions as a fit does.

A paper gives one number for each constant, so every answer has one draw: no intervals, no noise,
and yes or no where a posterior has a probability. A law of a loss answers whatever needs no runs; a
rule, which gives params for a budget, splits compute and judges how runs split theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.formula.nodes import Node, evaluate, names, substitute
from bayes_scaling.formula.render import to_text
from bayes_scaling.intervals import PROBABILITY
from bayes_scaling.posterior.diagnostics import Check
from bayes_scaling.posterior.queries import Queries

if TYPE_CHECKING:
    from bayes_scaling.questions.answer import Answer
    from bayes_scaling.questions.asked_law import Numbers
    from bayes_scaling.questions.forecast import Forecast
    from bayes_scaling.questions.sizes import Sizes
    from bayes_scaling.questions.typical import Tuned

Array = NDArray[np.float64]
WHOLE = "all"
"""Label of all runs, where nothing tells groups apart."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PublishedLaw(Queries):
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
    def status(self) -> Literal["converged"]:
        """As of a fit: nothing was sampled, so nothing can have failed to converge."""
        return "converged"

    @property
    def trustworthy(self) -> bool:
        """As of a fit: no check can have failed."""
        return True

    @property
    def checks(self) -> tuple[Check, ...]:
        """As of a fit: none."""
        return ()

    def require_converged(self, *, allow_unconverged: bool = False) -> None:
        """Do nothing, where a fit that did not converge would raise."""

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
        self.require_loss()
        return self.predict("loss", inputs)

    def require_loss(self) -> None:
        """Raise `InputError` where it gives no loss."""
        if self.response != "loss":
            raise InputError(
                f"{self.id} gives {', '.join(self.formulas)}, and no loss; at(sizes), or the "
                "command 'published', computes what it gives"
            )

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

    def at(self, sizes: Sizes) -> Answer:
        """Compute all that it gives at some sizes, be it a loss or not.

        Parameters
        ----------
        sizes : mapping, DataFrame or RunTable
            What it reads; two of params, tokens and flops give the third.

        Returns
        -------
        Answer
            One draw.

        Raises
        ------
        InputError
            Something is missing, not above 0, of unequal length or unknown; all at once.
        """
        from bayes_scaling.questions.answer import Found, ask
        from bayes_scaling.questions.sizes import read_plan, run_names

        columns = read_plan(self, sizes).columns
        inputs = {name: columns[name] for name in self.inputs if name in columns}
        found = Found(draws={name: self.predict(name, inputs)[None, :] for name in self.formulas})
        shown = {name: values for name, values in columns.items() if name not in self.formulas}
        return ask(self, lambda _: found, asked={**run_names(sizes), **shown})

    def forecast(
        self,
        sizes: Sizes,
        *,
        tuning: Tuned = "tuned",
        probability: float = PROBABILITY,
        allow_unconverged: bool = False,
    ) -> Forecast:
        """Forecast the loss of runs; see `bayes_scaling.questions.forecast.forecast`."""
        from bayes_scaling.questions.forecast import forecast

        return forecast(
            self,
            sizes,
            tuning=tuning,
            probability=probability,
            allow_unconverged=allow_unconverged,
        )
