"""`calibrate`: does a fit recover what its own prior made up? Simulation-based calibration.

Parameters are drawn from the prior, runs are simulated with them, and the law is fitted to those
runs. Over many simulations the truth then falls uniformly among the draws of the posterior, if the
sampler and the model do what they say. It says nothing of whether real runs follow the law: that is
what a backtest is for.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.facade import Fit
from bayes_scaling.fitting import fit
from bayes_scaling.laws.catalogue import load_model
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.nominal import BEYOND, LARGEST, SMALLEST, nominal_sizes, unobserved
from bayes_scaling.posterior.prior import prior_member
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.questions.forecast import forecast_by_law
from bayes_scaling.questions.typical import Tuned
from bayes_scaling.runs import RunTable, read_runs
from bayes_scaling.validation.calibration import NEW_RUN, NOISE_FREE, Calibration
from bayes_scaling.validation.run import AnyModel
from bayes_scaling.validation.tasks import Executor, announce, run_tasks

Array = NDArray[np.float64]

BUDGETS, SPLITS = 5, 5
"""Runs that are simulated where none are given: so many budgets, and splits of each."""

SPREAD = 8.0
"""Factor of params over those on the nominal line, of the outermost splits."""

FACTOR = 4.0
"""Factor of other inputs over those on the nominal line, at most."""

SWEPT = ("learning_rate", "batch_size", "unique_tokens")
"""Inputs that simulated runs vary by themselves, besides sizes."""

SIZES = ("params", "tokens", "flops")


@dataclass(frozen=True, kw_only=True, eq=False)
class Simulation:
    """One piece of work: simulated runs, and the truth behind them.

    Attributes
    ----------
    model : Model
        The law.
    runs : RunTable
        Simulated runs.
    truth : mapping of str to float
        Parameters and derived quantities.
    target : mapping of str to float
        Size of a larger run.
    losses : (float, float)
        Its noise-free loss, and that of a new run.
    settings : Settings
        How to sample.
    """

    model: Model
    runs: RunTable
    truth: Mapping[str, float]
    target: Mapping[str, float]
    losses: tuple[float, float]
    settings: Settings


def calibrate(
    model: AnyModel,
    runs: RunTable | None = None,
    *,
    simulations: int = 50,
    draws: int = 500,
    tune: int = 500,
    chains: int = 2,
    target_accept: float = 0.95,
    random_seed: int | None = None,
    executor: Executor | None = None,
    progress: bool = False,
) -> Calibration:
    """Fit runs that the prior of a law made up, and see where the truth falls.

    Parameters
    ----------
    model : str, path, Model or mapping
        The law.
    runs : RunTable, DataFrame or path, optional
        A table whose sizes the simulated runs have; its losses are never read. By default 25 runs
        over four decades of compute.
    simulations : int
        How many; 50 tell 90 % from 78 or less, 200 from 84.
    draws, tune, chains, target_accept
        As in `bayes_scaling.fit`, of every fit.
    random_seed : int, optional
        Seed of everything; a fresh one is taken and kept if absent.
    executor : object with submit or map, optional
        Does the fits in parallel; see `bayes_scaling.validation.tasks.run_tasks`.
    progress : bool
        Whether to report on standard error how many fits are done; without an executor only.

    Returns
    -------
    Calibration
        Fits that did not converge are counted, and kept.

    Raises
    ------
    InputError
        The model, the runs or a setting cannot be used.

    References
    ----------
    Talts, Betancourt, Simpson, Vehtari and Gelman 2018, arXiv:1804.06788, algorithm 1.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> bs.calibrate("chinchilla", simulations=100).table  # doctest: +SKIP
    """
    law = load_model(model)
    settings = Settings.chosen(
        draws=draws, tune=tune, chains=chains, target_accept=target_accept, random_seed=random_seed
    )
    _check(law, simulations)
    sizes = unobserved(law, default_sizes(law) if runs is None else _table(runs))
    made = simulate(law, sizes, simulations, settings)
    done = announce("calibrate", len(made)) if progress else None
    found = run_tasks(recover, made, executor, done=done)
    return Calibration(
        model=law.id,
        pit={name: np.array([each[0][name] for each in found]) for name in found[0][0]},
        converged=np.array([each[1] for each in found]),
        runs=len(sizes),
        random_seed=settings.random_seed,
    )


def _check(law: Model, simulations: int) -> None:
    problems = []
    if simulations < 10:
        problems.append(f"simulations must be 10 or more, got {simulations!r}")
    if law.kind != "law":
        problems.append(f"{law.id} is a {law.kind}: only a law is fitted")
    if law.temper:
        problems.append(
            f"{law.id} is tempered: a power posterior is not meant to hold the truth of its own "
            "prior; calibrate the law without (temper=0), and judge this one by a backtest"
        )
    if problems:
        raise InputError(problems, source="calibrate")


def _table(runs: RunTable) -> RunTable:
    return runs if isinstance(runs, RunTable) else read_runs(runs)


def default_sizes(law: Model) -> RunTable:
    """Return runs on five budgets, split five ways, that vary what the law reads."""
    budgets = np.repeat(np.geomspace(SMALLEST, LARGEST, BUDGETS), SPLITS)
    tilt = np.tile(np.geomspace(1 / SPREAD, SPREAD, SPLITS), BUDGETS)
    stems = {name.removesuffix("_ref") for name in law.reference_names if name.endswith("_ref")}
    columns = nominal_sizes(sorted({*law.inputs, *stems, *SIZES}), budgets)
    columns["params"] = columns["params"] * tilt
    columns["tokens"] = columns["tokens"] / tilt
    turn = np.arange(budgets.size)
    budget, split = turn // SPLITS, turn % SPLITS
    for step, name in enumerate((name for name in SWEPT if name in columns), start=2):
        # A Latin square, so that none goes along with the sizes.
        factors = np.geomspace(1 / FACTOR, FACTOR, SPLITS)
        columns[name] = columns[name] * factors[(step * split + budget) % SPLITS]
    return RunTable(columns={"run": turn.astype(str), **columns})


def simulate(law: Model, sizes: RunTable, count: int, settings: Settings) -> list[Simulation]:
    """Simulate runs of some sizes, and one run beyond them, from draws of the prior."""
    target = beyond(law, sizes)
    prior = prior_member(law, sizes, draws=count, random_seed=settings.random_seed)
    asked = {name: np.append(sizes[name], target[name]) for name in target}
    tuning: Tuned = "typical" if law.mistuned.on else "tuned"
    told = forecast_by_law(prior, asked, tuning)
    seeds = np.random.SeedSequence(settings.random_seed).spawn(count)
    truths = {name: values[0] for name, values in prior.draws.items() if values.ndim == 2}
    return [
        Simulation(
            model=law,
            runs=RunTable(columns={**sizes.columns, law.response: told.draws[index, :-1]}),
            truth={name: float(values[index]) for name, values in truths.items()},
            target=target,
            losses=(float(told.noise_free[index, -1]), float(told.draws[index, -1])),
            settings=settings.seeded(seed),
        )
        for index, seed in enumerate(seeds)
    ]


def beyond(law: Model, sizes: RunTable) -> dict[str, float]:
    """Return what the law reads in a run of `BEYOND` times the compute of the largest ones."""
    scale = sizes["flops"] if "flops" in sizes else sizes[law.inputs[0]]
    largest = sizes.take(scale >= 0.9 * scale.max())
    one, more = nominal_sizes(law.inputs, 1.0), nominal_sizes(law.inputs, BEYOND)
    return {
        name: float(np.exp(np.mean(np.log(largest[name]))) * more[name][0] / one[name][0])
        for name in law.inputs
    }


def recover(simulation: Simulation) -> tuple[dict[str, float], bool]:
    """Fit one simulation: where each truth falls among the draws, and whether it converged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayesScalingWarning)
        settings = asdict(simulation.settings)
        found = fit(simulation.model, simulation.runs, run_effect=False, **settings)
    told = found.accept_unconverged().forecast(simulation.target)
    draws = {name: _flat(found, name) for name in simulation.truth}
    draws |= {NOISE_FREE: told.noise_free[:, 0], NEW_RUN: told.draws[:, 0]}
    truth = {**simulation.truth, **dict(zip((NOISE_FREE, NEW_RUN), simulation.losses, strict=True))}
    places = {
        name: float(np.mean((values < truth[name]) + 0.5 * (values == truth[name])))
        for name, values in draws.items()
        if np.ptp(values) > 0
    }
    return places, found.status == "converged"


def _flat(found: Fit, name: str) -> Array:
    values = found.flat[name]
    return values[:, 0] if values.ndim == 2 else values
