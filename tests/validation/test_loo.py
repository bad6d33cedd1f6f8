"""Leave-one-out: against ArviZ, against refits without the run, and what is said of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.laws import load_model
from bayes_scaling.laws.density import NO_WALKS, log_likelihood
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.drift import CENTRING, steps_name
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.priors import SOFTNESS
from bayes_scaling.runs import RunTable
from bayes_scaling.validation.loo import Loo, Unbounded, leave_one_out
from tests.synthetic import changed, synthetic_fit


def test_it_is_that_of_arviz_where_every_run_is_easy_to_leave_out() -> None:
    import arviz_stats

    fit = synthetic_fit(spread=0.0005)
    found = leave_one_out(fit)
    wanted = arviz_stats.loo(fit.tree, pointwise=True, reff=0.95)
    assert found.high_before == 0
    np.testing.assert_allclose(found.pointwise, wanted.elpd_i, atol=1e-4)
    assert found.elpd == pytest.approx(wanted.elpd, abs=1e-3)
    spread = np.std(wanted.elpd_i, ddof=1)  # of the runs as a sample; older versions take all
    assert found.se == pytest.approx(spread * np.sqrt(wanted.elpd_i.size), rel=1e-3)
    assert found.effective == pytest.approx(wanted.p, abs=1e-3)


@pytest.mark.parametrize("model", ["chinchilla", "coupled-drift"])
def test_a_thinned_fit_says_about_the_same(model: str) -> None:
    fit = synthetic_fit(model, draws=400, spread=0.0005)
    some, whole = leave_one_out(fit.thinned(400)), leave_one_out(fit)
    tolerance = 0.02 if model == "chinchilla" else 2.0  # its steps say more than its runs
    np.testing.assert_allclose(some.pointwise, whole.pointwise, atol=tolerance)


@pytest.mark.parametrize(
    "model",
    [
        load_model("chinchilla"),
        load_model("saturating-m2"),
        load_model("saturating-m2").with_features(temper=0.5, id="tempered"),
        load_model("chinchilla").with_features(drift=True, transient=True, id="drifting"),
    ],
    ids=lambda model: str(model.id),
)
def test_unbounded_density_is_that_of_the_pymc_model(model: Model) -> None:
    fit = synthetic_fit(model.to_dict())
    space = Unbounded(fit.only)
    logp = model.build(fit.runs).compile_logp(mode="FAST_COMPILE")
    ends = {"log": "_log__", "logit": "_logodds__", "identity": ""}
    for draw in (0, 17):
        values = {name: value[draw] for name, value in space.split(space.start).items()}
        point, moved = {}, 0.0
        for item in model.parameters:
            place = values[item.name].item()
            point[f"{item.name}{ends[item.prior.scale]}"] = place
            if item.prior.dist == "HalfNormal":  # PyMC moves it on another scale
                width = SOFTNESS * dict(item.prior.args)["sigma"]
                del point[f"{item.name}_log__"]
                z = np.log(np.expm1(np.exp(place) / width))
                point[f"{item.name}_softplus__"] = z
                moved += np.log(width) - np.logaddexp(0, -z) - place
        for name in model.drifting:
            scale = np.exp(CENTRING * values["tau"].item())
            point[steps_name(name)] = values[steps_name(name)] * scale
            moved -= values[steps_name(name)].size * np.log(scale)
        (found,) = space.log_posterior(space.start[draw : draw + 1])
        assert found + moved == pytest.approx(float(logp(point)), abs=1e-6)


def test_unbounded_draws_go_there_and_back_also_in_groups() -> None:
    fit = synthetic_fit(families=("code", "web"))
    space = Unbounded(fit.only)
    back = space.natural(space.start)
    assert {"alpha", "alpha_population", "alpha_sd", "c", "nu"} <= set(back)
    for name, values in back.items():
        np.testing.assert_allclose(values, fit.flat[name], rtol=1e-9)


def test_densities_stay_numbers_where_a_point_is_impossible() -> None:
    space = Unbounded(synthetic_fit().only)
    far = np.full((2, space.start.shape[1]), 800.0)
    assert not np.isnan(space.log_posterior(far)).any()


@pytest.mark.parametrize(
    ("high", "before", "verdict", "evidence"),
    [
        (0, 0, "ok", "0 of 20 runs above 0.70"),
        (0, 2, "ok", "0 of 20 runs above 0.70 (2 before moment matching)"),
        (2, 2, "warn", "2 of 20 runs above 0.70 (2 before moment matching)"),
        (3, 5, "fail", "3 of 20 runs above 0.70 (5 before moment matching)"),
    ],
)
def test_the_number_of_runs_left_with_a_high_k_is_a_verdict(
    high: int, before: int, verdict: str, evidence: str
) -> None:
    k = np.r_[np.full(high, 0.9), np.full(20 - high, 0.2)]
    loo = Loo(pointwise=np.zeros(20), pareto_k=k, good_k=0.7, high_before=before, effective=3.0)
    (check,) = loo.checks()
    assert check.verdict == verdict
    assert check.evidence == evidence
    assert bool(check.advice) == (verdict != "ok")


def test_a_tempered_posterior_is_said_to_be_one() -> None:
    model = load_model("chinchilla").with_features(temper=0.5, id="tempered")
    found = leave_one_out(synthetic_fit(model.to_dict(), spread=0.0005))
    assert found.tempered
    assert found.likelihood == "plain, of a tempered posterior"
    _, check = found.checks()
    assert check.verdict == "warn"
    assert "tempered" in check.evidence


def test_a_run_leaves_a_tempered_posterior_by_what_it_weighs_there() -> None:
    """The same draws with and without weights: a run that weighs nothing owes nothing."""
    plain = synthetic_fit("chinchilla", spread=0.0005)
    model = plain.model.with_features(temper=0.5, id="tempered")
    fit = changed(plain, model=model)
    weights = make_design(model, fit.runs).weights
    density = log_likelihood(model, make_design(model, fit.runs), fit.flat, NO_WALKS)
    ratio = np.exp(-weights * density)
    wanted = np.log((ratio * np.exp(density)).sum(axis=0) / ratio.sum(axis=0))
    assert weights.min() < 0.2
    np.testing.assert_allclose(leave_one_out(fit).pointwise, wanted, atol=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("features", [{}, {"temper": 0.5}, {"drift": True}], ids=str)
def test_it_is_what_a_fit_without_the_run_gives(features: dict[str, Any]) -> None:
    """A run in the middle is off the law; of a plain fit both ends are, and it leans on them.

    The ends are left out of plain fits alone: they lay out tempering and drift.
    """
    sizes = np.geomspace(1e7, 1e10, 10)
    loss = 2 * (0.4 + 0.6 * (sizes / np.sqrt(1e17)) ** -0.3)
    loss *= np.exp(0.003 * np.random.default_rng(0).standard_normal(10))
    off = {4: 1.02} if features else {0: 0.97, 9: 1.05}
    loss[list(off)] *= list(off.values())
    runs = RunTable.from_columns({"tokens": sizes, "loss": loss})
    law = load_model("saturating-m2")
    law = law.with_features(**features, id="with features") if features else law
    settings: dict[str, Any] = {"draws": 3000, "tune": 800, "chains": 4}
    found = leave_one_out(bs.fit(law, runs, **settings, random_seed=3))
    if not features:
        assert found.high_before >= 1
        assert found.high == 0
    reliable = np.flatnonzero(found.pareto_k < found.good_k)
    chosen = [run for run in reliable if not features or 0 < run < 9]
    assert len(chosen) >= 6
    exact = []
    for run in chosen:
        other = bs.fit(law, runs.take(np.arange(10) != run), **settings, random_seed=4)
        design = changed(make_design(law, runs), references=other.references)
        density = log_likelihood(law, design, other.flat, other.walks)[:, run]
        exact.append(float(np.log(np.mean(np.exp(density)))))
    error = found.pointwise[chosen] - exact
    # Up to k = .5 importance weights have a variance, above it errors of single runs have none.
    steady = found.pareto_k[chosen] < 0.5
    assert steady.sum() >= 3
    np.testing.assert_allclose(error[steady], 0, atol=0.15)
    assert abs(error.mean()) < 0.15


def test_a_tempered_posterior_is_left_by_what_each_run_weighs_in_it() -> None:
    from arviz_stats.base import array_stats

    model = load_model("chinchilla").with_features(temper=0.3, id="tempered")
    fit = synthetic_fit(model.to_dict(), spread=0.002)
    space = Unbounded(fit.only)
    weights = space.design.weights
    assert weights.min() < 0.5 * weights.max()
    density = space.log_likelihood(space.start)
    wanted, k = array_stats.psislw((weights * density).T, r_eff=0.9)
    plain, _ = array_stats.psislw(density.T, r_eff=0.9)
    found = space.smoothed_weights(density, 0.9)
    got = found["log_weights"].values.reshape(density.shape)
    np.testing.assert_allclose(got, wanted.T, atol=1e-12)
    np.testing.assert_allclose(found["pareto_k"], k)
    assert np.abs(got - plain.T).max() > 0.1
