"""`Member`: the draws of one law given one table of runs, as plain data, with what it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.intervals import PROBABILITY
from bayes_scaling.laws.density import effective_sizes, every_draw, per_run
from bayes_scaling.laws.design import source_column
from bayes_scaling.laws.drift import Walk
from bayes_scaling.laws.items import items_of_groups
from bayes_scaling.laws.link import link_of
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.noise import (
    ITEM_SD,
    ITEMS,
    ODDS,
    as_read,
    item_sd,
    on_logpdf,
    sample_noise,
)
from bayes_scaling.posterior import regroup
from bayes_scaling.posterior.beyond import draw_form_errors, draw_walks, efolds_beyond
from bayes_scaling.posterior.diagnostics import Check, Mixing, standing
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.posterior.summarise import summarise
from bayes_scaling.runs import RunTable
from bayes_scaling.runs.counting import FLOPS_PER_PARAM_TOKEN, complete

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


@dataclass(frozen=True, kw_only=True)
class Reads:
    """What a law reads of a table.

    Attributes
    ----------
    id : str
        Name of the law.
    inputs, needed : tuple of str
        What it reads, and what of that must be given.
    meant : mapping of str to str
        Inputs that mean a more specific column.
    columns : tuple of str
        Other columns that may be given.
    group : str
        The column that names groups.
    """

    id: str
    inputs: tuple[str, ...]
    needed: tuple[str, ...]
    meant: Mapping[str, str]
    columns: tuple[str, ...]
    group: str

    @property
    def wanted(self) -> set[str]:
        """Columns that are taken: the inputs, and what completes them."""
        return {*self.inputs, "params", "tokens", "flops"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Member:
    """The posterior of one law on one table of runs.

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
        return f"Member({self.id} on {len(self.runs)} runs, {standing(self.checks)})"

    # ---- the law -----------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """Name of the law."""
        return self.model.id

    @property
    def response(self) -> str:
        """What the law gives."""
        return self.model.response

    @cached_property
    def reads(self) -> Reads:
        """What the law reads of a table."""
        model, runs = self.model, self.runs
        return Reads(
            id=model.id,
            inputs=tuple(model.inputs),
            needed=tuple(model.sizes),
            meant={
                n: column for n, column in model.columns if source_column(model, runs, n) == column
            },
            columns=tuple(runs.columns),
            group=model.group,
        )

    @property
    def tunes(self) -> tuple[str, ...]:
        """Inputs that have a best value, such as the learning rate."""
        return tuple(line.name for line in self.model.tuned)

    @property
    def predicts(self) -> bool:
        """Whether it gives its response at any size: always, where a published rule may not."""
        return True

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of its answers should know, beside its checks."""
        return ()

    @property
    def grouped(self) -> bool:
        """Whether groups differ in any parameter."""
        return any(values.ndim == 3 for values in self.draws.values())

    @cached_property
    def fitted_sizes(self) -> Mapping[str, NDArray[np.float64]]:
        """Inputs and compute of the fitted runs (n_runs,), in the counts the law means."""
        sizes = {
            name: np.asarray(self.runs[source_column(self.model, self.runs, name)], float)
            for name in self.model.inputs
        }
        read = "flops" in sizes or {"params", "tokens"} <= set(sizes)
        if "flops" in self.runs and (not read or self.active_share != 1.0):
            sizes["flops"] = np.asarray(self.runs["flops"], float)
        return dict(sorted(complete(sizes).columns.items()))

    @cached_property
    def active_shares(self) -> tuple[float, float]:
        """Least and largest share of params that was active in the fitted runs.

        Both are 1 for dense models, and for a law that reads active parameters itself.
        """
        runs = self.runs
        if "params" not in self.model.inputs or not {"params", "params_active"} <= set(
            runs.columns
        ):
            return 1.0, 1.0
        if source_column(self.model, runs, "params") != "params":
            return 1.0, 1.0
        share = runs["params_active"] / runs["params"]
        share = share[np.isfinite(share) & (share > 0)]
        if not share.size or np.allclose(share, 1.0):
            return 1.0, 1.0
        return float(share.min()), float(share.max())

    @property
    def active_share(self) -> float:
        """Share of params that is active: 1 for dense models, else their geometric middle.

        N in 6 N D is ``params_active``. A law that was fitted on total parameters is evaluated at
        total parameters; what those cost follows from this share.
        """
        low, high = self.active_shares
        return float(np.sqrt(low * high))

    # ---- status ------------------------------------------------------------------------------

    @property
    def status(self) -> Literal["converged", "unconverged"]:
        """Whether the sampler did its work."""
        return "unconverged" if any(check.stuck for check in self.checks) else "converged"

    @property
    def trustworthy(self) -> bool:
        """Whether no check failed, prior-data conflict included."""
        return all(check.verdict != "fail" for check in self.checks)

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
    def form_errors(self) -> NDArray[np.float64]:
        """Relative error of the form per e-fold of scale beyond the runs (n_draws,)."""
        return draw_form_errors(self)

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
        values = per_run(self.model, self.flat, group, draw)
        walks = self.walks if walks is None else walks
        values |= effective_sizes(walks, inputs, self.references, draw)
        law = np.asarray(self.model.predict(values, inputs, self.references))
        if self.model.form_error is None:
            return law
        error = self.form_errors[draw] * efolds_beyond(self, inputs)
        return link_of(self.model).shifted(law, error)

    def rank(
        self,
        inputs: Mapping[str, NDArray[np.float64]],
        *,
        group: NDArray[np.int64],
        draw: NDArray[np.int64] | None = None,
    ) -> NDArray[np.float64]:
        """Compute what is least at the best split of a budget: what the law gives."""
        return self.predict(inputs, group=group, draw=draw)

    def tuned(
        self,
        inputs: Mapping[str, NDArray[np.float64]],
        *,
        group: NDArray[np.int64],
        draw: NDArray[np.int64] | None = None,
    ) -> dict[str, NDArray[np.float64]]:
        """Compute the value of inputs that are not given, in a well-tuned run (n_draws, n_sizes).

        Parameters
        ----------
        inputs : mapping of str to array
            Sizes (n_sizes,) or (n_draws, n_sizes), in the units of the run table.
        group : array of int
            Group of each size.
        draw : array of int, optional
            Which draws; broadcasts with the sizes. All of them, (n_draws, 1), by default.
        """
        draw = every_draw(self.flat) if draw is None else draw
        values = per_run(self.model, self.flat, group, draw)
        values |= effective_sizes(self.walks, inputs, self.references, draw)
        found = self.model.tuned_values(values, inputs, self.references)
        return {
            line.name: np.asarray(found[line.name])
            for line in self.model.tuned
            if line.name in found
        }

    def new_run_logpdf(
        self,
        response: NDArray[np.float64],
        law: NDArray[np.float64],
        *,
        group: int,
        draw: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """Compute the log density of the response of a new run, where the law says `law`.

        Parameters
        ----------
        response : array
            Responses [per unit of which the density is]; they broadcast with the draws.
        law : array
            What the law says of the run; broadcasts with them.
        group : int
            Group of the run.
        draw : array of int
            Which draws.
        """
        link = link_of(self.model)
        parameters = per_run(self.model, self.flat, np.asarray(group), draw)
        parameters |= self.noise_of_items(law, np.asarray(group))
        response = as_read(response, parameters)
        deviation = link.forward(response) - link.forward(law)
        found = on_logpdf(self.model.noise, deviation, parameters)
        return np.asarray(found + link.log_slope(response))

    def noise_of_items(
        self,
        response: NDArray[np.float64],
        group: NDArray[np.int64],
        items: NDArray[np.float64] | None = None,
    ) -> dict[str, NDArray[np.float64]]:
        """Return the noise of a new run, measured as the runs of its group were or as is said.

        Parameters
        ----------
        response : array
            What the law says of the run.
        group : array of int
            Its group; broadcasts with that.
        items : array, optional
            Questions that it is measured by; broadcasts too. Those of its group by default.

        Returns
        -------
        dict of str to array
            Parameters of the noise from questions; none where the law does not count them.
        """
        if not self.model.counts_items:
            return {}
        asked = self._items[group]
        if items is not None:
            asked = np.where(np.isfinite(items), items, asked)
        odds = link_of(self.model).forward(response)
        sd = item_sd(response, asked)
        return {ITEM_SD: sd, ITEMS: np.broadcast_to(asked, sd.shape), ODDS: odds}

    @cached_property
    def _items(self) -> NDArray[np.float64]:
        return items_of_groups(self.runs, self.model.group, self.groups)

    def with_noise(
        self,
        loss: NDArray[np.float64],
        *,
        group: int,
        draw: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> NDArray[np.float64]:
        """Return losses of one new run each, where the law says `loss`."""
        parameters = per_run(self.model, self.flat, np.asarray(group), draw)
        parameters |= self.noise_of_items(loss, np.asarray(group))
        shape = np.broadcast_shapes(loss.shape, draw.shape)
        noise = sample_noise(self.model.noise, parameters, shape, rng)
        return link_of(self.model).shifted(loss, noise)

    def known(self, group: int) -> dict[str, NDArray[np.float64]]:
        """Return references, parameters and derived quantities of a group (n_draws, 1), by name."""
        own = {
            name: draws[:, None] if draws.ndim == 1 else draws[:, [group]]
            for name, draws in self.flat.items()
        }
        return {name: np.asarray(value) for name, value in self.references.items()} | own

    @property
    def states_split(self) -> bool:
        """Whether the law says which params are best for a budget, from the budget alone.

        So do the envelope of training curves, which explains the params that reached the loss at
        each compute beside the loss, and a valley along each budget whose bottom is a parameter.
        """
        if self._tunes_params:
            return self.model.sizes == ("flops",)
        beside = "params" in self.model.responses[1:]
        return beside and self.model.of("params").sizes == ("flops",)

    @property
    def _tunes_params(self) -> bool:
        return "params" in self.tunes

    def stated_split(
        self, flops: NDArray[np.float64], *, group: int, draw: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the params and tokens (n,) stated for budgets (n,) under draws (n,)."""
        budgets, cell = {"flops": flops}, np.asarray(group)
        if self._tunes_params:
            params = self.tuned(budgets, group=cell, draw=draw)["params"]
        else:
            params = self._of_params.predict(budgets, group=cell, draw=draw)
        return params, flops / (FLOPS_PER_PARAM_TOKEN * params)

    @cached_property
    def _of_params(self) -> Member:
        return self.of("params")

    def generator(self, purpose: str) -> np.random.Generator:
        """Return the random generator of one purpose; the same for the same fit and purpose."""
        return self.settings.generator(purpose)

    @property
    def tree(self) -> xr.DataTree:
        """The posterior as a DataTree, for any function of ArviZ."""
        from bayes_scaling.posterior.tree import make_tree

        return make_tree(self)

    def thinned(self, draws: int) -> Member:
        """Return the fit with about that many draws, evenly taken from every chain."""
        return regroup.thinned(self, draws)

    def of(self, response: str) -> Member:
        """Return the fit of another observed quantity; its forecasts are of that one."""
        return regroup.of(self, response)

    def with_new_group(self, label: str | Mapping[str, str]) -> Member:
        """Add a group drawn from the population; see `regroup.with_new_group`."""
        return regroup.with_new_group(self, label)

    def summary(self, *, probability: float = PROBABILITY) -> pd.DataFrame:
        """Summarise the draws, derived quantities in the published parameterisation included.

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
        return summarise(self, probability)


def _flat(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Join the chains."""
    return values.reshape(-1, *values.shape[2:])
