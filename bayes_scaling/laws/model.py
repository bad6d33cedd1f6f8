"""`Model`: a law with its priors, pooling and noise, and all that follows from its definition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.formula.nodes import Name, Node, Number, evaluate, names, substitute
from bayes_scaling.formula.render import to_text
from bayes_scaling.laws import drift, features
from bayes_scaling.laws.ceiling import with_ceiling
from bayes_scaling.laws.definition import Definition
from bayes_scaling.laws.features import switches
from bayes_scaling.laws.lines import written_out
from bayes_scaling.laws.link import link_of

if TYPE_CHECKING:
    import pymc as pm

    from bayes_scaling.runs import RunTable

Arrays = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, kw_only=True, repr=False)
class Model(Definition):
    """A scaling law with everything that is needed to fit it.

    Its attributes are those of `bayes_scaling.laws.definition.Definition`.
    """

    def __repr__(self) -> str:
        """Say which law it is; `to_dict` has the whole definition."""
        return f"Model({self.id}: {self.response} = {to_text(self.formula)})"

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

    def of(self, response: str) -> Model:
        """Return the model of another observed quantity; see `bayes_scaling.laws.variants.of`."""
        from bayes_scaling.laws.variants import of

        return of(self, response)

    def _effective(self, node: Node) -> Node:
        """Read inputs that drift as effective sizes."""
        return substitute(node, {name: Name(drift.effective_name(name)) for name in self.drifting})

    def _with_ceiling(self, reading: Callable[[Node], Node]) -> Node:
        """Put the law, its sizes read in some way, under its ceiling."""
        plain = self.closed(self.formula)
        if not self.ceiling.on:
            return reading(plain)
        columns = set(self._read((plain,))) - {name for name, _ in self.arguments}
        references: dict[str, Node] = {name: Name(f"{name}_ref") for name in columns}
        return with_ceiling(plain, self.ceiling, self.closed, reading, references)

    def _with_transient(self, law: Node) -> Node:
        if not self.transient.on:
            return law
        return features.with_transient(law, self.scale_inputs, link_of(self))

    @cached_property
    def drifting(self) -> tuple[str, ...]:
        """Inputs that are replaced by effective sizes."""
        if not self.drift.on:
            return ()
        return self.drift.inputs or self._own_sizes

    @property
    def scale_inputs(self) -> tuple[str, ...]:
        """Inputs whose product is the scale of a run: its compute, up to a factor."""
        return (self.transient.inputs if self.transient.on else ()) or self._own_sizes

    @cached_property
    def _own_sizes(self) -> tuple[str, ...]:
        """Sizes that the formula reads, in the order of `features.SIZES`."""
        read = names(self.closed(self.formula))
        return tuple(name for name in features.SIZES if name in read)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Columns of the run table that the law reads, sorted."""
        return tuple(sorted(self._inputs()))

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
        return tuple(
            sorted(
                {name for name in found if name.endswith("_ref") and name != features.SCALE_REF}
                | set(drift.reference_names(self.drifting))
            )
        )

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
            values.setdefault(drift.effective_name(name), values[name])
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
        return {level: features.settled_level(level, link_of(self))}

    @cached_property
    def _derived(self) -> dict[str, Node]:
        return {line.name: self.closed(line.node) for line in self.derived}

    @cached_property
    def _tuned(self) -> dict[str, Node]:
        arguments: dict[str, Node] = {name: Number(value) for name, value in self.arguments}
        return arguments | {line.name: self.closed(line.node) for line in self.tuned}

    def _inputs(self) -> Iterator[str]:
        nodes = [self.law, *self._tuned.values()]
        return self._read((*nodes, *(self.closed(item.node) for item in self.likelihoods)))

    def _read(self, nodes: Iterable[Node]) -> Iterator[str]:
        """Yield the columns of the run table that closed formulas read."""
        own = {parameter.name for parameter in self.parameters}
        found: set[str] = set().union(*(names(node) for node in nodes))
        return (
            name
            for name in found
            if name not in own and not name.endswith("_ref") and name != features.SCALE_LOW
        )

    # ---- variants ----------------------------------------------------------------------------

    def with_priors(self, priors: Mapping[str, Any]) -> Model:
        """Return the model with other priors; see `bayes_scaling.laws.variants.with_priors`."""
        from bayes_scaling.laws.variants import with_priors

        return with_priors(self, priors)

    def with_features(
        self,
        *,
        drift: bool | None = None,
        transient: bool | None = None,
        run_effect: bool | None = None,
        correlated: bool | None = None,
        mistuned: bool | None = None,
        ceiling: bool | float | str | None = None,
        temper: float | None = None,
        id: str | None = None,
    ) -> Model:
        """Switch features on or off; see `bayes_scaling.laws.variants.with_features`."""
        from bayes_scaling.laws.variants import with_features

        switches = {
            "drift": drift, "transient": transient, "run_effect": run_effect,
            "correlated": correlated, "mistuned": mistuned,
            "ceiling": ceiling,
        }  # fmt: skip
        return with_features(self, switches, temper=temper, id=id)

    def pooled_by(self, *columns: str) -> Model:
        """Return the model with its groups given by another column, or by two nested ones."""
        from bayes_scaling.laws.variants import pooled_by

        return pooled_by(self, columns)

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features that are on, tempering aside."""
        return tuple(name for name, feature in switches(self).items() if feature.on)

    # ---- identity ----------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return the definition in the form of its TOML, flat: without a base."""
        from bayes_scaling.laws.write import definition

        return definition(self)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of all that changes an answer; titles and explanations do not count."""
        from bayes_scaling.laws.write import content_hash

        return content_hash(self)

    # ---- PyMC --------------------------------------------------------------------------------

    def build(self, runs: RunTable) -> pm.Model:
        """Return the `pymc.Model` of this law on a table of runs, for a user of PyMC to take over.

        Raises
        ------
        InputError
            The table lacks what the law reads.
        """
        from bayes_scaling.laws.build import build_model
        from bayes_scaling.laws.design import make_design

        return build_model(self, make_design(self, self.rows_of(runs)))

    def rows_of(self, runs: RunTable) -> RunTable:
        """Return the rows of a table that the protocol of the law takes; all where it has none."""
        from bayes_scaling.runs.rows import chosen_rows

        return chosen_rows(runs, self.select, group=self.group) if self.select else runs
