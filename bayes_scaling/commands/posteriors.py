"""Posteriors as lines of text and as plain data, for the command line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bayes_scaling.commands.console import ENSEMBLE, checks_list, print_table
from bayes_scaling.commands.features import print_exponents, tempered
from bayes_scaling.intervals import interval
from bayes_scaling.laws.variants import features_in_words

if TYPE_CHECKING:
    from bayes_scaling.facade import Fit
    from bayes_scaling.posterior import Member


def fit_dict(fit: Fit, probability: float) -> dict[str, Any]:
    """Return a fit or an ensemble as plain data: posteriors, checks and provenance."""
    return {
        **(_members_dict(fit, probability) if fit.averages else _posterior_dict(fit, probability)),
        "runs": len(fit.runs),
        "groups": list(fit.groups),
        "status": fit.status,
        "trustworthy": fit.trustworthy,
        "checks": checks_list(fit),
        "exponents": fit.exponents(probability=probability).rows(),
        "tempered": tempered(fit),
        "notes": list(fit.runs.notes),
        "provenance": dict(fit.provenance),
    }


def _members_dict(ensemble: Fit, probability: float) -> dict[str, Any]:
    return {
        "model": ENSEMBLE,
        "members": {
            name: {"weight": ensemble.weights[name]} | _posterior_dict(fit, probability)
            for name, fit in ensemble.members.items()
        },
        "left_out": dict(ensemble.left_out),
    }


def _posterior_dict(fit: Fit | Member, probability: float) -> dict[str, Any]:
    summary = {}
    for name, values in _elements(fit):
        summary[name] = interval(values, probability).to_dict() | asdict(fit.mixing[name])
    return {
        "model": fit.model.id,
        "posterior": summary,
        "references": dict(fit.references),
    }


def print_fit(fit: Fit, probability: float) -> None:
    """Print posterior and checks of a fit; members, weights and verdicts of an ensemble."""
    if fit.averages:
        _print_members(fit)
        print_exponents(fit.exponents(probability=probability))
        return
    print(f"{fit.model.id}: {fit.model.title}")
    if features_in_words(fit.model):
        print(f"features: {features_in_words(fit.model)}")
    print(f"{len(fit.runs)} runs, {fit.settings.chains} chains of {fit.settings.draws} draws")
    print()
    rows = [
        [name, str(interval(values, probability)), f"{mixed.r_hat:.3f}", f"{mixed.ess:.0f}"]
        for name, values in _elements(fit)
        for mixed in (fit.mixing[name],)
    ]
    print_table(rows, ("parameter", "posterior", "R-hat", "ESS"))
    print_exponents(fit.exponents(probability=probability))
    print()
    for check in fit.checks:
        print(check)


def _print_members(ensemble: Fit) -> None:
    settings = ensemble.settings
    print(f"{ENSEMBLE} of {len(ensemble.members)}, {len(ensemble.runs)} runs, "
          f"{settings.chains} chains of {settings.draws} draws each")  # fmt: skip
    print()
    verdicts = ensemble.verdicts
    rows = [
        [name, f"{ensemble.weights[name]:.2f}", *told.values()] for name, told in verdicts.items()
    ]
    print_table(rows, ("member", "weight", *next(iter(verdicts.values()))))
    print()
    for check in ensemble.checks:
        if check.verdict != "ok":
            print(check)
    if tempered(ensemble):
        print(tempered(ensemble))


def _elements(fit: Fit | Member) -> Iterable[tuple[str, Any]]:
    from bayes_scaling.posterior.diagnostics import elements

    return elements(fit.draws, fit.groups)
