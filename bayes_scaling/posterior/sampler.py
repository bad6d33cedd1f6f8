"""Sampling: from a model and its data to draws."""

from __future__ import annotations

import os
import secrets
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.laws.design import Design
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.program import NoProgramError
from bayes_scaling.posterior.densities import SampledDensity, generated, of_pymc
from bayes_scaling.posterior.large_tables import ACCEPT, DRAWS, MANY, TUNE
from bayes_scaling.posterior.progress import Progress

KEPT_STATS = ("diverging", "energy", "n_steps", "step_size", "logp")
"""Sampler statistics that are kept with a fit, where the sampler gives them."""

MOST_DRAWS, MOST_CHAINS = 1_000_000, 1_000
"""Beyond these no machine holds the draws."""

Engine = Literal["generated", "pymc"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to sample.

    Attributes
    ----------
    draws : int
        Draws kept per chain.
    tune : int
        Tuning draws per chain.
    chains : int
        Chains.
    target_accept : float
        Acceptance probability that the step size aims at.
    random_seed : int
        Random seed; the same seed gives the same result.
    """

    draws: int = 1000
    tune: int = 800
    chains: int = 4
    target_accept: float = 0.95
    random_seed: int = 0

    @classmethod
    def chosen(
        cls, *, draws: int, tune: int, chains: int, target_accept: float, random_seed: int | None
    ) -> Settings:
        """Return checked settings, with a fresh seed where none is given."""
        seed = secrets.randbits(32) if random_seed is None else int(random_seed)
        settings = cls(
            draws=draws, tune=tune, chains=chains, target_accept=target_accept, random_seed=seed
        )
        settings.check()
        return settings

    def for_runs(self, count: int) -> Settings:
        """Return the settings for a table of that many runs; see `large_tables`."""
        if count < MANY:
            return self
        return replace(
            self,
            tune=min(self.tune, TUNE),
            draws=min(self.draws, DRAWS),
            target_accept=min(self.target_accept, ACCEPT),
        )

    def seeded(self, sequence: np.random.SeedSequence) -> Settings:
        """Return the settings with a seed of a sequence that was spawned."""
        return replace(self, random_seed=int(sequence.generate_state(1)[0]))

    def generator(self, purpose: str) -> np.random.Generator:
        """Return the random generator of one purpose; the same for the same seed and purpose."""
        key = tuple(purpose.encode())
        return np.random.default_rng(np.random.SeedSequence(self.random_seed, spawn_key=key))

    def check(self) -> None:
        """Raise `InputError` with every setting that is out of range."""
        bounds = {
            "draws": (50, MOST_DRAWS),
            "tune": (50, MOST_DRAWS),
            "chains": (2, MOST_CHAINS),
            "random_seed": (0, np.inf),
        }
        problems = [
            f"{name} must be a whole number of at least {least}"
            f"{f' and at most {most:,}' if most < np.inf else ''}, got {getattr(self, name)!r}"
            for name, (least, most) in bounds.items()
            if not isinstance(getattr(self, name), int) or not least <= getattr(self, name) <= most
        ]
        if not 0.5 <= self.target_accept < 1:
            problems.append(f"target_accept must lie in [0.5, 1), got {self.target_accept!r}")
        if problems:
            raise InputError(problems)


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """What the sampler returned.

    Attributes
    ----------
    draws : mapping of str to array (n_chains, n_draws, ...)
        Sampled parameters.
    steps : mapping of str to array (n_chains, n_draws, n_steps)
        Standardised steps of the walk of every input that drifts.
    stats : mapping of str to array (n_chains, n_draws)
        Sampler statistics.
    compile_seconds, sample_seconds : float
        Time spent; a structure that was compiled before costs no compile.
    """

    draws: Mapping[str, NDArray[np.float64]]
    steps: Mapping[str, NDArray[np.float64]]
    stats: Mapping[str, NDArray[Any]]
    compile_seconds: float
    sample_seconds: float


def sample(
    model: Model,
    design: Design,
    settings: Settings,
    *,
    engine: Engine = "generated",
    progress: Progress | None = None,
) -> Sampled:
    """Sample the posterior with nutpie's NUTS and low-rank mass-matrix adaptation.

    Parameters
    ----------
    model : Model
        The law.
    design : Design
        Its data.
    settings : Settings
        Draws, chains, seed.
    engine : {"generated", "pymc"}
        Which density is sampled: the one that is generated from the formula, or that of the PyMC
        model. They are the same; a law that cannot be generated is sampled by PyMC, in words.
    progress : Progress, optional
        The line that says how far it is.

    Returns
    -------
    Sampled

    References
    ----------
    Hoffman and Gelman 2014, arXiv:1111.4246; Seyboldt et al. 2026, low-rank adaptation in nutpie.
    """
    import nutpie

    started = time.perf_counter()
    if progress:
        progress.at(model.id, "compiling")
    sampled = _density(model, design, engine)
    compile_seconds = time.perf_counter() - started
    started = time.perf_counter()
    running = nutpie.sample(
        sampled.compiled,
        draws=settings.draws,
        tune=settings.tune,
        chains=settings.chains,
        cores=min(settings.chains, os.cpu_count() or 1),
        seed=settings.random_seed % 2**32,
        target_accept=settings.target_accept,
        adaptation="low_rank",
        save_warmup=False,
        progress_bar=False,
        progress_callback=partial(_report, model.id, progress) if progress else None,
        blocking=False,  # or an interrupt would return the draws there are as if they were all
    )
    try:
        tree = running.wait()
    except BaseException:
        running.cancel()
        raise
    if progress:
        progress.finish()
    posterior, stats = tree["posterior"].dataset, tree["sample_stats"].dataset
    draws, steps = sampled.read(
        {str(name): np.asarray(array.values, float) for name, array in posterior.items()}
    )
    return Sampled(  # in the layout of a fit that is loaded, whose sums round alike
        draws={name: np.ascontiguousarray(values) for name, values in draws.items()},
        steps={name: np.ascontiguousarray(values) for name, values in steps.items()},
        stats={name: np.asarray(stats[name].values) for name in KEPT_STATS if name in stats},
        compile_seconds=compile_seconds,
        sample_seconds=time.perf_counter() - started,
    )


def _density(model: Model, design: Design, engine: Engine) -> SampledDensity:
    """Return the density that an engine samples."""
    if engine == "generated":
        try:
            return generated(model, design)
        except NoProgramError as error:
            warnings.warn(
                f"{model.id} is sampled by PyMC, which takes longer: {error}",
                BayesScalingWarning,
                stacklevel=4,
            )
    return of_pymc(model, design)


def _report(name: str, progress: Progress, chains: list[Any]) -> None:
    done = sum(chain.finished_draws for chain in chains)
    share = done / max(1, sum(chain.total_draws for chain in chains))
    divergences = sum(chain.divergences for chain in chains)
    diverged = f", {divergences} divergences" if divergences else ""
    progress.at(name, f"sampling {len(chains)} chains, {share:.0%}{diverged}", share)
