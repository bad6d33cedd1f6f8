"""How a forecast moves with form, prior and drift: weights by hand, and the whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bayes_scaling.errors import UnconvergedError
from bayes_scaling.laws.density import log_prior, own_priors
from bayes_scaling.laws.design import make_design
from bayes_scaling.questions.sensitivity import weighted_quantiles
from tests.command_line import call
from tests.synthetic import PLAIN, UNCONVERGED, changed, synthetic_ensemble, synthetic_fit

SIZES = {"params": 1e11, "tokens": 2e12}


def test_quantiles_of_even_weights_are_plain() -> None:
    values = np.random.default_rng(1).standard_normal(5000)
    found = weighted_quantiles(values, np.full(5000, 1 / 5000), (0.05, 0.5, 0.95))
    assert found == pytest.approx(np.quantile(values, [0.05, 0.5, 0.95]), abs=0.01)
    half = np.where(values > 0, 1.0, 0.0)
    assert weighted_quantiles(values, half / half.sum(), (0.0001,))[0] > -0.01


def test_a_prior_that_counts_twice_draws_towards_it() -> None:
    fit = synthetic_fit(PLAIN, draws=1000, spread=0.1)
    found = fit.sensitivity(SIZES)
    prior = fit.model.parameters[0].prior
    weights = {key: each for key, each in found.weights.items() if key[0] == "prior"}
    values = fit.flat[fit.model.parameters[0].name]
    density = prior.logpdf(values)
    half, twice = (weights["prior", f"counts {name}"] for name in ("half", "twice"))
    assert twice @ density > density.mean() > half @ density
    logs = sum(item.prior.logpdf(fit.flat[item.name]) for item in fit.model.parameters)
    expected = np.exp(logs - np.max(logs))
    np.testing.assert_allclose(twice, expected / expected.sum(), rtol=0.1)


def test_weights_are_those_of_arviz_whose_tail_is_smoothed() -> None:
    from arviz_stats.base import array_stats

    fit = synthetic_fit(PLAIN, draws=200, spread=0.3)
    found = fit.sensitivity(SIZES)
    logs = np.sum([i.prior.logpdf(fit.flat[i.name]) for i in fit.model.parameters], axis=0)
    for name, power in (("half", 0.5), ("twice", 2.0)):
        expected = np.exp(array_stats.psislw((1 - power) * logs)[0])
        np.testing.assert_allclose(found.weights["prior", f"counts {name}"], expected, rtol=1e-9)
        raw = np.exp((power - 1) * logs)
        assert not np.allclose(expected, raw / raw.sum(), rtol=1e-3)


def test_without_drift_exponents_stay_beyond_the_runs_and_inside_nothing_moves() -> None:
    fit = synthetic_fit("coupled-drift")
    far, inside = {"params": 1e14, "tokens": 2e15}, {"params": 1e9, "tokens": 2e10}
    moved = {}
    for name, sizes in (("far", far), ("inside", inside)):
        draws = fit.sensitivity(sizes).draws
        still, drifting = draws["drift", "none beyond the runs"], draws["as it is", ""]
        moved[name] = np.std(np.log(still / drifting))
    assert moved["inside"] < 1e-12
    assert moved["far"] > 1e-3
    assert "drift" not in {row["assumption"] for row in synthetic_fit().sensitivity(SIZES).rows()}


def test_each_law_of_an_ensemble_speaks_for_itself() -> None:
    ensemble = synthetic_ensemble("chinchilla", "coupled", weights={"chinchilla": 1, "coupled": 3})
    target = float(np.median(ensemble.forecast({**SIZES, "family": "all"}).draws))
    found = ensemble.sensitivity(SIZES, target_loss=target)
    rows = {(row["assumption"], row["variant"]): row for row in found.rows()}
    mixed = 0.25 * rows["form", "chinchilla"]["chance"] + 0.75 * rows["form", "coupled"]["chance"]
    assert rows["as it is", ""]["chance"] == pytest.approx(mixed)
    assert found.table.shape[0] == 5


def test_what_weighing_cannot_tell_is_said() -> None:
    fit = synthetic_fit(PLAIN, spread=0.02)
    far = {name: values * (50 if name == "alpha" else 1) for name, values in fit.draws.items()}
    spread = fit.draws["alpha"] * np.exp(np.linspace(0, 20, 100))
    moved = changed(fit, draws={**far, "alpha": spread})
    rows = [row for row in moved.sensitivity(SIZES).rows() if row["assumption"] == "prior"]
    less, more = rows
    assert less["variant"] == "counts nine tenths", "the mildest is tried last"
    assert less["note"] == (
        "too few effective draws to tell: fit again with --draws 400 (in Python draws=400)"
    )
    assert more["note"] == ""


def test_where_half_the_prior_is_not_told_a_milder_power_is() -> None:
    """Half of a prior that says much has weights without variance: Pareto k is above .5 then."""
    fit = synthetic_fit(PLAIN, draws=1000)
    rng = np.random.default_rng(2)
    learned = {item.name: item.prior.sample((4, 1000), rng) for item in fit.model.parameters}
    vague = changed(fit, draws={**fit.draws, **learned}).sensitivity(SIZES)
    rows = [row for row in vague.rows() if row["assumption"] == "prior"]
    assert [row["note"] for row in rows] == ["", ""]
    assert rows[0]["variant"] in ("counts two thirds", "counts three quarters")
    assert rows[1]["variant"] == "counts twice"


def test_values_of_groups_around_their_population_are_no_prior() -> None:
    """Their density has no bound where the spread is small, and no power of it can be weighed."""
    fit = synthetic_fit("chinchilla", families=("a", "b"), draws=500)
    found = fit.sensitivity({**SIZES, "family": "a"})
    assert not found.untold
    groups = make_design(fit.model, fit.runs).grouping
    parts = log_prior(fit.model, fit.flat, groups)
    own = own_priors(fit.model, parts)
    assert {"alpha", "beta"} <= set(parts) - set(own)
    assert {"alpha_population", "alpha_sd", "c"} <= set(own)


def test_the_command_prints_and_a_poor_fit_is_refused(tmp_path: Path) -> None:
    path = synthetic_fit("coupled-drift").save(tmp_path / "fit.nc")
    ask = ("sensitivity", path, "--params", 1e11, "--tokens", 2e12, "--target-loss", 2.0)
    found = call(*ask)
    assert found.code == 0, found.err
    assert "counts twice" in found.out
    assert len(json.loads(call(*ask, "--json").out)["rows"]) == 4
    with pytest.raises(UnconvergedError):
        synthetic_fit(checks=UNCONVERGED).sensitivity(SIZES)
