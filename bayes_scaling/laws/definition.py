"""What a model definition says, as frozen values, and the law that follows from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.formula.nodes import Call, Name, Node, Number, evaluate, names, substitute, walk
from bayes_scaling.formula.render import to_text
from bayes_scaling.laws.ceiling import with_ceiling
from bayes_scaling.laws.drift import effective_name, reference_names as walk_references
from bayes_scaling.laws.features import FEATURES, NOISES, OFF, SIZES, Feature
from bayes_scaling.laws.lines import Line, written_out
from bayes_scaling.laws.link import Scale, link_of
from bayes_scaling.laws.noise import NoiseFamily
from bayes_scaling.laws.parameters import Parameter
from bayes_scaling.laws.priors import Prior
from bayes_scaling.laws.published import Published
from bayes_scaling.laws.transient import SCALE_LOW, SCALE_REF, settled_level, with_transient
from bayes_scaling.runs import RunTable, split_columns
from bayes_scaling.runs.copies import once, once_each
from bayes_scaling.runs.rows import chosen_rows

Arrays = Mapping[str, NDArray[np.float64]]
Kind = Literal["law", "rule", "query"]

KINDS: tuple[Kind, ...] = ("law", "rule", "query")

MOMENTS = ("steps", "tokens", "pair")
"""Columns that tell rows of one run apart, whether a law reads them or not."""


@dataclass(frozen=True, kw_only=True)
class Likelihood:
    """A further observed quantity of a run, beside the response.

    Attributes
    ----------
    response : str
        The column that is explained; noise acts on its log, with a scale of its own.
    node : Node
        Its formula, of the same names as that of the model.
    """

    response: str
    node: Node

    @property
    def sigma_name(self) -> str:
        """Name of the scale of its noise."""
        return f"sigma_{self.response}"


@dataclass(frozen=True, kw_only=True, repr=False)
class Definition:
    """The content of a model file: a scaling law with everything that is needed to fit it.

    Attributes
    ----------
    id, title : str
        Its name in the catalogue, and one line for people.
    formula : Node
        The response as a formula of parameters, inputs, reference sizes and ``[where]`` lines.
    parameters : tuple of Parameter
        Everything that is sampled; the parameters of the noise come last.
    response : str
        The column that is explained.
    likelihoods : tuple of Likelihood
        Further observed quantities. Of a rule: the further quantities it gives.
    where, derived, tuned : tuple of Line
        Named sub-expressions, fixed constants and roots of equations; quantities reported with
        the posterior; and the value an input takes in a well-tuned run, used where a forecast does
        not give it.
    ordered : tuple of tuple of str
        Sets of parameters that ascend, such as the places of breaks.
    arguments : tuple of (str, float)
        Settings that are no column of runs, such as the tolerance of a bound, with their defaults.
    select : str
        The rows of a table that the protocol of the law takes: a protocol of
        `bayes_scaling.runs.protocols` or a condition; empty for all.
    noise : {"student_t", "normal"}
        Noise of a run on the log of the response, or on what `scale` says.
    scale : {"log", "logit"}
        Whether noise, transient and error of the form act on the log of the response, or, where it
        lies between 0 and 1, on its log odds; see `bayes_scaling.laws.link`.
    drift, transient, run_effect, correlated, mistuned, ceiling : Feature
        Whether exponents wander with scale, small runs lie above the law, rows of one run share a
        deviation or forget it, some runs lie above the law, and the law is flat near the loss of an
        untrained model; see `bayes_scaling.laws.features`.
    temper : float or None
        Share of the span of the runs over which the weight of a run falls by a factor e.
    form_error : Prior or None
        Prior of the error of the form per e-fold of scale beyond the runs, on the log of the
        response; see `bayes_scaling.laws.features`.
    group : str
        The column whose values are the groups of ``partial`` and ``separate`` parameters; several
        are joined by a slash (``corpus/family``).
    columns : tuple of (str, str)
        Inputs that mean a more specific column, such as ``("params", "params_nonembedding")``.
    extra_inputs : tuple of str
        Inputs beyond the vocabulary of `RunTable`.
    kind : {"law", "rule", "query"}
        What it describes: a law of runs; quantities of a size, such as a best batch; or a quantity
        of a fitted law, such as a bound.
    valid : str
        Where the law is meant to hold.
    references : tuple of str
        Papers, with the equation.
    published : Published or None
        The form and the constants that papers report.
    base : str or None
        The model it was built on.
    """

    id: str
    title: str
    formula: Node
    parameters: tuple[Parameter, ...]
    response: str = "loss"
    likelihoods: tuple[Likelihood, ...] = ()
    where: tuple[Line, ...] = ()
    derived: tuple[Line, ...] = ()
    tuned: tuple[Line, ...] = ()
    ordered: tuple[tuple[str, ...], ...] = ()
    arguments: tuple[tuple[str, float], ...] = ()
    select: str = ""
    noise: NoiseFamily = "student_t"
    scale: Scale = "log"
    drift: Feature = OFF
    transient: Feature = OFF
    run_effect: Feature = OFF
    correlated: Feature = OFF
    mistuned: Feature = OFF
    ceiling: Feature = OFF
    temper: float | None = None
    form_error: Prior | None = None
    group: str = "family"
    columns: tuple[tuple[str, str], ...] = ()
    extra_inputs: tuple[str, ...] = ()
    kind: Kind = "law"
    valid: str = ""
    references: tuple[str, ...] = ()
    published: Published | None = None
    base: str | None = None

    def parameter(self, name: str) -> Parameter:
        """Return a parameter by name."""
        return next(item for item in self.parameters if item.name == name)

    def __repr__(self) -> str:
        """Say which law it is; `Model.to_dict` has the whole definition."""
        return f"{type(self).__name__}({self.id}: {self.response} = {to_text(self.formula)})"

    # ---- features ----------------------------------------------------------------------------

    @property
    def switches(self) -> dict[str, Feature]:
        """What the model says of each of `bayes_scaling.laws.features.FEATURES`."""
        return {name: getattr(self, name) for name in FEATURES}

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features that are on, tempering aside."""
        return tuple(name for name, feature in self.switches.items() if feature.on)

    @property
    def counts_items(self) -> bool:
        """Whether the number of questions of an evaluation is part of the noise of the response."""
        return link_of(self).bounded and not set(NOISES) & set(self.features)

    # ---- the formula -------------------------------------------------------------------------

    @cached_property
    def law(self) -> Node:
        """The formula with every ``[where]`` line written out, ceiling and transient included."""
        return self._with_transient(self._with_ceiling(lambda node: node))

    @cached_property
    def evaluated_law(self) -> Node:
        """The law as it is computed: inputs that drift are read as effective sizes."""
        return self._with_transient(self._with_ceiling(self._effective))

    @cached_property
    def tuned_law(self) -> Node:
        """The law as it is computed of runs whose tuned inputs are not given."""
        law = self.evaluated_law
        for name, node in reversed(self._tuned.items()):
            law = substitute(law, {name: self._effective(node)})
        return law

    @cached_property
    def evaluated_laws(self) -> Mapping[str, Node]:
        """What is computed of every observed quantity, by response; that of the law is first."""
        further = {
            item.response: self._effective(self.closed(item.node)) for item in self.likelihoods
        }
        return {self.response: self.evaluated_law, **further}

    @property
    def responses(self) -> tuple[str, ...]:
        """The observed quantities, the main one first."""
        return (self.response, *(item.response for item in self.likelihoods))

    def _effective(self, node: Node) -> Node:
        """Read inputs that drift as effective sizes."""
        return substitute(node, {name: Name(effective_name(name)) for name in self.drifting})

    def _with_ceiling(self, reading: Callable[[Node], Node]) -> Node:
        """Put the law, its sizes read in some way, under its ceiling."""
        plain = self.closed(self.formula)
        if not self.ceiling.on:
            return reading(plain)
        columns = self._read((plain,)) - {name for name, _ in self.arguments}
        references: dict[str, Node] = {name: Name(f"{name}_ref") for name in columns}
        return with_ceiling(plain, self.ceiling, self.closed, reading, references)

    def _with_transient(self, law: Node) -> Node:
        on = self.transient.on
        return with_transient(law, self.scale_inputs, link_of(self)) if on else law

    @cached_property
    def drifting(self) -> tuple[str, ...]:
        """Inputs that are replaced by effective sizes."""
        return (self.drift.inputs or self._own_sizes) if self.drift.on else ()

    @property
    def scale_inputs(self) -> tuple[str, ...]:
        """Inputs whose product is the scale of a run: its compute, up to a factor."""
        return (self.transient.inputs if self.transient.on else ()) or self._own_sizes

    @cached_property
    def _own_sizes(self) -> tuple[str, ...]:
        """Sizes that the formula reads, in the order of `SIZES`."""
        read = names(self.closed(self.formula))
        return tuple(name for name in SIZES if name in read)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Columns of the run table that the law reads, sorted."""
        nodes = [self.law, *self._tuned.values()]
        nodes += [self.closed(item.node) for item in self.likelihoods]
        return tuple(sorted(self._read(nodes)))

    @property
    def sizes(self) -> tuple[str, ...]:
        """Inputs a forecast must be given: those without a tuned value."""
        return tuple(name for name in self.inputs if name not in self._tuned)

    @property
    def reference_names(self) -> tuple[str, ...]:
        """Reference sizes that formula, derived quantities or drift read: ``params_ref``, ..."""
        nodes = [self.law, *self._derived.values(), *self._tuned.values()]
        nodes += [self.closed(item.node) for item in self.likelihoods]
        nodes += [node for line in self.derived for _, node in line.inverse]
        found = set().union(*(names(node) for node in nodes))
        found = {name for name in found if name.endswith("_ref") and name != SCALE_REF}
        return tuple(sorted(found | set(walk_references(self.drifting))))

    def predict(self, parameters: Arrays, inputs: Arrays, references: Mapping[str, float]) -> Any:
        """Compute the noise-free response.

        Parameters
        ----------
        parameters : mapping of str to array
            Values of the parameters; draws first, e.g. (n_draws, 1).
        inputs : mapping of str to array
            Sizes and settings of the runs, in the units of the run table, e.g. (n_runs,). A tuned
            input that is absent takes its tuned value. Under drift, effective sizes by their
            names too (`bayes_scaling.laws.density.effective_sizes`); without them nothing drifts.
        references : mapping of str to float
            Reference sizes.

        Returns
        -------
        array
            Broadcast of all of them, in the unit of the response.
        """
        values = self._values(parameters, inputs, references)
        return evaluate(self.evaluated_law, values)

    def tuned_values(
        self, parameters: Arrays, inputs: Arrays, references: Mapping[str, float]
    ) -> dict[str, Any]:
        """Compute what inputs that are not given take in a well-tuned run, in order.

        Arguments as in `predict`; a tuned input may depend on those before it, be they given (the
        best learning rate of this batch) or not.
        """
        values = self._values(parameters, inputs, references)
        return {name: values[name] for name in self._tuned if name not in inputs}

    def _values(
        self, parameters: Arrays, inputs: Arrays, references: Mapping[str, float]
    ) -> dict[str, Any]:
        """Join all that a formula reads; a size whose effective size is not given is its own."""
        values: dict[str, Any] = {**references, **parameters, **inputs}
        for name in self.drifting:
            values.setdefault(effective_name(name), values[name])
        for name, node in self._tuned.items():
            if name not in values:
                values[name] = evaluate(self._effective(node), values)
        return values

    def derive(self, parameters: Arrays, references: Mapping[str, float]) -> dict[str, Any]:
        """Compute the derived quantities, in the published parameterisation."""
        values: dict[str, Any] = {**references, **parameters}
        return {name: evaluate(node, values) for name, node in self._derived.items()}

    def closed(self, node: Node) -> Node:
        """Write out every ``[where]`` line that a formula refers to."""
        return substitute(written_out(node, self.where), self._settled)

    @property
    def _settled(self) -> dict[str, Node]:
        """The level of the law as a formula, where its parameter is the level that runs show."""
        level = self.transient.level if self.transient.on else ""
        if all(item.name != level for item in self.parameters):
            return {}
        return {level: settled_level(level, link_of(self))}

    @cached_property
    def _derived(self) -> dict[str, Node]:
        return {line.name: self.closed(line.node) for line in self.derived}

    @cached_property
    def _tuned(self) -> dict[str, Node]:
        arguments: dict[str, Node] = {name: Number(value) for name, value in self.arguments}
        return arguments | {line.name: self.closed(line.node) for line in self.tuned}

    def _read(self, nodes: Iterable[Node]) -> set[str]:
        """Return the columns of the run table that closed formulas read."""
        found: set[str] = set().union(*(names(node) for node in nodes))
        found -= {item.name for item in self.parameters} | {SCALE_LOW}
        return {name for name in found if not name.endswith("_ref")}

    def rows_of(self, runs: RunTable) -> RunTable:
        """Return the rows that the protocol of the law takes, or all; copies of a run once.

        So do rows of one run that have one loss at one moment, such as one for each of its scores.
        """
        taken = once(chosen_rows(runs, self.select, group=self.group) if self.select else runs)
        if self.response != "loss":
            return taken
        meant = {column for _, column in self.columns}
        read = {*self.inputs, *self.responses, *meant, *split_columns(self.group), *MOMENTS}
        return once_each(taken, read)


LOGS = ("log", "log10")


def exponent_of(model: Definition, name: str) -> str | None:
    """Find the parameter that is the exponent of an input.

    Parameters
    ----------
    model : Model
        The law.
    name : str
        The input.

    Returns
    -------
    str or None
        The one parameter, up to its sign, that the input is raised to (``(params / params_ref)
        **-alpha``) or that multiplies its log (``alpha * log(params / params_ref)``). Exponents of
        tuned inputs, such as the best learning rate, are none of the law. None where no parameter
        or several stand there: the law then has no single exponent of the input.

    Examples
    --------
    >>> from bayes_scaling.laws import load_model
    >>> exponent_of(load_model("chinchilla"), "tokens")
    'beta'
    """
    sampled = {item.name for item in model.parameters}
    tuned = {found for line in model.tuned for found in names(model.closed(line.node))}
    found: set[str] = set()
    for node in walk(model.closed(model.formula)):
        match node:
            case Call("**", (base, exponent)) if name in names(base) and not names(base) & sampled:
                found |= names(exponent) & sampled
            case Call("*", (first, second)):
                for factor, other in ((first, second), (second, first)):
                    if _is_log(other, name, sampled):
                        found |= names(factor) & sampled
            case _:
                pass
    found -= tuned
    return found.pop() if len(found) == 1 else None


def _is_log(node: Node, name: str, sampled: set[str]) -> bool:
    """Tell whether a node reads an input through its log alone, and no parameter."""
    if name not in names(node) or names(node) & sampled:
        return False
    return not _outside_logs(node, name)


def _outside_logs(node: Node, name: str) -> bool:
    match node:
        case Name(id):
            return id == name
        case Call(op, args):
            return op not in LOGS and any(_outside_logs(arg, name) for arg in args)
        case _:
            return False
