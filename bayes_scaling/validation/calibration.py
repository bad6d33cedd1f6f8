"""`calibrate`: does a fit recover what its own prior made up? Simulation-based calibration.

Parameters are drawn from the prior, runs are simulated with them, and the law is fitted to those
runs. Over many simulations the truth then falls uniformly among the draws of the posterior, if the
sampler and the model do what they say. It says nothing of whether real runs follow the law: that is
what a backtest is for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.laws.catalogue import AnyModel, load_model
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.nominal import BEYOND, LARGEST, SMALLEST, nominal_sizes, unobserved
from bayes_scaling.page import Page, Shown, grid_of
from bayes_scaling.posterior.prior import prior_member
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.questions.forecast import forecast_by_law
from bayes_scaling.questions.typical import Tuned
from bayes_scaling.runs import RunTable, read_runs, training_flops
from bayes_scaling.runs.columns import SIZES
from bayes_scaling.validation.keeping import Kept, folder_to_keep
from bayes_scaling.validation.tasks import Executor, fit_quietly, run_tasks

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]

AHEAD = (10.0, BEYOND)
"""Factors in compute from the largest run to those that are forecast."""

NOISE_FREE = tuple(f"noise-free at {factor:g}x" for factor in AHEAD)
NEW_RUN = tuple(f"new run at {factor:g}x" for factor in AHEAD)
BEST_PARAMS = f"N* at {BEYOND:g}x"
"""Names of the losses of these runs, and of the best params of the larger budget."""

DOUBT = 0.01
"""Chance that a calibrated fit is called miscalibrated, over all of its quantities."""

PROBABILITIES = (0.5, 0.9)

BUDGETS, SPLITS = 5, 5
"""Runs that are simulated where none are given: so many budgets, and splits of each."""

SPREAD = 8.0
"""Factor of params over those on the nominal line, of the outermost splits."""

SWEEP = 4.0
"""Factor of other inputs over those on the nominal line, at most."""

SWEPT = ("learning_rate", "batch_size", "unique_tokens")
"""Inputs that simulated runs vary by themselves, besides sizes."""


def calibrate(
    model: AnyModel,
    runs: RunTable | Any | None = None,
    *,
    simulations: int = 50,
    draws: int = 500,
    tune: int = 500,
    chains: int = 2,
    target_accept: float = 0.95,
    random_seed: int | None = None,
    executor: Executor | None = None,
    keep: str | Path | None = None,
    progress: bool | None = None,
) -> Calibration:
    """Fit runs that the prior of a law made up, and see where the truth falls.

    Parameters
    ----------
    model : str, path, Model or mapping
        The law.
    runs : RunTable, DataFrame or path, optional
        A table whose sizes and groups the simulated runs have; its losses are never read. By
        default 25 runs of one group over four decades of compute.
    simulations : int
        How many; 50 tell 90 % from 78 or less, 200 from 84.
    draws, tune, chains, target_accept
        As in `bayes_scaling.fit`, of every fit.
    random_seed : int, optional
        Seed of everything; a fresh one is taken and kept if absent.
    executor : object with submit or map, optional
        Does the fits in parallel; see `bayes_scaling.validation.tasks.run_tasks`.
    keep : path, optional
        A folder for the result of each fit, which is read where the same is asked again: a
        calibration that was stopped goes on where it was. Needs `random_seed`.
    progress : bool, optional
        Whether a line says how many fits are done; by default in a notebook and in a terminal.

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
    law = replace(law, select="")  # simulated are the runs that a protocol takes
    if runs is not None and not isinstance(runs, RunTable):
        runs = read_runs(runs)
    given = default_sizes(law) if runs is None else runs
    sizes = unobserved(law, given, grouped=runs is not None)
    made = simulate(law, sizes, simulations, settings)
    kept = None if keep is None else _keeping(keep, random_seed)
    found = run_tasks(recover, made, executor, name="calibrate", progress=progress, keep=kept)
    known = {name for name in made[0].truth if np.ptp([each.truth[name] for each in made]) == 0}
    return Calibration(
        model=law.id,
        pit={
            name: np.array([places[name] for places, _ in found])
            for name in found[0][0]
            if name not in known
        },
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


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Calibration(Shown):
    """Where the truth fell, by quantity.

    Attributes
    ----------
    model : str
        Id of the law.
    pit : mapping of str to array (n_simulations,)
        Share of the draws below the truth, by quantity; uniform where calibrated.
    converged : array of bool (n_simulations,)
        Which fits converged.
    runs : int
        Runs in each simulation.
    random_seed : int
        Seed of everything.
    """

    model: str
    pit: Mapping[str, NDArray[np.float64]]
    converged: NDArray[np.bool_]
    runs: int
    random_seed: int

    def page(self) -> Page:
        """Return what is printed: how many simulations, and how often intervals held the truth."""
        said = f"Calibration({self.model}: {self.converged.size} simulations)"
        names = {name: name.replace("_", " ") for row in self.rows() for name in row}
        return [[said, grid_of(self.rows(), names)]]

    def rows(self) -> list[dict[str, Any]]:
        """Return one dict per quantity: shares of truths inside intervals, and how odd they are."""
        return [
            {"quantity": name}
            | {f"coverage{100 * p:.0f}": inside(places, p) for p in PROBABILITIES}
            | {"mean_place": float(places.mean()), "p_value": uniformity(places)}
            | {"verdict": "ok" if uniformity(places) > DOUBT / len(self.pit) else "fail"}
            for name, places in self.pit.items()
        ]

    @property
    def calibrated(self) -> bool:
        """Whether no quantity is called miscalibrated."""
        return all(row["verdict"] == "ok" for row in self.rows())

    @property
    def table(self) -> pd.DataFrame:
        """One row per quantity."""
        import pandas as pd

        return pd.DataFrame(self.rows())


def inside(places: NDArray[np.float64], probability: float) -> float:
    """Return the share of truths inside the central interval of a probability."""
    return float(np.mean(np.abs(places - 0.5) <= probability / 2))


def uniformity(places: NDArray[np.float64]) -> float:
    """Return the p-value of two Kolmogorov-Smirnov tests that places are uniform.

    One of the places, which sees that they lean to a side; and one of how far they are from the
    middle, which sees intervals that are too narrow or too wide alike on both sides. The smaller
    p-value counts, for two tests.
    """
    from scipy.stats import kstest

    tested = (places, np.abs(2 * places - 1))
    return float(min(1.0, 2 * min(kstest(each, "uniform").pvalue for each in tested)))


# ---- one simulation ------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class Simulation:
    """One piece of work: simulated runs, and the truth behind them.

    Attributes
    ----------
    model : Model
        The law.
    runs : RunTable
        Simulated runs.
    target : mapping of str to array (n_targets,)
        What the law reads of larger runs, and their group.
    truth : mapping of str to float
        Parameters, derived quantities, both losses of the larger runs, and the best params of the
        largest, where the law has such.
    settings : Settings
        How to sample.
    """

    model: Model
    runs: RunTable
    target: Mapping[str, NDArray[Any]]
    truth: Mapping[str, float]
    settings: Settings


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
        factors = np.geomspace(1 / SWEEP, SWEEP, SPLITS)
        columns[name] = columns[name] * factors[(step * split + budget) % SPLITS]
    return RunTable(columns={"run": turn.astype(str), **columns})


def simulate(law: Model, sizes: RunTable, count: int, settings: Settings) -> list[Simulation]:
    """Simulate runs of some sizes, and runs beyond them, from draws of the prior."""
    target = beyond(law, sizes)
    prior = prior_member(law, sizes, draws=count, random_seed=settings.random_seed, grouped=True)
    asked = {
        name: np.append(sizes.labels(name) if name == law.group else sizes[name], values)
        for name, values in target.items()
    }
    tuning: Tuned = "typical" if law.mistuned.on else "tuned"
    told = forecast_by_law(prior, asked, tuning)
    observed = {law.response: told.draws}
    seeds = np.random.SeedSequence(settings.random_seed).spawn(count + len(law.responses) - 1)
    for name, seed in zip(law.responses[1:], seeds[count:], strict=True):
        # With a seed of its own, so that its noise is another than that of the first.
        other = replace(prior.of(name), settings=settings.seeded(seed))
        observed[name] = forecast_by_law(other, asked, tuning).draws
    ahead = len(AHEAD)
    truths = {name: _of_first(values) for name, values in prior.flat.items()}
    truths |= _losses(told.noise_free[:, -ahead:], told.draws[:, -ahead:])
    truths |= _best(Fit.of_one(prior), target)
    return [
        Simulation(
            model=law,
            runs=RunTable(
                columns={
                    **sizes.columns,
                    **{name: draws[index, :-ahead] for name, draws in observed.items()},
                }
            ),
            target=target,
            truth={name: float(values[index]) for name, values in truths.items()},
            settings=settings.seeded(seed),
        )
        for index, seed in enumerate(seeds[:count])
    ]


def beyond(law: Model, sizes: RunTable) -> dict[str, NDArray[Any]]:
    """Return what the law reads, and the group, of runs `AHEAD` times as large as the largest."""
    scale = sizes["flops"] if "flops" in sizes else sizes[law.inputs[0]]
    largest = sizes.take(scale >= 0.9 * scale.max())
    one, more = nominal_sizes(law.inputs, 1.0), nominal_sizes(law.inputs, np.array(AHEAD))
    found: dict[str, NDArray[Any]] = {
        name: np.exp(np.mean(np.log(largest[name]))) * more[name] / one[name] for name in law.inputs
    }
    if all(name in sizes for name in law.group.split("/")):
        found[law.group] = np.repeat(np.unique(sizes.labels(law.group))[:1], len(AHEAD))
    return found


def recover(simulation: Simulation) -> tuple[dict[str, float], bool]:
    """Fit one simulation: where each truth falls among the draws, and whether it converged."""
    found = fit_quietly(simulation.runs, simulation.model, simulation.settings, run_effect=False)
    asked = found.accept_unconverged()
    told = asked.forecast(simulation.target)
    draws = {
        **{name: _of_first(values) for name, values in found.flat.items()},
        **_losses(told.noise_free, told.draws),
        **_best(asked, simulation.target),
    }
    rng = np.random.default_rng(simulation.settings.random_seed)
    places = {
        name: place_among(draws[name], truth, rng) for name, truth in simulation.truth.items()
    }
    return places, found.status == "converged"


def place_among(draws: Array, truth: float, rng: np.random.Generator) -> float:
    """Return the share of draws (n_draws,) below a truth, of those equal to it a random share.

    A best size may lie at the edge of what is searched, in draws and in truth; with ties broken at
    random, places are uniform nevertheless.
    """
    equal = np.isclose(draws, truth, rtol=1e-9, atol=0.0)
    below = np.mean((draws < truth) & ~equal)
    return float(below + rng.uniform() * equal.mean()) if equal.any() else float(below)


def _of_first(values: Array) -> Array:
    """Return the draws (n_draws,) of what is shared, or those of the first group."""
    return values.reshape(len(values), -1)[:, 0]


def _losses(noise_free: Array, draws: Array) -> dict[str, Array]:
    """Return both losses of each larger run (n_draws, n_runs) by their names."""
    return {
        name: values[:, place]
        for names, values in ((NOISE_FREE, noise_free), (NEW_RUN, draws))
        for place, name in enumerate(names)
    }


def _best(fit: Fit, target: Mapping[str, NDArray[Any]]) -> dict[str, Array]:
    """Return the best params (n_draws,) of the largest budget; nothing where none is split."""
    law = fit.only.model
    if law.inputs != ("params", "tokens"):
        return {}
    budget = float(training_flops(target["params"], target["tokens"])[-1])
    split = fit.accept_unconverged().allocate(flops=budget, family=fit.groups[0])
    return {BEST_PARAMS: split.params[:, 0]}


def _keeping(
    folder: str | Path, random_seed: int | None
) -> Kept[Simulation, tuple[dict[str, float], bool]]:
    """Return where the results of simulations are kept."""
    return Kept(
        folder=folder_to_keep(folder, random_seed), asked=_asked, plain=list, whole=_recovered
    )


def _asked(simulation: Simulation) -> dict[str, Any]:
    """Return all that the result of a simulation depends on."""
    return {
        "calibrate": [simulation.model.content_hash, simulation.runs.content_hash],
        "target": {name: values.tolist() for name, values in simulation.target.items()},
        "truth": dict(simulation.truth),
        "settings": asdict(simulation.settings),
    }


def _recovered(plain: Any) -> tuple[dict[str, float], bool]:
    places, converged = plain
    return places, converged
