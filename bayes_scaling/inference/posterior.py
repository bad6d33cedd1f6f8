"""`Fit`: one posterior as plain data, with what it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import UnconvergedError
from bayes_scaling.inference.diagnostics import Check, Mixing, elements
from bayes_scaling.inference.sampler import Settings
from bayes_scaling.intervals import KIND, PROBABILITY, quantiles
from bayes_scaling.laws.model import Model
from bayes_scaling.runs import RunTable

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bayes_scaling.decisions.allocate import Allocation
    from bayes_scaling.decisions.forecast import Forecast
    from bayes_scaling.decisions.sizes import Sizes

SAMPLING_CHECKS = ("R-hat", "effective draws", "divergences", "E-BFMI")
"""Checks that decide whether a fit converged."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """The posterior of one model on one table of runs.

    Attributes
    ----------
    model : Model
        The law, priors included.
    runs : RunTable
        The runs it was fitted on.
    draws : mapping of str to array (n_chains, n_draws) or (n_chains, n_draws, n_groups)
        Sampled parameters and derived quantities, by the names of the definition.
    stats : mapping of str to array (n_chains, n_draws)
        Sampler statistics.
    references : mapping of str to float
        Reference sizes of the law.
    groups : tuple of str
        Labels of the last axis of grouped draws.
    mixing : mapping of str to Mixing
        R-hat and effective sizes of every scalar quantity.
    checks : tuple of Check
        Diagnostics, with verdicts and advice.
    settings : Settings
        How it was sampled.
    provenance : mapping of str to str
        Versions, hashes, time and seconds.
    """

    model: Model
    runs: RunTable
    draws: Mapping[str, NDArray[np.float64]]
    stats: Mapping[str, NDArray[Any]]
    references: Mapping[str, float]
    groups: tuple[str, ...]
    mixing: Mapping[str, Mixing]
    checks: tuple[Check, ...]
    settings: Settings
    provenance: Mapping[str, str]

    def __repr__(self) -> str:
        """Say what was fitted; `summary` has the numbers."""
        size = f"{self.settings.chains} x {self.settings.draws} draws"
        return f"Fit({self.model.id} on {len(self.runs)} runs, {size}, {self.status})"

    # ---- status ------------------------------------------------------------------------------

    @property
    def status(self) -> Literal["converged", "unconverged"]:
        """Whether the sampler did its work."""
        failed = any(c.verdict == "fail" and c.name in SAMPLING_CHECKS for c in self.checks)
        return "unconverged" if failed else "converged"

    @property
    def trustworthy(self) -> bool:
        """Whether no check failed, prior-data conflict included."""
        return all(check.verdict != "fail" for check in self.checks)

    def require_converged(self, *, allow_unconverged: bool = False) -> None:
        """Raise `UnconvergedError` where a decision would rest on a fit that did not converge."""
        if self.status == "unconverged" and not allow_unconverged:
            failed = "; ".join(str(check) for check in self.checks if check.verdict == "fail")
            raise UnconvergedError(
                f"the fit of {self.model.id!r} did not converge: {failed}. "
                "Pass allow_unconverged=True to decide on it all the same"
            )

    # ---- draws -------------------------------------------------------------------------------

    @cached_property
    def flat(self) -> Mapping[str, NDArray[np.float64]]:
        """Draws with the chains joined: (n_draws,) or (n_draws, n_groups)."""
        return {name: values.reshape(-1, *values.shape[2:]) for name, values in self.draws.items()}

    def generator(self, purpose: str) -> np.random.Generator:
        """Return the random generator of one purpose; the same for the same fit and purpose."""
        key = tuple(purpose.encode())
        sequence = np.random.SeedSequence(self.settings.random_seed, spawn_key=key)
        return np.random.default_rng(sequence)

    @property
    def tree(self) -> xr.DataTree:
        """The posterior as a DataTree, for any function of ArviZ."""
        from bayes_scaling.inference.tree import make_tree

        return make_tree(self)

    # ---- answers -----------------------------------------------------------------------------

    def summary(self, *, probability: float = PROBABILITY) -> pd.DataFrame:
        """Summarise the posterior, derived quantities in the published parameterisation included.

        Parameters
        ----------
        probability : float
            Probability of the equal-tailed intervals.

        Returns
        -------
        pandas.DataFrame
            Indexed by quantity: median, lower, upper, probability, kind, r_hat, ess, ess_tail.
        """
        import pandas as pd

        rows = {}
        for name, values in elements(self.draws, self.groups):
            median, lower, upper = quantiles(values.ravel(), probability)
            mixed = self.mixing[name]
            rows[name] = {
                "median": median,
                "lower": lower,
                "upper": upper,
                "probability": probability,
                "kind": KIND,
                "r_hat": mixed.r_hat,
                "ess": mixed.ess,
                "ess_tail": mixed.ess_tail,
            }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("parameter")

    def forecast(
        self, sizes: Sizes, *, probability: float = PROBABILITY, allow_unconverged: bool = False
    ) -> Forecast:
        """Forecast the loss of runs; see `bayes_scaling.decisions.forecast.forecast`."""
        from bayes_scaling.decisions.forecast import forecast

        return forecast(self, sizes, probability=probability, allow_unconverged=allow_unconverged)

    def allocate(
        self,
        *,
        flops: float | Sequence[float] | None = None,
        params: float | Sequence[float] | None = None,
        tokens: float | Sequence[float] | None = None,
        family: str | None = None,
        probability: float = PROBABILITY,
        allow_unconverged: bool = False,
    ) -> Allocation:
        """Find the best split of compute; see `bayes_scaling.decisions.allocate.allocate`."""
        from bayes_scaling.decisions.allocate import allocate

        return allocate(
            self,
            flops=flops,
            params=params,
            tokens=tokens,
            family=family,
            probability=probability,
            allow_unconverged=allow_unconverged,
        )

    def save(self, path: str | Path) -> Path:
        """Save to one netCDF file; see `bayes_scaling.inference.storage.save`."""
        from bayes_scaling.inference.storage import save

        return save(self, path)
