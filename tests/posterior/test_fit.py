"""`Fit` as plain data: summary, status, draws, and the tree that ArviZ reads."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from scipy import stats

from bayes_scaling.errors import InputError, UnconvergedError
from bayes_scaling.facade import Fit
from bayes_scaling.posterior import Check
from tests.synthetic import CONFLICT, OK, UNCONVERGED, synthetic_ensemble, synthetic_fit

FAMILIES = ("code", "web")


@pytest.fixture(scope="module")
def pooled() -> Fit:
    return synthetic_fit(families=FAMILIES)


# ---- summary -------------------------------------------------------------------------------------


def test_summary_has_parameters_and_derived_quantities(fitted: Fit) -> None:
    table = fitted.summary(probability=0.8)
    assert list(table.columns) == [
        "median", "lower", "upper", "probability", "kind", "r_hat", "ess", "ess_tail", "posterior",
    ]  # fmt: skip
    parameters = {item.name for item in fitted.model.parameters}
    assert set(table.index) == parameters | {line.name for line in fitted.model.derived}
    assert {"E", "alpha", "beta", "sigma", "nu", "A", "B"} <= set(table.index)
    draws = fitted.draws["A"].ravel()
    assert table.loc["A", "median"] == pytest.approx(np.median(draws))
    assert table.loc["A", "lower"] == pytest.approx(np.quantile(draws, 0.1))
    assert table.loc["A", "upper"] == pytest.approx(np.quantile(draws, 0.9))
    assert set(table["kind"]) == {"ETI"}
    assert set(table["probability"]) == {0.8}
    assert set(table["posterior"]) == {"plain"}
    assert table.loc["E", "ess"] == fitted.mixing["E"].ess
    with pytest.raises(InputError, match="between 0 and 1"):
        fitted.summary(probability=80)


def test_summary_of_groups_has_a_row_for_each(pooled: Fit) -> None:
    table = pooled.summary()
    assert {"alpha[code]", "alpha[web]", "alpha_population", "alpha_sd", "A[web]", "nu"} <= set(
        table.index
    )
    wanted = np.median(pooled.draws["alpha"][..., 1])
    assert table.loc["alpha[web]", "median"] == pytest.approx(wanted)


def test_summary_of_a_tempered_posterior_says_so() -> None:
    tempered = synthetic_fit("coupled-tempered").summary()
    assert set(tempered["posterior"]) == {"tempered"}
    both = synthetic_ensemble("coupled-tempered", "coupled-drift").summary()
    assert set(both.loc["coupled-tempered", "posterior"]) == {"tempered"}
    assert set(both.loc["coupled-drift", "posterior"]) == {"plain"}


# ---- status --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("checks", "status", "trustworthy"),
    [(OK, "converged", True), (UNCONVERGED, "unconverged", False), (CONFLICT, "converged", False)],
)
def test_status(checks: tuple[Check, ...], status: str, trustworthy: bool) -> None:
    fit = synthetic_fit(checks=checks)
    assert fit.status == status
    assert fit.trustworthy is trustworthy


def test_what_a_check_says_it_is_about_decides_and_not_its_name() -> None:
    failed = Check(name="step size", verdict="fail", evidence="collapsed", sampling=True)
    assert synthetic_fit(checks=(*OK, failed)).status == "unconverged"
    other = Check(name="R-hat", verdict="fail", evidence="of a posterior predictive check")
    assert synthetic_fit(checks=(*OK, other)).status == "converged"


def test_a_warning_alone_does_not_stop_a_decision() -> None:
    warned = tuple(replace(check, verdict="warn") for check in OK)
    fit = synthetic_fit(checks=warned)
    fit.require_converged()
    assert fit.trustworthy


@pytest.mark.parametrize("name", ["R-hat", "effective draws", "divergences", "E-BFMI"])
def test_decisions_on_an_unconverged_fit_must_be_asked_for(name: str) -> None:
    checks = tuple(
        replace(check, verdict="fail", advice="sample longer") if check.name == name else check
        for check in OK
    )
    fit = synthetic_fit(checks=checks)
    with pytest.raises(UnconvergedError, match=rf"{name}.*accept_unconverged"):
        fit.require_converged()
    sizes = {"params": 1e9, "tokens": 2e10}
    with pytest.raises(UnconvergedError):
        fit.forecast(sizes)
    with pytest.raises(UnconvergedError):
        fit.allocate(flops=1e21)
    assert len(fit.accept_unconverged().forecast(sizes).rows()) == 1
    assert len(fit.accept_unconverged().allocate(flops=1e21).rows()) == 1


def test_a_fit_is_frozen(pooled: Fit) -> None:
    with pytest.raises(FrozenInstanceError):
        pooled.groups = ()  # type: ignore[misc]


def test_flat_draws_join_chains_in_order(pooled: Fit) -> None:
    np.testing.assert_array_equal(pooled.flat["nu"][100:200], pooled.draws["nu"][1])
    np.testing.assert_array_equal(pooled.flat["E"][100:200], pooled.draws["E"][1])


def test_generators_depend_on_seed_and_purpose_alone(pooled: Fit) -> None:
    def drawn(fit: Fit, purpose: str) -> float:
        return float(fit.generator(purpose).random())

    other = replace(pooled, settings=replace(pooled.settings, random_seed=8))
    assert drawn(pooled, "forecast") == drawn(synthetic_fit(), "forecast")
    assert len({drawn(pooled, "forecast"), drawn(pooled, "risk"), drawn(other, "forecast")}) == 3


# ---- the tree ------------------------------------------------------------------------------------


def test_log_likelihood_in_the_tree_is_that_of_scipy(fitted: Fit) -> None:
    draws, refs, runs = fitted.draws, fitted.references, fitted.runs
    tree = fitted.tree
    for chain, draw, run in ((0, 0, 0), (1, 17, 40), (1, 499, 79)):
        p = {name: values[chain, draw] for name, values in draws.items()}
        mean = (
            p["E"]
            + p["a"] * (runs["params"][run] / refs["params_ref"]) ** -p["alpha"]
            + p["b"] * (runs["tokens"][run] / refs["tokens_ref"]) ** -p["beta"]
        )
        wanted = stats.t.logpdf(np.log(runs["loss"][run] / mean), df=p["nu"], scale=p["sigma"])
        found = float(np.asarray(tree["log_likelihood"]["loss"])[chain, draw, run])
        assert found == pytest.approx(wanted, rel=1e-5)


def test_groups_of_the_tree(fitted: Fit) -> None:
    tree = fitted.tree
    assert set(tree.children) == {
        "posterior", "sample_stats", "log_likelihood", "log_prior", "observed_data",
        "constant_data", "runs",
    }  # fmt: skip
    assert set(tree["posterior"].data_vars) == set(fitted.draws)
    assert set(tree["log_prior"].data_vars) == {item.name for item in fitted.model.parameters}
    np.testing.assert_array_equal(tree["observed_data"]["loss"], fitted.runs["loss"])
    np.testing.assert_array_equal(tree["constant_data"]["tokens"], fitted.runs["tokens"])
    np.testing.assert_array_equal(tree["runs"]["run"], fitted.runs["run"])


@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto")
def test_arviz_takes_the_tree(fitted: Fit) -> None:
    import arviz as az

    tree = fitted.tree
    table = az.summary(tree, round_to="none")
    assert table.loc["alpha", "mean"] == pytest.approx(fitted.draws["alpha"].mean())
    assert table.loc["alpha", "r_hat"] == pytest.approx(fitted.mixing["alpha"].r_hat)
    loo = az.loo(tree)
    pointwise = stats.t.logpdf(
        0, df=np.median(fitted.draws["nu"]), scale=np.median(fitted.draws["sigma"])
    )
    assert loo.n_data_points == len(fitted.runs)
    assert 0.5 * pointwise < loo.elpd / loo.n_data_points < pointwise
    assert 1 < loo.p < 12


def test_groups_are_a_labelled_dimension(pooled: Fit) -> None:
    tree = pooled.tree
    assert tree["posterior"]["alpha"].dims == ("chain", "draw", "family")
    web = tree["posterior"]["alpha"].sel(family="web")
    np.testing.assert_array_equal(web, pooled.draws["alpha"][..., 1])
    assert tree["posterior"]["alpha_population"].dims == ("chain", "draw")
    assert tree["log_prior"]["beta"].dims == ("chain", "draw", "family")
    assert tree["log_likelihood"]["loss"].dims == ("chain", "draw", "run_index")
    assert np.array_equal(tree["runs"]["family"], pooled.runs["family"])


def test_the_model_can_be_taken_over_in_pymc(fitted: Fit, pooled: Fit) -> None:
    import pymc as pm

    built = fitted.model.build(fitted.runs)
    assert isinstance(built, pm.Model)
    assert {v.name for v in built.free_RVs} == {item.name for item in fitted.model.parameters}
    (observed,) = built.observed_RVs
    assert observed.name == "log_loss"
    np.testing.assert_allclose(built["log_response"].get_value(), np.log(fitted.runs["loss"]))
    grouped = pooled.model.build(pooled.runs)
    assert dict(grouped.coords)["family"] == FAMILIES
    assert {"alpha_population", "alpha_sd", "alpha"} <= {
        v.name for v in (*grouped.free_RVs, *grouped.deterministics)
    }
    derived = {line.name for line in pooled.model.derived}
    assert pooled.draws.keys() - derived <= set(grouped.named_vars)
