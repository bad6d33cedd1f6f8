"""`PublishedLaw`: the constants of a paper, which answer the questions of a fit with one draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit, Questions
from bayes_scaling.intervals import PROBABILITY
from bayes_scaling.methods import documented
from bayes_scaling.questions import literature
from bayes_scaling.questions.against import Against, against
from bayes_scaling.questions.answer import Answer
from bayes_scaling.questions.published_laws import PublishedConstants
from bayes_scaling.questions.sizes import Sizes
from bayes_scaling.runs import RunTable
from bayes_scaling.scoring import ScoreFit


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PublishedLaw(PublishedConstants, Questions):
    """One set of published constants, which answers the questions of a fit with one draw."""

    left_out: Mapping[str, str] = field(default_factory=dict, init=False)

    @property
    def averages(self) -> bool:
        """Whether it averages laws: it does not."""
        return False

    @property
    def status(self) -> str:
        """As of a fit: nothing was sampled, so nothing can have failed to converge."""
        return "converged"

    @property
    def trustworthy(self) -> bool:
        """As of a fit: no check can have failed."""
        return True

    def accept_unconverged(self) -> Self:
        """Return it as it is."""
        return self

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
        return literature.at_sizes(self, sizes)

    @documented(against)
    def against(
        self, runs: RunTable, *, random_seed: int = 0, probability: float = PROBABILITY
    ) -> Against:
        return against(self, runs, random_seed=random_seed).with_probability(probability)

    def _fitted(self, question: str) -> Any:
        raise InputError(
            f"{self.id} has no runs and no posterior: {question} is answered by a fit alone"
        )


type Answerer = Fit | ScoreFit | PublishedLaw
"""What answers questions."""


def list_published() -> tuple[PublishedLaw, ...]:
    """Return every published law of the catalogue, sorted by id.

    Raises
    ------
    InputError
        A definition cannot be read.
    """
    return tuple(map(_published_law, literature.list_published()))


def published(name: str) -> PublishedLaw:
    """Return a published law by its name.

    Parameters
    ----------
    name : str
        Such as ``"hoffmann-2022"`` or ``"kaplan-2020-nd"``; `list_published` has all.

    Returns
    -------
    PublishedLaw

    Raises
    ------
    InputError
        There is none of that name, or its definition cannot be read.

    Examples
    --------
    >>> float(published("hoffmann-2022").loss({"params": 7e10, "tokens": 1.4e12}).round(3))
    1.937
    """
    return _published_law(literature.published(name))


def _published_law(law: PublishedConstants) -> PublishedLaw:
    values = {each.name: getattr(law, each.name) for each in fields(PublishedConstants)}
    return PublishedLaw(**values)
