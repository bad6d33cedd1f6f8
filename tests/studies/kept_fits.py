"""Forecasts of single members, kept in a folder: any average of them is scored without a refit."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import bayes_scaling as bs
from bayes_scaling.errors import BayesScalingWarning
from bayes_scaling.laws import Model
from bayes_scaling.posterior.evidence import log_odds_of_priors, log_odds_without
from bayes_scaling.posterior.members import BELOW_CEILING, PLAIN, default_members, floor_before
from bayes_scaling.posterior.posterior import failed_sampling
from bayes_scaling.posterior.weights import stratify
from bayes_scaling.validation.holdout import member_log_density
from tests.studies.homes import Case

Array = NDArray[np.float64]

FOLDER = Path(__file__).resolve().parents[2] / "build" / "abroad"


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How members are sampled; part of the name of what is kept.

    Attributes
    ----------
    draws, tune, chains, seed : int
        As in `bayes_scaling.fit`.
    """

    draws: int = 1000
    tune: int = 600
    chains: int = 2
    seed: int = 1

    @property
    def name(self) -> str:
        """Name of the folder of fits of this effort."""
        return f"{self.chains}x{self.draws}+{self.tune}-{self.seed}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Kept:
    """What one member says of the targets of a case.

    Attributes
    ----------
    draws : array (n_draws, n_targets)
        Of the loss of a new run.
    log_density : array (n_targets,)
        Log predictive density of what they reached, per unit of loss.
    failed : str
        Why it did not converge; empty where it did.
    seconds : float
        Wall time of fit and forecast.
    odds : float
        Log odds of the default members without a ceiling, or of the one with the floor before its
        own, where this is the member that tells.
    """

    draws: Array
    log_density: Array
    failed: str
    seconds: float
    odds: float = np.nan


@dataclass(frozen=True, kw_only=True, eq=False)
class Work:
    """One fit that is to be made and kept."""

    case: Case
    model: Model
    effort: Effort
    folder: Path

    @property
    def path(self) -> Path:
        """Where it is kept: by what it says, not by its name."""
        return (
            self.folder / self.effort.name / self.model.content_hash[:20] / f"{self.case.key}.npz"
        )

    def load(self) -> Kept | None:
        """Return what is kept; None where nothing is."""
        if not self.path.is_file():
            return None
        with np.load(self.path) as file:
            return Kept(
                draws=file["draws"].astype(float),
                log_density=file["log_density"],
                failed=str(file["failed"]),
                seconds=float(file["seconds"]),
                odds=float(file["odds"]) if "odds" in file else np.nan,
            )


def fits_model(case: Case, model: Model) -> bool:
    """Tell whether the runs of a case have what a model reads."""
    return all(name in case.split.fitted for name in model.sizes)


def work(item: Work) -> None:
    """Fit one member and keep its forecast."""
    started = time.perf_counter()
    seed = int(item.case.key[:8], 16) + item.effort.seed
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayesScalingWarning)
        fit = bs.fit(
            item.model, item.case.split.fitted, random_seed=seed % 2**31, draws=item.effort.draws,
            tune=item.effort.tune, chains=item.effort.chains,
        )  # fmt: skip
        forecast = fit.accept_unconverged().forecast(item.case.split.sizes)
    members = {model.id: model for model in default_members(fit.runs)}
    plain = members.get(dict(zip(BELOW_CEILING, PLAIN, strict=True)).get(item.model.id, ""))
    odds = np.nan if plain is None else log_odds_without(fit.only, plain)
    if (before := members.get(floor_before(item.model.id) or "")) is not None:
        odds = log_odds_of_priors(fit.only, before)
    failed = failed_sampling(fit.only) if fit.status == "unconverged" else ""
    item.path.parent.mkdir(parents=True, exist_ok=True)
    partial = item.path.with_suffix(".part.npz")
    np.savez_compressed(
        partial,
        draws=np.clip(forecast.draws, 1e-30, 1e30).astype(np.float32),
        log_density=member_log_density(fit.only, forecast, item.case.split.observed),
        failed=failed,
        odds=odds,
        seconds=time.perf_counter() - started,
    )
    partial.replace(item.path)


def make_all(items: Iterable[Work], *, jobs: int) -> list[str]:
    """Make what is not kept yet, one fit a process at a time; return what could not be made."""
    waiting = {item.path: item for item in items if not item.path.is_file()}
    ordered = sorted(waiting.values(), key=lambda item: item.model.content_hash)
    problems, started = [], time.perf_counter()
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        made = {pool.submit(work, item): item for item in ordered}
        for number, future in enumerate(as_completed(made), start=1):
            item = made[future]
            if (error := future.exception()) is not None:
                problems.append(f"{item.model.id}, {item.case.tasks[0]} {item.case.group}: {error}")
            if number % 20 == 0 or number == len(made):
                took = time.perf_counter() - started
                print(f"{number}/{len(made)} fits, {took:.0f} s", flush=True)
    return problems


def mixed(parts: Sequence[Kept], weights: Sequence[float]) -> Kept:
    """Average members as `fit_ensemble` does: without those that failed, where one did not.

    Parameters
    ----------
    parts : sequence of Kept
        What the members say.
    weights : sequence of float
        Of each, in any unit.
    """
    pairs = [pair for pair in zip(parts, weights, strict=True) if pair[1] > 0]
    good = [pair for pair in pairs if not pair[0].failed] or pairs
    shares = np.array([weight for _, weight in good]) / sum(weight for _, weight in good)
    rows = stratify(shares.tolist(), [len(part.draws) for part, _ in good])
    draws = [part.draws[taken] for (part, _), taken in zip(good, rows, strict=True)]
    density = [np.log(s) + part.log_density for s, (part, _) in zip(shares, good, strict=True)]
    return Kept(
        draws=np.concatenate(draws),
        log_density=np.logaddexp.reduce(density, axis=0),
        failed="" if not good[0][0].failed else "; ".join(part.failed for part, _ in good),
        seconds=sum(part.seconds for part in parts),
    )


@dataclass(frozen=True, kw_only=True)
class Average:
    """Members and their weights.

    Attributes
    ----------
    name : str
        What it is called in tables.
    weights : mapping of str to float
        By the id or the file of a model; none stands for the default members.
    """

    name: str
    weights: Mapping[str, float]


def read_average(text: str) -> Average:
    """Read ``name=one:2,two``, or ``one,two``, or ``auto``."""
    name, given = text.split("=", 1) if "=" in text else (text, text)
    weights = {}
    for part in given.split(",") if given != "auto" else ():
        member, _, weight = part.rpartition(":") if part.rpartition(":")[0] else (part, "", "1")
        weights[member] = float(weight)
    return Average(name=name, weights=weights)
