"""The command ``fit``, and how commands sample what was chosen."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from bayes_scaling import fitting
from bayes_scaling.commands.chosen import AnyModel, Models
from bayes_scaling.commands.console import checks_list, print_page
from bayes_scaling.commands.options import Json, Probability
from bayes_scaling.commands.sources import Reading, Runs, say_read
from bayes_scaling.commands.streams import print_json
from bayes_scaling.errors import BayesScalingWarning
from bayes_scaling.facade import Fit
from bayes_scaling.files import check_target
from bayes_scaling.intervals import PROBABILITY, check_probability, interval
from bayes_scaling.laws.variants import features_in_words, tempering_in_words
from bayes_scaling.page import Block, Grid, Page
from bayes_scaling.posterior import Member
from bayes_scaling.posterior.diagnostics import doubts, elements, said_of_ceiling
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.posterior.tree import MOST_DENSITIES
from bayes_scaling.runs import RunTable


def fit(
    *,
    runs: Runs,
    models: Models,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to save the fit.")] = Path(
        "fit.nc"
    ),
    reading: Reading,
    settings: Settings,
    probability: Probability = PROBABILITY,
    as_json: Json = False,
) -> None:
    """Sample the posterior of one model, or of several to be averaged, and save it.

    Example: bayes-scaling fit runs.csv --best -o fit.nc
    """
    check_probability(probability)
    check_target(output)
    chosen = models.chosen()
    table = reading.table(runs)
    say_read(table)
    check_target(output, room=_room(len(table), settings, 4 if chosen is None else len(chosen)))
    result = sample_chosen(chosen, table, settings)
    result.save(output)
    if as_json:
        print_json(fit_dict(result, probability) | {"saved": str(output)})
    else:
        print_page(fit_page(result, probability))
        print(f"saved to {output}")
    if not result.trustworthy:
        raise typer.Exit(2)  # its checks were printed


def _room(runs: int, settings: Settings, members: int) -> int:
    """Bytes that a fit takes: some fifty numbers and a density of each run, for every draw."""
    draws = settings.chains * settings.draws
    return members * draws * (50 * 8 + min(4 * runs, 4 * MOST_DENSITIES // max(1, draws)))


def sampling(settings: Settings) -> dict[str, Any]:
    """Return the arguments of a function that samples."""
    return {name: getattr(settings, name) for name in ("draws", "tune", "chains", "random_seed")}


def sample_chosen(models: list[AnyModel] | None, table: RunTable, settings: Settings) -> Fit:
    """Sample one model that is named, else an average; it answers though it did not converge."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayesScalingWarning)  # the checks of the fit say it again
        if models is not None and len(models) == 1:
            found = fitting.fit(models[0], table, **sampling(settings))
        else:
            found = fitting.fit_ensemble(table, models, **sampling(settings))
    return found.accept_unconverged()


# ---- posteriors ----------------------------------------------------------------------------------


def fit_dict(fit: Fit, probability: float) -> dict[str, Any]:
    """Return a fit as plain data: posteriors, checks and provenance."""
    fit = fit.accept_unconverged()
    members = {
        name: {"weight": fit.weights[name]} | _posterior_dict(member, probability)
        for name, member in fit.members.items()
    }
    if fit.averages:
        found = {"model": fit.id, "members": members, "left_out": dict(fit.left_out)}
    else:
        found = _posterior_dict(fit.only, probability)
    return found | {
        "runs": len(fit.runs),
        "groups": list(fit.groups),
        "status": fit.status,
        "trustworthy": fit.trustworthy,
        "checks": checks_list(fit),
        "exponents": fit.exponents(probability=probability).rows(),
        "tempered": _tempered(fit),
        "notes": list(fit.runs.notes),
        "provenance": dict(fit.provenance),
    }


def _posterior_dict(member: Member, probability: float) -> dict[str, Any]:
    summary: Mapping[str, Any] = {
        name: interval(values, probability).to_dict() | asdict(member.mixing[name])
        for name, values in elements(member.draws, member.groups)
    }
    return {
        "model": member.model.id,
        "posterior": summary,
        "references": dict(member.references),
    }


def fit_page(fit: Fit, probability: float) -> Page:
    """Return what is printed of a fit: posterior and checks; of an average weights and verdicts."""
    fit = fit.accept_unconverged()
    exponents = fit.exponents(probability=probability).page()
    said: list[Block] = [str(each) for each in doubts(fit.checks)]
    checks: list[Block] = [str(each) for each in fit.checks if each.verdict == "ok"]
    if not fit.averages:
        return [_head(fit), said, [_posterior_grid(fit.only, probability)], *exponents, checks]
    verdicts = fit.verdicts
    members = Grid(
        heading=("member", "weight", *next(iter(verdicts.values()))),
        rows=[
            [name, f"{fit.weights[name]:.2f}", *said.values()] for name, said in verdicts.items()
        ],
    )
    ceiling = said_of_ceiling(fit.checks)
    told: list[Block] = [f"ceiling: {ceiling}"] if ceiling else []
    told += [_tempered(fit)] if _tempered(fit) else []
    return [_head(fit), said, [members], told, *exponents]


def _head(fit: Fit) -> list[Block]:
    """Say what was fitted to what."""
    size = f"{len(fit.runs)} runs, {fit.settings.chains} chains of {fit.settings.draws} draws"
    if fit.averages:
        return [f"{fit.id} of {len(fit.members)}, {size} each"]
    model = fit.only.model
    features = features_in_words(model)
    return [
        f"{model.id}: {model.title}",
        *([f"features: {features}"] if features else []),
        size,
    ]


def _posterior_grid(member: Member, probability: float) -> Grid:
    rows = [
        [name, str(interval(values, probability)), f"{mixed.r_hat:.3f}", f"{mixed.ess:.0f}"]
        for name, values in elements(member.draws, member.groups)
        for mixed in (member.mixing[name],)
    ]
    return Grid(heading=("parameter", "posterior", "R-hat", "ESS"), rows=rows)


def _tempered(fit: Fit) -> str:
    return tempering_in_words(member.model for member in fit.members.values())
