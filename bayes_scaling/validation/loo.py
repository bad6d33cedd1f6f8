"""Leave-one-out: how well a fit foretells each of its runs, had it not seen that run."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.facade import Fit
from bayes_scaling.laws.density import bounded, log_likelihood, log_prior, unbounded
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.drift import REACH, Walk, steps_logpdf, steps_name, walk
from bayes_scaling.laws.priors import Scale
from bayes_scaling.posterior import Check, Member

Array = NDArray[np.float64]

DOUBTFUL = 0.1
"""Share of runs with a high Pareto k from which the estimate is not to be used."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Loo:
    """Leave-one-out densities of the runs of a fit.

    Attributes
    ----------
    pointwise : array (n_runs,)
        Expected log density of each run's log response when it is left out [nats].
    pareto_k : array (n_runs,)
        How hard it was to leave each run out, after moment matching; reliable below `good_k`.
    good_k : float
        Bound for the number of draws there are.
    high_before : int
        Runs above the bound before moment matching.
    effective : float
        Effective number of parameters: how much density runs owe to having been seen [nats].
    tempered : bool
        Whether the posterior gave runs unequal weights; the densities are plain ones all the same.
    """

    pointwise: Array
    pareto_k: Array
    good_k: float
    high_before: int
    effective: float
    tempered: bool = False

    @property
    def elpd(self) -> float:
        """Expected log density of all runs, each left out in turn [nats]."""
        return float(self.pointwise.sum())

    @property
    def se(self) -> float:
        """Standard error of `elpd` over runs [nats]."""
        return standard_error(self.pointwise)

    @property
    def high(self) -> int:
        """Runs whose density is unreliable all the same."""
        return int(np.count_nonzero(self.pareto_k > self.good_k))

    @property
    def likelihood(self) -> str:
        """What the densities are, in words."""
        return "plain, of a tempered posterior" if self.tempered else "plain"

    def checks(self) -> tuple[Check, ...]:
        """Judge the estimate; say so where it is that of a tempered posterior."""
        if not self.tempered:
            return (self._check_pareto(),)
        said = Check(
            name="leave-one-out",
            verdict="warn",
            evidence="the posterior is tempered, its densities of left-out runs are plain ones",
            advice="tempering gives up small runs for the largest: go by the deep split",
        )
        return (self._check_pareto(), said)

    def _check_pareto(self) -> Check:
        """Judge by the number of runs that could not be left out reliably."""
        share = self.high / self.pareto_k.size
        verdicts = (share == 0, share <= DOUBTFUL)
        matched = f" ({self.high_before} before moment matching)" if self.high_before else ""
        return Check(
            name="Pareto k",
            verdict="ok" if verdicts[0] else "warn" if verdicts[1] else "fail",
            evidence=f"{self.high} of {self.pareto_k.size} runs above {self.good_k:.2f}{matched}",
            advice=""
            if verdicts[0]
            else "those runs sway the fit too much for leave-one-out to be told from it: look at "
            "them, and go by the deep split",
        )


def standard_error(pointwise: Array) -> float:
    """Return the standard error of a sum over runs (n_runs,)."""
    return float(np.sqrt(pointwise.size) * np.std(pointwise, ddof=1))


def leave_one_out(fit: Fit) -> Loo:
    """Estimate how well a fit foretells each run from all the others.

    Parameters
    ----------
    fit : Fit
        The posterior.

    Returns
    -------
    Loo
        In nats, for the density of the *log* response: the same for every model of a response.

    Notes
    -----
    Pareto-smoothed importance sampling turns the posterior into that without one run. Where the
    weights are too uneven for it (a high Pareto k), the draws are first moved to the mean and the
    covariance that the posterior would have without the run. A tempered posterior is left by what
    a run weighs in it, without such moves; the density of the run is the plain one all the same.

    References
    ----------
    Vehtari et al. 2017, arXiv:1507.04544 (leave-one-out); Paananen et al. 2021, arXiv:1906.08850
    (moment matching).
    """
    import arviz_stats
    import xarray as xr

    member = fit.only
    space = Unbounded(member)
    tempered = fit.model.temper is not None
    log_likelihood = space.log_likelihood(space.start)
    likelihood = space.array(log_likelihood, "run_index")
    tree = xr.DataTree.from_dict({"log_likelihood": xr.Dataset({fit.model.response: likelihood})})
    sampled = fit.settings.chains * fit.settings.draws  # of which a thinned fit holds some
    efficiency = float(np.mean([item.ess for item in fit.mixing.values()])) / sampled
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", UserWarning)  # the check of the result says what is left
        smoothed = space.smoothed_weights(log_likelihood, efficiency) if tempered else {}
        plain = arviz_stats.loo(tree, pointwise=True, reff=efficiency, **smoothed)
        before = int((plain.pareto_k > plain.good_k).sum())
        found = plain
        if before and not tempered:
            found = arviz_stats.loo_moment_match(
                tree,
                plain,
                log_prob_upars_fn=space.on_arrays(space.log_posterior),
                log_lik_i_upars_fn=lambda upars, run: space.on_arrays(
                    lambda values: space.log_likelihood(values)[:, run]
                )(upars),
                upars=space.array(space.start, "coordinate"),
                reff=efficiency,
                pointwise=True,
            )
    return Loo(
        pointwise=np.asarray(found.elpd_i, float),
        pareto_k=np.asarray(found.pareto_k, float),
        good_k=float(plain.good_k),
        high_before=before,
        effective=float(found.p),
        tempered=tempered,
    )


