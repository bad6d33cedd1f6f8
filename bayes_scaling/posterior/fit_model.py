"""From one law and a table of runs to its draws."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from bayes_scaling import __version__
from bayes_scaling.errors import BayesScalingWarning
from bayes_scaling.laws.catalogue import catalogue_hash, load_model
from bayes_scaling.laws.density import log_law
from bayes_scaling.laws.design import Design, make_design
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.noise import RUN_EFFECT
from bayes_scaling.laws.variants import with_features
from bayes_scaling.posterior.diagnostics import Check, diagnose, elements, mixing
from bayes_scaling.posterior.form_checks import form_checks
from bayes_scaling.posterior.large_tables import MANY
from bayes_scaling.posterior.member import Member
from bayes_scaling.posterior.progress import Progress
from bayes_scaling.posterior.reference_answers import reference_answers
from bayes_scaling.posterior.sampler import Engine, Sampled, Settings, sample
from bayes_scaling.posterior.slopes import slopes
from bayes_scaling.runs import RunTable, read_runs
from bayes_scaling.runs.copies import doubt_of
from bayes_scaling.runs.doubts_of_fit import doubts_of_fit
from bayes_scaling.runs.rows import has_repeats
from bayes_scaling.runs.table import split_columns

MOST_VALUES = 20_000_000
"""Values of the law at runs under draws that checks look at."""

PACKAGES = ("pymc", "nutpie", "arviz", "numpy")
"""Packages whose versions are kept with a fit, beside our own."""

RUN_SPREAD = 0.03
"""Common deviation of the rows of a run that seeds do not explain; measured: .0002 to .025."""


def fit_law(
    model: str | Path | Model | Mapping[str, Any],
    runs: RunTable | Any,
    settings: Settings,
    *,
    switches: Mapping[str, bool | float | str | None] | None = None,
    temper: float | None = None,
    engine: Engine = "generated",
    progress: Progress | None = None,
) -> Member:
    """Sample the posterior of a scaling law given a table of runs.

    Parameters
    ----------
    model : str, Path, Model or mapping
        A model id (``"chinchilla"``), a TOML file, a definition or a `Model`.
    runs : RunTable, DataFrame or path
        The small runs.
    settings : Settings
        How to sample.
    switches : mapping of str to bool, float or str, optional
        Features by name (`bayes_scaling.laws.features.FEATURES`), on, off or with a level; as in
        the definition of the model where absent or None. A run effect is on by default where the
        table holds several rows of a run, such as checkpoints.
    temper : float, optional
        Length of tempering as a share of the span of the runs, 0 for none.
    engine : {"generated", "pymc"}
        Which density is sampled: the one generated from the formula, in seconds, or that of the
        PyMC model (`Model.build`), which is the same.
    progress : Progress, optional
        The line that says how far it is.

    Returns
    -------
    Member
        Also when it did not converge: see `Member.status` and `Member.checks`.

    Raises
    ------
    InputError
        The model or the runs cannot be used.

    Warns
    -----
    BayesScalingWarning
        The runs fit the model poorly (too few, collinear, another parameter count).
    """
    law = load_model(model)
    given = runs if isinstance(runs, RunTable) else read_runs(runs)
    runs = law.rows_of(given)
    wanted = {name: on for name, on in (switches or {}).items() if on is not None}
    instead = any(feature.on for feature in (law.correlated, law.mistuned)) or any(
        wanted.get(name) for name in ("correlated", "mistuned")
    )
    if not instead and has_repeats(runs, law.group):
        wanted.setdefault("run_effect", True)
    if temper is not None or wanted:
        law = with_features(law, wanted, temper=temper)
    settings = settings.for_runs(len(runs))
    design = make_design(law, runs)
    doubts, fewer = doubt_of(given), len(runs) < len(given)
    taken = [f"{law.id} takes {runs.notes[-1]}"] if law.select and fewer else []
    if fewer and not law.select and not doubts:
        rows = f"{len(runs)} of {len(given)} rows"
        taken = [f"{law.id} takes {rows}: several rows of one run have one loss, which counts once"]
    said = doubts_of_fit(given, split_columns(law.group))
    for text in (*said, *taken, *design.warnings):
        warnings.warn(text, BayesScalingWarning, stacklevel=2)
    sampled = sample(law, design, settings, engine=engine, progress=progress)
    return assemble(law, runs, design, settings, sampled)


def assemble(
    model: Model, runs: RunTable, design: Design, settings: Settings, sampled: Sampled
) -> Member:
    """Put a `Member` together from what the sampler returned, with its diagnostics."""
    kept = {**sampled.draws, **derived_of(model, design, sampled.draws)}
    unchecked = Member(
        model=model,
        runs=runs,
        draws=kept,
        steps=sampled.steps,
        stats=sampled.stats,
        references=dict(design.references),
        groups=design.groups,
        mixing={},
        checks=(),
        settings=settings,
        provenance=_provenance(model, runs, sampled),
    )
    kept |= slopes(unchecked)
    answers = reference_answers(unchecked, design)
    mixed = {name: mixing(values) for name, values in elements(kept, design.groups)}
    asked = {name: mixing(values) for name, values in elements(answers, design.groups)}
    law = _law_at_runs(unchecked, design)
    checks = (
        *diagnose(model, design, kept, sampled.stats, mixed, asked, law),
        *form_checks(model, design, law),
        *_said_of_rows(model, runs, kept),
    )
    return replace(unchecked, draws=kept, mixing=mixed | asked, checks=checks)


def _law_at_runs(fit: Member, design: Design) -> np.ndarray:
    """Law at the fitted runs (n_draws, n_runs), of as many draws as leave memory to others."""
    every = max(1, fit.n_draws * design.response.size // MOST_VALUES)
    draws = {name: values[::every] for name, values in fit.flat.items()}
    walks = {name: walk.take(slice(None, None, every)) for name, walk in fit.walks.items()}
    return log_law(fit.model, design, draws, walks)


def _said_of_rows(
    model: Model, runs: RunTable, draws: Mapping[str, np.ndarray]
) -> tuple[Check, ...]:
    """Say which rows a law took, and where rows of one run share a deviation, how large it is."""
    said = []
    if model.select and runs.notes:
        said.append(Check(name="rows", verdict="ok", evidence=runs.notes[-1]))
    if len(runs) >= MANY:
        chains, kept = draws["sigma"].shape[:2]
        evidence = f"{len(runs):,} runs, so {chains} x {kept} draws that are nearly independent"
        said.append(Check(name="many runs", verdict="ok", evidence=evidence))
    if model.run_effect.on:
        count, spread = np.unique(runs.labels("run")).size, float(np.median(draws[RUN_EFFECT]))
        large = spread > RUN_SPREAD
        check = Check(
            name="run effect",
            verdict="warn" if large else "ok",
            evidence=f"{len(runs)} rows of {count} runs; those of one run deviate together, by "
            f"{spread:.1%}",
            advice="seeds alone do not make runs differ that much: the law does not hold along a "
            "run; keep one row of each, or set run_effect=False"
            if large
            else "",
        )
        said.append(check)
    return tuple(said)


def derived_of(
    model: Model, design: Design, draws: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Compute derived quantities; a shared parameter broadcasts against grouped ones."""
    grouped = any(draws[item.name].ndim == 3 for item in model.parameters)
    values = {item.name: _aligned(draws[item.name], grouped) for item in model.parameters}
    derived = model.derive(values, design.references)
    return {
        name: array[..., 0] if grouped and array.shape[-1] == 1 else np.asarray(array)
        for name, array in derived.items()
    }


def _aligned(values: np.ndarray, grouped: bool) -> np.ndarray:
    return values[..., None] if grouped and values.ndim == 2 else values


def _provenance(model: Model, runs: RunTable, sampled: Sampled) -> dict[str, str]:
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "model_hash": model.content_hash,
        "runs_hash": runs.content_hash,
        "catalogue_hash": catalogue_hash(model.id),
        "compile_seconds": f"{sampled.compile_seconds:.3f}",
        "sample_seconds": f"{sampled.sample_seconds:.3f}",
        "version_bayes-scaling": __version__,
        **{f"version_{name}": version(name) for name in PACKAGES},
    }
