"""`Posterior`: the draws of one law or of several, weighted, given one table of runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.intervals import PROBABILITY
from bayes_scaling.laws.drift import Walk
from bayes_scaling.laws.model import Model
from bayes_scaling.page import Page, Shown
from bayes_scaling.posterior.diagnostics import Check, Mixing, standing
from bayes_scaling.posterior.member import Member
from bayes_scaling.posterior.regroup import of, thinned, with_new_group
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.posterior.tree import make_tree, stored_name
from bayes_scaling.posterior.weights import mixed, stratify
from bayes_scaling.runs import RunTable

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


ENSEMBLE = "ensemble"
"""Name of what several laws say together."""

MEMBERS = "members"
"""Name of the check that tells who was left out, and of the group of the file that holds them."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Posterior(Shown):
    """The draws of laws on one table of runs; a single law is one member of weight 1.

    Attributes
    ----------
    members : mapping of str to Member
        By the id of the law. They share rows, response, inputs and groups.
    weights : mapping of str to float
        Of each member; they sum to 1.
    left_out : mapping of str to str
        Models that were fitted and do not count, with the reason.
    settings : Settings
        How the members were sampled; of several each has a seed of its own, grown from this one.
    """

    members: Mapping[str, Member]
    weights: Mapping[str, float]
    left_out: Mapping[str, str] = field(default_factory=dict)
    settings: Settings

    @classmethod
    def of_one(cls, member: Member) -> Self:
        """Return the posterior of one law."""
        return cls(members={member.id: member}, weights={member.id: 1.0}, settings=member.settings)

    def page(self) -> Page:
        """Return what is printed: what was fitted; `summary` has the numbers."""
        return [[self._said]]

    @property
    def _said(self) -> str:
        if not self.averages:
            size = f"{self.settings.chains} x {self.settings.draws} draws"
            return f"Fit({self.id} on {len(self.runs)} runs, {size}, {standing(self.checks)})"
        parts = ", ".join(f"{name} {weight:.2f}" for name, weight in self.weights.items())
        return f"Fit({parts} on {len(self.runs)} runs, {standing(self.checks)})"

    # ---- what the members share --------------------------------------------------------------

    @property
    def averages(self) -> bool:
        """Whether several laws were averaged, be it that one alone was left."""
        return len(self.members) > 1 or bool(self.left_out)

    @property
    def id(self) -> str:
        """Name of the law; ``"ensemble"`` where several were averaged."""
        return ENSEMBLE if self.averages else self.leading.id

    @property
    def leading(self) -> Member:
        """The member of the largest weight, for what all of them share; the first of equals."""
        return self.members[max(self.weights, key=lambda name: self.weights[name])]

    @property
    def only(self) -> Member:
        """The one member.

        Raises
        ------
        InputError
            There are several.
        """
        if len(self.members) > 1:
            raise InputError(
                f"{', '.join(self.members)} were averaged: take one by its name, "
                f"fit.members[{self.leading.id!r}]"
            )
        return self.leading

    @property
    def runs(self) -> RunTable:
        """The runs that every member was fitted on."""
        return self.leading.runs

    @property
    def groups(self) -> tuple[str, ...]:
        """Labels of the groups of runs."""
        return self.leading.groups

    @property
    def provenance(self) -> Mapping[str, str]:
        """What the members come from: once where it is the same, else by ``member.name``."""
        found: dict[str, str] = {}
        for key in dict.fromkeys(key for fit in self.members.values() for key in fit.provenance):
            values = {
                name: fit.provenance[key]
                for name, fit in self.members.items()
                if key in fit.provenance
            }
            if len(values) == len(self.members) and len(set(values.values())) == 1:
                found[key] = next(iter(values.values()))
            else:
                found |= {f"{name}.{key}": value for name, value in values.items()}
        return found

    # ---- status ------------------------------------------------------------------------------

    @property
    def status(self) -> Literal["converged", "unconverged"]:
        """Whether the members converged; one that did not is here only where none did."""
        failed = any(fit.status == "unconverged" for fit in self.members.values())
        return "unconverged" if failed else "converged"

    @property
    def trustworthy(self) -> bool:
        """Whether no check of any member failed."""
        return all(fit.trustworthy for fit in self.members.values())

    @property
    def checks(self) -> tuple[Check, ...]:
        """Checks of the members, by ``name of member``, once where all say the same."""
        first, *others = self.members.values()
        if not self.averages:
            return first.checks
        shared = [check for check in first.checks if all(check in fit.checks for fit in others)]
        own = [
            check.of(name)
            for name, fit in self.members.items()
            for check in fit.checks
            if check not in shared
        ]
        out = [
            Check(name=MEMBERS, verdict="warn", evidence=f"{name} is left out: {reason}")
            for name, reason in self.left_out.items()
        ]
        return (*own, *shared, *out)

    @property
    def verdicts(self) -> Mapping[str, Mapping[str, str]]:
        """Verdict of every check, by member and check; empty where a member has no such check."""
        names = dict.fromkeys(check.name for fit in self.members.values() for check in fit.checks)
        blank = dict.fromkeys(names, "")
        return {
            name: blank | {check.name: str(check.verdict) for check in fit.checks}
            for name, fit in self.members.items()
        }

    # ---- draws -------------------------------------------------------------------------------

    @cached_property
    def rows(self) -> tuple[NDArray[np.int64], ...]:
        """Draws of each member (n_taken,) that stand for it in the mixture."""
        sizes = [fit.n_draws for fit in self.members.values()]
        return stratify([self.weights[name] for name in self.members], sizes)

    @cached_property
    def member(self) -> NDArray[np.int64]:
        """Position of the member that each draw of the mixture comes from (n_draws,)."""
        return np.repeat(np.arange(len(self.rows)), [len(rows) for rows in self.rows])

    @property
    def n_draws(self) -> int:
        """Number of draws of the mixture."""
        return self.member.size

    def mix[Number: (np.float64, np.bool_)](
        self, parts: Sequence[NDArray[Number]]
    ) -> NDArray[Number]:
        """Take from what each member says (n_draws, ...) the draws that stand in the mixture."""
        return mixed(parts, self.rows)

    def generator(self, purpose: str) -> np.random.Generator:
        """Return the random generator of one purpose; the same for the same seed and purpose."""
        return self.settings.generator(purpose)

    @property
    def tree(self) -> xr.DataTree:
        """The draws as a DataTree, for any function of ArviZ; of several under ``members/name``."""
        if not self.averages:
            return make_tree(self.only)
        import xarray as xr

        parts = {
            f"{MEMBERS}/{stored_name(name)}": make_tree(fit) for name, fit in self.members.items()
        }
        return xr.DataTree.from_dict(
            {
                f"{place}/{group}": node.dataset
                for place, tree in parts.items()
                for group, node in tree.children.items()
            }
        )

    def summary(self, *, probability: float = PROBABILITY) -> pd.DataFrame:
        """Summarise the draws of every member.

        Parameters
        ----------
        probability : float
            Probability of the equal-tailed intervals.

        Returns
        -------
        pandas.DataFrame
            Indexed by parameter: the columns of `Member.summary`. Where laws were averaged, indexed
            by member and parameter, with the weight.
        """
        if not self.averages:
            return self.only.summary(probability=probability)
        import pandas as pd

        tables = {
            name: fit.summary(probability=probability).assign(weight=self.weights[name])
            for name, fit in self.members.items()
        }
        return pd.concat(tables, names=["member"])

    # ---- posteriors made of it ---------------------------------------------------------------

    def of(self, response: str) -> Self:
        """Return the posterior of another observed quantity; see `regroup.of`."""
        if response == self.leading.response:
            return self
        return self._each(lambda fit: of(fit, response))

    def thinned(self, draws: int) -> Self:
        """Return the posterior with about that many draws of each member, evenly taken."""
        return self._each(lambda fit: thinned(fit, draws))

    def with_new_group(self, label: str | Mapping[str, str]) -> Self:
        """Add a group drawn from the population; see `regroup.with_new_group`."""
        return self._each(lambda fit: with_new_group(fit, label))

    def _each(self, change: Callable[[Member], Member]) -> Self:
        return replace(self, members={name: change(fit) for name, fit in self.members.items()})

    # ---- of one law --------------------------------------------------------------------------

    @property
    def model(self) -> Model:
        """The law of the one member."""
        return self.only.model

    @property
    def draws(self) -> Mapping[str, NDArray[np.float64]]:
        """Draws of the one member by parameter (n_chains, n_draws) or (.., n_groups)."""
        return self.only.draws

    @property
    def flat(self) -> Mapping[str, NDArray[np.float64]]:
        """The same with the chains joined."""
        return self.only.flat

    @property
    def stats(self) -> Mapping[str, NDArray[Any]]:
        """Sampler statistics of the one member."""
        return self.only.stats

    @property
    def references(self) -> Mapping[str, float]:
        """Reference sizes of the one member."""
        return self.only.references

    @property
    def mixing(self) -> Mapping[str, Mixing]:
        """R-hat and effective sizes of the one member."""
        return self.only.mixing

    @property
    def steps(self) -> Mapping[str, NDArray[np.float64]]:
        """Standardised steps of the walks of the one member."""
        return self.only.steps

    @property
    def walks(self) -> Mapping[str, Walk]:
        """Local exponents of the one member that drift."""
        return self.only.walks

    def predict(
        self,
        inputs: Mapping[str, NDArray[np.float64]],
        *,
        group: NDArray[np.int64],
        draw: NDArray[np.int64] | None = None,
    ) -> NDArray[np.float64]:
        """Compute the noise-free loss by the one member; see `Member.predict`."""
        return self.only.predict(inputs, group=group, draw=draw)


def failed_sampling(fit: Member) -> str:
    """Name the checks of the sampling that failed, with their evidence."""
    return "; ".join(f"{check.name} {check.evidence}" for check in fit.checks if check.stuck)