class Unbounded:
    """The draws of a fit on the scale where every parameter is unbounded, and densities there."""

    def __init__(self, fit: Member) -> None:
        self.fit = fit
        self.design = make_design(fit.model, fit.runs)
        self.parts = _parts(fit)
        steps = {steps_name(name): values for name, values in fit.steps.items()}
        sampled = {
            **fit.flat,
            **{name: values.reshape(-1, values.shape[-1]) for name, values in steps.items()},
        }
        self.start = np.concatenate(
            [
                unbounded(sampled[name], scale).reshape(len(sampled[name]), -1)
                for name, scale, _ in self.parts
            ],
            axis=1,
        )

    def split(self, values: Array) -> dict[str, Array]:
        """Return points (n_draws, n_coordinates) by what was sampled, unbounded still."""
        ends = np.cumsum([int(np.prod(shape)) for _, _, shape in self.parts])
        columns = np.split(values, ends[:-1], axis=1)
        return {
            name: part.reshape(len(values), *shape)
            for (name, _, shape), part in zip(self.parts, columns, strict=True)
        }

    def natural(self, values: Array) -> dict[str, Array]:
        """Return points (n_draws, n_coordinates) as values of the parameters."""
        scales = {name: scale for name, scale, _ in self.parts}
        return {name: bounded(part, scales[name]) for name, part in self.split(values).items()}

    def log_likelihood(self, values: Array) -> Array:
        """Plain log likelihood of every run at points of the space (n_draws, n_runs)."""
        with np.errstate(all="ignore"):
            natural = self.natural(values)
            walks = self._walks(natural)
            found = log_likelihood(self.fit.model, self.design, natural, walks)
        return np.asarray(np.nan_to_num(found, nan=-np.inf, neginf=-np.inf))

    def log_posterior(self, values: Array) -> Array:
        """Log of prior and likelihood, tempered where the model is, at points (n_draws,)."""
        with np.errstate(all="ignore"):
            natural = self.natural(values)
            density = (self.design.weights * self.log_likelihood(values)).sum(axis=1)
            for part in log_prior(self.fit.model, natural, self.design.grouping).values():
                density = density + part.reshape(len(values), -1).sum(axis=1)
            for name in self.fit.steps:
                density = density + steps_logpdf(natural[steps_name(name)])
            scales = {name: scale for name, scale, _ in self.parts}
            for name, part in self.split(values).items():
                slope = _log_slope(part, scales[name]).reshape(len(values), -1)
                density = density + slope.sum(axis=1)
        return np.asarray(np.nan_to_num(density, nan=-np.inf, neginf=-np.inf))

    def _walks(self, natural: Mapping[str, Array]) -> dict[str, Walk]:
        """Put the walks together; the runs lie inside, so the steps beyond do not count."""
        fresh = np.zeros((2, len(natural["sigma"]), REACH))
        return {
            name: walk(name, self.fit.references, natural["tau"], natural[steps_name(name)], fresh)
            for name in self.fit.steps
        }

    def smoothed_weights(self, log_likelihood: Array, efficiency: float) -> dict[str, Any]:
        """Return what leaves each run of a tempered posterior out: weights, and their Pareto k."""
        from arviz_stats.base import array_stats

        weighed = (self.design.weights * log_likelihood).T  # ArviZ takes minus the log ratios
        weights, k = array_stats.psislw(weighed, r_eff=efficiency)
        array = self.array(weights.T, "run_index")
        return {"log_weights": array, "pareto_k": array[0, 0].copy(data=k)}

    def array(self, values: Array, last: str) -> Any:
        """Return values (n_draws, ...) as an array by chain and draw."""
        import xarray as xr

        chains, draws = next(iter(self.fit.draws.values())).shape[:2]
        return xr.DataArray(
            values.reshape(chains, draws, *values.shape[1:]),
            dims=("chain", "draw", last)[: values.ndim + 1],
            coords={"chain": np.arange(chains), "draw": np.arange(draws)},
        )

    def on_arrays(self, function: Callable[[Array], Array]) -> Callable[[Any], Any]:
        """Let a function of points (n_draws, n_coordinates) work by chain and draw."""

        def wrapped(upars: Any) -> Any:
            values = np.asarray(upars.transpose("chain", "draw", ...), float)
            return self.array(function(values.reshape(-1, values.shape[-1])), "")

        return wrapped


def _parts(fit: Member) -> list[tuple[str, Scale, tuple[int, ...]]]:
    """Return name, scale and shape of everything that was sampled."""
    parts: list[tuple[str, Scale, tuple[int, ...]]] = []
    for item in fit.model.parameters:
        names: dict[str, Scale] = {item.name: item.prior.scale}
        if item.population_name in fit.flat:
            names |= {item.population_name: item.prior.scale, item.sd_name: item.pool.sd.scale}
        parts += [(name, scale, fit.flat[name].shape[1:]) for name, scale in names.items()]
    return parts + [
        (steps_name(name), "identity", steps.shape[2:]) for name, steps in fit.steps.items()
    ]


def _log_slope(value: Array, scale: Scale) -> Array:
    """Log derivative of `bounded` at a point."""
    match scale:
        case "log":
            return value
        case "logit":
            return np.asarray(-np.logaddexp(0, value) - np.logaddexp(0, -value))
        case _:
            return np.zeros_like(value)
