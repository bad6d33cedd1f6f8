"""`Fit`: one posterior as plain data, with what it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import UnconvergedError
from bayes_scaling.intervals import PROBABILITY
from bayes_scaling.laws.density import effective_sizes, every_draw, per_run
from bayes_scaling.laws.drift import Walk
from bayes_scaling.laws.features import log_scale
from bayes_scaling.laws.link import link_of
from bayes_scaling.laws.model import Model
from bayes_scaling.posterior import regroup
from bayes_scaling.posterior.beyond import FormError, draw_form_error, draw_walks
from bayes_scaling.posterior.diagnostics import Check, Mixing, standing
from bayes_scaling.posterior.queries import Queries
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.runs import RunTable

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bayes_scaling.questions.drifting_exponents import Exponents
    from bayes_scaling.questions.forecast import Forecast
    from bayes_scaling.questions.sizes import Sizes
    from bayes_scaling.questions.typical import Tuned


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit(Queries):
    """The posterior of one model on one table of runs.

    Attributes
    ----------
    model : Model
        The law, priors included.
    runs : RunTable
        The runs it was fitted on.
    draws : mapping of str to array (n_chains, n_draws) or (n_chains, n_draws, n_groups)
        Sampled parameters and derived quantities, by the names of the definition.
    steps : mapping of str to array (n_chains, n_draws, n_steps)
        Standardised steps of the walk of every input that drifts.
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
    every : int
        One in how many draws of each chain it holds; see `thinned`.
    """

    model: Model
    runs: RunTable
    draws: Mapping[str, NDArray[np.float64]]
    steps: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    stats: Mapping[str, NDArray[Any]]
    references: Mapping[str, float]
    groups: tuple[str, ...]
    mixing: Mapping[str, Mixing]
    checks: tuple[Check, ...]
    settings: Settings
    provenance: Mapping[str, str]
    every: int = 1

    def __repr__(self) -> str:
        """Say what was fitted; `summary` has the numbers."""
        size = f"{self.settings.chains} x {self.settings.draws} draws"
        return f"Fit({self.model.id} on {len(self.runs)} runs, {size}, {standing(self.checks)})"

    # ---- status ------------------------------------------------------------------------------

    @property
    def status(self) -> Literal["converged", "unconverged"]:
        """Whether the sampler did its work."""
        return "unconverged" if any(check.stuck for check in self.checks) else "converged"

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
        return {name: _flat(values) for name, values in self.draws.items()}

    @property
    def n_draws(self) -> int:
        """Number of draws, over all chains."""
        return len(next(iter(self.flat.values())))

    @cached_property
    def walks(self) -> Mapping[str, Walk]:
        """Local exponents of the inputs that drift, the steps beyond the runs included.

        Those steps come from the seed of the fit, so every decision sees the same ones.
        """
        return draw_walks(self, "drift")

    @cached_property
    def form_error(self) -> FormError | None:
        """Error of the form beyond the runs; None for a law that has none."""
        return draw_form_error(self)

    def predict(
        self,
        inputs: Mapping[str, NDArray[np.float64]],
        *,
        group: NDArray[np.int64],
        draw: NDArray[np.int64] | None = None,
        walks: Mapping[str, Walk] | None = None,
    ) -> NDArray[np.float64]:
        """Compute the noise-free loss at any size.

        Parameters
        ----------
        inputs : mapping of str to array
            What the law reads, in the units of the run table; tuned inputs may be absent.
        group : array of int
            Group of each size; broadcasts with the sizes.
        draw : array of int, optional
            Which draws; broadcasts with the sizes. All of them, (n_draws, 1), by default.
        walks : mapping of str to Walk, optional
            Other walks than those of the fit.

        Returns
        -------
        array
            Broadcast of all, (n_draws, n_sizes) by default (nats per token).
        """
        draw = every_draw(self.flat) if draw is None else draw
        law = self.law(inputs, group=group, draw=draw, walks=walks)
        if self.form_error is None:
            return law
        scale = log_scale(inputs, self.model.scale_inputs)
        return link_of(self.model).shifted(law, self.form_error.at(scale, group, draw))

    def law(
        self,
        inputs: Mapping[str, NDArray[np.float64]],
        *,
        group: NDArray[np.int64],
        draw: NDArray[np.int64] | None = None,
        walks: Mapping[str, Walk] | None = None,
    ) -> NDArray[np.float64]:
        """Compute the law without the error of its form; else as `predict`."""
        draw = every_draw(self.flat) if draw is None else draw
        values = per_run(self.model, self.flat, group, draw)
        walks = self.walks if walks is None else walks
        values |= effective_sizes(walks, inputs, self.references, draw)
        return np.asarray(self.model.predict(values, inputs, self.references))

    def tuned(
        self, inputs: Mapping[str, NDArray[np.float64]], *, group: NDArray[np.int64]
    ) -> dict[str, NDArray[np.float64]]:
        """Compute the value of inputs that are not given, in a well-tuned run (n_draws, n_sizes).

        Parameters
        ----------
        inputs : mapping of str to array
            Sizes (n_sizes,) or (n_draws, n_sizes), in the units of the run table.
        group : array of int
            Group of each size.
        """
        draw = every_draw(self.flat)
        values = per_run(self.model, self.flat, group, draw)
        values |= effective_sizes(self.walks, inputs, self.references, draw)
        found = self.model.tuned_values(values, inputs, self.references)
        return {
            line.name: np.asarray(found[line.name])
            for line in self.model.tuned
            if line.name in found
        }

    def generator(self, purpose: str) -> np.random.Generator:
        """Return the random generator of one purpose; the same for the same fit and purpose."""
        return self.settings.generator(purpose)

    @property
    def tree(self) -> xr.DataTree:
        """The posterior as a DataTree, for any function of ArviZ."""
        from bayes_scaling.posterior.tree import make_tree

        return make_tree(self)

    def thinned(self, draws: int) -> Fit:
        """Return the fit with about that many draws, evenly taken from every chain."""
        return regroup.thinned(self, draws)

    def of(self, response: str) -> Fit:
        """Return the fit of another observed quantity; its forecasts are of that one."""
        return regroup.of(self, response)

    def with_new_group(self, label: str | Mapping[str, str]) -> Fit:
        """Add a group drawn from the population; see `regroup.with_new_group`."""
        return regroup.with_new_group(self, label)

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
            Indexed by quantity: median, lower, upper, probability, kind, r_hat, ess, ess_tail,
            and whether the posterior is plain or tempered. ``slope_x`` is the local exponent of
            an input x that drifts, at the largest run and relative to the reference.
        """
        from bayes_scaling.posterior.summarise import summarise

        return summarise(self, probability)

    def exponents(
        self,
        sizes: Sizes | None = None,
        *,
        probability: float = PROBABILITY,
        allow_unconverged: bool = False,
    ) -> Exponents:
        """Tell how exponents drift; see `bayes_scaling.questions.drifting_exponents.exponents`."""
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
        """Forecast the loss of runs; see `bayes_scaling.questions.forecast.forecast`."""
        from bayes_scaling.questions.forecast import forecast

        return forecast(
            self, sizes, tuning=tuning, probability=probability,
            allow_unconverged=allow_unconverged,
        )  # fmt: skip

    def save(self, path: str | Path) -> Path:
        """Save to one netCDF file; see `bayes_scaling.posterior.storage.save`."""
        from bayes_scaling.posterior.storage import save

        return save(self, path)


def _flat(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Join the chains."""
    return values.reshape(-1, *values.shape[2:])
