"""What a model definition says, as frozen values; `bayes_scaling.laws.model` says what follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bayes_scaling.formula.nodes import Node
from bayes_scaling.laws.features import OFF, Feature
from bayes_scaling.laws.lines import Line
from bayes_scaling.laws.link import Scale
from bayes_scaling.laws.noise import NoiseFamily
from bayes_scaling.laws.parameters import Parameter
from bayes_scaling.laws.priors import Prior

if TYPE_CHECKING:
    from bayes_scaling.laws.published import Published

Kind = Literal["law", "rule", "query"]

KINDS: tuple[Kind, ...] = ("law", "rule", "query")


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


@dataclass(frozen=True, kw_only=True)
class Definition:
    """The content of a model file.

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
        Prior of the error of the form per e-fold of scale beyond the runs, as a share of what the
        law falls per e-fold there; see `bayes_scaling.laws.features`.
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
