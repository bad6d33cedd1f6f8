"""`Ensemble`: weighted fits of several forms to the same runs, with the interface of a `Fit`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError, UnconvergedError
from bayes_scaling.intervals import PROBABILITY
from bayes_scaling.posterior.diagnostics import Check, standing
from bayes_scaling.posterior.posterior import Fit
from bayes_scaling.posterior.queries import Queries
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.posterior.weights import stratify
from bayes_scaling.runs import RunTable

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bayes_scaling.questions.drifting_exponents import Exponents
    from bayes_scaling.questions.forecast import Forecast
    from bayes_scaling.questions.sizes import Sizes
    from bayes_scaling.questions.typical import Tuned

MEMBERS = "members"
"""Name of the check that tells who was left out, and of the group of the file that holds them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Ensemble(Queries):
    """Posteriors of several models on one table of runs, averaged with weights.

    Attributes
    ----------
    members : mapping of str to Fit
        By the id of the model. They share rows, response and inputs.
    weights : mapping of str to float
        Of each member; they sum to 1.
    left_out : mapping of str to str
        Models that were fitted and do not count, with the reason.
    settings : Settings
        How the members were sampled; each has a seed of its own, grown from the one here.
    """

    members: Mapping[str, Fit]
    weights: Mapping[str, float]
    left_out: Mapping[str, str] = field(default_factory=dict)
    settings: Settings

    def __repr__(self) -> str:
        """Say who takes part; `summary` has the numbers."""
        parts = ", ".join(f"{name} {weight:.2f}" for name, weight in self.weights.items())
        return f"Ensemble({parts} on {len(self.runs)} runs, {standing(self.checks)})"

    # ---- what the members share --------------------------------------------------------------

    @property
    def leading(self) -> Fit:
        """The member of the largest weight, for what all of them share; the first of equals."""
        return self.members[max(self.weights, key=lambda name: self.weights[name])]

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

    def require_converged(self, *, allow_unconverged: bool = False) -> None:
        """Raise `UnconvergedError` where a decision would rest on fits that did not converge."""
        if self.status == "unconverged" and not allow_unconverged:
            failed = "; ".join(
                f"{name}: {failed_sampling(fit)}" for name, fit in self.members.items()
            )
            raise UnconvergedError(
                f"no member of the ensemble converged: {failed}. "
                "Pass allow_unconverged=True to decide on it all the same"
            )

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

    def generator(self, purpose: str) -> np.random.Generator:
        """Return the random generator of one purpose; the same for the same seed and purpose."""
        return self.settings.generator(purpose)

    @property
    def tree(self) -> xr.DataTree:
        """The posteriors as one DataTree, each member under ``members/name``."""
        import xarray as xr

        from bayes_scaling.posterior.tree import stored_name

        parts = {f"{MEMBERS}/{stored_name(name)}": fit.tree for name, fit in self.members.items()}
        return xr.DataTree.from_dict(
            {
                f"{place}/{group}": node.dataset
                for place, tree in parts.items()
                for group, node in tree.children.items()
            }
        )

    # ---- answers -----------------------------------------------------------------------------

    def summary(self, *, probability: float = PROBABILITY) -> pd.DataFrame:
        """Summarise the posterior of every member.

        Parameters
        ----------
        probability : float
            Probability of the equal-tailed intervals.

        Returns
        -------
        pandas.DataFrame
            Indexed by member and parameter: the columns of `Fit.summary`, and the weight.
        """
        import pandas as pd

        tables = {
            name: fit.summary(probability=probability).assign(weight=self.weights[name])
            for name, fit in self.members.items()
        }
        return pd.concat(tables, names=["member"])

    def exponents(
        self,
        sizes: Sizes | None = None,
        *,
        probability: float = PROBABILITY,
        allow_unconverged: bool = False,
    ) -> Exponents:
        """Tell how the exponents of every member drift; see `Fit.exponents`."""
        from bayes_scaling.questions.drifting_exponents import exponents

        return exponents(self, sizes, probability=probability, allow_unconverged=allow_unconverged)

    def forecast(
        self,
        sizes: Sizes,
        *,
        tuning: Tuned = "tuned",
        probability: float = PROBABILITY,
        allow_unconverged: bool = False,
    ) -> Forecast:
        """Forecast the loss of runs from the mixture; see `Fit.forecast`."""
        from bayes_scaling.questions.mixture import mixed_forecast

        return mixed_forecast(
            self, sizes, tuning=tuning, probability=probability,
            allow_unconverged=allow_unconverged,
        )  # fmt: skip

    def of(self, response: str) -> Ensemble:
        """Return the ensemble of another observed quantity; see `Fit.of`."""
        return self._each(lambda fit: fit.of(response))

    def with_new_group(self, label: str | Mapping[str, str]) -> Ensemble:
        """Add a group drawn from the population to every member; see `Fit.with_new_group`."""
        return self._each(lambda fit: fit.with_new_group(label))

    def _each(self, change: Callable[[Fit], Fit]) -> Ensemble:
        return replace(self, members={name: change(fit) for name, fit in self.members.items()})

    def save(self, path: str | Path) -> Path:
        """Save to one netCDF file; see `bayes_scaling.posterior.storage.save`."""
        from bayes_scaling.posterior.storage import save

        return save(self, path)


AnyFit = Fit | Ensemble
"""What answers questions."""


def members_of(fit: AnyFit) -> Mapping[str, Fit]:
    """Return the members of an ensemble, or a fit as the one member, by the id of the model."""
    if isinstance(fit, Ensemble):
        return fit.members
    own = leading(fit)
    return {own.model.id: own}


def leading(fit: AnyFit) -> Fit:
    """Return the fit for what members share: rows, response, inputs and groups.

    Raises
    ------
    InputError
        It is no fit, but a published law.
    """
    if isinstance(fit, Ensemble):
        return fit.leading
    if not isinstance(fit, Fit):
        raise InputError(f"{fit!r} has no runs and no posterior: only a fit can be asked this")
    return fit


def failed_sampling(fit: Fit) -> str:
    """Name the checks of the sampling that failed, with their evidence."""
    return "; ".join(f"{check.name} {check.evidence}" for check in fit.checks if check.stuck)
