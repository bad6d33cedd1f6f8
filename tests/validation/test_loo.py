"""Leave-one-out: against ArviZ, against refits without the run, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.laws import load_model
from bayes_scaling.laws.density import log_likelihood
from bayes_scaling.laws.design import make_design
from bayes_scaling.runs import RunTable
from bayes_scaling.validation.loo import Loo, Unbounded, leave_one_out
from tests.synthetic import synthetic_fit


def test_it_is_that_of_arviz_where_every_run_is_easy_to_leave_out() -> None:
    import arviz_stats

    fit = synthetic_fit(spread=0.0005)
    found = leave_one_out(fit)
    wanted = arviz_stats.loo(fit.tree, pointwise=True, reff=0.95)
    assert found.high_before == 0
    np.testing.assert_allclose(found.pointwise, wanted.elpd_i, atol=1e-4)
    assert found.elpd == pytest.approx(wanted.elpd, abs=1e-3)
    assert found.se == pytest.approx(wanted.se, rel=1e-3)
    assert found.effective == pytest.approx(wanted.p, abs=1e-3)


@pytest.mark.parametrize("name", ["chinchilla", "saturating-m2"])
def test_unbounded_density_is_that_of_the_pymc_model(name: str) -> None:
    fit = synthetic_fit(name)
    space = Unbounded(fit)
    logp = fit.model.build(fit.runs).compile_logp(mode="FAST_COMPILE")
    scales = {"log": "log", "logit": "logodds"}
    for draw in (0, 17):
        point = {
            f"{item.name}_{scales[item.prior.scale]}__": value
            for item, value in zip(fit.model.parameters, space.start[draw], strict=True)
        }
        (found,) = space.log_posterior(space.start[draw : draw + 1])
        assert found == pytest.approx(float(logp(point)), abs=1e-6)


def test_unbounded_draws_go_there_and_back_also_in_groups() -> None:
    fit = synthetic_fit(families=("code", "web"))
    space = Unbounded(fit)
    assert space.complete
    back = space.natural(space.start)
    assert {"alpha", "alpha_population", "alpha_sd", "c", "nu"} <= set(back)
    for name, values in back.items():
        np.testing.assert_allclose(values, fit.flat[name], rtol=1e-9)


def test_densities_stay_numbers_where_a_point_is_impossible() -> None:
    space = Unbounded(synthetic_fit())
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


@pytest.mark.slow
def test_moment_matching_gives_what_a_fit_without_the_run_gives() -> None:
    """Both ends of the curve are off the law, so that the posterior leans on them."""
    sizes = np.geomspace(1e7, 1e10, 10)
    loss = 2 * (0.4 + 0.6 * (sizes / np.sqrt(1e17)) ** -0.3)
    loss *= np.exp(0.003 * np.random.default_rng(0).standard_normal(10))
    loss[0] *= 0.97
    loss[-1] *= 1.05
    runs = RunTable.from_columns({"tokens": sizes, "loss": loss})
    law = load_model("saturating-m2")
    fit = bs.fit(law, runs, draws=1000, tune=600, chains=4, random_seed=3)
    found = leave_one_out(fit)
    assert found.high_before >= 1
    assert found.high == 0
    exact = []
    for run in range(len(runs)):
        rest = runs.take(np.arange(len(runs)) != run)
        other = bs.fit(law, rest, draws=1000, tune=600, chains=4, random_seed=4)
        design = replace(make_design(law, runs), references=other.references)
        density = log_likelihood(law, design, other.flat)[:, run]
        exact.append(float(np.log(np.mean(np.exp(density)))))
    np.testing.assert_allclose(found.pointwise, exact, atol=0.15)
